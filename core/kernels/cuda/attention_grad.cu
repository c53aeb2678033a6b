// The gradient of attention, with the weights computed again tile by tile (Dao, "FlashAttention-2", 2023).
//
// With weights P = exp(scores - lse), dropout factors F, and delta = sum(dy y) for each query:
//   dv = (P F)^T dy,   dS = P (F (dy v^T) - delta),   dq = scale dS k,   dk = scale dS^T q,   dmask = dS.
// dq has a block for each tile of queries, dk and dv for each tile of keys: every sum has one order.
#include "core/kernels/attention.h"
#include "core/kernels/cuda/attention.cuh"
#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/copy.h"
#include "core/op/machinery.h"
#include "core/op/unrecorded.h"

namespace hearth::cuda {
namespace {

struct Gradients {
  Matrices dy, y;
  const void *lse, *delta;
  const GeneratorState* state;  // null without dropout
  Matrices dq, dk, dv;          // data is null where it is not wanted
  void* dscores;                // [batch, queries, keys], zeros at first; null unless the mask's gradient is wanted
  int64_t group;                // query heads that share a matrix of dk and dv
  int64_t matrices;             // of these
  int64_t chunks;               // of kWidth columns
};

// A warp for each query.
template <class S, class T>
HEARTH_KERNEL void delta_kernel(Attention p, Gradients g, T* delta) {
  const int64_t warps = blockDim.x / 32, lane = threadIdx.x % 32;
  for (int64_t n = blockIdx.x * warps + threadIdx.x / 32; n < p.batch * p.queries; n += gridDim.x * warps) {
    const int64_t u = n / p.queries, i = n % p.queries;
    const int64_t dy_at = p.offset(g.dy, u) + i * g.dy.row, y_at = p.offset(g.y, u) + i * g.y.row;
    T sum = 0;
    for (int64_t d = lane; d < p.value_size; d += 32) {
      sum = multiply_add(convert_in<T>(reinterpret_cast<const S*>(g.dy.data)[dy_at + d * g.dy.column]),
                         reinterpret_cast<const T*>(g.y.data)[y_at + d * g.y.column], sum);
    }
    sum = warp_reduce<Sum>(sum);
    if (lane == 0) delta[n] = sum;
  }
}

// Where one matrix's operands lie.
struct Places {
  int64_t u, q, k, v, dy, mask;
};
HEARTH_DEVICE Places places(const Attention& p, const Gradients& g, int64_t u) {
  return {u, p.offset(p.q, u), p.offset(p.k, u), p.offset(p.v, u), p.offset(g.dy, u), p.offset(p.mask, u)};
}

// Of a tile of queries and keys: the weights, with the dropout's factors in them, and the gradient of the scores.
template <class Tiles, class S, class T>
HEARTH_DEVICE void weights_and_grads(const Attention& p, const Gradients& g, const Places& at, int64_t q0, int64_t k0,
                                     T* operands, typename Tiles::Scores& weights, typename Tiles::Scores& grads) {
  rows_by_rows<Tiles, S>(p.q, at.q, q0, p.queries, static_cast<T>(p.scale), p.k, at.k, k0, p.keys, p.size, operands,
                         weights);
  rows_by_rows<Tiles, S>(g.dy, at.dy, q0, p.queries, T(1), p.v, at.v, k0, p.keys, p.value_size, operands, grads);
  constexpr T kNever = -std::numeric_limits<T>::infinity();
  const GeneratorState state = g.state ? *g.state : GeneratorState{};
  const T *lse = static_cast<const T*>(g.lse) + at.u * p.queries,
          *delta = static_cast<const T*>(g.delta) + at.u * p.queries;
  weights.each(grads, [&](int a, int b, T& w, T& ds) {
    const int64_t i = q0 + a, j = k0 + b;
    if (i >= p.queries || j >= p.keys || !p.sees(i, j)) {
      w = ds = T(0);
      return;
    }
    // A query that attends to nothing has weights of 0.
    const T l = lse[i], weight = l == kNever ? T(0) : exp(Num<T>(masked(p, at.mask, i, j, w) - l)).v;
    const T keep = g.state ? p.keep<T>(state, at.u, i, j) : T(1);
    ds = weight * (ds * keep - delta[i]);
    w = weight * keep;
  });
}

// Writes the rows [first, first + kTile) of a result.
template <class S, class Sums, class T>
HEARTH_DEVICE void write_rows(Sums& sum, T factor, const Matrices& to, int64_t offset, int64_t first, int64_t rows,
                              int64_t column, int64_t columns) {
  sum.each([&](int i, int j, T v) {
    const int64_t row = first + i, col = column + j;
    if (row < rows && col < columns) store<S>(to.data, offset + row * to.row + col * to.column, v * factor);
  });
}

template <class S, class T>
HEARTH_KERNEL void __launch_bounds__(AttentionTiles<T>::kThreads) queries_kernel(Attention p, Gradients g) {
  using Tiles = AttentionTiles<T>;
  constexpr int kTile = Tiles::kTile, kRow = Tiles::kScoreRow;
  HEARTH_SHARED(T, operands, [Tiles::kOperands]);
  HEARTH_SHARED(T, s, [kTile * kRow]);
  const int64_t tiles = (p.queries + kTile - 1) / kTile;
  for (int64_t b = blockIdx.x; b < p.batch * tiles * g.chunks; b += gridDim.x) {
    const int64_t chunk = b % g.chunks, q0 = b / g.chunks % tiles * kTile, column = chunk * Tiles::kWidth;
    const Places at = places(p, g, b / g.chunks / tiles);
    const int64_t end = q0 + kTile < p.queries ? q0 + kTile : p.queries, last = p.last_key(end);
    typename Tiles::Sums dq;
    dq.clear();
    for (int64_t k0 = p.first_key(q0); k0 < last; k0 += kTile) {
      typename Tiles::Scores weights, grads;
      weights_and_grads<Tiles, S>(p, g, at, q0, k0, operands, weights, grads);
      if (g.dscores && chunk == 0) {
        T* const to = static_cast<T*>(g.dscores) + at.u * p.queries * p.keys;
        grads.each([&](int i, int j, T v) {
          if (q0 + i < p.queries && k0 + j < p.keys) to[(q0 + i) * p.keys + k0 + j] = v;
        });
      }
      if (!g.dq.data) continue;
      __syncthreads();  // the tile before may still be read
      grads.each([&](int i, int j, T v) { s[i * kRow + j] = v; });
      const int width = static_cast<int>(last - k0 < kTile ? last - k0 : kTile);
      add_rows<Tiles, S>(s, kRow, 1, width, p.k, at.k, k0, p.keys, column, p.size, operands, dq);
    }
    if (g.dq.data) {
      write_rows<S>(dq, static_cast<T>(p.scale), g.dq, p.offset(g.dq, at.u), q0, p.queries, column, p.size);
    }
  }
}

template <class S, class T>
HEARTH_KERNEL void __launch_bounds__(AttentionTiles<T>::kThreads) keys_kernel(Attention p, Gradients g) {
  using Tiles = AttentionTiles<T>;
  constexpr int kTile = Tiles::kTile, kRow = Tiles::kScoreRow;
  HEARTH_SHARED(T, operands, [Tiles::kOperands]);
  HEARTH_SHARED(T, s, [kTile * kRow]);
  const int64_t tiles = (p.keys + kTile - 1) / kTile;
  for (int64_t b = blockIdx.x; b < g.matrices * tiles * g.chunks; b += gridDim.x) {
    const int64_t column = b % g.chunks * Tiles::kWidth, k0 = b / g.chunks % tiles * kTile, m = b / g.chunks / tiles;
    const bool has_dk = g.dk.data && column < p.size, has_dv = g.dv.data && column < p.value_size;
    const int64_t end = k0 + kTile < p.keys ? k0 + kTile : p.keys, last = p.last_query(end);
    typename Tiles::Sums dk, dv;
    dk.clear();
    dv.clear();
    for (int64_t u = m * g.group; u < (m + 1) * g.group; ++u) {
      const Places at = places(p, g, u);
      for (int64_t q0 = p.first_query(k0); q0 < last; q0 += kTile) {
        typename Tiles::Scores weights, grads;
        weights_and_grads<Tiles, S>(p, g, at, q0, k0, operands, weights, grads);
        const int width = static_cast<int>(last - q0 < kTile ? last - q0 : kTile);
        if (has_dv) {
          __syncthreads();
          weights.each([&](int i, int j, T v) { s[i * kRow + j] = v; });
          add_rows<Tiles, S>(s, 1, kRow, width, g.dy, at.dy, q0, p.queries, column, p.value_size, operands, dv);
        }
        if (has_dk) {
          __syncthreads();
          grads.each([&](int i, int j, T v) { s[i * kRow + j] = v; });
          add_rows<Tiles, S>(s, 1, kRow, width, p.q, at.q, q0, p.queries, column, p.size, operands, dk);
        }
      }
    }
    if (has_dk) write_rows<S>(dk, static_cast<T>(p.scale), g.dk, g.dk.strides[0] * m, k0, p.keys, column, p.size);
    if (has_dv) write_rows<S>(dv, T(1), g.dv, g.dv.strides[0] * m, k0, p.keys, column, p.value_size);
  }
}

// The matrices of a row-major tensor, one behind the other.
Matrices in_a_row(const Tensor& t) {
  Matrices m;
  m.data = static_cast<char*>(t.impl()->data());
  m.column = 1;
  m.row = t.size(-1);
  m.strides[0] = t.size(-2) * t.size(-1);
  return m;
}

template <class S, class T>
void run(OpCall& c) {
  using Tiles = AttentionTiles<T>;
  const auto& a = c.attrs_as<AttentionGradAttrs>();
  const Tensor &dy = c.input(0), &q = c.input(1), &k = c.input(2), &v = c.input(3);
  const Attention p = attention_of(dy.shape(), q, k, v, c.is_tensor(6) ? &c.input(6) : nullptr, a);
  const Tensor lse = row_major_as(c.input(5), dtype_of<T>), wide = c.input(4),
               state = p.drops ? row_major(c.input(7)) : Tensor(),
               delta = hearth::detail::empty({p.batch * p.queries}, dtype_of<T>, c.device);
  Gradients g = {};
  g.dy = matrices(p, dy);
  g.y = matrices(p, wide);
  g.lse = lse.impl()->data();
  g.delta = delta.impl()->data();
  if (p.drops) g.state = static_cast<const GeneratorState*>(state.impl()->data());
  if (a.dq) g.dq = matrices(p, c.out[0]);
  Tensor dk, dv, dscores;
  if (a.dk) g.dk = in_a_row(dk = place_for(c.out[1]));
  if (a.dv) g.dv = in_a_row(dv = place_for(c.out[2]));
  if (a.dmask) {
    dscores = hearth::detail::empty({p.batch, p.queries, p.keys}, dtype_of<T>, c.device);
    if (dscores.numel() > 0) {
      g.dscores = dscores.impl()->data();
      check(cudaMemsetAsync(g.dscores, 0, dscores.nbytes(), stream(c.device.index)), "memset");
    }
  }
  const auto tiles = [](int64_t n) { return (n + Tiles::kTile - 1) / Tiles::kTile; };
  const auto chunks = [](int64_t n) { return (n + Tiles::kWidth - 1) / Tiles::kWidth; };
  if (p.batch * p.queries > 0) {
    launch(over(c, 32 * p.batch * p.queries), delta_kernel<S, T>, p, g, static_cast<T*>(delta.impl()->data()));
    g.chunks = a.dq ? chunks(p.size) : 0;
    if (g.dscores) g.chunks = std::max<int64_t>(g.chunks, 1);
    if (g.chunks > 0) launch(attention_launch<T>(c, p.batch * tiles(p.queries) * g.chunks), queries_kernel<S, T>, p, g);
  }
  if (a.dk || a.dv) {
    // A group of query heads shares what the results have fewer heads of.
    const int64_t heads = p.rank > 0 ? p.lead[p.rank - 1] : 1;
    const Shape& shape = a.dk ? dk.shape() : dv.shape();
    const int64_t own = p.rank > 0 ? shape[p.rank - 1] : 1;
    g.matrices = 1;
    for (int d = 0; d < p.rank; ++d) g.matrices *= shape[d];
    g.group = own > 0 ? heads / own : 0;
    g.chunks = chunks(std::max(a.dk ? p.size : 0, a.dv ? p.value_size : 0));
    if (g.matrices * p.keys * g.chunks > 0)
      launch(attention_launch<T>(c, g.matrices * tiles(p.keys) * g.chunks), keys_kernel<S, T>, p, g);
    finish(c.out[1], dk);
    finish(c.out[2], dv);
  }
  if (!a.dmask || c.out[3].numel() == 0) return;
  const Unrecorded step;
  Shape whole = dy.shape();
  whole[whole.rank() - 1] = p.keys;
  const Tensor all = hearth::detail::alias(dscores, Layout(whole, contiguous_strides(whole), 0), true);
  copy_tensor(c.out[3], machinery::sum_to(all, c.out[3].shape()));
}

}  // namespace

void attention_grad(OpCall& c) {
  const DType t = c.input(1).dtype();
  for (int i : {0, 2, 3}) {
    if (c.input(i).dtype() != t) {
      fail(c.op.name, ": dy, q, k and v must have one dtype, but are ", c.input(0).dtype(), ", ", t, ", ",
           c.input(2).dtype(), " and ", c.input(3).dtype());
    }
  }
  by_float_type(t, [&]<class S, class T>() { run<S, T>(c); });
}

}  // namespace hearth::cuda
