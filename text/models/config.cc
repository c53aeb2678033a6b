#include "text/models/config.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <span>
#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/with_path.h"
#include "text/json/fields_internal.h"
#include "text/models/activation.h"
#include "text/models/config_names_internal.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostBytes = size_t{16} << 20;
constexpr int64_t kMostLayers = 4096, kMostFeatures = int64_t{1} << 24, kMostIds = int64_t{1} << 31,
                  kMostLabels = int64_t{1} << 20;

// ---- what makes a configuration impossible: an empty text, or the field and what is wrong with it

constexpr std::string_view kProblemTypes[] = {"regression", "single_label_classification",
                                              "multi_label_classification"};

struct Size {
  const char* name;
  int64_t value, most;
};

std::string wrong_size(std::initializer_list<Size> sizes) {
  for (const Size& s : sizes) {
    if (s.value < 1 || s.value > s.most)
      return concat(s.name, ": a whole number from 1 to ", s.most, " is wanted, but it is ", s.value);
  }
  return "";
}

std::string wrong_probability(std::initializer_list<std::pair<const char*, double>> values) {
  for (const auto& [name, p] : values) {
    if (!(p >= 0 && p <= 1)) return concat(name, ": a probability from 0 to 1 is wanted, but it is ", p);
  }
  return "";
}

std::string wrong_positive(std::initializer_list<std::pair<const char*, double>> values) {
  for (const auto& [name, v] : values) {
    if (!(v > 0 && std::isfinite(v))) return concat(name, ": a number above 0 is wanted, but it is ", v);
  }
  return "";
}

std::string wrong_heads(const char* name, int64_t features, int64_t heads) {
  return features % heads == 0 ? "" : concat(name, ": ", heads, " heads do not divide ", features, " features");
}

// The padding's row is looked up, as any id's.
std::string wrong_padding(const BertConfig& c) {
  const std::optional<int64_t>& pad = c.special.pad;
  if (!pad || (*pad >= 0 && *pad < c.vocab_size)) return "";
  return concat("pad_token_id: an id from 0 to ", c.vocab_size - 1, " is wanted, but it is ", *pad);
}

std::string first_of(std::initializer_list<std::string> texts) {
  for (const std::string& t : texts) {
    if (!t.empty()) return t;
  }
  return "";
}

std::string wrong(const BertConfig& c) {
  const std::string sizes = wrong_size({{"vocab_size", c.vocab_size, kMostIds},
                                        {"hidden_size", c.hidden_size, kMostFeatures},
                                        {"num_hidden_layers", c.num_hidden_layers, kMostLayers},
                                        {"num_attention_heads", c.num_attention_heads, kMostFeatures},
                                        {"intermediate_size", c.intermediate_size, kMostFeatures},
                                        {"max_position_embeddings", c.max_position_embeddings, kMostIds},
                                        {"type_vocab_size", c.type_vocab_size, kMostFeatures},
                                        {"num_labels", static_cast<int64_t>(c.labels.size()), kMostLabels}});
  if (!sizes.empty()) return sizes;
  const bool roberta = c.family == BertConfig::Family::kRoberta;
  if (roberta && !c.special.pad) return "pad_token_id: RoBERTa counts positions from it, but there is none";
  if (roberta && *c.special.pad + 1 >= c.max_position_embeddings) {
    return concat("max_position_embeddings: ", c.max_position_embeddings, " leave no position after pad_token_id ",
                  *c.special.pad);
  }
  for (size_t i = 0; i < c.labels.size(); ++i) {
    if (find_invalid_utf8(c.labels[i]) != std::string::npos)
      return concat("id2label: the label of class ", i, " is not valid UTF-8");
  }
  if (c.problem_type && std::ranges::find(kProblemTypes, *c.problem_type) == std::end(kProblemTypes)) {
    return "problem_type: regression, single_label_classification or multi_label_classification is wanted";
  }
  return first_of({wrong_heads("num_attention_heads", c.hidden_size, c.num_attention_heads), wrong_padding(c),
                   wrong_probability({{"hidden_dropout_prob", c.hidden_dropout_prob},
                                      {"attention_probs_dropout_prob", c.attention_probs_dropout_prob},
                                      {"classifier_dropout", c.classifier_dropout.value_or(0)},
                                      {"initializer_range", c.initializer_range}}),
                   wrong_positive({{"layer_norm_eps", c.layer_norm_eps}})});
}

