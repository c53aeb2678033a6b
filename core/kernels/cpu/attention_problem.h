// One call of attention as its CPU kernels see it: where operands lie, which keys a query sees, and blocks of both.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "core/kernels/cpu/attention_blocks.h"
#include "core/kernels/cpu/convert.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/transpose.h"
#include "core/op/attrs/attention.h"
#include "core/op/op_call.h"

namespace hearth::cpu {

// Queries and keys of a block of scores, and of the strips in which a block on the diagonal is trimmed: whole vectors.
constexpr int64_t kBlock = 64, kStrip = 16;

inline int64_t blocks_in(int64_t n) { return (n + kBlock - 1) / kBlock; }

// A tensor [..., rows, columns] seen from the leading dimensions of the result, its rows dense.
struct Matrices {
  Tensor tensor;
  DType dtype = DType::kF32;
  const char* data = nullptr;
  Shape lead;                // of the result
  Strides strides;           // over `lead`; 0 where the tensor is broadcast
  int64_t group = 1;         // neighbours in the last of `lead`, the heads, that share a matrix
  int64_t row = 0, col = 1;  // strides; 0 where broadcast

  Matrices() = default;
  Matrices(const Tensor& t, const Shape& result_lead) : tensor(t), dtype(t.dtype()), lead(result_lead) {
    if (t.dim() > 0 && t.shape().back() > 1 && t.strides().back() != 1) {
      tensor = hearth::detail::empty(t.shape(), t.dtype(), kCpu, "attention");
      copy_tensor(tensor, t);
    }
    data = static_cast<const char*>(tensor.raw_data());
    strides = Dims::filled(lead.rank(), 0);
    const int rank = tensor.dim();
    for (int d = 1; d <= lead.rank() && d + 2 <= rank; ++d) {
      const int64_t size = tensor.shape()[rank - 2 - d];
      if (size == 1) continue;
      strides[lead.rank() - d] = tensor.strides()[rank - 2 - d];
      if (d == 1 && size > 0) group = lead.back() / size;
    }
    if (rank >= 2 && tensor.shape()[rank - 2] != 1) row = tensor.strides()[rank - 2];
    col = rank >= 1 && tensor.shape()[rank - 1] != 1 ? 1 : 0;
  }

  // The matrix of element u of `lead`, counted row-major; in elements.
  int64_t offset(int64_t u) const {
    int64_t at = 0;
    for (int d = lead.rank(); d-- > 0;) {
      const int64_t i = u % lead[d];
      at += (d + 1 == lead.rank() ? i / group : i) * strides[d];
      u /= lead[d];
    }
    return at;
  }
  const char* row_at(int64_t offset_of_matrix, int64_t i) const {
    return data + (offset_of_matrix + i * row) * static_cast<int64_t>(size_of(dtype));
  }
};

// Consecutive rows in the computing type, padded with zeros to whole vectors.
template <class T>
struct Rows {
  const T* data;
  int64_t row;
};

// Memory that the allocator's cache keeps from one block of work to the next.
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : memory_(hearth::detail::empty({bytes}, DType::kU8, kCpu, "attention")) {
    at_ = static_cast<char*>(memory_.impl()->data());
  }
  template <class T>
  static int64_t bytes(int64_t n) {
    return (n * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
  }
  template <class T>
  T* take(int64_t n) {
    T* p = reinterpret_cast<T*>(at_);
    at_ += bytes<T>(n);
    return p;
  }

 private:
  Tensor memory_;
  char* at_;
};

template <class T>
struct AttentionProblem {
  const AttentionBlocks<T>& blocks = attention_blocks<T>();
  Shape lead;  // of the result
  int64_t batch = 0, queries = 0, keys = 0, size = 0, value_size = 0;
  int64_t padded = 0, padded_value = 0;  // head sizes in whole vectors
  Matrices q, k, v;
  std::optional<Matrices> mask;
  T scale = 1;
  bool causal = false;
  std::optional<int64_t> window;
  double dropout = 0;
  GeneratorState generator;

  AttentionProblem(const Shape& result, const Tensor& q_in, const Tensor& k_in, const Tensor& v_in,
                   const Tensor* mask_in, const AttentionAttrs& a)
      : lead(std::span(result.data(), result.size() - 2)),
        batch(lead.numel()),
        queries(result[lead.rank()]),
        keys(k_in.size(-2)),
        size(k_in.size(-1)),
        value_size(result.back()),
        padded(whole(size)),
        padded_value(whole(value_size)),
        q(q_in, lead),
        k(k_in, lead),
        v(v_in, lead),
        scale(static_cast<T>(a.scale.value_or(1 / std::sqrt(static_cast<double>(size))))),
        causal(a.causal),
        dropout(a.dropout) {
    if (mask_in) mask.emplace(*mask_in, lead);
    if (a.window) window = std::min(*a.window, queries + keys);
  }

