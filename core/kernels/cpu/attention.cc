// Attention without a matrix of scores (Dao et al., "FlashAttention", 2022; Rabe and Staats, "Self-attention does not
// need O(n^2) memory", 2021): blocks of queries pass over blocks of keys with an online softmax.
#include "core/kernels/attention.h"

#include "core/base/parallel.h"
#include "core/kernels/cpu/attention_problem.h"
#include "core/tensor/generator.h"

namespace hearth::cpu {
namespace {

// So few queries leave most of a register of them empty: their scores are dot products, a row for each query.
constexpr int64_t kFewQueries = 4;

template <class T>
class Forward {
 public:
  Forward(OpCall& c, const AttentionProblem<T>& p) : p_(p), y_(c.out[0]), wide_(c.out[3]), lse_(c.out[1]) {
    for (int d = 0; d < p.lead.rank(); ++d) lead_strides_.push_back(y_.strides()[d]);
  }

  void run() const {
    const bool few = p_.queries <= kFewQueries && p_.dropout == 0;
    const int64_t per_matrix = blocks_in(p_.queries);
    const int64_t grain =
        p_.grain(std::min(p_.queries, kBlock) * std::max<int64_t>(p_.keys, 1) * (p_.size + p_.value_size + 16));
    parallel_for(p_.batch * per_matrix, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t u = i / per_matrix, q0 = i % per_matrix * kBlock;
        if (few) rows(u);
        else block(u, q0, std::min(kBlock, p_.queries - q0));
      }
    });
  }

 private:
  void block(int64_t u, int64_t q0, int64_t count) const {
    const AttentionBlocks<T>& b = p_.blocks;
    const int64_t widest = std::max(p_.padded, p_.padded_value);
    Scratch scratch(Scratch::bytes<T>(p_.size * kBlock) + 3 * Scratch::bytes<T>(kBlock * kBlock) +
                    Scratch::bytes<T>(kBlock * widest) + Scratch::bytes<T>(kBlock * p_.padded_value) +
                    3 * Scratch::bytes<T>(kBlock));
    T *turned = scratch.take<T>(p_.size * kBlock), *s = scratch.take<T>(kBlock * kBlock),
      *spare = scratch.take<T>(kBlock * kBlock), *spare_turned = scratch.take<T>(kBlock * kBlock),
      *line = scratch.take<T>(kBlock * widest), *out = scratch.take<T>(kBlock * p_.padded_value),
      *top = scratch.take<T>(kBlock), *total = scratch.take<T>(kBlock), *shrink = scratch.take<T>(kBlock);
    const int64_t k_offset = p_.k.offset(u), v_offset = p_.v.offset(u);
    p_.columns(p_.q, p_.q.offset(u), q0, count, p_.size, p_.padded, p_.scale, line, turned);
    std::fill(top, top + kBlock, -std::numeric_limits<T>::infinity());
    std::fill(total, total + kBlock, T(0));
    std::fill(out, out + kBlock * p_.padded_value, T(0));
    const auto [first, last] = p_.keys_of(q0, q0 + count);
    for (int64_t k0 = first; k0 < last; k0 += kBlock) {
      const int64_t width = std::min(kBlock, last - k0);
      const Rows<T> keys = p_.rows(p_.k, k_offset, k0, width, p_.size, p_.padded, line);
      const bool trim = p_.on_diagonal(q0, k0);
      if (!p_.scores(trim, turned, keys, u, q0, count, k0, width, s, spare, spare_turned)) continue;
      bool shrunk = false;
      for (int64_t i = 0, n = trim ? kStrip : kBlock; i < count; i += n) {
        shrunk |= b.softmax(s + i, kBlock, trim ? std::min(i + n, width) : width,
                            p_.whole(std::min(n, count - i)) / b.lanes, top + i, total + i, shrink + i);
      }
      if (shrunk) {
        for (int64_t i = 0; i < count; ++i) b.scale(out + i * p_.padded_value, shrink[i], p_.padded_value);
      }
      if (p_.dropout > 0) {
        p_.keep(u, q0, count, k0, width, spare, spare_turned);
        for (int64_t j = 0; j < width; ++j) b.product(s + j * kBlock, spare_turned + j * kBlock, p_.whole(count));
      }
      const Rows<T> values = p_.rows(p_.v, v_offset, k0, width, p_.value_size, p_.padded_value, line);
      p_.sum_over_keys(trim, width, count, s, values, p_.padded_value, out);
    }
    finish(u, q0, count, out, top, total);
  }