std::string wrong(const Gpt2Config& c) {
  const std::string sizes = wrong_size({{"vocab_size", c.vocab_size, kMostIds},
                                        {"n_positions", c.n_positions, kMostIds},
                                        {"n_embd", c.n_embd, kMostFeatures},
                                        {"n_layer", c.n_layer, kMostLayers},
                                        {"n_head", c.n_head, kMostFeatures},
                                        {"n_inner", c.n_inner.value_or(1), kMostFeatures}});
  if (!sizes.empty()) return sizes;
  return first_of({wrong_heads("n_head", c.n_embd, c.n_head),
                   wrong_probability({{"resid_pdrop", c.resid_pdrop},
                                      {"embd_pdrop", c.embd_pdrop},
                                      {"attn_pdrop", c.attn_pdrop},
                                      {"initializer_range", c.initializer_range}}),
                   wrong_positive({{"layer_norm_epsilon", c.layer_norm_epsilon}})});
}

std::string wrong(const RopeConfig& r, int64_t head_dim, int64_t max_positions) {
  if (!(r.theta > 1 && std::isfinite(r.theta)))
    return concat("rope_theta: a number above 1 is wanted, but it is ", r.theta);
  if (r.original_max_position_embeddings < 0 || r.original_max_position_embeddings > kMostIds) {
    return concat("original_max_position_embeddings: a whole number from 1 to ", kMostIds, " is wanted, but it is ",
                  r.original_max_position_embeddings);
  }
  const std::string numbers = wrong_positive({{"factor", r.factor},
                                              {"attention_factor", r.attention_factor.value_or(1)},
                                              {"low_freq_factor", r.low_freq_factor},
                                              {"high_freq_factor", r.high_freq_factor},
                                              {"beta_fast", r.beta_fast},
                                              {"beta_slow", r.beta_slow}});
  if (!numbers.empty()) return numbers;
  if (r.type == RopeConfig::Type::kLlama3 && r.high_freq_factor <= r.low_freq_factor) {
    return concat("high_freq_factor: it must be above low_freq_factor ", r.low_freq_factor, ", but is ",
                  r.high_freq_factor);
  }
  // The exponent divides by head_dim - 2.
  if (r.type == RopeConfig::Type::kDynamic && (head_dim <= 2 || r.factor < 1))
    return "rope_type: dynamic needs heads of more than 2 features and a factor of at least 1";
  if (r.type != RopeConfig::Type::kLongRope) return "";
  // The attention factor divides by its logarithm.
  if (r.original_length(max_positions) < 2)
    return "original_max_position_embeddings: longrope needs at least 2 positions, but there is 1";
  for (const auto& [name, factors] : {std::pair{"short_factor", &r.short_factor}, {"long_factor", &r.long_factor}}) {
    if (static_cast<int64_t>(factors->size()) != head_dim / 2)
      return concat(name, ": ", head_dim / 2, " factors are wanted, but there are ", factors->size());
    for (const double f : *factors) {
      if (!(f > 0 && std::isfinite(f))) return concat(name, ": a factor above 0 is wanted, but there is ", f);
    }
  }
  return "";
}

