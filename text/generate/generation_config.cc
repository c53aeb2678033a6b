#include "text/generate/generation_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/with_path.h"
#include "text/json/fields_internal.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMostBytes = uint64_t{16} << 20;
constexpr int64_t kMostRows = 1024;                  // beams, or sequences of a prompt
constexpr double kMostLengthPenalty = 16;            // length^16 is finite for every length
constexpr size_t kMostStopBytes = size_t{64} << 10;  // of all stop strings
constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

// What concerns speed, the form of results, encoders, or drafts of a smaller model that are checked: not the text.
constexpr std::array kIgnored = {
    "_commit_hash",
    "_from_model_config",
    "assistant_confidence_threshold",
    "assistant_early_exit",
    "assistant_ensemble_weight",
    "assistant_lookbehind",
    "cache_config",
    "cache_implementation",
    "compile_config",
    "continuous_batching_config",
    "decoder_start_token_id",
    "disable_compile",
    "is_assistant",
    "low_memory",
    "max_cache_len",
    "max_matching_ngram_size",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "output_attentions",
    "output_hidden_states",
    "output_logits",
    "output_scores",
    "prefill_chunk_size",
    "prompt_lookup_num_tokens",
    "return_dict_in_generate",
    "speculation_type",
    "target_lookbehind",
    "transformers_version",
    "use_cache",
    "use_mtp",
};

// What would change the text, with the value that does not.
struct Unsupported {
  const char* key;
  double neutral;  // null and false are always neutral
};
constexpr std::array kUnsupported = {
    Unsupported{"constraints", 0},
    Unsupported{"diversity_penalty", 0},
    Unsupported{"dola_layers", 0},
    Unsupported{"encoder_no_repeat_ngram_size", 0},
    Unsupported{"encoder_repetition_penalty", 1},
    Unsupported{"force_words_ids", 0},
    Unsupported{"forced_decoder_ids", 0},
    Unsupported{"guidance_scale", 1},
    Unsupported{"num_beam_groups", 1},
    Unsupported{"penalty_alpha", 0},
    Unsupported{"token_healing", 0},
    Unsupported{"top_h", 1},
    Unsupported{"watermarking_config", 0},
};

bool is_neutral(const Json& value, double neutral) {
  return value.is_null() || value == false || (value.is_number() && value.get<double>() == neutral);
}

// An id, or nothing where the value is no id.
std::optional<int32_t> id_of(const Json& value) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > static_cast<uint64_t>(kMostTokens)) return std::nullopt;
  return static_cast<int32_t>(value.get<uint64_t>());
}

class Reader {
 public:
  Reader(const Json& object, const std::string& place) : fields_(object, place) {}

  void read(const char* key, int64_t& out) {
    if (fields_.has(key)) out = static_cast<int64_t>(fields_.integer(key));
  }
  void read(const char* key, std::optional<int64_t>& out) {
    if (fields_.has(key)) out = static_cast<int64_t>(fields_.integer(key));
  }
  void read(const char* key, double& out) {
    if (fields_.has(key)) out = fields_.number(key);
  }
  void read(const char* key, std::optional<double>& out) {
    if (fields_.has(key)) out = fields_.number(key);
  }
  void read(const char* key, bool& out) {
    if (fields_.has(key)) out = fields_.boolean(key);
  }
  void read(const char* key, std::optional<int32_t>& out) {
    if (!fields_.has(key)) return;
    // -1 is how older files say that there is none.
    if (fields_.at(key) == -1) return;
    out = static_cast<int32_t>(fields_.integer(key));
  }
  void read(const char* key, std::vector<int32_t>& out) { read_ids(key, out, false); }
  void read_one_or_more(const char* key, std::vector<int32_t>& out) { read_ids(key, out, true); }
  void read(const char* key, std::vector<std::string>& out) {
    if (!fields_.has(key)) return;
    const Json& value = fields_.at(key);
    if (value.is_string()) {
      out = {value.get<std::string>()};
      return;
    }
    if (!value.is_array() || !std::ranges::all_of(value, [](const Json& v) { return v.is_string(); })) {
      fields_.fail(key, "a string or a list of strings is wanted");
      return;
    }
    out = value.get<std::vector<std::string>>();
  }
  void read(const char* key, std::vector<std::vector<int32_t>>& out) {
    if (!fields_.has(key)) return;
    for (const Json& entry : fields_.array(key)) {
      if (!append_ids(entry, out.emplace_back())) return fields_.fail(key, "a list of lists of ids is wanted");
    }
  }
  void read(const char* key, std::vector<SequenceBias>& out) {
    if (!fields_.has(key)) return;
    for (const Json& entry : fields_.array(key)) {
      SequenceBias& bias = out.emplace_back();
      if (!entry.is_array() || entry.size() != 2 || !append_ids(entry[0], bias.ids) || !entry[1].is_number())
        return fields_.fail(key, "a list of [[ids], bias] is wanted");
      bias.bias = entry[1].get<float>();
    }
  }
  void read(const char* key, std::optional<std::pair<int64_t, double>>& out) {
    if (!fields_.has(key)) return;
    const Json& value = fields_.at(key);
    const bool fits = value.is_array() && value.size() == 2 && id_of(value[0]) && value[1].is_number();
    if (!fits) return fields_.fail(key, "[tokens, factor] is wanted");
    out.emplace(value[0].get<int64_t>(), value[1].get<double>());
  }
  void read(const char* key, EarlyStopping& out) {
    if (!fields_.has(key)) return;
    const Json& value = fields_.at(key);
    if (value == "never") {
      out = EarlyStopping::kNever;
    } else if (value.is_boolean()) {
      out = value.get<bool>() ? EarlyStopping::kFirst : EarlyStopping::kHeuristic;
    } else {
      fields_.fail(key, R"(true, false or "never" is wanted)");
    }
  }

