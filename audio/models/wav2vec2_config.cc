#include "audio/models/wav2vec2_config.h"

#include <cmath>
#include <utility>

#include "core/base/error.h"
#include "core/io/json_internal.h"

namespace hearth::audio {
namespace {

constexpr int64_t kMost = 1 << 20;

// Keys of an object, read with checks: the first that is wrong is kept.
// Of layers that are made before the weights are looked at.
constexpr int64_t kMostLayers = 4096;

class Keys {
 public:
  explicit Keys(const nlohmann::json& object) : object_(object) {}

  const absl::Status& status() const { return status_; }
  void fail(const char* key, const std::string& what) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(concat("\"", key, "\" ", what));
  }
  void size(const char* key, int64_t& value, int64_t least = 1) {
    if (const auto* v = find(key)) read_size(key, *v, value, least);
  }
  void sizes(const char* key, std::vector<int64_t>& values) {
    const auto* v = find(key);
    if (!v) return;
    if (!v->is_array() || v->empty() || v->size() > 64) return fail(key, "must be an array of 1 to 64 sizes");
    values.assign(v->size(), 0);
    for (size_t i = 0; i < v->size(); ++i) read_size(key, (*v)[i], values[i], 1);
  }
  void boolean(const char* key, bool& value) {
    const auto* v = find(key);
    if (v && !v->is_boolean()) fail(key, "must be true or false");
    else if (v) value = v->get<bool>();
  }
  void positive(const char* key, double& value) {
    const auto* v = find(key);
    if (v && !(v->is_number() && v->get<double>() > 0 && std::isfinite(v->get<double>())))
      fail(key, "must be a positive number");
    else if (v) value = v->get<double>();
  }
  // One of two words; true for the second.
  void word(const char* key, const char* first, const char* second, bool& value) {
    const auto* v = find(key);
    if (!v) return;
    if (*v == first) value = false;
    else if (second && *v == second) value = true;
    else
      fail(key, concat("is ", v->dump(), "; this implementation has \"", first,
                       second ? concat("\" and \"", second) : "", "\""));
  }

 private:
  const nlohmann::json* find(const char* key) const {
    const auto it = object_.find(key);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  void read_size(const char* key, const nlohmann::json& v, int64_t& value, int64_t least) {
    if (!v.is_number_integer() || v.get<double>() < static_cast<double>(least) ||
        v.get<double>() > static_cast<double>(kMost))
      return fail(key, concat("must be a whole number from ", least, " to ", kMost));
    value = v.get<int64_t>();
  }

  const nlohmann::json& object_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Wav2Vec2Config> parse_wav2vec2_config(std::string_view text) {
  const auto json = io::parse_json(text);
  if (!json.ok()) return json.status();
  if (!json->is_object()) return absl::InvalidArgumentError("the configuration is no object");
  Keys keys(*json);
  Wav2Vec2Config c;
  bool other = false, adapter = false;
  if (json->value("model_type", nlohmann::json()) != "wav2vec2") keys.fail("model_type", "must be \"wav2vec2\"");
  keys.size("vocab_size", c.vocab_size);
  keys.size("hidden_size", c.hidden_size);
  keys.size("num_hidden_layers", c.num_hidden_layers);
  if (c.num_hidden_layers > kMostLayers) keys.fail("num_hidden_layers", concat("must be at most ", kMostLayers));
  keys.size("num_attention_heads", c.num_attention_heads);
  keys.size("intermediate_size", c.intermediate_size);
  keys.sizes("conv_dim", c.conv_dim);
  keys.sizes("conv_stride", c.conv_stride);
  keys.sizes("conv_kernel", c.conv_kernel);
  keys.boolean("conv_bias", c.conv_bias);
  keys.word("feat_extract_norm", "group", "layer", c.layer_norm_everywhere);
  keys.word("feat_extract_activation", "gelu", nullptr, other);
  keys.word("hidden_act", "gelu", nullptr, other);
  keys.boolean("do_stable_layer_norm", c.do_stable_layer_norm);
  keys.size("num_conv_pos_embeddings", c.num_conv_pos_embeddings);
  keys.size("num_conv_pos_embedding_groups", c.num_conv_pos_embedding_groups);
  keys.positive("layer_norm_eps", c.layer_norm_eps);
  keys.size("pad_token_id", c.pad_token_id, 0);
  keys.boolean("add_adapter", adapter);
  if (adapter) keys.fail("add_adapter", "is true; this implementation has no adapters");
  if (c.conv_stride.size() != c.conv_dim.size() || c.conv_kernel.size() != c.conv_dim.size())
    keys.fail("conv_dim", "has another length than \"conv_stride\" or \"conv_kernel\"");
  if (c.hidden_size % c.num_attention_heads != 0) keys.fail("hidden_size", "is not divided by \"num_attention_heads\"");
  if (c.hidden_size % c.num_conv_pos_embedding_groups != 0)
    keys.fail("hidden_size", "is not divided by \"num_conv_pos_embedding_groups\"");
  if (c.pad_token_id >= c.vocab_size) keys.fail("pad_token_id", "is not below \"vocab_size\"");
  if (!keys.status().ok()) return keys.status();
  return c;
}

}  // namespace hearth::audio