std::string wrong(const LlamaConfig& c) {
  const std::string sizes = wrong_size({{"vocab_size", c.vocab_size, kMostIds},
                                        {"hidden_size", c.hidden_size, kMostFeatures},
                                        {"intermediate_size", c.intermediate_size, kMostFeatures},
                                        {"num_hidden_layers", c.num_hidden_layers, kMostLayers},
                                        {"num_attention_heads", c.num_attention_heads, 1 << 16},
                                        {"num_key_value_heads", c.num_key_value_heads, 1 << 16},
                                        {"head_dim", c.head_dim, 1 << 16},
                                        {"max_position_embeddings", c.max_position_embeddings, kMostIds},
                                        {"sliding_window", c.sliding_window.value_or(1), kMostIds}});
  if (!sizes.empty()) return sizes;
  if (c.num_attention_heads % c.num_key_value_heads != 0)
    return concat("num_key_value_heads: ", c.num_key_value_heads, " key heads do not divide ", c.num_attention_heads,
                  " query heads");
  if (c.head_dim % 2 != 0) return concat("head_dim: rotary embeddings need an even number, but it is ", c.head_dim);
  if (!c.windowed.empty() && static_cast<int64_t>(c.windowed.size()) != c.num_hidden_layers) {
    return concat("layer_types: there are ", c.windowed.size(), " for ", c.num_hidden_layers, " layers");
  }
  // What a family's files cannot say.
  using Family = LlamaConfig::Family;
  const bool llama = c.family == Family::kLlama, qwen2 = c.family == Family::kQwen2, qwen3 = c.family == Family::kQwen3;
  if (c.qkv_bias != (qwen2 || ((llama || qwen3) && c.output_bias)) || (c.output_bias && !llama && !qwen3) ||
      (c.mlp_bias && !llama) || c.qk_norm != qwen3) {
    return "model_type: the biases or norms are not those of the family";
  }
  if (c.sliding_window && llama) return "sliding_window: Llama has none";
  return first_of(
      {wrong_probability({{"attention_dropout", c.attention_dropout}, {"initializer_range", c.initializer_range}}),
       wrong_positive({{"rms_norm_eps", c.rms_norm_eps}}), wrong(c.rope, c.head_dim, c.max_position_embeddings)});
}

// ---- reading

// Of no importance for what the model computes: training, Python, other programs, heads that are not read.
constexpr std::string_view kKnown[] = {"_name_or_path",
                                       "architectures",
                                       "model_type",
                                       "transformers_version",
                                       "torch_dtype",
                                       "dtype",
                                       "use_cache",
                                       "gradient_checkpointing",
                                       "problem_type",
                                       "label2id",
                                       "output_attentions",
                                       "output_hidden_states",
                                       "return_dict",
                                       "chunk_size_feed_forward",
                                       "finetuning_task",
                                       "tokenizer_class",
                                       "prefix",
                                       "sep_token_id",
                                       "cls_token_id",
                                       "decoder_start_token_id",
                                       "task_specific_params",
                                       "torchscript",
                                       "use_bfloat16",
                                       "auto_map",
                                       "_attn_implementation",
                                       "_attn_implementation_autoset",
                                       "attn_implementation",
                                       "summary_type",
                                       "summary_use_proj",
                                       "summary_activation",
                                       "summary_proj_to_labels",
                                       "summary_first_dropout",
                                       "n_ctx",
                                       "reorder_and_upcast_attn",
                                       "pretraining_tp",
                                       "qa_dropout",
                                       "id2label",
                                       "num_labels",
                                       "sinusoidal_pos_embds",
                                       "initializer_factor",
                                       "output_past",
                                       "model_max_length",
                                       "language",
                                       "name",
                                       "directionality",
                                       "pooler_fc_size",
                                       "pooler_num_attention_heads",
                                       "pooler_num_fc_layers",
                                       "pooler_size_per_head",
                                       "pooler_type"};

int64_t whole(Fields& f, std::string_view key, int64_t missing) {
  return static_cast<int64_t>(f.integer_or(key, static_cast<uint64_t>(missing)));
}
double real(Fields& f, std::string_view key, double missing) { return f.has(key) ? f.number(key) : missing; }

