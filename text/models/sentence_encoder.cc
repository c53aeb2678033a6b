#include "text/models/sentence_encoder.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/with_path.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "text/json/fields_internal.h"
#include "text/models/encoder_texts_internal.h"
#include "text/models/status_of_internal.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostBytes = size_t{1} << 20;

absl::StatusOr<Json> read_json(const std::string& path) {
  const absl::StatusOr<std::string> text = io::read_file(path, kMostBytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<Json> json = io::parse_json(*text);
  if (!json.ok()) return io::with_path(path, json.status());
  return json;
}

bool is_there(const std::string& path) {
  std::error_code none;
  return std::filesystem::exists(path, none);
}

// In the order in which sentence-transformers puts them side by side, with their keys in older files.
struct PoolingName {
  const char *name, *old_key;
  Pooling pooling;
};
constexpr PoolingName kPoolings[] = {
    {"cls", "pooling_mode_cls_token", Pooling::kCls},
    {"max", "pooling_mode_max_tokens", Pooling::kMax},
    {"mean", "pooling_mode_mean_tokens", Pooling::kMean},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Pooling::kMeanSqrt},
    {"weightedmean", "pooling_mode_weightedmean_tokens", Pooling::kWeightedMean},
    {"lasttoken", "pooling_mode_lasttoken", Pooling::kLastToken},
};

struct PoolingFile {
  std::vector<Pooling> pooling;
  bool include_prompt = true;
};

absl::StatusOr<PoolingFile> read_pooling(const std::string& path) {
  const absl::StatusOr<Json> json = read_json(path);
  if (!json.ok()) return json.status();
  Fields f(*json, path);
  PoolingFile out;
  const auto add = [&](const std::string& name) {
    for (const PoolingName& p : kPoolings) {
      if (name != p.name) continue;
      out.pooling.push_back(p.pooling);
      return true;
    }
    return false;
  };
  std::string unknown;
  if (f.has("pooling_mode")) {
    const Json& mode = f.at("pooling_mode");
    for (const Json& one : mode.is_array() ? mode : Json::array({mode})) {
      const std::string name = one.is_string() ? one.get<std::string>() : one.dump();
      if (!add(name)) unknown = name;
    }
  } else {
    for (const PoolingName& p : kPoolings) {
      if (f.boolean(p.old_key, false)) out.pooling.push_back(p.pooling);
    }
  }
  out.include_prompt = f.boolean("include_prompt", true);
  if (!f.ok()) return f.status();
  if (!unknown.empty()) return absl::UnimplementedError(concat(path, ".pooling_mode: \"", unknown, "\" is not known"));
  if (out.pooling.empty()) return absl::InvalidArgumentError(concat(path, ": it names no pooling"));
  return out;
}

struct Modules {
  std::vector<Pooling> pooling = {Pooling::kMean};
  bool include_prompt = true;
  bool normalize = false;
};

// An encoder, pooling, and possibly a division by the length.
absl::StatusOr<Modules> read_modules(const std::string& directory) {
  Modules out;
  const std::string path = directory + "/modules.json";
  if (!is_there(path)) return out;
  const absl::StatusOr<Json> json = read_json(path);
  if (!json.ok()) return json.status();
  if (!json->is_array())
    return absl::InvalidArgumentError(concat(path, ": a list is wanted, but it is ", json->type_name()));
  std::vector<std::string> kinds;
  for (size_t i = 0; i < json->size(); ++i) {
    Fields f((*json)[i], concat(path, "[", i, "]"));
    const std::string type = f.string("type"), where = f.string("path");
    if (!f.ok()) return f.status();
    kinds.push_back(type.substr(type.rfind('.') + 1));
    if (kinds.back() == "Pooling") {
      if (where.empty() || where.find("..") != std::string::npos || where.front() == '/')
        return absl::InvalidArgumentError(
            concat(path, "[", i, "].path: a part of the directory is wanted, but it is \"", where, "\""));
      absl::StatusOr<PoolingFile> file = read_pooling(directory + "/" + where + "/config.json");
      if (!file.ok()) return file.status();
      out.pooling = std::move(file->pooling);
      out.include_prompt = file->include_prompt;
    } else if (kinds.back() == "Normalize") {
      out.normalize = true;
    } else if (kinds.back() != "Transformer") {
      return absl::UnimplementedError(concat(path, "[", i, "].type: \"", type, "\" is not known"));
    }
  }
  const bool right = kinds.size() >= 2 && kinds.size() <= 3 && kinds[0] == "Transformer" && kinds[1] == "Pooling" &&
                     (kinds.size() == 2 || kinds[2] == "Normalize");
  if (!right)
    return absl::UnimplementedError(concat(path, ": an encoder, a pooling and perhaps a normalization are wanted"));
  return out;
}