  // All queries of one matrix, where there are few.
  void rows(int64_t u) const {
    const AttentionBlocks<T>& b = p_.blocks;
    const int64_t widest = std::max(p_.padded, p_.padded_value);
    Scratch scratch(Scratch::bytes<T>(kFewQueries * p_.padded) + 2 * Scratch::bytes<T>(kFewQueries * kBlock) +
                    Scratch::bytes<T>(kBlock * widest) + Scratch::bytes<T>(kFewQueries * p_.padded_value));
    T *q = scratch.take<T>(kFewQueries * p_.padded), *s = scratch.take<T>(kFewQueries * kBlock),
      *spare = scratch.take<T>(kFewQueries * kBlock), *line = scratch.take<T>(kBlock * widest),
      *out = scratch.take<T>(kFewQueries * p_.padded_value);
    constexpr T never = -std::numeric_limits<T>::infinity();
    T top[kFewQueries], total[kFewQueries] = {};
    std::fill(top, top + kFewQueries, never);
    std::fill(out, out + kFewQueries * p_.padded_value, T(0));
    const int64_t count = p_.queries, k_offset = p_.k.offset(u), v_offset = p_.v.offset(u);
    const Rows<T> from = p_.rows(p_.q, p_.q.offset(u), 0, count, p_.size, p_.padded, q);
    for (int64_t i = 0; i < count; ++i) {
      if (from.data != q) std::copy_n(from.data + i * from.row, p_.padded, q + i * p_.padded);
      b.scale(q + i * p_.padded, p_.scale, p_.padded);
    }
    const auto [first, last] = p_.keys_of(0, count);
    for (int64_t k0 = first; k0 < last; k0 += kBlock) {
      const int64_t width = std::min(kBlock, last - k0);
      bool masked = p_.mask.has_value();
      if (masked) {
        bool all = false;
        if (!p_.mask_rows(p_.mask->offset(u), 0, count, k0, width, spare, all)) continue;
        masked = !all;
      }
      const Rows<T> keys = p_.rows(p_.k, k_offset, k0, width, p_.size, p_.padded, line);
      for (int64_t i = 0; i < count; ++i) {
        T* row = s + i * kBlock;
        b.scores(q + i * p_.padded, keys.data, keys.row, width, p_.padded, row);
        if (masked) (p_.mask->dtype == DType::kBool ? b.select : b.add)(row, spare + i * kBlock, width);
      }
      p_.hide(0, count, k0, width, s, kBlock, 1);
      for (int64_t i = 0; i < count; ++i) {
        T* row = s + i * kBlock;
        std::fill(row + width, row + p_.whole(width), never);
        const T shrink = b.softmax_row(row, p_.whole(width), top + i, total + i);
        if (shrink != T(1)) b.scale(out + i * p_.padded_value, shrink, p_.padded_value);
      }
      const Rows<T> values = p_.rows(p_.v, v_offset, k0, width, p_.value_size, p_.padded_value, line);
      b.multiply(count, p_.padded_value / b.lanes, width, s, kBlock, 1, values.data, values.row, out, p_.padded_value,
                 true);
    }
    finish(u, 0, count, out, top, total);
  }

  // Sums divided by the weights' own, in the result's dtype.
  void finish(int64_t u, int64_t q0, int64_t count, T* out, const T* top, const T* total) const {
    // A query that may attend to nothing gets 0. Where neither a mask nor a window can be the reason, all its scores
    // are -infinity by themselves, and the softmax is NaN.
    const T nothing = p_.mask || p_.window || p_.keys == 0 ? T(0) : std::numeric_limits<T>::quiet_NaN();
    const ConvertFn convert = convert_fn(dtype_of<T>, y_.dtype());
    const int64_t row = y_.strides()[p_.lead.rank()];
    int64_t at = 0;
    for (int64_t d = p_.lead.rank(), i = u; d-- > 0; i /= p_.lead[static_cast<int>(d)])
      at += i % p_.lead[static_cast<int>(d)] * lead_strides_[static_cast<int>(d)];
    T* lse = static_cast<T*>(lse_.impl()->data()) + u * p_.queries + q0;
    for (int64_t i = 0; i < count; ++i) {
      T* from = out + i * p_.padded_value;
      if (total[i] == T(0)) {
        std::fill(from, from + p_.value_size, nothing);
        lse[i] = nothing == T(0) ? -std::numeric_limits<T>::infinity() : nothing;
      } else {
        p_.blocks.scale(from, 1 / total[i], p_.value_size);
        lse[i] = top[i] + std::log(total[i]);
      }
      const int64_t to = at + (q0 + i) * row;
      convert(from, static_cast<char*>(y_.impl()->data()) + to * static_cast<int64_t>(y_.itemsize()), p_.value_size);
      if (y_.dtype() != dtype_of<T>) std::copy_n(from, p_.value_size, static_cast<float*>(wide_.impl()->data()) + to);
    }
  }

  const AttentionProblem<T>& p_;
  const Tensor &y_, &wide_, &lse_;
  Strides lead_strides_;
};

template <class T>
void forward(OpCall& c) {
  const auto& a = c.attrs_as<AttentionAttrs>();
  AttentionProblem<T> p(c.out[0].shape(), c.input(0), c.input(1), c.input(2), c.is_tensor(3) ? &c.input(3) : nullptr,
                        a);
  if (a.dropout > 0) {
    p.generator = c.generator->take(static_cast<uint64_t>(p.batch * p.queries * p.keys));
    auto* state = static_cast<uint64_t*>(c.out[2].impl()->data());
    state[0] = p.generator.seed;
    state[1] = p.generator.offset;
  }
  if (c.out[0].numel() == 0 && c.out[1].numel() == 0) return;
  Forward<T>(c, p).run();
}

}  // namespace

void attention(OpCall& c) { c.dtype == DType::kF64 ? forward<double>(c) : forward<float>(c); }

}  // namespace hearth::cpu