// Options that would change what the model computes, unless they have the value that changes nothing.
void refuse_unless(Fields& f, absl::Status& refused, std::string_view key, const Json& harmless) {
  if (!f.has(key)) return;
  const Json& v = f.at(key);
  if (v == harmless || !refused.ok()) return;
  const std::string text = v.is_structured() ? v.type_name() : v.dump();
  refused = absl::UnimplementedError(concat(f.place(), ".", key, ": ", text, " is not supported"));
}

std::optional<int64_t> read_id(Fields& f, std::string_view key, std::optional<int64_t> missing) {
  if (f.is_null(key)) return std::nullopt;
  if (!f.has(key)) return missing;
  if (f.at(key) == Json(-1)) return std::nullopt;  // as some files write "none"
  return static_cast<int64_t>(f.integer(key));
}

SpecialIds read_special(Fields& f, const SpecialIds& missing) {
  SpecialIds s;
  s.bos = read_id(f, "bos_token_id", missing.bos);
  s.pad = read_id(f, "pad_token_id", missing.pad);
  if (!f.has("eos_token_id")) {
    if (!f.is_null("eos_token_id")) s.eos = missing.eos;
  } else if (f.at("eos_token_id").is_array()) {
    for (const Json& id : f.array("eos_token_id")) {
      if (id.is_number_unsigned() && id.get<uint64_t>() < kMostIds) s.eos.push_back(id.get<int64_t>());
      else f.fail("eos_token_id", "ids are wanted");
    }
  } else if (const auto id = read_id(f, "eos_token_id", {})) {
    s.eos = {*id};
  }
  return s;
}

void read_activation(Fields& f, absl::Status& refused, std::string_view key, std::string& activation) {
  activation = f.string(key, activation);
  if (f.ok() && refused.ok() && !activation_named(activation)) {
    refused =
        absl::UnimplementedError(concat(f.place(), ".", key, ": the activation \"", activation, "\" is not known"));
  }
}

std::vector<std::string> read_labels(Fields& f) {
  std::vector<std::string> labels;
  if (f.has("id2label")) {
    const Json& map = f.object("id2label");
    labels.resize(std::min<size_t>(map.size(), kMostLabels));
    for (size_t i = 0; i < labels.size(); ++i) {
      const auto at = map.find(std::to_string(i));
      if (at != map.end() && at->is_string()) labels[i] = at->get<std::string>();
      else f.fail("id2label", concat("texts for the ids from 0 to ", labels.size() - 1, " are wanted"));
    }
    if (f.has("num_labels") && f.integer("num_labels") != labels.size())
      f.fail("num_labels", concat("it is ", f.integer("num_labels"), ", but id2label has ", labels.size()));
    return labels;
  }
  const uint64_t count = f.has("num_labels") ? f.integer("num_labels", kMostLabels) : 2;
  for (uint64_t i = 0; i < count; ++i) labels.push_back(concat("LABEL_", i));
  return labels;
}

struct Reading {
  Fields& f;
  absl::Status& refused;
  const std::vector<std::string>& architectures;
};

