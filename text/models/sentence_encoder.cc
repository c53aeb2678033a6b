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

constexpr size_t kMostBytes = size_t{64} << 20;

using Paths = std::vector<std::string>;

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

// Whether the directory has the file; if so, it is among those that are read.
bool reads(const std::string& directory, const std::string& name, Paths& files) {
  const bool there = is_there(directory + "/" + name);
  if (there) files.push_back(name);
  return there;
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
absl::StatusOr<Modules> read_modules(const std::string& directory, Paths& files) {
  Modules out;
  const std::string path = directory + "/modules.json";
  if (!reads(directory, "modules.json", files)) return out;
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
      files.push_back(where + "/config.json");
      absl::StatusOr<PoolingFile> file = read_pooling(directory + "/" + files.back());
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
absl::StatusOr<std::string> read_prompt(const std::string& directory, Paths& files) {
  const std::string path = directory + "/config_sentence_transformers.json";
  if (!reads(directory, "config_sentence_transformers.json", files)) return std::string();
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

// The most tokens of a text, as sentence-transformers has them, without regard to the model's positions.
absl::StatusOr<size_t> read_limit(const std::string& directory, Paths& files) {
  const std::string own = directory + "/sentence_bert_config.json";
  if (reads(directory, "sentence_bert_config.json", files)) {
    const absl::StatusOr<Json> json = read_json(own);
    if (!json.ok()) return json.status();
    Fields f(*json, own);
    const bool lower = f.boolean("do_lower_case", false), limited = f.has("max_seq_length");
    const size_t most = limited ? f.integer("max_seq_length") : 0;
    if (!f.ok()) return f.status();
    if (lower)
      return absl::UnimplementedError(concat(own, ".do_lower_case: true is not supported; let the tokenizer do it"));
    if (limited) return most;
  }
  const size_t endless = std::numeric_limits<size_t>::max();
  if (!reads(directory, "tokenizer_config.json", files)) return endless;
  const std::string path = directory + "/tokenizer_config.json";
  const absl::StatusOr<Json> json = read_json(path);
  if (!json.ok()) return json.status();
  Fields f(*json, path);
  if (!f.has("model_max_length")) return f.ok() ? absl::StatusOr<size_t>(endless) : f.status();
  // transformers writes 1e30 where there is no limit.
  const double most = f.number("model_max_length");
  if (f.ok() && !(most >= 1)) f.fail("model_max_length", "a number of at least 1 is wanted");
  if (!f.ok()) return f.status();
  return most < 1e15 ? static_cast<size_t>(most) : endless;
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
  Paths files;
  absl::StatusOr<Modules> modules = read_modules(directory, files);
  if (!modules.ok()) return modules.status();
  absl::StatusOr<std::string> prompt = read_prompt(directory, files);
  if (!prompt.ok()) return prompt.status();
  if (!prompt->empty() && !modules->include_prompt)
    return absl::UnimplementedError(
        concat(directory, ": a default prompt whose tokens are left out of pooling (include_prompt: false) is not ",
               "supported"));
  const absl::StatusOr<size_t> limit = read_limit(directory, files);
  if (!limit.ok()) return limit.status();
  LoadOptions options = given;
  LoadReport report;
  options.head = BertHead::kNone;
  if (!options.report) options.report = &report;
  absl::StatusOr<std::unique_ptr<BertModel>> model = load_pretrained<BertModel>(directory, options);
  if (!model.ok()) return model.status();
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::load(directory);
  if (!tokenizer.ok()) return tokenizer.status();
  files.emplace_back("tokenizer.json");
  files.insert(files.end(), options.report->files.begin(), options.report->files.end());
  std::ranges::sort(files);
  const size_t most = std::min(*limit, static_cast<size_t>((*model)->max_positions()));
  auto limited = EncoderTokenizer::make(*std::move(tokenizer), static_cast<int64_t>(most));
  if (!limited.ok()) return io::with_path(directory, limited.status());
  SentenceEncoder out(*std::move(model), std::make_shared<const EncoderTokenizer>(*std::move(limited)));
  out.pooling_ = std::move(modules->pooling);
  out.normalize_ = modules->normalize;
  out.prompt_ = *std::move(prompt);
  out.files_ = std::move(files);
  return out;
}

int64_t SentenceEncoder::dimension() const {
  return model_->config().hidden_size * static_cast<int64_t>(pooling_.size());
}

int64_t SentenceEncoder::max_tokens() const { return tokenizer_->max_tokens(); }
const Tokenizer& SentenceEncoder::tokenizer() const { return tokenizer_->tokenizer(); }

absl::StatusOr<std::vector<std::vector<int32_t>>> SentenceEncoder::tokens(std::span<const std::string> texts,
                                                                          TooLong too_long,
                                                                          const TextName& name) const {
  if (prompt_.empty()) return tokenizer_->tokens(texts, too_long, name);
  std::vector<std::string> prompted;
  prompted.reserve(texts.size());
  for (const std::string& text : texts) prompted.push_back(prompt_ + text);
  return tokenizer_->tokens(prompted, too_long, name);
}

absl::StatusOr<Tensor> SentenceEncoder::encode_tokens(std::span<const std::vector<int32_t>> ids,
                                                      const SentenceOptions& options) const {
  try {
    return run_by_length(*model_, ids, dimension(), options.batch_tokens, options.name, [&](const BertInput& input) {
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
  const auto ids = tokens(texts, options.too_long, options.name);
  if (!ids.ok()) return ids.status();
  return encode_tokens(*ids, options);
}

}  // namespace hearth::text
