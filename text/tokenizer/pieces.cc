#include "text/tokenizer/pieces.h"

#include <algorithm>

#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

// Appends a character that is from `from`, making the last run longer where that says the same.
void append(std::string& out, std::vector<Run>& runs, char32_t c, Offset from) {
  const auto at = static_cast<uint32_t>(out.size());
  append_utf8(out, c);
  const bool same = from.end - from.begin == out.size() - at;
  if (!runs.empty()) {
    const Run& last = runs.back();
    if (last.source_end == kSame ? same && last.source_begin + (at - last.begin) == from.begin
                                 : last.source_begin == from.begin && last.source_end == from.end) {
      return;
    }
  }
  runs.push_back({at, from.begin, same ? kSame : from.end});
}

}  // namespace

Offset Pieces::source(uint32_t i) const {
  if (run_ >= runs_.size() || runs_[run_].begin > i || (run_ + 1 < runs_.size() && runs_[run_ + 1].begin <= i)) {
    if (run_ + 1 < runs_.size() && runs_[run_ + 1].begin <= i &&
        (run_ + 2 == runs_.size() || runs_[run_ + 2].begin > i)) {
      ++run_;
    } else {
      const auto after =
          std::upper_bound(runs_.begin(), runs_.end(), i, [](uint32_t at, const Run& r) { return at < r.begin; });
      run_ = static_cast<size_t>(after - runs_.begin()) - 1;
    }
  }
  const Run& run = runs_[run_];
  if (run.source_end != kSame) return {run.source_begin, run.source_end};
  uint32_t begin = i;
  while (begin > run.begin && is_continuation(text_[begin])) --begin;
  const uint32_t source = run.source_begin + (begin - run.begin);
  return {source, source + static_cast<uint32_t>(utf8_length(static_cast<unsigned char>(text_[begin])))};
}

bool Pieces::ascii() const { return is_ascii(text_); }

void Pieces::own() {
  if (text_.data() == buffer_.data() && text_.size() == buffer_.size()) return;
  buffer_.assign(text_);
  text_ = buffer_;
}

void Pieces::replace(std::string text, std::vector<Run> runs) {
  if (runs.empty()) runs.push_back({0, 0, kSame});
  buffer_ = std::move(text);
  text_ = buffer_;
  runs_ = std::move(runs);
  run_ = 0;
}

void Pieces::copy(Piece& piece, std::string& out, std::vector<Run>& runs) const {
  const auto begin = static_cast<uint32_t>(out.size());
  copy(piece.begin, piece.end, out, runs);
  piece.begin = begin;
  piece.end = static_cast<uint32_t>(out.size());
}

void Pieces::copy(uint32_t begin, uint32_t end, std::string& out, std::vector<Run>& runs) const {
  while (begin < end) {
    // To the end of the run at a time.
    source(begin);
    const Run& run = runs_[run_];
    const uint32_t stop = run_ + 1 < runs_.size() ? std::min(end, runs_[run_ + 1].begin) : end;
    const auto at = static_cast<uint32_t>(out.size());
    if (run.source_end != kSame) {
      runs.push_back({at, run.source_begin, run.source_end});
    } else {
      const uint32_t from = run.source_begin + (begin - run.begin);
      const bool goes_on = !runs.empty() && runs.back().source_end == kSame &&
                           runs.back().source_begin + (at - runs.back().begin) == from;
      if (!goes_on) runs.push_back({at, from, kSame});
    }
    out.append(text_, begin, stop - begin);
    begin = stop;
  }
}

void Pieces::insert(std::string_view content, Offset from, std::string& out, std::vector<Run>& runs) {
  const char* p = content.data();
  while (p < content.data() + content.size()) append(out, runs, next_char(p), from);
}

bool Pieces::prepend_changes(std::string_view content, std::string_view text, std::vector<CharChange>& changes) {
  const char* p = content.data();
  while (p < content.data() + content.size()) changes.push_back({next_char(p), changes.empty() ? 0 : 1});
  p = text.data();
  changes.push_back({next_char(p), 1});
  while (p < text.data() + text.size()) changes.push_back({next_char(p), 0});
  return true;
}

void Pieces::to_byte_chars() {
  transform([](const Piece&, std::string_view text, std::vector<CharChange>& changes, size_t&) {
    for (const char byte : text) {
      changes.push_back({byte_to_char(static_cast<uint8_t>(byte)), is_continuation(byte) ? 1 : 0});
    }
    return true;
  });
}

// The rules of a change are those of `tokenizers`: an inserted character is from where the one before it is from; at
// the very beginning of a piece, from the empty place before it.
void Pieces::apply(Piece& piece, const std::vector<CharChange>& changes, size_t removed, std::string& out,
                   std::vector<Run>& runs) const {
  const auto begin = static_cast<uint32_t>(out.size());
  uint32_t at = piece.begin;
  const auto skip = [&] {
    if (at < piece.end) at += static_cast<uint32_t>(utf8_length(static_cast<unsigned char>(text_[at])));
  };
  for (; removed > 0; --removed) skip();
  for (const CharChange& c : changes) {
    Offset from{piece.source_begin, piece.source_begin};
    if (c.change > 0) {
      if (at > piece.begin) from = source(at - 1);
    } else if (piece.begin < piece.end) {
      from = source(std::min(at, piece.end - 1));
      for (int32_t n = c.change; n <= 0 && at < piece.end; ++n) skip();
    }
    append(out, runs, c.c, from);
  }
  piece.begin = begin;
  piece.end = static_cast<uint32_t>(out.size());
}

}  // namespace hearth::text