  int64_t whole(int64_t n) const { return (n + blocks.lanes - 1) / blocks.lanes * blocks.lanes; }

  // Keys [first, last) that any of the queries [q0, q1) sees, and the other way round, but for the mask.
  std::pair<int64_t, int64_t> keys_of(int64_t q0, int64_t q1) const {
    const int64_t first = window ? std::max<int64_t>(0, q0 - *window) : 0;
    int64_t last = keys;
    if (causal) last = std::min(last, q1);
    else if (window) last = std::min(last, q1 + *window);
    return {std::min(first, keys), last};
  }
  std::pair<int64_t, int64_t> queries_of(int64_t k0, int64_t k1) const {
    int64_t first = 0, last = queries;
    if (causal) first = k0;
    else if (window) first = std::max<int64_t>(0, k0 - *window);
    if (window) last = std::min(last, k1 + *window);
    return {std::min(first, queries), last};
  }

  static Rows<T> rows(const Matrices& x, int64_t offset, int64_t first, int64_t count, int64_t width,
                      int64_t padded_width, T* scratch) {
    if (x.dtype == dtype_of<T> && width == padded_width && x.col == 1)
      return {reinterpret_cast<const T*>(x.row_at(offset, first)), x.row};
    const ConvertFn convert = convert_fn(x.dtype, dtype_of<T>);
    for (int64_t i = 0; i < count; ++i) {
      T* to = scratch + i * padded_width;
      convert(x.row_at(offset, first + i), to, width);
      std::fill(to + width, to + padded_width, T(0));
    }
    return {scratch, padded_width};
  }

  // Up to kBlock rows times `factor` as columns: to[c * kBlock + i], the columns that are left over filled with zeros
  // to whole vectors. `line` has room for kBlock padded rows.
  void columns(const Matrices& x, int64_t offset, int64_t first, int64_t count, int64_t width, int64_t padded_width,
               T factor, T* line, T* to) const {
    Rows<T> from = rows(x, offset, first, count, width, padded_width, line);
    if (factor != T(1)) {
      for (int64_t i = 0; i < count; ++i) {
        if (from.data != line) std::copy_n(from.data + i * from.row, width, line + i * padded_width);
        blocks.scale(line + i * padded_width, factor, width);
      }
      from = {line, padded_width};
    }
    transpose_strip(to, kBlock, from.data, from.row, width, count, sizeof(T), false);
    for (int64_t c = 0; c < width; ++c) std::fill(to + c * kBlock + count, to + c * kBlock + whole(count), T(0));
  }

  // Rows of the mask in the computing type, one for each query, kBlock elements apart. False if nothing in them is
  // allowed (of a bool mask). `all`: everything is.
  bool mask_rows(int64_t offset, int64_t q0, int64_t count, int64_t k0, int64_t width, T* to, bool& all) const {
    const Matrices& m = *mask;
    const ConvertFn convert = convert_fn(m.dtype, dtype_of<T>);
    const bool is_bool = m.dtype == DType::kBool;
    bool any = !is_bool;
    all = is_bool;
    for (int64_t i = 0; i < count; ++i) {
      T* row = to + i * kBlock;
      const char* from = m.row_at(offset, q0 + i) + m.col * k0 * static_cast<int64_t>(size_of(m.dtype));
      convert(from, row, m.col ? width : 1);
      if (!m.col) std::fill(row + 1, row + width, row[0]);
      if (!is_bool) continue;
      T sum = 0;
      for (int64_t j = 0; j < width; ++j) sum += row[j];
      any |= sum != T(0);
      all &= sum == static_cast<T>(width);
    }
    return any;
  }

  // In a block on the diagonal of causal attention half of the scores are never seen. The functions below then leave
  // out what lies in strips of only such scores: it is neither written nor read.
  bool on_diagonal(int64_t q0, int64_t k0) const { return causal && q0 == k0; }