  const absl::Status& status() const { return fields_.status(); }

 private:
  static bool append_ids(const Json& value, std::vector<int32_t>& out) {
    if (!value.is_array()) return false;
    for (const Json& entry : value) {
      const std::optional<int32_t> id = id_of(entry);
      if (!id) return false;
      out.push_back(*id);
    }
    return true;
  }
  void read_ids(const char* key, std::vector<int32_t>& out, bool single) {
    if (!fields_.has(key)) return;
    const Json& value = fields_.at(key);
    if (const std::optional<int32_t> id = id_of(value); single && id) {
      out = {*id};
    } else if (!append_ids(value, out)) {
      fields_.fail(key, single ? "an id or a list of ids is wanted" : "a list of ids is wanted");
    }
  }
  Fields fields_;
};

// Calls f(key, field) for each field that a file may have.
template <class F>
void for_each_field(GenerationConfig& c, F f) {
  f("max_new_tokens", c.max_new_tokens);
  f("max_length", c.max_length);
  f("min_new_tokens", c.min_new_tokens);
  f("min_length", c.min_length);
  f("max_time", c.max_time);
  f("stop_strings", c.stop_strings);
  f("eos_token_id", c.eos_token_id);
  f("bos_token_id", c.bos_token_id);
  f("pad_token_id", c.pad_token_id);
  f("do_sample", c.do_sample);
  f("num_beams", c.num_beams);
  f("early_stopping", c.early_stopping);
  f("length_penalty", c.length_penalty);
  f("num_return_sequences", c.num_return_sequences);
  f("sequence_bias", c.sequence_bias);
  f("repetition_penalty", c.repetition_penalty);
  f("frequency_penalty", c.frequency_penalty);
  f("presence_penalty", c.presence_penalty);
  f("no_repeat_ngram_size", c.no_repeat_ngram_size);
  f("bad_words_ids", c.bad_words_ids);
  f("forced_bos_token_id", c.forced_bos_token_id);
  f("forced_eos_token_id", c.forced_eos_token_id);
  f("remove_invalid_values", c.remove_invalid_values);
  f("exponential_decay_length_penalty", c.exponential_decay_length_penalty);
  f("suppress_tokens", c.suppress_tokens);
  f("begin_suppress_tokens", c.begin_suppress_tokens);
  f("temperature", c.temperature);
  f("top_k", c.top_k);
  f("top_p", c.top_p);
  f("min_p", c.min_p);
  f("typical_p", c.typical_p);
  f("epsilon_cutoff", c.epsilon_cutoff);
  f("eta_cutoff", c.eta_cutoff);
  f("renormalize_logits", c.renormalize_logits);
}

// ---- How a file has the fields.
template <class T>
Json json_of(const T& value) {
  return value;
}
template <class T>
Json json_of(const std::optional<T>& value) {
  return value ? json_of(*value) : Json();
}
Json json_of(const std::vector<SequenceBias>& biases) {
  Json out = Json::array();
  for (const SequenceBias& b : biases) out.push_back(Json::array({b.ids, b.bias}));
  return out;
}
Json json_of(EarlyStopping value) {
  return value == EarlyStopping::kNever ? Json("never") : Json(value == EarlyStopping::kFirst);
}

Json fields_of(GenerationConfig config) {
  Json out = Json::object();
  for_each_field(config, [&](const char* key, const auto& field) { out[key] = json_of(field); });
  return out;
}

template <class... A>
absl::Status refuse(const A&... a) {
  return absl::InvalidArgumentError(concat(a...));
}

bool within(double v, double low, double high) { return v >= low && v <= high; }  // false for NaN

