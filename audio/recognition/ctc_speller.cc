#include "audio/recognition/ctc_speller.h"

#include <algorithm>
#include <string_view>

#include "core/base/error.h"

namespace hearth::audio {
namespace {

// Bytes that do not go on with a character.
int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

bool is_special(std::string_view label) {
  return label.size() >= 2 && ((label.front() == '<' && label.back() == '>') ||  //
                               (label.front() == '[' && label.back() == ']'));
}

}  // namespace

CtcSpeller::CtcSpeller(const std::vector<std::string>& labels, int64_t blank) : labels_(labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (static_cast<int64_t>(i) != blank && !is_special(labels[i])) spaced_ |= characters(labels[i]) > 1;
  }
}

void CtcSpeller::operator()(std::span<const int64_t> classes, std::string& text) const {
  for (const int64_t c : classes) {
    if (spaced_ && !text.empty()) text += ' ';
    const bool named = c >= 0 && c < static_cast<int64_t>(labels_.size());
    text += named ? labels_[static_cast<size_t>(c)] : concat("class ", c);
  }
}

}  // namespace hearth::audio
