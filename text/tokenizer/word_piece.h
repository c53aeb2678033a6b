// WordPiece (Schuster and Nakajima, 2012, as in BERT) and WordLevel.
#pragma once

#include <cstdint>
#include <string>

#include "text/tokenizer/model.h"

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
  WordPiece(Vocabulary vocabulary, WordPieceOptions options)
      : Model(std::move(vocabulary)), options_(std::move(options)) {}
  const WordPieceOptions& options() const { return options_; }

 protected:
  absl::Status tokenize_word(std::string_view word, Random& random, std::vector<ModelToken>& out) const override;

 private:
  absl::Status pieces(std::string_view word, std::vector<ModelToken>& out) const;
  WordPieceOptions options_;
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