absl::Status check_lengths(const GenerationConfig& c) {
  for (const auto& [name, value] : {std::pair("max_new_tokens", c.max_new_tokens), {"max_length", c.max_length}}) {
    if (value && (*value < 1 || *value > kMostTokens))
      return refuse(name, " must be from 1 to ", kMostTokens, ", but is ", *value);
  }
  for (const auto& [name, value] :
       {std::pair("min_new_tokens", c.min_new_tokens.value_or(0)), {"min_length", c.min_length}}) {
    if (value < 0 || value > kMostTokens) return refuse(name, " must be from 0 to ", kMostTokens, ", but is ", value);
  }
  if (c.min_new_tokens && c.max_new_tokens && *c.min_new_tokens > *c.max_new_tokens)
    return refuse("min_new_tokens is ", *c.min_new_tokens, ", but max_new_tokens is ", *c.max_new_tokens);
  if (c.max_time && (!(*c.max_time > 0) || std::isinf(*c.max_time)))
    return refuse("max_time must be a number of seconds above 0, but is ", *c.max_time);
  size_t bytes = 0;
  for (const std::string& s : c.stop_strings) {
    if (s.empty()) return refuse("stop_strings: a stop string is empty");
    if (find_invalid_utf8(s) != std::string::npos) return refuse("stop_strings: a stop string is not valid UTF-8");
    bytes += s.size();
  }
  if (bytes > kMostStopBytes)
    return refuse("stop_strings: they have ", bytes, " bytes, but at most ", kMostStopBytes, " are allowed");
  return absl::OkStatus();
}

absl::Status check_strategy(const GenerationConfig& c) {
  for (const auto& [name, value] :
       {std::pair("num_beams", c.num_beams), {"num_return_sequences", c.num_return_sequences}}) {
    if (value < 1 || value > kMostRows) return refuse(name, " must be from 1 to ", kMostRows, ", but is ", value);
  }
  if (c.num_beams > 1 && c.do_sample)
    return absl::UnimplementedError(
        concat("num_beams is ", c.num_beams, " and do_sample is true: sampling with beams is not supported"));
  if (c.num_beams > 1 && c.remove_invalid_values)
    return absl::UnimplementedError(
        concat("num_beams is ", c.num_beams, " and remove_invalid_values is true: not supported with beams"));
  if (c.num_beams > 1 && c.num_return_sequences > c.num_beams)
    return refuse("num_return_sequences is ", c.num_return_sequences, ", but num_beams is ", c.num_beams);
  if (c.num_beams == 1 && !c.do_sample && c.num_return_sequences > 1)
    return refuse("num_return_sequences is ", c.num_return_sequences,
                  ", but without sampling and beams a prompt has one text: set do_sample or num_beams");
  if (!within(c.length_penalty, -kMostLengthPenalty, kMostLengthPenalty))
    return refuse("length_penalty must be from ", -kMostLengthPenalty, " to ", kMostLengthPenalty, ", but is ",
                  c.length_penalty);
  return absl::OkStatus();
}

absl::Status check_ids(const char* name, const std::vector<int32_t>& ids) {
  for (const int32_t id : ids) {
    if (id < 0) return refuse(name, ": an id must be at least 0, but is ", id);
  }
  return absl::OkStatus();
}

absl::Status check_processors(const GenerationConfig& c) {
  constexpr double kMost = std::numeric_limits<float>::max();
  if (!(c.repetition_penalty > 0) || c.repetition_penalty > kMost)
    return refuse("repetition_penalty must be above 0 and finite, but is ", c.repetition_penalty);
  for (const auto& [name, value] :
       {std::pair("frequency_penalty", c.frequency_penalty), {"presence_penalty", c.presence_penalty}}) {
    if (!within(value, -kMost, kMost)) return refuse(name, " must be finite, but is ", value);
  }
  for (const auto& [name, value] : {std::pair("no_repeat_ngram_size", c.no_repeat_ngram_size), {"top_k", c.top_k}}) {
    if (value < 0) return refuse(name, " must be at least 0, but is ", value);
  }
  for (const SequenceBias& b : c.sequence_bias) {
    if (b.ids.empty()) return refuse("sequence_bias: a sequence has no ids");
    if (!std::isfinite(b.bias)) return refuse("sequence_bias: a bias must be finite, but is ", b.bias);
    if (absl::Status s = check_ids("sequence_bias", b.ids); !s.ok()) return s;
  }
  for (const std::vector<int32_t>& word : c.bad_words_ids) {
    if (word.empty()) return refuse("bad_words_ids: a word has no ids");
    if (absl::Status s = check_ids("bad_words_ids", word); !s.ok()) return s;
  }
  const auto one = [](const std::optional<int32_t>& id) { return id ? std::vector{*id} : std::vector<int32_t>(); };
  for (const auto& [name, ids] : {std::pair("eos_token_id", c.eos_token_id),
                                  {"bos_token_id", one(c.bos_token_id)},
                                  {"pad_token_id", one(c.pad_token_id)},
                                  {"forced_bos_token_id", one(c.forced_bos_token_id)},
                                  {"forced_eos_token_id", c.forced_eos_token_id},
                                  {"suppress_tokens", c.suppress_tokens},
                                  {"begin_suppress_tokens", c.begin_suppress_tokens}}) {
    if (absl::Status s = check_ids(name, ids); !s.ok()) return s;
  }
  if (const auto& decay = c.exponential_decay_length_penalty) {
    if (decay->first < 0 || decay->first > kMostTokens || !(decay->second > 0) || decay->second > kMost)
      return refuse("exponential_decay_length_penalty must be a number of tokens and a factor above 0, but is [",
                    decay->first, ", ", decay->second, "]");
    if (c.eos_token_id.empty()) return refuse("exponential_decay_length_penalty needs an eos_token_id");
  }
  return absl::OkStatus();
}

