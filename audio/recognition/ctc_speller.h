// The text that the labels of a CTC model make.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hearth::audio {

/// Writes classes by their labels. If a label has several characters (code points of UTF-8), there are spaces between
/// all of them; the blank's, and special ones, which are in angle or square brackets, do not count for that.
class CtcSpeller {
 public:
  /// Keeps a reference to the labels, which name each class.
  explicit CtcSpeller(const std::vector<std::string>& labels, int64_t blank = 0);
  explicit CtcSpeller(std::vector<std::string>&& labels, int64_t blank = 0) = delete;
  /// Adds classes, without blanks, to a text. One that has no label is written as "class 7".
  void operator()(std::span<const int64_t> classes, std::string& text) const;

 private:
  const std::vector<std::string>& labels_;
  bool spaced_ = false;
};

}  // namespace hearth::audio
