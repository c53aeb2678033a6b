// Attention without a matrix of scores (Dao et al., "FlashAttention", 2022): a block for each tile of queries passes
// over tiles of keys with an online softmax (Milakov and Gimelshein, 2018).
#include "core/kernels/attention.h"

#include "core/kernels/cuda/attention.cuh"
#include "core/kernels/cuda/block.cuh"

namespace hearth::cuda {
namespace {

struct Results {
  Matrices y, wide;  // wide.data is null where y is not rounded
  void* lse;
  int64_t chunks;  // of kWidth columns of y
  bool safe;       // a query that sees nothing gets 0, not NaN
};

HEARTH_KERNEL void note_state(GeneratorState* to, Draw draw) { *to = draw.now(); }

template <class S, class T>
HEARTH_KERNEL void __launch_bounds__(AttentionTiles<T>::kThreads) attention_kernel(Attention p, Results r, Draw draw) {
  using Tiles = AttentionTiles<T>;
  constexpr T kNever = -std::numeric_limits<T>::infinity();
  constexpr int kTile = Tiles::kTile, kRow = Tiles::kScoreRow, kShare = Tiles::kThreads / kTile;
  HEARTH_SHARED(T, operands, [Tiles::kOperands]);
  HEARTH_SHARED(T, s, [kTile * kRow]);
  HEARTH_SHARED(T, shrink, [kTile]);
  // The softmax of a row is the work of kShare neighbouring threads.
  const int own = static_cast<int>(threadIdx.x) / kShare, part = static_cast<int>(threadIdx.x) % kShare;
  const int64_t tiles = (p.queries + kTile - 1) / kTile;
  const GeneratorState state = draw.now();
  for (int64_t b = blockIdx.x; b < p.batch * tiles * r.chunks; b += gridDim.x) {
    const int64_t chunk = b % r.chunks, q0 = b / r.chunks % tiles * kTile, u = b / r.chunks / tiles;
    const int64_t q_at = p.offset(p.q, u), k_at = p.offset(p.k, u), v_at = p.offset(p.v, u),
                  mask_at = p.offset(p.mask, u), column = chunk * Tiles::kWidth;
    const int64_t end = q0 + kTile < p.queries ? q0 + kTile : p.queries, last = p.last_key(end);
    typename Tiles::Sums out;
    out.clear();
    T top = kNever, total = 0;
    for (int64_t k0 = p.first_key(q0); k0 < last; k0 += kTile) {
      typename Tiles::Scores scores;
      rows_by_rows<Tiles, S>(p.q, q_at, q0, p.queries, static_cast<T>(p.scale), p.k, k_at, k0, p.keys, p.size, operands,
                             scores);
      __syncthreads();  // the tile before may still be read
      scores.each([&](int i, int j, T v) { s[i * kRow + j] = masked(p, mask_at, q0 + i, k0 + j, v); });
      __syncthreads();
      T now = top;
      for (int j = part; j < kTile; j += kShare) {
        const T v = s[own * kRow + j];
        now = v > now ? v : now;
      }
      for (int lanes = 1; lanes < kShare; lanes *= 2) {
        const T other = __shfl_xor_sync(kAllLanes, now, lanes);
        now = other > now ? other : now;
      }
      const T shift = now == kNever ? T(0) : now;
      T sum = 0;
      for (int j = part; j < kTile; j += kShare) {
        T w = exp(Num<T>(s[own * kRow + j] - shift)).v;
        sum += w;
        if (p.drops) w *= p.keep<T>(state, u, q0 + own, k0 + j);
        s[own * kRow + j] = w;
      }
      for (int lanes = 1; lanes < kShare; lanes *= 2) sum += __shfl_xor_sync(kAllLanes, sum, lanes);
      const T factor = exp(Num<T>(top - shift)).v;
      total = total * factor + sum;
      top = now;
      if (part == 0) shrink[own] = factor;
      __syncthreads();
      out.each([&](int i, int, T& v) { v *= shrink[i]; });
      const int width = static_cast<int>(last - k0 < kTile ? last - k0 : kTile);
      add_rows<Tiles, S>(s, kRow, 1, width, p.v, v_at, k0, p.keys, column, p.value_size, operands, out);
    }
    // Without a mask or a window a query whose scores are all -infinity has a softmax of NaN.
    const T nothing = r.safe ? T(0) : std::numeric_limits<T>::quiet_NaN();
    __syncthreads();
    if (part == 0) {
      shrink[own] = total == T(0) ? nothing : T(1) / total;
      if (chunk == 0 && q0 + own < p.queries) {
        static_cast<T*>(r.lse)[u * p.queries + q0 + own] = total != T(0)     ? top + log(Num<T>(total)).v
                                                           : nothing == T(0) ? kNever
                                                                             : nothing;
      }
    }
    __syncthreads();
    const int64_t y_at = p.offset(r.y, u), wide_at = p.offset(r.wide, u);
    out.each([&](int i, int j, T v) {
      const int64_t row = q0 + i, col = column + j;
      if (row >= p.queries || col >= p.value_size) return;
      v *= shrink[i];
      store<S>(r.y.data, y_at + row * r.y.row + col * r.y.column, v);
      if (r.wide.data) reinterpret_cast<T*>(r.wide.data)[wide_at + row * r.wide.row + col * r.wide.column] = v;
    });
  }
}

}  // namespace

void attention(OpCall& c) {
  const auto& a = c.attrs_as<AttentionAttrs>();
  const Attention p =
      attention_of(c.out[0].shape(), c.input(0), c.input(1), c.input(2), c.is_tensor(3) ? &c.input(3) : nullptr, a);
  Draw drawn;
  if (p.drops) {
    drawn = draw(c, static_cast<uint64_t>(p.batch * p.queries * p.keys));
    launch(over(c, 1, 1), note_state, static_cast<GeneratorState*>(c.out[2].impl()->data()), drawn);
  }
  if (p.batch == 0 || p.queries == 0) return;
  by_float_type(c.dtype, [&]<class S, class T>() {
    using Tiles = AttentionTiles<T>;
    const Results r = {.y = matrices(p, c.out[0]),
                       .wide = std::is_same_v<S, T> ? Matrices{} : matrices(p, c.out[3]),
                       .lse = c.out[1].impl()->data(),
                       .chunks = std::max<int64_t>((p.value_size + Tiles::kWidth - 1) / Tiles::kWidth, 1),
                       .safe = p.mask.data || a.window || p.keys == 0};
    const int64_t tiles = (p.queries + Tiles::kTile - 1) / Tiles::kTile;
    launch(attention_launch<T>(c, p.batch * tiles * r.chunks), attention_kernel<S, T>, p, r, drawn);
  });
}

}  // namespace hearth::cuda
