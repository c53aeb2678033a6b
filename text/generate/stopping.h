// The text of a sequence as it is written: never half a character, and never a part of a string that ends it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// Strings that end a text, prepared to be found (Knuth, Morris and Pratt, 1977). A value that never changes.
class StopStrings {
 public:
  StopStrings() = default;
  /// None of the strings may be empty.
  explicit StopStrings(std::span<const std::string> strings);
  /// True if there are none.
  bool empty() const { return patterns_.empty(); }

 private:
  friend class StopFinder;
  struct Pattern {
    std::string text;
    std::vector<size_t> borders;  // of its first i + 1 bytes: the longest proper prefix that is a suffix too
  };
  std::vector<Pattern> patterns_;
};

/// Finds the stop string in a text that comes in pieces. The one that is complete first ends the text, the longest if
/// several are, so that it does not matter how the text is cut into pieces.
class StopFinder {
 public:
  /// `strings` may be null: then nothing ends the text and nothing is held back.
  explicit StopFinder(std::shared_ptr<const StopStrings> strings);
  /// Takes the next piece; returns what can be shown: all that is not the beginning of a stop string.
  std::string push(std::string_view piece);
  /// True after a stop string: the text has ended before it, and push() gives nothing any more.
  bool stopped() const { return stopped_; }
  /// The text ends here: what has been held back.
  std::string finish();

 private:
  std::shared_ptr<const StopStrings> strings_;
  std::vector<size_t> matched_;  // of each string, how many bytes the text ends with
  std::string held_;
  bool stopped_ = false;
};

/// The text of new tokens, piece by piece. All pieces together are what decode() gives for prompt and new tokens behind
/// what it gives for the prompt, up to a stop string.
class TextPieces {
 public:
  /// `prompt` are the tokens before the text, which is not part of it.
  TextPieces(Tokenizer tokenizer, bool skip_special_tokens, std::shared_ptr<const StopStrings> stop_strings,
             std::span<const int32_t> prompt);
  /// Takes a token; returns the text that is complete with it and can be shown, often empty.
  absl::StatusOr<std::string> step(int32_t id);
  /// The end of the text: what has been held back.
  absl::StatusOr<std::string> finish();
  /// True if a stop string has ended the text.
  bool stopped() const { return finder_.stopped(); }

 private:
  DecodeStream stream_;
  StopFinder finder_;
  absl::Status status_;
};

}  // namespace hearth::text