absl::Status check_sampling(const GenerationConfig& c) {
  // Greedy configurations may say 0 of what they do not use.
  const auto unused = [&](double value) { return !c.do_sample && value == 0; };
  if (!unused(c.temperature) && (!(c.temperature > 0) || c.temperature > std::numeric_limits<float>::max()))
    return refuse("temperature must be above 0 and finite, but is ", c.temperature,
                  c.temperature == 0 ? ": for the likeliest token set do_sample to false" : "");
  for (const auto& [name, value] : {std::pair("top_p", c.top_p), {"typical_p", c.typical_p}}) {
    if (!unused(value) && !(value > 0 && value <= 1))
      return refuse(name, " must be above 0 and at most 1, but is ", value);
  }
  if (c.min_p && !within(*c.min_p, 0, 1)) return refuse("min_p must be from 0 to 1, but is ", *c.min_p);
  for (const auto& [name, value] : {std::pair("epsilon_cutoff", c.epsilon_cutoff), {"eta_cutoff", c.eta_cutoff}}) {
    if (!(value >= 0 && value < 1)) return refuse(name, " must be at least 0 and below 1, but is ", value);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_generation_config(const GenerationConfig& config) {
  for (const auto check : {check_lengths, check_strategy, check_processors, check_sampling}) {
    if (absl::Status s = check(config); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<GenerationConfigFile> parse_generation_config(std::string_view json, const std::string& place) {
  const absl::StatusOr<Json> parsed = io::parse_json(json);
  if (!parsed.ok()) return io::with_path(place, parsed.status());
  if (!parsed->is_object()) return refuse(place, ": an object is wanted, but it is ", parsed->type_name());
  GenerationConfigFile file;
  Reader reader(*parsed, place);
  std::vector<std::string_view> known(kIgnored.begin(), kIgnored.end());
  for_each_field(file.config, [&](const char* key, auto& field) {
    const std::string_view name = key;
    known.push_back(name);
    if constexpr (std::is_same_v<decltype(field), std::vector<int32_t>&>) {
      if (name == "eos_token_id" || name == "forced_eos_token_id") return reader.read_one_or_more(key, field);
    }
    reader.read(key, field);
  });
  if (!reader.status().ok()) return reader.status();
  for (const Unsupported& u : kUnsupported) {
    known.emplace_back(u.key);
    const auto it = parsed->find(u.key);
    if (it == parsed->end() || is_neutral(*it, u.neutral)) continue;
    return absl::UnimplementedError(concat(place, ".", u.key, ": it is not supported"));
  }
  for (const auto& [key, value] : parsed->items()) {
    if (std::ranges::find(known, key) == known.end()) file.unknown_keys.push_back(key);
  }
  if (absl::Status s = check_generation_config(file.config); !s.ok()) return io::with_path(place, s);
  return file;
}

absl::StatusOr<GenerationConfigFile> read_generation_config(const std::string& path) {
  std::error_code none;
  const bool directory = std::filesystem::is_directory(path, none);
  const std::string file = directory ? path + "/generation_config.json" : path;
  const absl::StatusOr<std::string> text = io::read_file(file, kMostBytes);
  if (!text.ok()) return text.status();
  return parse_generation_config(*text, file);
}

std::string generation_config_to_json(const GenerationConfig& config) {
  const Json defaults = fields_of({});
  Json out = fields_of(config);
  for (const auto& [key, value] : defaults.items()) {
    if (out[key] == value) out.erase(key);
  }
  return out.dump(2) + "\n";
}

}  // namespace hearth::text