BertConfig read_bert(Reading r, const EncoderName& encoder) {
  const BertConfig::Family family = encoder.family;
  Fields& f = r.f;
  const bool distil = family == BertConfig::Family::kDistilBert;
  BertConfig c;
  c.family = family;
  // DistilBERT's own names; transformers takes the others too.
  const auto key = [&](const char* own, const char* common) { return distil && f.has(own) ? own : common; };
  c.vocab_size = whole(f, "vocab_size", family == BertConfig::Family::kRoberta ? 50265 : c.vocab_size);
  c.hidden_size = whole(f, key("dim", "hidden_size"), c.hidden_size);
  c.num_hidden_layers = whole(f, key("n_layers", "num_hidden_layers"), distil ? 6 : c.num_hidden_layers);
  c.num_attention_heads = whole(f, key("n_heads", "num_attention_heads"), c.num_attention_heads);
  c.intermediate_size = whole(f, distil ? "hidden_dim" : "intermediate_size", c.intermediate_size);
  read_activation(f, r.refused, distil ? "activation" : "hidden_act", c.hidden_act);
  c.hidden_dropout_prob = real(f, distil ? "dropout" : "hidden_dropout_prob", c.hidden_dropout_prob);
  c.attention_probs_dropout_prob =
      real(f, distil ? "attention_dropout" : "attention_probs_dropout_prob", c.attention_probs_dropout_prob);
  const char* dropout = distil ? "seq_classif_dropout" : "classifier_dropout";
  if (f.has(dropout)) c.classifier_dropout = f.number(dropout);
  else if (distil) c.classifier_dropout = 0.2;
  c.max_position_embeddings = whole(f, "max_position_embeddings", c.max_position_embeddings);
  if (!distil) {
    c.type_vocab_size = whole(f, "type_vocab_size", c.type_vocab_size);
    c.layer_norm_eps = real(f, "layer_norm_eps", c.layer_norm_eps);
    refuse_unless(f, r.refused, "position_embedding_type", "absolute");
  }
  c.initializer_range = real(f, "initializer_range", c.initializer_range);
  c.labels = read_labels(f);
  c.problem_type = f.optional_string("problem_type");
  const bool roberta = family == BertConfig::Family::kRoberta;
  c.special = read_special(f, roberta ? SpecialIds{.bos = 0, .eos = {2}, .pad = 1} : c.special);
  const std::string name(encoder.name);
  for (const std::string& a : r.architectures) {
    if (a == name + "Model") c.head = BertHead::kNone;
    else if (a == name + "ForSequenceClassification") c.head = BertHead::kSequenceClassification;
    else if (a == name + "ForTokenClassification") c.head = BertHead::kTokenClassification;
    else if (a == name + "ForMaskedLM" || a == name + "ForPreTraining") c.head = BertHead::kMaskedLm;
    else if (r.refused.ok())
      r.refused = absl::UnimplementedError(
          concat(f.place(), ".architectures: \"", a, "\" is not known for the model_type \"", encoder.type, "\""));
  }
  if (c.head == BertHead::kMaskedLm) refuse_unless(f, r.refused, "tie_word_embeddings", true);
  else (void)f.has("tie_word_embeddings");
  return c;
}

Gpt2Config read_gpt2(Reading r) {
  Fields& f = r.f;
  Gpt2Config c;
  const auto key = [&](const char* own, const char* common) { return f.has(own) ? own : common; };
  c.vocab_size = whole(f, "vocab_size", c.vocab_size);
  c.n_positions = whole(f, key("n_positions", "max_position_embeddings"), c.n_positions);
  c.n_embd = whole(f, key("n_embd", "hidden_size"), c.n_embd);
  c.n_layer = whole(f, key("n_layer", "num_hidden_layers"), c.n_layer);
  c.n_head = whole(f, key("n_head", "num_attention_heads"), c.n_head);
  if (f.has("n_inner")) c.n_inner = static_cast<int64_t>(f.integer("n_inner"));
  read_activation(f, r.refused, "activation_function", c.activation_function);
  c.resid_pdrop = real(f, "resid_pdrop", c.resid_pdrop);
  c.embd_pdrop = real(f, "embd_pdrop", c.embd_pdrop);
  c.attn_pdrop = real(f, "attn_pdrop", c.attn_pdrop);
  c.layer_norm_epsilon = real(f, "layer_norm_epsilon", c.layer_norm_epsilon);
  c.initializer_range = real(f, "initializer_range", c.initializer_range);
  c.scale_attn_weights = f.boolean("scale_attn_weights", c.scale_attn_weights);
  c.scale_attn_by_inverse_layer_idx = f.boolean("scale_attn_by_inverse_layer_idx", c.scale_attn_by_inverse_layer_idx);
  c.tie_word_embeddings = f.boolean("tie_word_embeddings", c.tie_word_embeddings);
  c.special = read_special(f, c.special);
  return c;
}