// What sentence-transformers puts before every text; often nothing.
absl::StatusOr<std::string> read_prompt(const std::string& directory) {
  const std::string path = directory + "/config_sentence_transformers.json";
  if (!is_there(path)) return std::string();
  const absl::StatusOr<Json> json = read_json(path);
  if (!json.ok()) return json.status();
  Fields f(*json, path);
  if (!f.has("default_prompt_name")) return f.ok() ? absl::StatusOr<std::string>("") : f.status();
  const std::string name = f.string("default_prompt_name");
  if (!f.ok()) return f.status();
  const Json none = Json::object();
  const Json& prompts = f.has("prompts") ? f.object("prompts") : none;
  if (!f.ok()) return f.status();
  Fields known(prompts, path + ".prompts");
  const std::string prompt = known.string(name);
  if (!known.ok()) return known.status();
  return prompt;
}

Tensor divided_by_length(const Tensor& x) { return x / sqrt(x.square().sum({-1}, true)).clamp(1e-12); }

}  // namespace

Tensor pool(const Tensor& hidden_states, const Tensor& attention_mask, Pooling pooling) {
  HEARTH_CHECK(
      hidden_states.dim() == 3 && attention_mask.dim() == 2 && attention_mask.dtype() == DType::kBool &&
          attention_mask.size(0) == hidden_states.size(0) && attention_mask.size(1) == hidden_states.size(1),
      "pool: hidden states [batch, tokens, features] and a bool mask [batch, tokens] are wanted, but they are ",
      hidden_states.shape(), " and ", attention_mask.dtype(), " ", attention_mask.shape());
  const Tensor x = hidden_states.to(f32), seen = attention_mask.unsqueeze(-1), weights = seen.to(f32);
  const auto sum_of = [&](const Tensor& w) { return where(seen, x * w, Scalar(0.0)).sum({1}); };
  switch (pooling) {
    case Pooling::kCls:
      return x.select(1, 0);
    case Pooling::kMax:
      return where(seen, x, Scalar(-std::numeric_limits<float>::max())).amax({1});
    case Pooling::kMean:
      return sum_of(weights) / weights.sum({1}).clamp(1e-9);
    case Pooling::kMeanSqrt:
      return sum_of(weights) / sqrt(weights.sum({1}).clamp(1e-9));
    case Pooling::kWeightedMean: {
      const Tensor w = weights * arange(1, x.size(1) + 1, 1, {.dtype = f32, .device = x.device()}).unsqueeze(1);
      return sum_of(w) / w.sum({1}).clamp(1e-9);
    }
    case Pooling::kLastToken: {
      const Tensor places = arange(0, x.size(1), 1, {.dtype = i64, .device = x.device()});
      const Tensor last = where(attention_mask, places, Scalar(int64_t{0})).amax({1});
      const Tensor index = last.unsqueeze(1).unsqueeze(1).expand({x.size(0), 1, x.size(2)});
      return (gather(x, 1, index) * weights.amax({1}, true)).squeeze(1);
    }
  }
  fail("pool: there is no pooling ", static_cast<int>(pooling));
}

