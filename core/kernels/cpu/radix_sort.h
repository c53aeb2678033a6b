// Stable sorting of numbered keys, from the last digit to the first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/parallel.h"

namespace hearth::cpu {

// A key and where it stood. Of keys up to 32 bits, both are in one word: the key above.
struct SmallItem {
  uint64_t word;
  SmallItem() = default;
  SmallItem(uint64_t key, int64_t index) : word(key << 32 | static_cast<uint64_t>(index)) {}
  uint64_t key() const { return word >> 32; }
  int64_t index() const { return static_cast<int64_t>(word & 0xffffffff); }
  bool operator<(const SmallItem& o) const { return word < o.word; }
};
struct LargeItem {
  uint64_t value;
  int64_t place;
  LargeItem() = default;
  LargeItem(uint64_t key, int64_t index) : value(key), place(index) {}
  uint64_t key() const { return value; }
  int64_t index() const { return place; }
  bool operator<(const LargeItem& o) const { return value != o.value ? value < o.value : place < o.place; }
};

// The item for n keys of this many bits.
constexpr int64_t kMostSmallItems = int64_t{1} << 32;

namespace detail {

constexpr int kDigit = 8;
constexpr size_t kBuckets = size_t{1} << kDigit;
// Below it comparing is faster than counting.
constexpr int64_t kFewItems = 128;
// Of this many items, and of more, one sort is the work of all threads.
constexpr int64_t kManyItems = int64_t{1} << 17;

template <class Item>
size_t digit(const Item& item, int shift) {
  return (item.key() >> shift) & (kBuckets - 1);
}

template <class Item>
Item* sort_by_digits(Item* a, Item* b, int64_t n, int key_bits) {
  const int digits = key_bits / kDigit;
  std::array<std::array<uint32_t, kBuckets>, 8> counts;
  for (int d = 0; d < digits; ++d) counts[static_cast<size_t>(d)].fill(0);
  for (int64_t i = 0; i < n; ++i) {
    uint64_t key = a[i].key();
    for (int d = 0; d < digits; ++d, key >>= kDigit) ++counts[static_cast<size_t>(d)][key & (kBuckets - 1)];
  }
  for (int d = 0; d < digits; ++d) {
    auto& count = counts[static_cast<size_t>(d)];
    const int shift = d * kDigit;
    if (count[digit(a[0], shift)] == n) continue;  // all alike
    uint32_t begin = 0;
    for (uint32_t& c : count) begin += std::exchange(c, begin);
    for (int64_t i = 0; i < n; ++i) b[count[digit(a[i], shift)]++] = a[i];
    std::swap(a, b);
  }
  return a;
}

// The same in blocks, which all threads share: block k's items of a digit stand behind those of block k - 1.
template <class Item>
Item* sort_in_blocks(Item* a, Item* b, int64_t n, int key_bits) {
  constexpr int64_t kBlock = int64_t{1} << 15;
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  std::vector<std::array<int64_t, kBuckets>> counts(static_cast<size_t>(blocks));
  for (int shift = 0; shift < key_bits; shift += kDigit) {
    parallel_for(n, kBlock, [&](int64_t begin, int64_t end) {
      auto& count = counts[static_cast<size_t>(begin / kBlock)];
      count.fill(0);
      for (int64_t i = begin; i < end; ++i) ++count[digit(a[i], shift)];
    });
    int64_t at = 0;
    bool alike = false;
    for (size_t v = 0; v < kBuckets; ++v) {
      const int64_t before = at;
      for (auto& count : counts) at += std::exchange(count[v], at);
      alike |= at - before == n;
    }
    if (alike) continue;
    parallel_for(n, kBlock, [&](int64_t begin, int64_t end) {
      auto& count = counts[static_cast<size_t>(begin / kBlock)];
      for (int64_t i = begin; i < end; ++i) b[count[digit(a[i], shift)]++] = a[i];
    });
    std::swap(a, b);
  }
  return a;
}

}  // namespace detail

// Sorts n items, whose indices rise, by key; the result is in `a` or in `b`, which has room for as many. The same for
// any number of threads.
template <class Item>
Item* radix_sort(Item* a, Item* b, int64_t n, int key_bits) {
  if (n < detail::kFewItems) {
    std::sort(a, a + n);
    return a;
  }
  return n < detail::kManyItems ? detail::sort_by_digits(a, b, n, key_bits) : detail::sort_in_blocks(a, b, n, key_bits);
}

}  // namespace hearth::cpu
