#include <algorithm>

#include "text/tokenizer/tokenizer.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
// Of a character of four bytes at most three are there while it is not complete.
constexpr size_t kMostHeld = 3;
constexpr size_t kLongWindow = 32, kShortWindow = 16;

// The size of the text without the U+FFFD at its end that may yet become a character.
size_t settled(std::string_view text) {
  for (size_t i = 0; i < kMostHeld && text.ends_with(kReplacement); ++i) text.remove_suffix(kReplacement.size());
  return text.size();
}

// Where the text is after its first n characters.
size_t after_chars(std::string_view text, size_t n) {
  size_t at = 0;
  while (n > 0 && at < text.size()) {
    at += static_cast<size_t>(utf8_length(static_cast<unsigned char>(text[at])));
    --n;
  }
  return std::min(at, text.size());
}

}  // namespace

DecodeStream::DecodeStream(Tokenizer tokenizer, bool skip_special_tokens)
    : tokenizer_(std::move(tokenizer)), skip_special_tokens_(skip_special_tokens) {}

absl::StatusOr<std::string> DecodeStream::step(int32_t id) {
  ids_.push_back(id);
  return emit(false);
}

absl::StatusOr<std::string> DecodeStream::finish() {
  absl::StatusOr<std::string> rest = emit(true);
  ids_.clear();
  shown_ = 0;
  out_.clear();
  return rest;
}

// Decoders treat the first token of a text differently, so a token is never decoded alone: the last ones before it,
// whose text is out, are decoded with it.
absl::StatusOr<std::string> DecodeStream::emit(bool all) {
  const absl::StatusOr<std::string> text = tokenizer_.decode(ids_, skip_special_tokens_);
  if (!text.ok()) return text;
  const size_t end = all ? text->size() : settled(*text);
  size_t begin = out_.size();
  if (!text->starts_with(out_)) {
    // An unfinished character takes bytes before it along, until its end comes: "O" and half of "ù", as bytes, are two
    // U+FFFD.
    begin = after_chars(*text, count_chars(out_));
    if (end < text->size() && ids_.size() <= kLongWindow) return std::string();
  }
  std::string fresh = text->substr(std::min(begin, end), end - std::min(begin, end));
  if (begin < end) out_ = text->substr(0, end);
  size_t keep = ids_.size();
  if (end == text->size() && !fresh.empty()) {
    keep = ids_.size() - shown_;
    shown_ = keep;
  } else if (ids_.size() > kLongWindow) {
    keep = kShortWindow;
    shown_ = 0;
  }
  if (keep < ids_.size()) {
    ids_.erase(ids_.begin(), ids_.end() - static_cast<std::ptrdiff_t>(keep));
    absl::StatusOr<std::string> window = tokenizer_.decode(ids_, skip_special_tokens_);
    if (!window.ok()) return window;
    out_ = std::move(*window);
    if (end < text->size()) out_.resize(settled(out_));
  }
  return fresh;
}

}  // namespace hearth::text
