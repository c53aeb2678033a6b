// A radix sort from the lowest digit up, eight bits at a time (Knuth, TAOCP 3, 5.2.5). In each pass a block counts the
// digits of its chunk, the counts of all chunks are added up, and each block puts its chunk's items into their places,
// in their order.
#include "core/kernels/cuda/order.h"

#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/grid.cuh"

namespace hearth::cuda {
namespace {

constexpr int kDigits = 256;
#if HEARTH_CUDA_EMULATED
constexpr int64_t kChunk = 2 * kThreads;
#else
constexpr int64_t kChunk = 16 * kThreads;
#endif

// Where a digit is read: in the key of an item, or, once those are done, in the number of its group.
struct Digit {
  const uint64_t* keys;
  int64_t group;  // items of a group
  int shift;
  bool of_group;
  HEARTH_DEVICE int of(int64_t item) const {
    const uint64_t v = of_group ? static_cast<uint64_t>(item / group) : keys[item];
    return static_cast<int>(v >> shift & (kDigits - 1));
  }
};

HEARTH_KERNEL void first_order(int64_t* order, int64_t n) {
  for_each_item(n, [&](int64_t i) { order[i] = i; });
}

// counts[digit][chunk]
HEARTH_KERNEL void count_digits(Digit digit, const int64_t* order, int64_t n, int64_t chunks, int64_t* counts) {
  HEARTH_SHARED(int, count, [kDigits]);
  for (int64_t chunk = blockIdx.x; chunk < chunks; chunk += gridDim.x) {
    for (int d = static_cast<int>(threadIdx.x); d < kDigits; d += kThreads) count[d] = 0;
    __syncthreads();
    const int64_t end = (chunk + 1) * kChunk < n ? (chunk + 1) * kChunk : n;
    for (int64_t i = chunk * kChunk + threadIdx.x; i < end; i += kThreads) atomicAdd(&count[digit.of(order[i])], 1);
    __syncthreads();
    for (int d = static_cast<int>(threadIdx.x); d < kDigits; d += kThreads) counts[d * chunks + chunk] = count[d];
    __syncthreads();
  }
}

// Each becomes the sum of those before it. One block.
HEARTH_KERNEL void add_up(int64_t* counts, int64_t n) {
  Total<int64_t> carry{0};
  bool any = false;
  for (int64_t i0 = 0; i0 < n; i0 += blockDim.x) {
    const int64_t i = i0 + threadIdx.x;
    const int64_t own = i < n ? counts[i] : 0;
    const Total<int64_t> upto = block_scan(
        Total<int64_t>{own}, carry, any, [](Total<int64_t> a, Total<int64_t> b) { return Total<int64_t>{a.v + b.v}; });
    if (i < n) counts[i] = upto.v - own;
  }
}

HEARTH_KERNEL void move_items(Digit digit, const int64_t* order, int64_t n, int64_t chunks, const int64_t* starts,
                              int64_t* moved) {
  constexpr int kWarps = kThreads / 32;
  static_assert(kThreads == kDigits);
  HEARTH_SHARED(int64_t, next, [kDigits]);          // where the chunk's next item with a digit goes
  HEARTH_SHARED(int, of_warps, [kWarps][kDigits]);  // items of this round before a warp's
  const int t = static_cast<int>(threadIdx.x), lane = t % 32, warp = t / 32;
  for (int64_t chunk = blockIdx.x; chunk < chunks; chunk += gridDim.x) {
    for (int d = t; d < kDigits; d += kThreads) next[d] = starts[d * chunks + chunk];
    const int64_t end = (chunk + 1) * kChunk < n ? (chunk + 1) * kChunk : n;
    for (int64_t i0 = chunk * kChunk; i0 < end; i0 += kThreads) {
      for (int k = t; k < kWarps * kDigits; k += kThreads) of_warps[k / kDigits][k % kDigits] = 0;
      __syncthreads();
      const bool here = i0 + t < end;
      const int64_t item = here ? order[i0 + t] : 0;
      const int d = here ? digit.of(item) : 0;
      unsigned same = __ballot_sync(kAllLanes, here);  // lanes with the same digit
      for (int bit = 0; bit < 8; ++bit) {
        const unsigned set = __ballot_sync(kAllLanes, d >> bit & 1);
        same &= d >> bit & 1 ? set : ~set;
      }
      const int before = __popc(same & ((1u << lane) - 1));
      if (here && before == 0) of_warps[warp][d] = __popc(same);
      __syncthreads();
      int of_round = 0;  // of the digit that is this thread's: its warps' counts become sums over the warps before
      for (int w = 0; w < kWarps; ++w) {
        const int own = of_warps[w][t];
        of_warps[w][t] = of_round;
        of_round += own;
      }
      __syncthreads();
      if (here) moved[next[d] + of_warps[warp][d] + before] = item;
      __syncthreads();
      next[t] += of_round;
      __syncthreads();
    }
  }
}

}  // namespace

int bits_below(int64_t n) {
  int bits = 0;
  while (bits < 63 && (int64_t{1} << bits) < n) ++bits;
  return bits;
}

Tensor stable_order(const OpCall& c, const Tensor& keys, int bits, int64_t group) {
  const int64_t n = keys.numel(), chunks = (n + kChunk - 1) / kChunk;
  Tensor order = hearth::detail::empty({n}, DType::kI64, c.device);
  if (n == 0) return order;
  Tensor moved = hearth::detail::empty({n}, DType::kI64, c.device);
  const Tensor counts = hearth::detail::empty({kDigits, chunks}, DType::kI64, c.device);
  const auto data = [](const Tensor& t) { return static_cast<int64_t*>(t.impl()->data()); };
  launch(over(c, n), first_order, data(order), n);
  const auto pass = [&](Digit digit) {
    const Launch l{.grid = blocks_for(chunks), .block = kThreads, .stream = stream(c.device.index), .name = c.op.name};
    launch(l, count_digits, digit, data(order), n, chunks, data(counts));
    Launch one = l;
    one.grid = 1;
    launch(one, add_up, data(counts), kDigits * chunks);
    launch(l, move_items, digit, data(order), n, chunks, data(counts), data(moved));
    std::swap(order, moved);
  };
  const auto* k = static_cast<const uint64_t*>(keys.impl()->data());
  for (int shift = 0; shift < bits; shift += 8) pass({k, group, shift, false});
  const int group_bits = group < n ? bits_below((n + group - 1) / group) : 0;
  for (int shift = 0; shift < group_bits; shift += 8) pass({k, group, shift, true});
  return order;
}

}  // namespace hearth::cuda