std::vector<double> read_factors(Fields& f, std::string_view key) {
  std::vector<double> out;
  for (const Json& v : f.array(key)) {
    if (v.is_number()) out.push_back(v.get<double>());
    else f.fail(key, "a list of numbers is wanted");
  }
  return out;
}

// One object that has everything (transformers 5), or rope_theta beside an object rope_scaling.
void read_rope(Reading r, LlamaConfig& c) {
  Fields& outer = r.f;
  const bool whole_object = outer.has("rope_parameters");
  c.rope.theta = real(outer, "rope_theta", c.rope.theta);
  refuse_unless(outer, r.refused, "partial_rotary_factor", 1.0);
  const bool scaled = outer.has("rope_scaling");
  if (whole_object && scaled && outer.at("rope_parameters") != outer.at("rope_scaling"))
    outer.fail("rope_scaling", "rope_parameters is there too, and says something else");
  const int64_t original_outside = whole(outer, "original_max_position_embeddings", 0);
  if (!whole_object && !scaled) return;
  const std::string_view key = whole_object ? "rope_parameters" : "rope_scaling";
  Fields f(outer.object(key), concat(outer.place(), ".", key));
  RopeConfig& rope = c.rope;
  rope.theta = real(f, "rope_theta", rope.theta);
  const std::string old = f.string("type", "default"), name = f.string("rope_type", old);
  const auto* found = std::find_if(std::begin(kRopeTypes), std::end(kRopeTypes),
                                   [&](const auto& known) { return known.first == name; });
  if (found == std::end(kRopeTypes)) {
    if (r.refused.ok() && f.ok())
      r.refused = absl::UnimplementedError(concat(f.place(), ".rope_type: \"", name, "\" is not known"));
  } else {
    rope.type = found->second;
  }
  using Type = RopeConfig::Type;
  const Type type = rope.type;
  const bool from_original = type == Type::kYarn || type == Type::kLongRope || type == Type::kLlama3;
  rope.original_max_position_embeddings = whole(f, "original_max_position_embeddings", 0);
  if (from_original && original_outside > 0) rope.original_max_position_embeddings = original_outside;
  if (from_original && rope.original_max_position_embeddings == 0)
    rope.original_max_position_embeddings = c.max_position_embeddings;
  if (f.has("factor") || type == Type::kLinear || type == Type::kDynamic || type == Type::kLlama3) {
    rope.factor = f.number("factor");
  } else if (from_original && rope.original_max_position_embeddings > 0) {
    rope.factor =
        static_cast<double>(c.max_position_embeddings) / static_cast<double>(rope.original_max_position_embeddings);
  }
  if (f.has("attention_factor")) rope.attention_factor = f.number("attention_factor");
  if (type == Type::kLlama3) {
    rope.low_freq_factor = f.number("low_freq_factor");
    rope.high_freq_factor = f.number("high_freq_factor");
  } else if (type == Type::kYarn) {
    // transformers reads 0 as "not given" too.
    const auto given = [&](const char* k, double missing) {
      const double v = real(f, k, missing);
      return v == 0 ? missing : v;
    };
    rope.beta_fast = given("beta_fast", rope.beta_fast);
    rope.beta_slow = given("beta_slow", rope.beta_slow);
    if (f.has("mscale")) rope.mscale = f.number("mscale");
    if (f.has("mscale_all_dim")) rope.mscale_all_dim = f.number("mscale_all_dim");
    rope.truncate = f.boolean("truncate", true);
  } else if (type == Type::kLongRope) {
    rope.short_factor = read_factors(f, "short_factor");
    rope.long_factor = read_factors(f, "long_factor");
  }
  refuse_unless(f, r.refused, "partial_rotary_factor", 1.0);
  (void)f.has("finetuned");
  for (const std::string& unread : f.unread()) {
    if (r.refused.ok() && f.ok())
      r.refused = absl::UnimplementedError(
          concat(f.place(), ".", unread, ": it is not known for rotary embeddings of the type \"", name, "\""));
  }
  if (!f.ok() && outer.ok()) outer.fail(key, std::string(message_of(f.status())).substr(f.place().size() + 1));
}

