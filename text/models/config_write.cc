#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "text/models/config.h"
#include "text/models/config_names_internal.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

Json id_or_null(const std::optional<int64_t>& id) { return id ? Json(*id) : Json(nullptr); }

void write_special(Json& j, const SpecialIds& s) {
  j["bos_token_id"] = id_or_null(s.bos);
  j["pad_token_id"] = id_or_null(s.pad);
  if (s.eos.size() == 1) j["eos_token_id"] = s.eos[0];
  else j["eos_token_id"] = s.eos.empty() ? Json(nullptr) : Json(s.eos);
}

Json to_json(const BertConfig& c) {
  const bool distil = c.family == BertConfig::Family::kDistilBert;
  constexpr std::array<const char*, 4> kHeads{"Model", "ForSequenceClassification", "ForTokenClassification",
                                              "ForMaskedLM"};
  Json j;
  for (const EncoderName& e : kEncoders) {
    if (e.family != c.family) continue;
    j["model_type"] = std::string(e.type);
    j["architectures"] = {std::string(e.name) + kHeads.at(static_cast<size_t>(c.head))};
  }
  j["vocab_size"] = c.vocab_size;
  j[distil ? "dim" : "hidden_size"] = c.hidden_size;
  j[distil ? "n_layers" : "num_hidden_layers"] = c.num_hidden_layers;
  j[distil ? "n_heads" : "num_attention_heads"] = c.num_attention_heads;
  j[distil ? "hidden_dim" : "intermediate_size"] = c.intermediate_size;
  j[distil ? "activation" : "hidden_act"] = c.hidden_act;
  j[distil ? "dropout" : "hidden_dropout_prob"] = c.hidden_dropout_prob;
  j[distil ? "attention_dropout" : "attention_probs_dropout_prob"] = c.attention_probs_dropout_prob;
  const char* dropout = distil ? "seq_classif_dropout" : "classifier_dropout";
  if (c.classifier_dropout) j[dropout] = *c.classifier_dropout;
  else if (distil) j[dropout] = c.hidden_dropout_prob;
  else j[dropout] = nullptr;
  j["max_position_embeddings"] = c.max_position_embeddings;
  if (!distil) {
    j["type_vocab_size"] = c.type_vocab_size;
    j["layer_norm_eps"] = c.layer_norm_eps;
    j["position_embedding_type"] = "absolute";
  }
  j["initializer_range"] = c.initializer_range;
  Json by_id = Json::object(), by_label = Json::object();
  for (size_t i = 0; i < c.labels.size(); ++i) {
    by_id[std::to_string(i)] = c.labels[i];
    by_label[c.labels[i]] = i;
  }
  j["id2label"] = by_id;
  j["label2id"] = by_label;
  if (c.problem_type) j["problem_type"] = *c.problem_type;
  write_special(j, c.special);
  return j;
}

Json to_json(const Gpt2Config& c) {
  Json j;
  j["model_type"] = "gpt2";
  j["architectures"] = {"GPT2LMHeadModel"};
  j["vocab_size"] = c.vocab_size;
  j["n_positions"] = c.n_positions;
  j["n_embd"] = c.n_embd;
  j["n_layer"] = c.n_layer;
  j["n_head"] = c.n_head;
  j["n_inner"] = id_or_null(c.n_inner);
  j["activation_function"] = c.activation_function;
  j["resid_pdrop"] = c.resid_pdrop;
  j["embd_pdrop"] = c.embd_pdrop;
  j["attn_pdrop"] = c.attn_pdrop;
  j["layer_norm_epsilon"] = c.layer_norm_epsilon;
  j["initializer_range"] = c.initializer_range;
  j["scale_attn_weights"] = c.scale_attn_weights;
  j["scale_attn_by_inverse_layer_idx"] = c.scale_attn_by_inverse_layer_idx;
  j["tie_word_embeddings"] = c.tie_word_embeddings;
  write_special(j, c.special);
  return j;
}

// In the older form, which every version of transformers reads.
void write_rope(Json& j, const RopeConfig& r) {
  using Type = RopeConfig::Type;
  j["rope_theta"] = r.theta;
  if (r.type == Type::kDefault) {
    j["rope_scaling"] = nullptr;
    return;
  }
  Json s;
  for (const auto& [name, type] : kRopeTypes) {
    if (type == r.type) s["rope_type"] = std::string(name);
  }
  s["factor"] = r.factor;
  if (r.original_max_position_embeddings > 0)
    s["original_max_position_embeddings"] = r.original_max_position_embeddings;
  if (r.attention_factor) s["attention_factor"] = *r.attention_factor;
  if (r.type == Type::kLlama3) {
    s["low_freq_factor"] = r.low_freq_factor;
    s["high_freq_factor"] = r.high_freq_factor;
  } else if (r.type == Type::kYarn) {
    s["beta_fast"] = r.beta_fast;
    s["beta_slow"] = r.beta_slow;
    if (r.mscale) s["mscale"] = *r.mscale;
    if (r.mscale_all_dim) s["mscale_all_dim"] = *r.mscale_all_dim;
    s["truncate"] = r.truncate;
  } else if (r.type == Type::kLongRope) {
    s["short_factor"] = r.short_factor;
    s["long_factor"] = r.long_factor;
  }
  j["rope_scaling"] = s;
}

Json to_json(const LlamaConfig& c) {
  using Family = LlamaConfig::Family;
  const bool qwen = c.family == Family::kQwen2 || c.family == Family::kQwen3;
  Json j;
  for (const DecoderName& d : kDecoders) {
    if (d.family != c.family) continue;
    j["model_type"] = std::string(d.type);
    j["architectures"] = {std::string(d.name) + "ForCausalLM"};
  }
  j["vocab_size"] = c.vocab_size;
  j["hidden_size"] = c.hidden_size;
  j["intermediate_size"] = c.intermediate_size;
  j["num_hidden_layers"] = c.num_hidden_layers;
  j["num_attention_heads"] = c.num_attention_heads;
  j["num_key_value_heads"] = c.num_key_value_heads;
  j["head_dim"] = c.head_dim;
  j["hidden_act"] = c.hidden_act;
  j["max_position_embeddings"] = c.max_position_embeddings;
  j["rms_norm_eps"] = c.rms_norm_eps;
  j["initializer_range"] = c.initializer_range;
  j["attention_dropout"] = c.attention_dropout;
  if (c.family == Family::kLlama || c.family == Family::kQwen3) j["attention_bias"] = c.qkv_bias;
  if (c.family == Family::kLlama) j["mlp_bias"] = c.mlp_bias;
  if (c.family == Family::kMistral) j["sliding_window"] = id_or_null(c.sliding_window);
  if (qwen) {
    j["use_sliding_window"] = c.sliding_window.has_value();
    j["sliding_window"] = id_or_null(c.sliding_window);
    j["max_window_layers"] = c.full_layers;
    Json types = Json::array();
    for (int64_t i = 0; i < c.num_hidden_layers; ++i)
      types.push_back(c.window(i) ? "sliding_attention" : "full_attention");
    j["layer_types"] = types;
  }
  write_rope(j, c.rope);
  j["tie_word_embeddings"] = c.tie_word_embeddings;
  write_special(j, c.special);
  return j;
}

}  // namespace

std::string config_to_json(const ModelConfig& config) {
  return std::visit([](const auto& c) { return to_json(c).dump(2) + "\n"; }, config);
}

}  // namespace hearth::text
