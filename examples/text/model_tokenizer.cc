#include "examples/text/model_tokenizer.h"

#include <charconv>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/with_path.h"
#include "text/json/fields_internal.h"
#include "text/tokenizer/files.h"
#include "text/tokenizer/sentencepiece.h"

namespace hearth::examples {
namespace {

using Json = nlohmann::json;
using text::Fields;
using text::Tokenizer;

bool has(const std::string& directory, const char* file) {
  std::error_code none;
  return std::filesystem::exists(directory + "/" + file, none);
}

// The object of a file; an empty one where there is no such file.
absl::StatusOr<Json> object_in(const std::string& path) {
  const absl::StatusOr<std::string> bytes = io::read_file(path, uint64_t{64} << 20);
  if (absl::IsNotFound(bytes.status())) return Json::object();
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<Json> json = io::parse_json(*bytes);
  if (!json.ok()) return io::with_path(path, json.status());
  return json;
}

absl::Status needs_tokenizer_json(const std::string& directory, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(directory, ": it needs tokenizer.json: ", why));
}

// What tokenizer_config.json says of a tokenizer.
struct Settings {
  std::optional<bool> add_bos, add_eos;
  bool add_prefix_space = false;
  std::map<int32_t, text::AddedToken> added;  // by their ids
};

absl::StatusOr<Settings> read_settings(const std::string& directory) {
  const std::string path = directory + "/tokenizer_config.json";
  const absl::StatusOr<Json> json = object_in(path);
  if (!json.ok()) return json.status();
  Fields f(*json, path);
  Settings out;
  if (f.has("add_bos_token")) out.add_bos = f.boolean("add_bos_token");
  if (f.has("add_eos_token")) out.add_eos = f.boolean("add_eos_token");
  out.add_prefix_space = f.boolean("add_prefix_space", false);
  const Json none = Json::object();
  const Json& added = f.has("added_tokens_decoder") ? f.object("added_tokens_decoder") : none;
  if (!f.ok()) return f.status();
  for (const auto& [key, value] : added.items()) {
    const std::string place = absl::StrCat(path, ".added_tokens_decoder.", key);
    int32_t id = -1;
    const char* const end = key.data() + key.size();
    if (std::from_chars(key.data(), end, id).ptr != end || id < 0)
      return absl::InvalidArgumentError(place + ": it is no id");
    Fields token(value, place);
    out.added[id] = {.content = token.string("content"),
                     .single_word = token.boolean("single_word", false),
                     .lstrip = token.boolean("lstrip", false),
                     .rstrip = token.boolean("rstrip", false),
                     .normalized = token.boolean("normalized", false),
                     .special = token.boolean("special", false)};
    if (!token.ok()) return token.status();
  }
  return out;
}

// A token gets the next free id; it must be the one that the file says.
absl::StatusOr<Tokenizer> with_added(Tokenizer tokenizer, const Settings& settings, const std::string& directory) {
  std::map<int32_t, std::string> known;
  for (const auto& [token, id] : tokenizer.added_tokens()) known[id] = token.content;
  for (const auto& [id, token] : settings.added) {
    const auto at = known.find(id);
    if (at != known.end() && at->second == token.content) continue;
    if (absl::Status s = tokenizer.add_tokens({token}); !s.ok()) return io::with_path(directory, s);
    if (tokenizer.token_to_id(token.content) != id) {
      return needs_tokenizer_json(
          directory, absl::StrCat("tokenizer_config.json has the token ", token.content, " with the id ", id,
                                  ", which the other files leave no room for"));
    }
  }
  return tokenizer;
}

absl::StatusOr<Tokenizer> from_other_files(const std::string& directory) {
  const bool merges = has(directory, "vocab.json") && has(directory, "merges.txt");
  const bool pieces = has(directory, "tokenizer.model");
  if (!merges && !pieces) return Tokenizer::load(directory);  // says what is missing
  const absl::StatusOr<Json> config = object_in(directory + "/config.json");
  if (!config.ok()) return config.status();
  Fields f(*config, directory + "/config.json");
  const std::string type = f.string("model_type");
  if (!f.ok()) return f.status();
  const absl::StatusOr<Settings> settings = read_settings(directory);
  if (!settings.ok()) return settings.status();
  if (type == "gpt2" && merges) {
    if (settings->add_bos.value_or(false) || settings->add_eos.value_or(false))
      return needs_tokenizer_json(directory, "tokenizer_config.json adds tokens around texts");
    absl::StatusOr<Tokenizer> made = text::load_vocab_and_merges(directory + "/vocab.json", directory + "/merges.txt",
                                                                 {.add_prefix_space = settings->add_prefix_space});
    return made.ok() ? with_added(*std::move(made), *settings, directory) : made;
  }
  if (type == "gpt2" || !pieces)
    return needs_tokenizer_json(directory, absl::StrCat("the other files do not say how \"", type, "\" cuts texts"));
  absl::StatusOr<Tokenizer> made = text::load_sentencepiece(
      directory + "/tokenizer.model",
      {.add_bos = settings->add_bos.value_or(true), .add_eos = settings->add_eos.value_or(false)});
  return made.ok() ? with_added(*std::move(made), *settings, directory) : made;
}

}  // namespace

absl::StatusOr<Tokenizer> tokenizer_of(const std::string& directory) {
  if (!has(directory, "tokenizer.json")) return from_other_files(directory);
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::load(directory);
  if (!tokenizer.ok()) return tokenizer;
  // Of batches for training; a prompt is taken whole.
  absl::Status s = tokenizer->set_truncation(std::nullopt);
  s.Update(tokenizer->set_padding(std::nullopt));
  if (!s.ok()) return s;
  return tokenizer;
}

}  // namespace hearth::examples