LlamaConfig read_llama(Reading r, LlamaConfig::Family family) {
  Fields& f = r.f;
  using Family = LlamaConfig::Family;
  const bool qwen = family == Family::kQwen2 || family == Family::kQwen3, mistral = family == Family::kMistral;
  LlamaConfig c;
  c.family = family;
  c.vocab_size = whole(f, "vocab_size", qwen ? 151936 : c.vocab_size);
  c.hidden_size = whole(f, "hidden_size", c.hidden_size);
  c.intermediate_size = whole(f, "intermediate_size", qwen ? 22016 : mistral ? 14336 : c.intermediate_size);
  c.num_hidden_layers = whole(f, "num_hidden_layers", c.num_hidden_layers);
  c.num_attention_heads = whole(f, "num_attention_heads", c.num_attention_heads);
  const bool all_heads = family == Family::kLlama || f.is_null("num_key_value_heads");
  c.num_key_value_heads = whole(f, "num_key_value_heads", all_heads ? c.num_attention_heads : mistral ? 8 : 32);
  if (family == Family::kQwen3 && !f.has("head_dim")) {
    c.head_dim = 128;
  } else if (f.has("head_dim")) {
    c.head_dim = whole(f, "head_dim", 0);
  } else if (c.num_attention_heads > 0) {
    c.head_dim = c.hidden_size / c.num_attention_heads;
    if (c.hidden_size % c.num_attention_heads != 0)
      f.fail("num_attention_heads", concat(c.num_attention_heads, " heads do not divide ", c.hidden_size, " features"));
  }
  read_activation(f, r.refused, "hidden_act", c.hidden_act);
  c.max_position_embeddings = whole(f, "max_position_embeddings",
                                    qwen      ? 32768
                                    : mistral ? 4096 * 32
                                              : c.max_position_embeddings);
  c.rms_norm_eps = real(f, "rms_norm_eps", c.rms_norm_eps);
  c.initializer_range = real(f, "initializer_range", c.initializer_range);
  c.attention_dropout = real(f, "attention_dropout", c.attention_dropout);
  if (family == Family::kLlama || family == Family::kQwen3)
    c.qkv_bias = c.output_bias = f.boolean("attention_bias", false);
  if (family == Family::kQwen2) c.qkv_bias = true;
  if (family == Family::kLlama) c.mlp_bias = f.boolean("mlp_bias", false);
  c.qk_norm = family == Family::kQwen3;
  if (mistral) {
    if (!f.is_null("sliding_window")) c.sliding_window = whole(f, "sliding_window", 4096);
  } else if (qwen) {
    const bool use = f.boolean("use_sliding_window", false);
    if (use && !f.is_null("sliding_window")) c.sliding_window = whole(f, "sliding_window", 4096);
    else (void)f.has("sliding_window");
    c.full_layers = whole(f, "max_window_layers", 28);
    if (f.has("layer_types")) {
      for (const Json& v : f.array("layer_types")) {
        const bool sliding = v == Json("sliding_attention");
        if (!sliding && v != Json("full_attention") && r.refused.ok()) {
          r.refused = absl::UnimplementedError(
              concat(f.place(), ".layer_types: ", v.is_structured() ? v.type_name() : v.dump(), " is not known"));
        }
        c.windowed.push_back(sliding);
        if (sliding && !c.sliding_window) f.fail("layer_types", "a layer slides, but there is no sliding_window");
      }
    }
  }
  read_rope(r, c);
  c.tie_word_embeddings = f.boolean("tie_word_embeddings", false);
  c.special = read_special(f, qwen ? SpecialIds{} : c.special);
  return c;
}

}  // namespace

