// What a Tokenizer shares with its copies.
#pragma once

#include <memory>
#include <string>

#include "text/tokenizer/added_tokens.h"
#include "text/tokenizer/components_internal.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

struct Tokenizer::Impl {
  std::shared_ptr<const Normalizer> normalizer;
  std::shared_ptr<const PreTokenizer> pre_tokenizer;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const PostProcessor> post_processor;
  std::shared_ptr<const Decoder> decoder;
  AddedTokens added;
  std::optional<Truncation> truncation;
  std::optional<Padding> padding;
  // The components as they stood in the file, for saving: normalizer, pre_tokenizer, post_processor, decoder; or null.
  Json json;
  // The special tokens around a single text, if that is all the post-processor does to it.
  std::optional<std::pair<std::vector<int32_t>, std::vector<int32_t>>> around;

  void find_around();
  absl::Status check_truncation(const Truncation& t) const;

  absl::Status run(std::string_view text, int32_t type_id, int32_t word, const EncodeOptions& options, Random& random,
                   Encoding& out) const;
  absl::Status ids(std::string_view text, const EncodeOptions& options, Random& random,
                   std::vector<int32_t>& out) const;
  absl::StatusOr<Encoding> finish(Encoding encoding, std::optional<Encoding> pair, const EncodeOptions& options) const;
  absl::StatusOr<Encoding> encode(std::string_view text, const std::string_view* pair, const EncodeOptions& options,
                                  uint64_t number) const;
  absl::Status pad(std::span<Encoding> encodings) const;

 private:
  absl::Status prepare(Pieces& pieces, const EncodeOptions& options) const;
};

// Tokenizers of a model that is there already.
class TokenizerFactory {
 public:
  // `config` is a tokenizer.json's object; its model is not looked at.
  static absl::StatusOr<Tokenizer> assemble(std::shared_ptr<Model> model, const Json& config);
  // That object of a tokenizer, without the model.
  static Json config(const Tokenizer& tokenizer);
};

}  // namespace hearth::text
