// Texts in lines and words.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace hearth::audio::detail {

// What stands between white space (ASCII).
inline std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  std::vector<std::string_view> words;
  for (size_t at = text.find_first_not_of(kSpace); at != text.npos; at = text.find_first_not_of(kSpace, at)) {
    const size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

// The number that a whole text is.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// A text's lines, counted from 1.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  // The words of the next line that has any; none at the end.
  std::vector<std::string_view> next() {
    while (!rest_.empty()) {
      const size_t end = std::min(rest_.find('\n'), rest_.size());
      line_ = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++number_;
      if (auto words = words_of(line_); !words.empty()) return words;
    }
    line_ = {};
    return {};
  }
  // The line that next() has read, without white space around it.
  std::string_view line() const {
    const auto words = words_of(line_);
    return words.empty()
               ? std::string_view()
               : line_.substr(static_cast<size_t>(words.front().data() - line_.data()),
                              static_cast<size_t>(words.back().data() - words.front().data()) + words.back().size());
  }
  int64_t number() const { return number_; }

 private:
  std::string_view rest_, line_;
  int64_t number_ = 0;
};

}  // namespace hearth::audio::detail
