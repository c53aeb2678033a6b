// The gradient of attention, with the weights computed again block by block (Dao, "FlashAttention-2", 2023).
//
// With weights P = exp(scores - lse), dropout factors F, and delta = sum(dy y) for each query:
//   dv = (P F)^T dy,   dS = P (F (dy v^T) - delta),   dq = scale dS k,   dk = scale dS^T q,   dmask = dS.
#include <cstring>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/attention.h"
#include "core/kernels/cpu/attention_problem.h"

namespace hearth::cpu {
namespace {

// Several threads find work even where there is one matrix only: its keys are cut into parts, whose dq are summed in
// order. By shape alone, so that the sums have the same bits for any number of threads.
constexpr int64_t kUnits = 8, kLeastKeys = 256;

Tensor dense(const Tensor& t, const char* op) {
  if (t.layout().contiguous) return t;
  Tensor copy = hearth::detail::empty(t.shape(), t.dtype(), kCpu, op);
  copy_tensor(copy, t);
  return copy;
}

// Where the rows of a result lie: a matrix for each element of `lead`.
struct Target {
  const Tensor* tensor = nullptr;

  template <class T>
  void write(int64_t u, int64_t first, int64_t count, const T* from, int64_t from_row) const {
    const Tensor& t = *tensor;
    const int rank = t.dim();
    int64_t at = 0;
    for (int d = rank - 2; d-- > 0; u /= t.shape()[d]) at += u % t.shape()[d] * t.strides()[d];
    const ConvertFn convert = convert_fn(dtype_of<T>, t.dtype());
    for (int64_t i = 0; i < count; ++i) {
      const int64_t to = at + (first + i) * t.strides()[rank - 2];
      convert(from + i * from_row, static_cast<char*>(t.impl()->data()) + to * static_cast<int64_t>(t.itemsize()),
              t.shape().back());
    }
  }
};

template <class T>
class Backward {
 public:
  Backward(OpCall& c, const AttentionProblem<T>& p)
      : p_(p),
        attrs_(c.attrs_as<AttentionGradAttrs>()),
        dy_(c.input(0), p.lead),
        y_(c.input(4), p.lead),
        lse_tensor_(dense(c.input(5), "attention_grad")),
        lse_(static_cast<const T*>(lse_tensor_.raw_data())),
        dq_{&c.out[0]},
        dk_{&c.out[1]},
        dv_{&c.out[2]},
        dmask_{&c.out[3]} {
    heads_ = p.lead.rank() ? p.lead.back() : 1;
    // A group of query heads shares keys and values where these have equally many heads.
    group_ = p.k.group == p.v.group ? p.k.group : 1;
    if (shares_one_head(c.input(2)) && shares_one_head(c.input(3))) group_ = heads_;
  }

  void run() const {
    if (attrs_.dq || attrs_.dk || attrs_.dv) products();
    if (attrs_.dmask) masks();
  }

 private:
  bool shares_one_head(const Tensor& t) const { return heads_ > 0 && (t.dim() < 3 || t.size(-3) == 1); }

  // One matrix's queries: those that the unit works on.
  struct Queries {
    T *turned, *dy_turned, *lse, *delta;  // per block of kBlock queries
  };
  struct Tiles {
    T *s, *ds, *keep, *spare, *spare_turned;
  };

  static int64_t bytes_of_tiles() { return 5 * Scratch::bytes<T>(kBlock * kBlock); }
  static Tiles tiles(Scratch& scratch) {
    Tiles t;
    for (T** p : {&t.s, &t.ds, &t.keep, &t.spare, &t.spare_turned}) *p = scratch.take<T>(kBlock * kBlock);
    return t;
  }
  int64_t bytes_of_queries(int64_t blocks) const {
    return Scratch::bytes<T>(blocks * p_.size * kBlock) + Scratch::bytes<T>(blocks * p_.value_size * kBlock) +
           2 * Scratch::bytes<T>(blocks * kBlock);
  }
  Queries queries(Scratch& scratch, int64_t blocks) const {
    return {scratch.take<T>(blocks * p_.size * kBlock), scratch.take<T>(blocks * p_.value_size * kBlock),
            scratch.take<T>(blocks * kBlock), scratch.take<T>(blocks * kBlock)};
  }
  int64_t widest() const { return std::max(p_.padded, p_.padded_value); }

