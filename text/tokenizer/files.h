// Tokenizers from files other than tokenizer.json.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// Options of load_tiktoken().
struct TiktokenOptions {
  /// The regular expression that cuts text into words; GPT-2's, which is that of "r50k_base" and of Whisper.
  std::string pattern = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  /// Special tokens and their ids; these must go on from the ranks, in order.
  std::vector<std::pair<std::string, int32_t>> special_tokens = {};
};

/// Reads tiktoken's ranks: a line for each token, its bytes in base64 and its rank, which is its id. Merges go by the
/// rank of what they make, and a word that is a token is taken whole, as in tiktoken. kInvalidArgument: a line that is
/// no such line, or a special token's id that is not free.
absl::StatusOr<Tokenizer> load_tiktoken(const std::string& path, const TiktokenOptions& options = {});

/// Options of load_vocab_txt().
struct BertOptions {
  bool lowercase = true;  ///< Lower-case the text and take its accents off ("uncased" models).
};

/// Reads BERT's vocab.txt, a token a line; the line's number is the id (the last line's, of equal ones). The text is
/// cleaned, cut as BERT does, and goes between [CLS] and [SEP] where the vocabulary has these.
absl::StatusOr<Tokenizer> load_vocab_txt(const std::string& path, const BertOptions& options = {});

/// Options of load_vocab_and_merges().
struct ByteLevelOptions {
  bool add_prefix_space = false;  ///< Put a space before the text, as RoBERTa's own tokenizer can.
};

/// Reads GPT-2's vocab.json (tokens and ids) and merges.txt (two tokens a line, "#version" lines left out): byte-level
/// BPE.
absl::StatusOr<Tokenizer> load_vocab_and_merges(const std::string& vocab_path, const std::string& merges_path,
                                                const ByteLevelOptions& options = {});

}  // namespace hearth::text