  // c[j * kBlock + i] = row j . column i, for blocks of keys and queries.
  void score(bool trim, int64_t width, int64_t count, int64_t depth, const Rows<T>& x, const T* turned, T* c) const {
    const int64_t columns = whole(count);
    if (!trim) {
      blocks.multiply(width, columns / blocks.lanes, depth, x.data, x.row, 1, turned, kBlock, c, kBlock, false);
      return;
    }
    for (int64_t i = 0; i < std::min(width, columns); i += kStrip) {
      blocks.multiply(std::min(kStrip, width - i), (columns - i) / blocks.lanes, depth, x.data + i * x.row, x.row, 1,
                      turned + i, kBlock, c + i * kBlock + i, kBlock, false);
    }
  }
  // Rows of queries grow by the sums over keys j of s[j * kBlock + i] x[j].
  void sum_over_keys(bool trim, int64_t width, int64_t count, const T* s, const Rows<T>& x, int64_t padded_width,
                     T* c) const {
    for (int64_t i = 0; i < count; i += trim ? kStrip : kBlock) {
      const int64_t rows = trim ? std::min(kStrip, count - i) : count,
                    depth = trim ? std::min(i + kStrip, width) : width;
      blocks.multiply(rows, padded_width / blocks.lanes, depth, s + i, 1, kBlock, x.data, x.row, c + i * padded_width,
                      padded_width, true);
    }
  }
  // Rows of keys grow by the sums over queries i of s[j * kBlock + i] x[i].
  void sum_over_queries(bool trim, int64_t width, int64_t count, const T* s, const Rows<T>& x, int64_t padded_width,
                        T* c) const {
    for (int64_t j = 0; j < (trim ? std::min(width, count) : width); j += trim ? kStrip : kBlock) {
      const int64_t first = trim ? j : 0, rows = trim ? std::min(kStrip, width - j) : width;
      blocks.multiply(rows, padded_width / blocks.lanes, count - first, s + j * kBlock + first, kBlock, 1,
                      x.data + first * x.row, x.row, c + j * padded_width, padded_width, true);
    }
  }

  // The scores of a block, transposed: s[j * kBlock + i] of key k0 + j and query q0 + i, with the mask and -infinity
  // where a query does not see a key. `turned` holds the queries as columns(). False if all of a bool mask is false,
  // and then s is not written.
  bool scores(bool trim, const T* turned, const Rows<T>& key_rows, int64_t u, int64_t q0, int64_t count, int64_t k0,
              int64_t width, T* s, T* spare, T* spare_turned) const {
    const int64_t columns = whole(count);
    bool masked = mask.has_value();
    const bool one_row = masked && mask->row == 0;
    if (masked) {
      bool all = false;
      if (!mask_rows(mask->offset(u), q0, one_row ? 1 : count, k0, width, spare, all)) return false;
      masked = !all;
    }
    score(trim, width, count, size, key_rows, turned, s);
    if (masked) {
      if (one_row) {
        for (int64_t j = 0; j < width; ++j)
          std::fill(spare_turned + j * kBlock, spare_turned + j * kBlock + columns, spare[j]);
      } else {
        transpose_strip(spare_turned, kBlock, spare, kBlock, width, count, sizeof(T), false);
        for (int64_t j = 0; j < width; ++j)
          std::fill(spare_turned + j * kBlock + count, spare_turned + j * kBlock + columns, T(0));
      }
      const auto apply = mask->dtype == DType::kBool ? blocks.select : blocks.add;
      for (int64_t j = 0; j < width; ++j) apply(s + j * kBlock, spare_turned + j * kBlock, columns);
    }
    hide(q0, count, k0, width, s, 1, kBlock);
    return true;
  }

  // -infinity where a query does not see a key because of `causal` or `window`.
  void hide(int64_t q0, int64_t count, int64_t k0, int64_t width, T* s, int64_t query_step, int64_t key_step) const {
    constexpr T never = -std::numeric_limits<T>::infinity();
    const int64_t ahead = causal ? 0 : window.value_or(keys + queries), behind = window.value_or(keys + queries);
    if (k0 + width - 1 - q0 <= ahead && q0 + count - 1 - k0 <= behind) return;
    for (int64_t j = 0; j < width; ++j) {
      T* line = s + j * key_step;
      const int64_t first = std::clamp<int64_t>(k0 + j - ahead - q0, 0, count),
                    last = std::clamp<int64_t>(k0 + j + behind + 1 - q0, first, count);
      for (int64_t i = 0; i < first; ++i) line[i * query_step] = never;
      for (int64_t i = last; i < count; ++i) line[i * query_step] = never;
    }
  }

  // The dropout's factors of a block, transposed as its scores are.
  void keep(int64_t u, int64_t q0, int64_t count, int64_t k0, int64_t width, T* spare, T* to) const {
    const T factor = dropout < 1 ? static_cast<T>(1 / (1 - dropout)) : T(0);
    for (int64_t i = 0; i < count; ++i) {
      const auto first = static_cast<uint64_t>((u * queries + q0 + i) * keys + k0);
      blocks.dropout(spare + i * kBlock, width, generator, first, 1 - dropout, factor);
    }
    transpose_strip(to, kBlock, spare, kBlock, width, count, sizeof(T), false);
    for (int64_t j = 0; j < width; ++j) std::fill(to + j * kBlock + count, to + j * kBlock + whole(count), T(0));
  }

  // Blocks that parallel_for hands out together: those of a few small ones.
  int64_t grain(int64_t products_of_one) const {
    return std::max<int64_t>(1, (int64_t{1} << 18) / std::max<int64_t>(products_of_one, 1));
  }
};

}  // namespace hearth::cpu
