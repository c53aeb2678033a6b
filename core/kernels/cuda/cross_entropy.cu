// Cross entropy over dimension 1: a block for each target.
#include "core/kernels/cross_entropy.h"

#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/lines.cuh"
#include "core/op/attrs/loss.h"

namespace hearth::cuda {
namespace {

template <class T>
struct Targets {
  const void* data;  // row-major
  bool wide;
  const T* weight;  // null: all 1
  int64_t classes, ignored;
  double smoothing;
  const char* op;
  Complaint* complaint;

  // The class of target i, or -1 where it is ignored or wrong.
  HEARTH_DEVICE int64_t at(int64_t i) const {
    const int64_t k = wide ? static_cast<const int64_t*>(data)[i] : static_cast<const int32_t*>(data)[i];
    if (k == ignored) return -1;
    if (k >= 0 && k < classes) return k;
    if (threadIdx.x == 0) complain(complaint, op, k, classes);
    return -1;
  }
  HEARTH_DEVICE T weight_of(int64_t k) const { return weight ? weight[k] : T(1); }
  // The shares of a target's own class and of every class.
  HEARTH_DEVICE T own() const { return static_cast<T>(1 - smoothing); }
  HEARTH_DEVICE T each() const { return static_cast<T>(smoothing / static_cast<double>(classes)); }
};

template <class T>
HEARTH_KERNEL void loss_kernel(Lines<1> l, Targets<T> targets, DType type, const void* x, T* loss, T* scale, T* tops,
                               T* log_totals) {
  constexpr T kNothing = -std::numeric_limits<T>::infinity();
  for (int64_t line = blockIdx.x; line < l.first.n; line += gridDim.x) {
    int64_t at[1];
    l.first.place(line, at);
    const auto element = [&](int64_t j) { return read<T>(type, x, at[0] + j * l.step[0]); };
    T top = kNothing, sum = 0;
    for (int64_t j = threadIdx.x; j < l.n; j += blockDim.x) {
      const T v = element(j);
      if (v > top) {
        sum = sum * exp(Num<T>(top - v)).v + exp(Num<T>(v - v)).v;
        top = v;
      } else if (v != kNothing) {
        sum += exp(Num<T>(v - top)).v;
      }
    }
    const T own = top;
    top = block_reduce<Max>(top);
    if (own != top) sum = own == kNothing ? sum : sum * exp(Num<T>(own - top)).v;
    const T log_total = log(Num<T>(block_reduce<Sum>(sum))).v;
    const int64_t k = targets.at(line);
    T all = 0;
    if (targets.smoothing > 0 && k >= 0) {  // the whole block: k is the same in all threads
      for (int64_t j = threadIdx.x; j < l.n; j += blockDim.x)
        all += (top - element(j) + log_total) * targets.weight_of(j);
      all = block_reduce<Sum>(all);
    }
    if (threadIdx.x != 0) continue;
    tops[line] = top;
    log_totals[line] = log_total;
    scale[line] = k < 0 ? T(0) : targets.weight_of(k);
    loss[line] = k < 0 ? T(0) : (top - element(k) + log_total) * scale[line];
    if (targets.smoothing > 0 && k >= 0) loss[line] = loss[line] * targets.own() + all * targets.each();
  }
}

template <class T>
HEARTH_KERNEL void gradient_kernel(Lines<2> l, Targets<T> targets, DType type, const void* x, DType to_type, void* dx,
                                   const T* gradient, const T* tops, const T* log_totals) {
  const bool smooth = targets.smoothing > 0;
  T all_weights = 0;
  if (smooth) {
    for (int64_t j = threadIdx.x; j < l.n; j += blockDim.x) all_weights += targets.weight_of(j);
    all_weights = block_reduce<Sum>(all_weights);
  }
  for (int64_t line = blockIdx.x; line < l.first.n; line += gridDim.x) {
    int64_t at[2];
    l.first.place(line, at);
    const int64_t k = targets.at(line);
    const T own = k < 0 ? T(0) : gradient[line] * targets.weight_of(k) * (smooth ? targets.own() : T(1)),
            each = smooth && k >= 0 ? gradient[line] * targets.each() : T(0), scale = own + each * all_weights;
    for (int64_t j = threadIdx.x; j < l.n; j += blockDim.x) {
      T v = 0;
      if (k >= 0) {
        v = exp(Num<T>(read<T>(type, x, at[0] + j * l.step[0]) - tops[line] - log_totals[line])).v * scale;
        if (smooth) v -= each * targets.weight_of(j);
        if (j == k) v -= own;
      }
      write<T>(to_type, dx, at[1] + j * l.step[1], v);
    }
  }
}

// `target` and `weight` are row-major and must outlive the launch's queueing.
template <class T>
Targets<T> targets_of(const OpCall& c, const Tensor& target, const Tensor& weight, int64_t classes) {
  const auto& a = c.attrs_as<CrossEntropyAttrs>();
  return {target.impl()->data(),
          target.dtype() == DType::kI64,
          weight.defined() ? static_cast<const T*>(weight.impl()->data()) : nullptr,
          classes,
          a.ignore_index,
          a.label_smoothing,
          c.op.name,
          complaint(c.device.index)};
}

template <class T>
void forward(OpCall& c) {
  const Tensor& x = c.input(0);
  if (c.out[0].numel() == 0) return;
  const Tensor target = row_major(c.input(1)),
               weight = c.is_tensor(2) ? row_major_as(c.input(2), dtype_of<T>) : Tensor();
  const Lines<1> l = lines_of<1>(x.shape(), 1, {&x.strides()});
  const auto data = [](const Tensor& t) { return static_cast<T*>(t.impl()->data()); };
  launch(blocks_over(c, l.first.n, l.n, 512), loss_kernel<T>, l, targets_of<T>(c, target, weight, l.n), x.dtype(),
         static_cast<const void*>(x.impl()->data()), data(c.out[0]), data(c.out[1]), data(c.out[2]), data(c.out[3]));
}

template <class T>
void backward(OpCall& c) {
  const Tensor &x = c.input(1), &dx = c.out[0];
  if (dx.numel() == 0) return;
  const Tensor target = row_major(c.input(2)),
               weight = c.is_tensor(3) ? row_major_as(c.input(3), dtype_of<T>) : Tensor(),
               gradient = row_major_as(c.input(0), dtype_of<T>), tops = row_major_as(c.input(4), dtype_of<T>),
               log_totals = row_major_as(c.input(5), dtype_of<T>);
  const Lines<2> l = lines_of<2>(x.shape(), 1, {&x.strides(), &dx.strides()});
  const auto data = [](const Tensor& t) { return static_cast<const T*>(t.impl()->data()); };
  launch(blocks_over(c, l.first.n, l.n, 512), gradient_kernel<T>, l, targets_of<T>(c, target, weight, l.n), x.dtype(),
         static_cast<const void*>(x.impl()->data()), dx.dtype(), dx.impl()->data(), data(gradient), data(tops),
         data(log_totals));
}

}  // namespace

void cross_entropy(OpCall& c) { c.dtype == DType::kF64 ? forward<double>(c) : forward<float>(c); }
void cross_entropy_grad(OpCall& c) { c.dtype == DType::kF64 ? backward<double>(c) : backward<float>(c); }

}  // namespace hearth::cuda
