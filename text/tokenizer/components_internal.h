// The parts of a tokenizer, made from the objects of tokenizer.json.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/error.h"
#include "text/json/fields_internal.h"
#include "text/tokenizer/encoding.h"
#include "text/tokenizer/model.h"
#include "text/tokenizer/pattern.h"
#include "text/tokenizer/pieces.h"

namespace hearth::text {

// Of one encoding, with what overflowed: more would be pieces of pieces, and take gigabytes.
constexpr size_t kMostTokens = size_t{1} << 24;
absl::Status too_many_tokens(size_t tokens);

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual absl::Status normalize(Pieces& pieces) const = 0;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual absl::Status pre_tokenize(Pieces& pieces) const = 0;
  // Whether its last step replaces bytes by the characters of byte-level vocabularies.
  virtual bool ends_in_bytes() const { return false; }
  // Leaves the bytes as they are in that step.
  virtual void keep_bytes() {}
};

class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  // How many tokens it adds to a text, or to a pair.
  virtual size_t added_tokens(bool pair) const = 0;
  // One encoding for each text becomes several, whose tokens follow each other. kResourceExhausted: with what
  // overflowed these are too many tokens.
  virtual absl::Status process(std::vector<Encoding>& encodings, bool add_special_tokens) const = 0;
  // Whether it is one that adds tokens: only the last of a sequence may.
  virtual bool adds() const { return false; }
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual absl::Status decode(std::vector<std::string>& tokens) const = 0;
};

using Json = nlohmann::json;
absl::StatusOr<std::shared_ptr<const Normalizer>> make_normalizer(const Json& json, const std::string& place);
absl::StatusOr<std::shared_ptr<PreTokenizer>> make_pre_tokenizer(const Json& json, const std::string& place);
absl::StatusOr<std::shared_ptr<const PostProcessor>> make_post_processor(const Json& json, const std::string& place);
absl::StatusOr<std::shared_ptr<const Decoder>> make_decoder(const Json& json, const std::string& place);
absl::StatusOr<std::shared_ptr<Model>> make_model(const Json& json, const std::string& place);
// The model as it stands in tokenizer.json, with ids in order.
nlohmann::ordered_json model_json(const Model& model);

// The parts of a "Sequence": what `make` makes of each item of the list `key`.
template <class Part>
absl::StatusOr<std::vector<Part>> make_all(Fields& fields, const char* key,
                                           absl::StatusOr<Part> (*make)(const Json&, const std::string& place)) {
  std::vector<Part> all;
  const Json& list = fields.array(key);
  for (size_t i = 0; i < list.size(); ++i) {
    absl::StatusOr<Part> one = make(list[i], concat(fields.place(), ".", key, "[", i, "]"));
    if (!one.ok()) return one.status();
    all.push_back(std::move(*one));
  }
  return all;
}

// {"String": ...} or {"Regex": ...}
absl::StatusOr<Pattern> make_pattern(Fields& fields);
// What every text cleaned up by a decoder goes through.
std::string clean_up(std::string text);
absl::Status unknown_type(const Fields& fields, const std::string& type);

}  // namespace hearth::text
