#include "text/generate/stopping.h"

#include <algorithm>
#include <utility>

namespace hearth::text {

StopStrings::StopStrings(std::span<const std::string> strings) {
  for (const std::string& text : strings) {
    Pattern& p = patterns_.emplace_back(text, std::vector<size_t>(text.size()));
    for (size_t i = 1, border = 0; i < text.size(); ++i) {
      while (border > 0 && text[border] != text[i]) border = p.borders[border - 1];
      if (text[border] == text[i]) ++border;
      p.borders[i] = border;
    }
  }
}

StopFinder::StopFinder(std::shared_ptr<const StopStrings> strings)
    : strings_(std::move(strings)), matched_(strings_ ? strings_->patterns_.size() : 0) {}

std::string StopFinder::push(std::string_view piece) {
  if (stopped_) return {};
  if (matched_.empty()) return std::string(piece);
  for (const char c : piece) {
    held_ += c;
    size_t complete = 0;
    for (size_t i = 0; i < matched_.size(); ++i) {
      const StopStrings::Pattern& p = strings_->patterns_[i];
      size_t& n = matched_[i];
      while (n > 0 && p.text[n] != c) n = p.borders[n - 1];
      if (p.text[n] == c) ++n;
      if (n < p.text.size()) continue;
      complete = std::max(complete, n);
    }
    if (complete == 0) continue;
    stopped_ = true;
    held_.resize(held_.size() - complete);
    return std::exchange(held_, {});
  }
  const size_t shown = held_.size() - *std::ranges::max_element(matched_);
  std::string out = held_.substr(0, shown);
  held_.erase(0, shown);
  return out;
}

std::string StopFinder::finish() { return std::exchange(held_, {}); }

TextPieces::TextPieces(Tokenizer tokenizer, bool skip_special_tokens, std::shared_ptr<const StopStrings> stop_strings,
                       std::span<const int32_t> prompt)
    : stream_(std::move(tokenizer), skip_special_tokens), finder_(std::move(stop_strings)) {
  // Decoders treat the first token of a text differently, so the text begins with the last tokens of the prompt.
  constexpr size_t kBefore = 16;
  for (const int32_t id : prompt.last(std::min(prompt.size(), kBefore))) {
    const absl::StatusOr<std::string> before = stream_.step(id);
    if (status_.ok()) status_ = before.status();
  }
}

absl::StatusOr<std::string> TextPieces::step(int32_t id) {
  if (!status_.ok()) return status_;
  const absl::StatusOr<std::string> text = stream_.step(id);
  if (!text.ok()) return text.status();
  return finder_.push(*text);
}

absl::StatusOr<std::string> TextPieces::finish() {
  if (!status_.ok()) return status_;
  if (stopped()) return std::string();
  const absl::StatusOr<std::string> rest = stream_.finish();
  if (!rest.ok()) return rest.status();
  std::string out = finder_.push(*rest);
  if (!stopped()) out += finder_.finish();
  return out;
}

}  // namespace hearth::text