std::optional<int64_t> LlamaConfig::window(int64_t layer) const {
  if (!sliding_window) return std::nullopt;
  const bool has = windowed.empty() ? layer >= full_layers : windowed.at(static_cast<size_t>(layer));
  return has ? sliding_window : std::nullopt;
}

int64_t LlamaConfig::max_positions() const {
  const auto stretched = [&](int64_t from) {
    return static_cast<int64_t>(std::min(static_cast<double>(from) * rope.factor, static_cast<double>(kMostIds)));
  };
  switch (rope.type) {
    case RopeConfig::Type::kLinear:
    case RopeConfig::Type::kDynamic:
      return std::max(max_position_embeddings, stretched(max_position_embeddings));
    case RopeConfig::Type::kYarn:
      return std::max(max_position_embeddings, stretched(rope.original_length(max_position_embeddings)));
    default:
      return max_position_embeddings;
  }
}

absl::StatusOr<ConfigFile> parse_config(std::string_view text, const std::string& place) {
  const absl::StatusOr<Json> json = io::parse_json(text);
  if (!json.ok()) return io::with_path(place, json.status());
  Fields f(*json, place);
  absl::Status refused;
  ConfigFile out;
  if (f.has("architectures")) {
    for (const Json& a : f.array("architectures")) {
      if (a.is_string()) out.architectures.push_back(a.get<std::string>());
      else f.fail("architectures", "a list of names is wanted");
    }
  }
  const std::string type = f.string("model_type");
  if (!f.ok()) return f.status();
  refuse_unless(f, refused, "quantization_config", nullptr);
  refuse_unless(f, refused, "is_encoder_decoder", false);
  refuse_unless(f, refused, "is_decoder", false);
  refuse_unless(f, refused, "add_cross_attention", false);
  refuse_unless(f, refused, "pruned_heads", Json::object());
  const Reading r{f, refused, out.architectures};
  bool known = false;
  for (const EncoderName& e : kEncoders) {
    if (type != e.type) continue;
    out.config = read_bert(r, e);
    known = true;
  }
  for (const DecoderName& d : kDecoders) {
    if (type != d.type) continue;
    if (d.family) out.config = read_llama(r, *d.family);
    else out.config = read_gpt2(r);
    known = true;
    const std::string name(d.name);
    for (const std::string& a : out.architectures) {
      if (refused.ok() && a != name + "Model" && a != name + "ForCausalLM" && a != name + "LMHeadModel")
        refused = absl::UnimplementedError(
            concat(place, ".architectures: \"", a, "\" is not known for the model_type \"", type, "\""));
    }
  }
  if (!known) return absl::UnimplementedError(concat(place, ".model_type: \"", type, "\" is not known"));
  if (!f.ok()) return f.status();
  if (!refused.ok()) return refused;
  const std::string impossible = std::visit([](const auto& c) { return wrong(c); }, out.config);
  if (!impossible.empty()) return absl::InvalidArgumentError(concat(place, ".", impossible));
  for (const std::string& key : f.unread()) {
    if (std::find(std::begin(kKnown), std::end(kKnown), key) == std::end(kKnown)) out.unknown_keys.push_back(key);
  }
  return out;
}

absl::StatusOr<ConfigFile> read_config(const std::string& path) {
  const absl::StatusOr<std::string> text = io::read_file(path, kMostBytes);
  if (!text.ok()) return text.status();
  return parse_config(*text, path);
}

void check_config(const ModelConfig& config) {
  const std::string impossible = std::visit([](const auto& c) { return wrong(c); }, config);
  HEARTH_CHECK(impossible.empty(), "the configuration's ", impossible);
}

}  // namespace hearth::text
