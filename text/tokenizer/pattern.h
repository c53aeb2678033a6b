// Pattern: what a component splits at or replaces, a string or a regular expression; and what becomes of the matches.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "text/regex/regex.h"
#include "text/unicode/utf8.h"

namespace hearth::text {

class Pattern {
 public:
  // `text` is not empty.
  static Pattern literal(std::string text) { return Pattern(std::move(text), std::nullopt); }
  static Pattern regex(Regex regex) { return Pattern("", std::move(regex)); }

  // Calls f(begin, end) for each match, from left to right. An empty match right behind another is none.
  template <class F>
  absl::Status each(std::string_view text, F f) const {
    if (!regex_) {
      for (size_t at = text.find(literal_); at != std::string_view::npos;
           at = text.find(literal_, at + literal_.size()))
        f(at, at + literal_.size());
      return absl::OkStatus();
    }
    size_t at = 0, last_end = std::string_view::npos;
    uint64_t work = Regex::work_for(text.size());
    while (at <= text.size()) {
      Regex::Match m;
      const absl::StatusOr<bool> found = regex_->find(text, at, m, work);
      if (!found.ok()) return found.status();
      if (!*found) break;
      if (m.begin == m.end) {
        at = m.end +
             (m.end < text.size() ? static_cast<size_t>(utf8_length(static_cast<unsigned char>(text[m.end]))) : 1);
        if (m.end == last_end) continue;
      } else {
        at = m.end;
      }
      last_end = m.end;
      f(m.begin, m.end);
    }
    return absl::OkStatus();
  }

 private:
  Pattern(std::string literal, std::optional<Regex> regex) : literal_(std::move(literal)), regex_(std::move(regex)) {}
  std::string literal_;
  std::optional<Regex> regex_;
};

// What becomes of what a text is split at.
enum class SplitBehavior : uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// Takes matches in order and emits the pieces.
template <class Emit>
class Splitter {
 public:
  Splitter(size_t size, SplitBehavior behavior, bool invert, Emit& emit)
      : size_(size), behavior_(behavior), invert_(invert), emit_(emit) {}
  void match(size_t begin, size_t end) {
    if (done_ < begin) part(done_, begin, invert_);
    part(begin, end, !invert_);
    done_ = end;
  }
  void finish() {
    if (done_ < size_) part(done_, size_, invert_);
    if (open_) emit_(begin_, end_);
  }

 private:
  void part(size_t begin, size_t end, bool is_match) {
    bool joins = false;
    switch (behavior_) {
      case SplitBehavior::kRemoved:
        if (!is_match) emit_(begin, end);
        return;
      case SplitBehavior::kIsolated:
        emit_(begin, end);
        return;
      case SplitBehavior::kContiguous:
        joins = open_ && is_match == last_is_match_;
        break;
      case SplitBehavior::kMergedWithPrevious:
        joins = open_ && is_match && !last_is_match_;
        break;
      case SplitBehavior::kMergedWithNext:
        joins = open_ && !is_match && last_is_match_;
        break;
    }
    if (!joins) {
      if (open_) emit_(begin_, end_);
      begin_ = begin;
      open_ = true;
    }
    end_ = end;
    last_is_match_ = is_match;
  }

  size_t size_;
  SplitBehavior behavior_;
  bool invert_;
  Emit& emit_;
  size_t done_ = 0, begin_ = 0, end_ = 0;
  bool open_ = false, last_is_match_ = false;
};

}  // namespace hearth::text
