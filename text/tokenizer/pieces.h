// A text on its way to tokens: cut into pieces, changed, and always aware of which part of the original each byte is
// from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/encoding.h"
#include "text/unicode/unicode.h"

namespace hearth::text {

// A stretch of the changed text. In an unchanged one (source_end is kSame), the character at begin + i is the one at
// source_begin + i of the original, or one of the same length in its place. In any other, all bytes are from
// [source_begin, source_end). So a text that was lower-cased is one run, and offsets cost nothing until something
// differs.
struct Run {
  uint32_t begin;
  uint32_t source_begin;
  uint32_t source_end;
};
constexpr uint32_t kSame = 0xFFFFFFFF;

struct Piece {
  uint32_t begin, end;    // in the changed text
  uint32_t source_begin;  // where it begins in the original
  int32_t token;          // the added token that it is, or -1
};

class Pieces {
 public:
  // One piece: all of `source`, valid UTF-8 of less than 4 GiB that outlives this object.
  explicit Pieces(std::string_view source)
      : text_(source),
        limit_(std::min(kMost, kAlways + 32 * source.size())),
        runs_{{0, 0, kSame}},
        pieces_{{0, static_cast<uint32_t>(source.size()), 0, -1}} {}
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;

  const std::vector<Piece>& pieces() const { return pieces_; }
  std::string_view text(const Piece& p) const { return text_.substr(p.begin, p.end - p.begin); }
  // The part of the original that byte i of the changed text is from. Fast for positions near the last one.
  Offset source(uint32_t i) const;

  // Cuts each piece that is no token: f(text, emit) calls emit(begin, end) or emit(begin, end, token) for the new
  // pieces, in order; empty ones and what is not emitted are dropped. f returns whether to go on.
  template <class F>
  bool split(F f) {
    fresh_.clear();
    fresh_.reserve(pieces_.size());
    for (const Piece& piece : pieces_) {
      if (piece.token >= 0) {
        fresh_.push_back(piece);
        continue;
      }
      const bool on = f(text(piece), [&](size_t begin, size_t end, int32_t token = -1) {
        if (begin == end) return;
        const auto b = static_cast<uint32_t>(piece.begin + begin);
        fresh_.push_back({b, static_cast<uint32_t>(piece.begin + end), source(b).begin, token});
      });
      if (!on) return false;
    }
    pieces_.swap(fresh_);
    return true;
  }

  // Changes each piece that is no token: f(piece, text, changes, removed) fills `changes` with the new characters, and
  // `removed` with the number of characters removed before the first of them. It returns whether there is a change at
  // all; where it never does, nothing is copied.
  template <class F>
  void transform(F f) {
    std::string out;
    std::vector<Run> runs;
    bool copying = false;
    std::vector<CharChange> changes;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      Piece& piece = pieces_[i];
      size_t removed = 0;
      changes.clear();
      const bool changed = piece.token < 0 && f(static_cast<const Piece&>(piece), text(piece), changes, removed);
      if (changed && !copying) {
        copying = true;
        out.reserve(text_.size() + text_.size() / 4);
        for (size_t k = 0; k < i; ++k) copy(pieces_[k], out, runs);
      }
      if (changed) {
        apply(piece, changes, removed, out, runs);
      } else if (copying) {
        copy(piece, out, runs);
      }
      if (out.size() > limit_) return give_up();
    }
    if (copying) replace(std::move(out), std::move(runs));
  }

  // Replaces matches: f(text, replace) calls replace(begin, end) for each part of the text that becomes `content`, in
  // order; it returns whether to go on. The new characters are from where the last one that they replace is from.
  template <class F>
  bool replace_all(std::string_view content, F f) {
    std::string out;
    std::vector<Run> runs;
    bool copying = false;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      Piece& piece = pieces_[i];
      const Piece old = piece;
      uint32_t done = old.begin;
      bool changed = false;
      if (piece.token < 0) {
        const bool on = f(text(old), [&](size_t begin, size_t end) {
          if (out.size() > limit_) return;
          if (!copying) {
            copying = true;
            out.reserve(text_.size() + text_.size() / 4);
            for (size_t k = 0; k < i; ++k) copy(pieces_[k], out, runs);
          }
          if (!changed) {
            changed = true;
            piece.begin = static_cast<uint32_t>(out.size());
          }
          const auto b = static_cast<uint32_t>(old.begin + begin), e = static_cast<uint32_t>(old.begin + end);
          copy(done, b, out, runs);
          insert(content, e > old.begin ? source(e - 1) : Offset{old.source_begin, old.source_begin}, out, runs);
          done = e;
        });
        if (!on) return false;
      }
      if (out.size() > limit_) {
        give_up();
        return true;
      }
      if (changed) {
        copy(done, old.end, out, runs);
        piece.end = static_cast<uint32_t>(out.size());
      } else if (copying) {
        copy(piece, out, runs);
      }
    }
    if (copying) replace(std::move(out), std::move(runs));
    return true;
  }

  // Puts `content` before each piece that is no token and for which want(piece, text) is true. It is from where the
  // piece's first character is from.
  template <class F>
  void prepend(std::string_view content, F want) {
    transform([&](const Piece& piece, std::string_view text, std::vector<CharChange>& changes, size_t&) {
      if (text.empty() || content.empty() || !want(piece, text)) return false;
      return prepend_changes(content, text, changes);
    });
  }
  // Replaces each byte by the character that stands for it in byte-level vocabularies.
  void to_byte_chars();

  // Replaces bytes in place, by bytes of the same meaning for the alignment: f(char* begin, char* end) for each piece
  // that is no token.
  template <class F>
  void map_bytes(F f) {
    own();
    for (const Piece& piece : pieces_) {
      if (piece.token < 0) f(buffer_.data() + piece.begin, buffer_.data() + piece.end);
    }
  }
  // Whether the text has grown beyond all measure, as components of a hostile file can make it. Nothing is left of it
  // then.
  bool too_long() const { return too_long_; }
  // The size in bytes above which it is too long.
  size_t limit() const { return limit_; }
  // Whether all text is ASCII.
  bool ascii() const;

 private:
  static constexpr size_t kAlways = size_t{16} << 20, kMost = size_t{3} << 30;
  void give_up() {
    too_long_ = true;
    pieces_.clear();
  }
  static bool prepend_changes(std::string_view content, std::string_view text, std::vector<CharChange>& changes);
  void own();
  void copy(Piece& piece, std::string& out, std::vector<Run>& runs) const;
  void copy(uint32_t begin, uint32_t end, std::string& out, std::vector<Run>& runs) const;
  static void insert(std::string_view content, Offset from, std::string& out, std::vector<Run>& runs);
  void apply(Piece& piece, const std::vector<CharChange>& changes, size_t removed, std::string& out,
             std::vector<Run>& runs) const;
  void replace(std::string text, std::vector<Run> runs);

  std::string buffer_;     // the changed text, once it is changed
  std::string_view text_;  // the original or buffer_
  size_t limit_;           // of the text's size
  bool too_long_ = false;
  std::vector<Run> runs_;  // ascending, the first begins at 0
  std::vector<Piece> pieces_, fresh_;
  mutable size_t run_ = 0;  // where source() looked last
};

}  // namespace hearth::text
