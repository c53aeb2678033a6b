// Reductions over any dimensions, in two shapes: a block for each result, whose threads go along the reduced elements,
// or, where results lie side by side in the operand, a block for 32 of them, whose warps go along the reduced elements
// together. Few results of many elements are cut into parts, which a second launch reduces.
#include "core/kernels/reduce.h"

#include "core/kernels/cpu/complex_parts.h"
#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/grid.cuh"
#include "core/op/attrs/reduce.h"

namespace hearth::cuda {
namespace {

// What one part has at least, and how many blocks are enough. Small in the emulation, so that the op table meets them.
#if HEARTH_CUDA_EMULATED
constexpr int64_t kPart = 64, kEnoughBlocks = 12;
#else
constexpr int64_t kPart = 4096, kEnoughBlocks = 1024;
#endif

struct Reduction {
  Walk<2> kept;  // operand, result
  Walk<1> gone;
  const void* x;
  void* y;
  DType x_type, y_type;
  double factor = 1;
  int64_t parts = 1;  // the result of part p is `kept.n` elements after that of part p - 1
};

template <class T>
HEARTH_DEVICE void put(const Reduction& r, int64_t part, int64_t o, int64_t at, T v) {
  if (r.parts > 1) {
    static_cast<T*>(r.y)[part * r.kept.n + o] = v;
    return;
  }
  if constexpr (!std::is_integral_v<T>) {
    if (r.factor != 1) v = static_cast<T>(v * r.factor);
  }
  write<T>(r.y_type, r.y, at, v);
}

template <class R, class T>
HEARTH_KERNEL void rows_kernel(Reduction r) {
  const int64_t each = (r.gone.n + r.parts - 1) / r.parts;
  for (int64_t b = blockIdx.x; b < r.kept.n * r.parts; b += gridDim.x) {
    const int64_t o = b / r.parts, part = b % r.parts;
    int64_t at[2];
    r.kept.place(o, at);
    const int64_t end = (part + 1) * each < r.gone.n ? (part + 1) * each : r.gone.n;
    T v = R::template none<T>;
    for (int64_t i = part * each + threadIdx.x; i < end; i += blockDim.x) {
      int64_t within[1];
      r.gone.place(i, within);
      v = R()(v, read<T>(r.x_type, r.x, at[0] + within[0]));
    }
    v = block_reduce<R>(v);
    if (threadIdx.x == 0) put(r, part, o, at[1], v);
  }
}

constexpr int kColumns = 32, kColumnRows = 8;

template <class R, class T>
HEARTH_KERNEL void columns_kernel(Reduction r) {
  HEARTH_SHARED(T, of_rows, [kColumnRows][kColumns]);
  const int64_t each = (r.gone.n + r.parts - 1) / r.parts, groups = (r.kept.n + kColumns - 1) / kColumns;
  for (int64_t b = blockIdx.x; b < groups * r.parts; b += gridDim.x) {
    const int64_t o = b / r.parts * kColumns + threadIdx.x, part = b % r.parts;
    int64_t at[2] = {};
    T v = R::template none<T>;
    if (o < r.kept.n) {
      r.kept.place(o, at);
      const int64_t end = (part + 1) * each < r.gone.n ? (part + 1) * each : r.gone.n;
      for (int64_t i = part * each + threadIdx.y; i < end; i += kColumnRows) {
        int64_t within[1];
        r.gone.place(i, within);
        v = R()(v, read<T>(r.x_type, r.x, at[0] + within[0]));
      }
    }
    of_rows[threadIdx.y][threadIdx.x] = v;
    __syncthreads();
    if (threadIdx.y == 0 && o < r.kept.n) {
      for (int k = 1; k < kColumnRows; ++k) v = R()(v, of_rows[k][threadIdx.x]);
      put(r, part, o, at[1], v);
    }
    __syncthreads();
  }
}

template <class R, class T>
void start(const OpCall& c, Reduction r) {
  if (r.kept.n == 0) return;
  const bool columns = r.kept.rank > 0 && r.kept.stride[0][r.kept.rank - 1] == 1 &&
                       r.kept.size[r.kept.rank - 1] >= kColumns / 2 && r.gone.n > 1 &&
                       !(r.gone.rank > 0 && r.gone.stride[0][r.gone.rank - 1] == 1);
  const int64_t blocks = columns ? (r.kept.n + kColumns - 1) / kColumns : r.kept.n;
  // A block of columns has kColumnRows threads for each of them, not a whole block of threads.
  const int64_t most = r.gone.n / (columns ? kPart / 16 : kPart), wanted = kEnoughBlocks / blocks;
  r.parts = std::max<int64_t>(std::min(most, wanted), 1);
  Tensor partial;
  const Reduction whole = r;
  if (r.parts > 1) {
    partial = hearth::detail::empty({r.parts, r.kept.n}, dtype_of<T>, c.device);
    r.y = partial.impl()->data();
  }
  if (columns) {
    launch({.grid = blocks_for(blocks * r.parts),
            .block = dim3(kColumns, kColumnRows),
            .stream = stream(c.device.index),
            .name = c.op.name},
           columns_kernel<R, T>, r);
  } else {
    launch(blocks_over(c, blocks * r.parts, (r.gone.n + r.parts - 1) / r.parts), rows_kernel<R, T>, r);
  }
  if (r.parts == 1) return;
  Reduction last = {};
  last.kept = whole.kept;
  int64_t after = 1;  // the parts' results are row-major
  for (int d = last.kept.rank; d-- > 0;) {
    last.kept.stride[0][d] = after;
    after *= last.kept.size[d];
  }
  last.gone.add(r.parts, {r.kept.n});
  last.x = r.y;
  last.x_type = dtype_of<T>;
  last.y = whole.y;
  last.y_type = whole.y_type;
  last.factor = whole.factor;
  launch(blocks_over(c, last.kept.n, r.parts), rows_kernel<R, T>, last);
}

template <class R>
void run(OpCall& c, const Reduction& r) {
  switch (compute_type(r.x_type)) {
    case DType::kI64:
      return start<R, int64_t>(c, r);
    case DType::kF64:
      return start<R, double>(c, r);
    case DType::kF32:
      return start<R, float>(c, r);
    default:
      no_cuda_kernel(c, r.x_type);
  }
}

// A reduction without dimensions.
Reduction whole(const Tensor& x, const Tensor& y) {
  Reduction r = {};
  r.x = x.impl()->data();
  r.y = y.impl()->data();
  r.x_type = x.dtype();
  r.y_type = y.dtype();
  r.factor = 1;
  r.parts = 1;
  return r;
}

Reduction over_dims(const OpCall& c, const Tensor& x, const Tensor& y) {
  const auto& a = c.attrs_as<ReduceAttrs>();
  const Layout &in = x.layout(), &out = y.layout();
  Reduction r = whole(x, y);
  int next = 0;
  for (int d = 0; d < in.rank(); ++d) {
    bool reduced = a.dims.empty();
    for (int64_t other : a.dims) reduced |= wrap_dim(other, in.rank(), c.op.name) == d;
    if (reduced) r.gone.add(in.shape[d], {in.strides[d]});
    else r.kept.add(in.shape[d], {in.strides[d], out.strides[next]});
    if (!reduced || a.keepdim) ++next;
  }
  return r;
}

Reduction over_dims(const OpCall& c) { return over_dims(c, c.input(0), c.out[0]); }

// f(operand, result), of complex ones for their real and their imaginary parts.
template <class F>
void by_parts(const OpCall& c, F f) {
  if (!is_complex(c.input(0).dtype())) return f(c.input(0), c.out[0]);
  for (int k : {0, 1}) f(cpu::part_of(c.input(0), k), cpu::part_of(c.out[0], k));
}

}  // namespace

void sum(OpCall& c) {
  by_parts(c, [&](const Tensor& x, const Tensor& y) { run<Sum>(c, over_dims(c, x, y)); });
}
void any(OpCall& c) { run<Sum>(c, over_dims(c)); }
void prod(OpCall& c) { run<Prod>(c, over_dims(c)); }
void amax(OpCall& c) { run<Max>(c, over_dims(c)); }
void amin(OpCall& c) { run<Min>(c, over_dims(c)); }
void all(OpCall& c) { run<Min>(c, over_dims(c)); }
void mean(OpCall& c) {
  by_parts(c, [&](const Tensor& x, const Tensor& y) {
    Reduction r = over_dims(c, x, y);
    r.factor = r.gone.n ? 1 / static_cast<double>(r.gone.n) : std::numeric_limits<double>::quiet_NaN();
    run<Sum>(c, r);
  });
}
void sum_to(OpCall& c) {
  by_parts(c, [&](const Tensor& x, const Tensor& y) {
    const Layout &in = x.layout(), &out = y.layout();
    Reduction r = whole(x, y);
    const int shift = in.rank() - out.rank();
    for (int d = 0; d < in.rank(); ++d) {
      if (d < shift || out.shape[d - shift] != in.shape[d]) r.gone.add(in.shape[d], {in.strides[d]});
      else r.kept.add(in.shape[d], {in.strides[d], out.strides[d - shift]});
    }
    run<Sum>(c, r);
  });
}

}  // namespace hearth::cuda
