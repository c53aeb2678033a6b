// What attention computes block by block, for each instruction set.
//
// A block of scores lies transposed: a row for each key, a column for each query. Then the softmax's maxima and sums
// run down the columns, a register of queries at a time, and the products read keys and values as they lie in memory.
#pragma once

#include <cstdint>

#include "core/tensor/generator.h"

namespace hearth::cpu {

// T is float or double. Rows of b, c and of score blocks hold whole vectors of `lanes` elements.
template <class T>
struct AttentionBlocks {
  int64_t lanes;
  // c = a b, or c += a b. a is m x k with any strides, b is k x (vectors lanes).
  void (*multiply)(int64_t m, int64_t vectors, int64_t k, const T* a, int64_t a_row, int64_t a_col, const T* b,
                   int64_t b_row, T* c, int64_t c_row, bool add);
  // One step of the online softmax (Milakov and Gimelshein, 2018) over the columns of s: s becomes exp(s - top) with
  // the new maximum, `total` grows by its sums, and `shrink` is what sums made with the old maximum are multiplied by.
  // False if all of `shrink` is 1.
  bool (*softmax)(T* s, int64_t s_row, int64_t keys, int64_t vectors, T* top, T* total, T* shrink);
  // The weights and the gradient of the scores: s becomes keep exp(s - lse), and dp becomes
  // exp(s - lse) (keep dp - delta). keep, the dropout's factors, may be null.
  void (*softmax_grad)(T* s, T* dp, int64_t row, int64_t keys, int64_t vectors, const T* lse, const T* delta,
                       const T* keep);
  // s[i] = s[i] allowed[i] ? s[i] : -infinity; or s[i] += added[i].
  void (*select)(T* s, const T* allowed, int64_t n);
  void (*add)(T* s, const T* added, int64_t n);
  void (*scale)(T* x, T factor, int64_t n);
  void (*product)(T* x, const T* factor, int64_t n);
  T (*dot)(const T* x, const T* y, int64_t n);
  // Scores of one query: s[j] = q . row j of k, over width = whole vectors.
  void (*scores)(const T* q, const T* k, int64_t k_row, int64_t keys, int64_t width, T* s);
  // The online softmax of one row of n = whole vectors; gives `shrink`.
  T (*softmax_row)(T* s, int64_t n, T* top, T* total);
  // The dropout's factors of elements [first, first + n) of a call: 0, or `factor` with the probability `keep`.
  void (*dropout)(T* to, int64_t n, GeneratorState state, uint64_t first, double keep, T factor);
};

template <class T>
const AttentionBlocks<T>& attention_blocks();

}  // namespace hearth::cpu
