#include "text/tokenizer/encoding.h"

#include <algorithm>

namespace hearth::text {
namespace {

template <class V>
void append_to(V& to, const V& from) {
  to.insert(to.end(), from.begin(), from.end());
}

template <class T>
void pad_one(std::vector<T>& v, size_t n, T value, Side side) {
  v.insert(side == Side::kLeft ? v.begin() : v.end(), n, value);
}

// Calls f for each vector with one element a token, of both.
template <class F>
void each(Encoding& a, const Encoding& b, F f) {
  f(a.ids, b.ids);
  f(a.type_ids, b.type_ids);
  f(a.tokens, b.tokens);
  f(a.byte_offsets, b.byte_offsets);
  f(a.char_offsets, b.char_offsets);
  f(a.word_ids, b.word_ids);
  f(a.special_tokens_mask, b.special_tokens_mask);
  f(a.attention_mask, b.attention_mask);
}

Encoding part(const Encoding& e, size_t begin, size_t end) {
  Encoding out;
  each(out, e, [&](auto& to, const auto& from) {
    to.assign(from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(end));
  });
  return out;
}

// Appends the tokens alone.
void append_tokens(Encoding& to, const Encoding& from) {
  const size_t shift = to.size();
  for (size_t i = 0; i < from.sequences.size(); ++i) {
    const auto [begin, end] = from.sequences[i];
    if (begin == end && i < to.sequences.size()) continue;
    if (to.sequences.size() <= i) to.sequences.resize(i + 1);
    to.sequences[i] = {begin + shift, end + shift};
  }
  each(to, from, [](auto& a, const auto& b) { append_to(a, b); });
}

Encoding without_overflow(const Encoding& e) {
  Encoding out = part(e, 0, e.size());
  out.sequences = e.sequences;
  return out;
}

}  // namespace

std::vector<int32_t> Encoding::sequence_ids() const {
  std::vector<int32_t> out(size(), sequences.empty() ? 0 : -1);
  for (size_t i = 0; i < sequences.size(); ++i) {
    for (size_t t = sequences[i].first; t < std::min(sequences[i].second, size()); ++t)
      out[t] = static_cast<int32_t>(i);
  }
  return out;
}

void Encoding::truncate(size_t max_length, size_t stride, Side cut) {
  const size_t n = size();
  if (max_length >= n) return;
  if (max_length == 0) {
    Encoding all;
    std::swap(all, *this);
    overflowing.push_back(std::move(all));
    return;
  }
  const size_t step = max_length - std::min(stride, max_length - 1);
  std::vector<Encoding> parts;
  if (cut == Side::kRight) {
    for (size_t begin = 0;; begin += step) {
      const size_t end = std::min(begin + max_length, n);
      parts.push_back(part(*this, begin, end));
      if (end == n) break;
    }
  } else {
    for (size_t end = n;; end -= step) {
      const size_t begin = end > max_length ? end - max_length : 0;
      parts.push_back(part(*this, begin, end));
      if (begin == 0) break;
    }
  }
  *this = std::move(parts.front());
  overflowing.assign(std::make_move_iterator(parts.begin() + 1), std::make_move_iterator(parts.end()));
}

void Encoding::drop(size_t max_length, Side cut) {
  const size_t n = size();
  if (max_length >= n) return;
  *this = cut == Side::kRight ? part(*this, 0, max_length) : part(*this, n - max_length, n);
}

void Encoding::pad(size_t length, int32_t id, int32_t type_id, std::string_view token, Side side) {
  for (Encoding& e : overflowing) e.pad(length, id, type_id, token, side);
  if (size() >= length) return;
  const size_t n = length - size();
  pad_one(ids, n, id, side);
  pad_one(type_ids, n, type_id, side);
  pad_one(tokens, n, std::string(token), side);
  pad_one(byte_offsets, n, Offset{0, 0}, side);
  pad_one(char_offsets, n, Offset{0, 0}, side);
  pad_one(word_ids, n, -1, side);
  pad_one(special_tokens_mask, n, uint8_t{1}, side);
  pad_one(attention_mask, n, uint8_t{0}, side);
  if (side == Side::kLeft) {
    for (auto& [begin, end] : sequences) {
      begin += n;
      end += n;
    }
  }
}

void Encoding::append(const Encoding& other) {
  std::vector<Encoding> combined;
  const auto combine = [&](const Encoding& a, const Encoding& b) {
    combined.push_back(without_overflow(a));
    append_tokens(combined.back(), b);
  };
  for (const Encoding& mine : overflowing) {
    combine(mine, other);
    for (const Encoding& theirs : other.overflowing) combine(mine, theirs);
  }
  for (const Encoding& theirs : other.overflowing) combine(*this, theirs);
  append_tokens(*this, other);
  overflowing = std::move(combined);
}

}  // namespace hearth::text
