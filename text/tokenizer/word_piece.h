// WordPiece (Schuster and Nakajima, 2012, as in BERT) and WordLevel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "text/tokenizer/model.h"
#include "text/tokenizer/string_set.h"

namespace hearth::text {

struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  uint64_t max_input_chars_per_word = 100;
};

// Takes the longest token that begins the word, then the longest that goes on, and so forth; one unknown token if that
// fails or the word is too long.
class WordPiece : public Model {
 public:
  WordPiece(Vocabulary vocabulary, WordPieceOptions options);
  const WordPieceOptions& options() const { return options_; }

 protected:
  absl::Status tokenize_word(std::string_view word, Random& random, std::vector<ModelToken>& out) const override;

 private:
  absl::Status pieces(std::string_view word, std::vector<ModelToken>& out) const;
  // The longest token that the text begins with, after the beginning that `node` is; length 0: none.
  std::pair<uint32_t, size_t> longest(std::string_view text, uint32_t node) const;
  WordPieceOptions options_;
  StringSet tokens_;
  std::optional<uint32_t> prefix_;  // the node that the prefix is; nothing if no token has it
};

// A word is a token, or unknown.
class WordLevel : public Model {
 public:
  WordLevel(Vocabulary vocabulary, std::string unk_token)
      : Model(std::move(vocabulary)), unk_token_(std::move(unk_token)) {}
  const std::string& unk_token() const { return unk_token_; }

 protected:
  absl::Status tokenize_word(std::string_view word, Random& random, std::vector<ModelToken>& out) const override;

 private:
  std::string unk_token_;
};

}  // namespace hearth::text
