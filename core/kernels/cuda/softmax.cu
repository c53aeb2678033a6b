// Softmax: a block for each line. The first reading finds the largest element and the sum of exponentials together.
#include "core/kernels/softmax.h"

#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/lines.cuh"
#include "core/op/attrs/reduce.h"

namespace hearth::cuda {
namespace {

enum class Softmax { kPlain, kLog, kSafe };

template <class T, Softmax kKind>
HEARTH_KERNEL void softmax_kernel(Lines<2> l, DType from_type, const void* from, DType to_type, void* to) {
  constexpr T kNothing = -std::numeric_limits<T>::infinity();
  for (int64_t line = blockIdx.x; line < l.first.n; line += gridDim.x) {
    int64_t at[2];
    l.first.place(line, at);
    T top = kNothing, sum = 0;
    for (int64_t i = threadIdx.x; i < l.n; i += blockDim.x) {
      const T v = read<T>(from_type, from, at[0] + i * l.step[0]);
      if (v > top) {
        sum = sum * exp(Num<T>(top - v)).v + exp(Num<T>(v - v)).v;  // NaN for an infinite v
        top = v;
      } else if (v != kNothing) {
        sum += exp(Num<T>(v - top)).v;
      }
    }
    const T own = top;
    top = block_reduce<Max>(top);
    if (own != top) sum = own == kNothing ? sum : sum * exp(Num<T>(own - top)).v;
    sum = block_reduce<Sum>(sum);
    const bool masked = kKind == Softmax::kSafe && top == kNothing && sum == T(0);
    const T shift = kKind == Softmax::kLog ? log(Num<T>(sum)).v : T(1) / sum;
    for (int64_t i = threadIdx.x; i < l.n; i += blockDim.x) {
      const T d = read<T>(from_type, from, at[0] + i * l.step[0]) - top;
      const T y = masked ? T(0) : kKind == Softmax::kLog ? d - shift : exp(Num<T>(d)).v * shift;
      write<T>(to_type, to, at[1] + i * l.step[1], y);
    }
    __syncthreads();  // the result may lie over the operand
  }
}

template <Softmax kKind>
void run(OpCall& c) {
  const Tensor &x = c.input(0), &y = c.out[0];
  if (x.numel() == 0) return;
  const int d = x.dim() ? wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name) : 0;
  const Lines<2> l = lines_of<2>(x.shape(), d, {&x.strides(), &y.strides()});
  const Launch how = blocks_over(c, l.first.n, l.n, 512);
  const auto go = [&](auto kernel) {
    launch(how, kernel, l, x.dtype(), static_cast<const void*>(x.impl()->data()), y.dtype(), y.impl()->data());
  };
  if (c.dtype == DType::kF64) go(softmax_kernel<double, kKind>);
  else go(softmax_kernel<float, kKind>);
}

}  // namespace

void softmax(OpCall& c) { run<Softmax::kPlain>(c); }
void log_softmax(OpCall& c) { run<Softmax::kLog>(c); }
void safe_softmax(OpCall& c) { run<Softmax::kSafe>(c); }

}  // namespace hearth::cuda