absl::StatusOr<SentenceEncoder> SentenceEncoder::load(const std::string& directory, const LoadOptions& given) {
  absl::StatusOr<Modules> modules = read_modules(directory);
  if (!modules.ok()) return modules.status();
  absl::StatusOr<std::string> prompt = read_prompt(directory);
  if (!prompt.ok()) return prompt.status();
  if (!prompt->empty() && !modules->include_prompt)
    return absl::UnimplementedError(
        concat(directory, ": a default prompt whose tokens are left out of pooling (include_prompt: false) is not ",
               "supported"));
  size_t most = std::numeric_limits<size_t>::max();
  const std::string limits = directory + "/sentence_bert_config.json";
  if (is_there(limits)) {
    const absl::StatusOr<Json> json = read_json(limits);
    if (!json.ok()) return json.status();
    Fields f(*json, limits);
    if (f.has("max_seq_length")) most = f.integer("max_seq_length");
    const bool lower = f.boolean("do_lower_case", false);
    if (!f.ok()) return f.status();
    if (lower)
      return absl::UnimplementedError(concat(limits, ".do_lower_case: true is not supported; let the tokenizer do it"));
  }
  LoadOptions options = given;
  options.head = BertHead::kNone;
  absl::StatusOr<std::unique_ptr<BertModel>> model = load_pretrained<BertModel>(directory, options);
  if (!model.ok()) return model.status();
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::load(directory);
  if (!tokenizer.ok()) return tokenizer.status();
  most = std::min(most, static_cast<size_t>((*model)->max_positions()));
  auto limited = EncoderTokenizer::make(*std::move(tokenizer), static_cast<int64_t>(most));
  if (!limited.ok()) return io::with_path(directory, limited.status());
  SentenceEncoder out(*std::move(model), std::make_shared<const EncoderTokenizer>(*std::move(limited)));
  out.pooling_ = std::move(modules->pooling);
  out.normalize_ = modules->normalize;
  out.prompt_ = *std::move(prompt);
  return out;
}

int64_t SentenceEncoder::dimension() const {
  return model_->config().hidden_size * static_cast<int64_t>(pooling_.size());
}

int64_t SentenceEncoder::max_tokens() const { return tokenizer_->max_tokens(); }
const Tokenizer& SentenceEncoder::tokenizer() const { return tokenizer_->tokenizer(); }

absl::StatusOr<std::vector<std::vector<int32_t>>> SentenceEncoder::tokens(std::span<const std::string> texts,
                                                                          TooLong too_long) const {
  if (prompt_.empty()) return tokenizer_->tokens(texts, too_long);
  std::vector<std::string> prompted;
  prompted.reserve(texts.size());
  for (const std::string& text : texts) prompted.push_back(prompt_ + text);
  return tokenizer_->tokens(prompted, too_long);
}

absl::StatusOr<Tensor> SentenceEncoder::encode_tokens(std::span<const std::vector<int32_t>> ids,
                                                      const SentenceOptions& options) const {
  try {
    return run_by_length(*model_, ids, dimension(), options.batch_tokens, [&](const BertInput& input) {
      const Tensor hidden = model_->hidden_states(input);
      std::vector<Tensor> parts;
      for (const Pooling p : pooling_) parts.push_back(pool(hidden, input.attention_mask, p));
      const Tensor vectors = parts.size() == 1 ? parts[0] : cat(parts, -1);
      return normalize_ ? divided_by_length(vectors) : vectors;
    });
  } catch (const Error& e) {
    return status_of(e);
  }
}

absl::StatusOr<Tensor> SentenceEncoder::encode(std::span<const std::string> texts,
                                               const SentenceOptions& options) const {
  const auto ids = tokens(texts, options.too_long);
  if (!ids.ok()) return ids.status();
  return encode_tokens(*ids, options);
}

}  // namespace hearth::text