  // Block b of matrix u's queries, as block `to` of `out`.
  void prepare(int64_t u, int64_t b, int64_t to, const Queries& out, T* line, T* other_line) const {
    const int64_t q0 = b * kBlock, count = std::min(kBlock, p_.queries - q0);
    p_.columns(p_.q, p_.q.offset(u), q0, count, p_.size, p_.padded, p_.scale, line, out.turned + to * p_.size * kBlock);
    const int64_t dy_at = dy_.offset(u);
    p_.columns(dy_, dy_at, q0, count, p_.value_size, p_.padded_value, T(1), line,
               out.dy_turned + to * p_.value_size * kBlock);
    const Rows<T> dy = p_.rows(dy_, dy_at, q0, count, p_.value_size, p_.padded_value, line),
                  y = p_.rows(y_, y_.offset(u), q0, count, p_.value_size, p_.padded_value, other_line);
    T *lse = out.lse + to * kBlock, *delta = out.delta + to * kBlock;
    std::fill(lse, lse + kBlock, T(0));
    std::fill(delta, delta + kBlock, T(0));
    for (int64_t i = 0; i < count; ++i) {
      const T l = lse_[u * p_.queries + q0 + i];
      // A query that attends to nothing has weights of 0.
      lse[i] = l == -std::numeric_limits<T>::infinity() ? -l : l;
      delta[i] = p_.blocks.dot(dy.data + i * dy.row, y.data + i * y.row, p_.value_size);
    }
  }

  // t.s becomes the weights and t.ds the gradient of the scores, both transposed. False if all of them are 0.
  bool scores(bool trim, int64_t u, int64_t q0, int64_t k0, int64_t width, int64_t at, const Queries& q,
              const Rows<T>& keys, const Rows<T>& values, const Tiles& t) const {
    const AttentionBlocks<T>& b = p_.blocks;
    const int64_t count = std::min(kBlock, p_.queries - q0), columns = p_.whole(count);
    if (!p_.scores(trim, q.turned + at * p_.size * kBlock, keys, u, q0, count, k0, width, t.s, t.spare, t.spare_turned))
      return false;
    p_.score(trim, width, count, p_.value_size, values, q.dy_turned + at * p_.value_size * kBlock, t.ds);
    const bool drops = p_.dropout > 0;
    if (drops) p_.keep(u, q0, count, k0, width, t.spare, t.keep);
    const T *lse = q.lse + at * kBlock, *delta = q.delta + at * kBlock;
    for (int64_t j = 0; j < (trim ? std::min(width, columns) : width); j += trim ? kStrip : kBlock) {
      const int64_t i = trim ? j : 0, to = j * kBlock + i, rows = trim ? std::min(kStrip, width - j) : width;
      b.softmax_grad(t.s + to, t.ds + to, kBlock, rows, (columns - i) / b.lanes, lse + i, delta + i,
                     drops ? t.keep + to : nullptr);
    }
    return true;
  }

  void products() const {
    if (p_.batch == 0) {
      for (const Tensor* t : {dk_.tensor, dv_.tensor})
        if (t->numel() > 0) std::memset(t->impl()->data(), 0, static_cast<size_t>(t->numel()) * t->itemsize());
      return;
    }
    const int64_t groups = p_.batch / group_;
    const int64_t parts =
        std::max<int64_t>(1, std::min((kUnits + groups - 1) / groups, (p_.keys + kLeastKeys - 1) / kLeastKeys));
    const int64_t part = std::max<int64_t>(kBlock, blocks_in((p_.keys + parts - 1) / parts) * kBlock);
    const int64_t dq_size = attrs_.dq ? p_.queries * p_.padded : 0;  // of one matrix
    // Sums of dq over each part's keys.
    const int64_t sums = parts > 1 ? parts * p_.batch * dq_size : 0;
    Scratch scratch(Scratch::bytes<T>(sums));
    T* const dq_parts = scratch.take<T>(sums);
    const int64_t work =
        group_ * p_.queries * std::max<int64_t>(std::min(part, p_.keys), 1) * (3 * p_.size + 2 * p_.value_size + 16);
    parallel_for(groups * parts, p_.grain(work), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t k0 = std::min(p_.keys, i % parts * part), k1 = std::min(p_.keys, k0 + part);
        unit(i / parts, k0, k1, parts > 1 ? dq_parts + i % parts * p_.batch * dq_size : nullptr);
      }
    });
    if (parts == 1 || !attrs_.dq) return;
    const int64_t blocks = blocks_in(p_.queries);
    parallel_for(p_.batch * blocks, p_.grain(kBlock * p_.padded * parts), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t u = i / blocks, q0 = i % blocks * kBlock, count = std::min(kBlock, p_.queries - q0);
        T* sum = dq_parts + u * dq_size + q0 * p_.padded;
        for (int64_t k = 1; k < parts; ++k) p_.blocks.add(sum, sum + k * p_.batch * dq_size, count * p_.padded);
        p_.blocks.scale(sum, p_.scale, count * p_.padded);
        dq_.write(u, q0, count, sum, p_.padded);
      }
    });
  }

  // The queries of one group against the keys [k0, k1): all of dk and dv of these keys, and their share of dq, which is
  // written to dq_part, or to the result where that is null.
  void unit(int64_t g, int64_t k0, int64_t k1, T* dq_part) const {
    const AttentionBlocks<T>& b = p_.blocks;
    const int64_t blocks = blocks_in(p_.queries), n = k1 - k0;
    const int64_t dq_size = attrs_.dq ? p_.queries * p_.padded : 0, dk_size = attrs_.dk ? n * p_.padded : 0,
                  dv_size = attrs_.dv ? n * p_.padded_value : 0, line = kBlock * widest();
    Scratch scratch(bytes_of_queries(blocks) + bytes_of_tiles() + 4 * Scratch::bytes<T>(line) +
                    Scratch::bytes<T>(dq_size) + Scratch::bytes<T>(dk_size) + Scratch::bytes<T>(dv_size));
    const Queries q = queries(scratch, blocks);
    const Tiles t = tiles(scratch);
    T *key_line = scratch.take<T>(line), *value_line = scratch.take<T>(line), *q_line = scratch.take<T>(line),
      *dy_line = scratch.take<T>(line), *own_dq = scratch.take<T>(dq_size), *dk = scratch.take<T>(dk_size),
      *dv = scratch.take<T>(dv_size);
    std::fill(dk, dk + dk_size, T(0));
    std::fill(dv, dv + dv_size, T(0));
    for (int64_t h = 0; h < group_; ++h) {
      const int64_t u = g * group_ + h, k_at = p_.k.offset(u), v_at = p_.v.offset(u), q_at = p_.q.offset(u),
                    dy_at = dy_.offset(u);
      T* dq = dq_part ? dq_part + u * dq_size : own_dq;
      std::fill(dq, dq + dq_size, T(0));
      const auto [seen, seen_end] = p_.queries_of(k0, k1);
      for (int64_t i = seen / kBlock; seen < seen_end && i * kBlock < seen_end; ++i)
        prepare(u, i, i, q, q_line, dy_line);
      for (int64_t k = k0; k < k1; k += kBlock) {
        const int64_t width = std::min(kBlock, k1 - k);
        const Rows<T> keys = p_.rows(p_.k, k_at, k, width, p_.size, p_.padded, key_line),
                      values = p_.rows(p_.v, v_at, k, width, p_.value_size, p_.padded_value, value_line);
        const auto [first, last] = p_.queries_of(k, k + width);
        for (int64_t i = first / kBlock; first < last && i * kBlock < last; ++i) {
          const int64_t q0 = i * kBlock, count = std::min(kBlock, p_.queries - q0);
          const bool trim = p_.on_diagonal(q0, k);
          if (!scores(trim, u, q0, k, width, i, q, keys, values, t)) continue;
          if (attrs_.dv) {
            const Rows<T> rows = p_.rows(dy_, dy_at, q0, count, p_.value_size, p_.padded_value, dy_line);
            p_.sum_over_queries(trim, width, count, t.s, rows, p_.padded_value, dv + (k - k0) * p_.padded_value);
          }
          if (attrs_.dk) {
            const Rows<T> rows = p_.rows(p_.q, q_at, q0, count, p_.size, p_.padded, q_line);
            p_.sum_over_queries(trim, width, count, t.ds, rows, p_.padded, dk + (k - k0) * p_.padded);
          }
          if (attrs_.dq) p_.sum_over_keys(trim, width, count, t.ds, keys, p_.padded, dq + q0 * p_.padded);
        }
      }
      if (attrs_.dq && !dq_part) {
        b.scale(dq, p_.scale, dq_size);
        dq_.write(u, 0, p_.queries, dq, p_.padded);
      }
    }
    b.scale(dk, p_.scale, dk_size);
    if (attrs_.dk) dk_.write(g, k0, n, dk, p_.padded);
    if (attrs_.dv) dv_.write(g, k0, n, dv, p_.padded_value);
  }

  // The mask's gradient: the scores' summed over what the mask is broadcast over, in the order of the matrices.
  void masks() const {
    const Tensor& out = *dmask_.tensor;
    if (out.numel() == 0) return;
    const int64_t rows = out.dim() >= 2 ? out.size(-2) : 1, columns = out.dim() >= 1 ? out.size(-1) : 1;
    const bool one_row = rows == 1, one_column = columns == 1;
    const int64_t matrices = out.numel() / (rows * columns), blocks = blocks_in(p_.queries),
                  pieces = one_row ? 1 : blocks;
    // The matrices that read each of the mask's.
    std::vector<std::vector<int64_t>> readers(static_cast<size_t>(matrices));
    const Matrices as_made(out, p_.lead);
    for (int64_t u = 0; u < p_.batch; ++u)
      readers[static_cast<size_t>(as_made.offset(u) / (rows * columns))].push_back(u);
    parallel_for(matrices * pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = one_row ? 0 : i % pieces, last = one_row ? blocks : first + 1;
        piece(readers[static_cast<size_t>(i / pieces)], i / pieces, first, last, one_row, one_column);
      }
    });
  }

  void piece(const std::vector<int64_t>& readers, int64_t matrix, int64_t first, int64_t last, bool one_row,
             bool one_column) const {
    const Tensor& out = *dmask_.tensor;
    const int64_t rows = out.dim() >= 2 ? out.size(-2) : 1, columns = out.dim() >= 1 ? out.size(-1) : 1;
    const int64_t line = kBlock * widest(), sums = p_.keys * kBlock, to_write = one_row ? 1 : std::min(kBlock, rows);
    Scratch scratch(bytes_of_queries(1) + bytes_of_tiles() + 4 * Scratch::bytes<T>(line) + Scratch::bytes<T>(sums) +
                    Scratch::bytes<T>(to_write * columns));
    const Queries q = queries(scratch, 1);
    const Tiles t = tiles(scratch);
    T *key_line = scratch.take<T>(line), *value_line = scratch.take<T>(line), *q_line = scratch.take<T>(line),
      *dy_line = scratch.take<T>(line), *sum = scratch.take<T>(sums), *result = scratch.take<T>(to_write * columns);
    std::fill(sum, sum + sums, T(0));
    for (const int64_t u : readers) {
      const int64_t k_at = p_.k.offset(u), v_at = p_.v.offset(u);
      for (int64_t i = first; i < last; ++i) {
        prepare(u, i, 0, q, q_line, dy_line);
        const int64_t q0 = i * kBlock, count = std::min(kBlock, p_.queries - q0);
        const auto [k0, k1] = p_.keys_of(q0, q0 + count);
        for (int64_t k = k0; k < k1; k += kBlock) {
          const int64_t width = std::min(kBlock, k1 - k);
          const Rows<T> keys = p_.rows(p_.k, k_at, k, width, p_.size, p_.padded, key_line),
                        values = p_.rows(p_.v, v_at, k, width, p_.value_size, p_.padded_value, value_line);
          if (!scores(false, u, q0, k, width, 0, q, keys, values, t)) continue;
          for (int64_t j = 0; j < width; ++j) p_.blocks.add(sum + (k + j) * kBlock, t.ds + j * kBlock, count);
        }
      }
    }
    std::fill(result, result + to_write * columns, T(0));
    const int64_t q0 = first * kBlock,
                  queries = one_row ? std::min(kBlock, p_.queries) : std::min(kBlock, p_.queries - q0);
    for (int64_t j = 0; j < p_.keys; ++j) {
      for (int64_t i = 0; i < queries; ++i)
        result[(one_row ? 0 : i) * columns + (one_column ? 0 : j)] += sum[j * kBlock + i];
    }
    const ConvertFn convert = convert_fn(dtype_of<T>, out.dtype());
    const int64_t at = (matrix * rows + (one_row ? 0 : q0)) * columns, n = (one_row ? 1 : queries) * columns;
    convert(result, static_cast<char*>(out.impl()->data()) + at * static_cast<int64_t>(out.itemsize()), n);
  }

  const AttentionProblem<T>& p_;
  const AttentionGradAttrs& attrs_;
  Matrices dy_, y_;
  Tensor lse_tensor_;
  const T* lse_;
  Target dq_, dk_, dv_, dmask_;
  int64_t heads_ = 1, group_ = 1;
};

template <class T>
void backward(OpCall& c) {
  const auto& a = c.attrs_as<AttentionGradAttrs>();
  AttentionProblem<T> p(c.input(0).shape(), c.input(1), c.input(2), c.input(3), c.is_tensor(6) ? &c.input(6) : nullptr,
                        a);
  if (a.dropout > 0) {
    const Tensor state = dense(c.input(7), "attention_grad");
    const auto* words = static_cast<const uint64_t*>(state.raw_data());
    p.generator = {words[0], words[1]};
  }
  Backward<T>(c, p).run();
}

}  // namespace

void attention_grad(OpCall& c) { c.dtype == DType::kF64 ? backward<double>(c) : backward<float>(c); }

}  // namespace hearth::cpu
