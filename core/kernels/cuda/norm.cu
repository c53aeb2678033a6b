// Layer, group and batch normalisation. All of them: statistics of each row, y = (x - mean) rstd weight + bias, and
// gradients from two sums for each row and for each weight.
#include "core/kernels/norm.h"

#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/sums.cuh"
#include "core/op/attrs/norm.h"

namespace hearth::cuda {
namespace {

// A tensor to read numbers of type T from; nothing where it is absent.
struct Values {
  DType type = DType::kF32;
  const void* data = nullptr;
  Values() = default;
  explicit Values(const Tensor& t) : type(t.dtype()), data(t.defined() ? t.impl()->data() : nullptr) {}
  template <class T>
  HEARTH_DEVICE T at(int64_t i) const {
    return read<T>(type, data, i);
  }
};

template <class T>
T* data_of(const Tensor& t) {
  return static_cast<T*>(t.impl()->data());
}

Tensor dense_operand(const OpCall& c, int i, DType t) {
  return c.is_tensor(i) ? row_major_as(c.input(i), t) : Tensor();
}
template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? data_of<T>(t) : nullptr;
}

// ---- Rows that lie in one piece: layer and group norm. Weight and bias of an element: of layer norm its place in the
// row, of group norm its channel.

struct Rows {
  int64_t count, n;            // rows, and elements of a row
  int64_t line, part, groups;  // group norm: elements of a channel, channels of a group; else 0
  HEARTH_DEVICE int64_t weight(int64_t row, int64_t i) const { return line == 0 ? i : row % groups * part + i / line; }
};

template <class T>
HEARTH_KERNEL void rows_kernel(Rows r, bool center, double eps, Values x, const T* w, const T* b, DType to_type,
                               void* y, T* means, T* rstds) {
  for (int64_t row = blockIdx.x; row < r.count; row += gridDim.x) {
    const int64_t at = row * r.n;
    T mean = 0;
    if (center) {
      T sum = 0;
      for (int64_t i = threadIdx.x; i < r.n; i += blockDim.x) sum += x.at<T>(at + i);
      mean = block_reduce<Sum>(sum) / static_cast<T>(r.n);
    }
    T squares = 0;
    for (int64_t i = threadIdx.x; i < r.n; i += blockDim.x) {
      const T d = x.at<T>(at + i) - mean;
      squares += d * d;
    }
    squares = block_reduce<Sum>(squares);
    const T rstd = static_cast<T>(1 / ::sqrt(static_cast<double>(squares) / static_cast<double>(r.n) + eps));
    for (int64_t i = threadIdx.x; i < r.n; i += blockDim.x) {
      const int64_t k = r.weight(row, i);
      T v = (x.at<T>(at + i) - mean) * rstd;
      if (w) v *= w[k];
      if (b) v += b[k];
      write<T>(to_type, y, at + i, v);
    }
    if (threadIdx.x == 0) {
      means[row] = mean;
      rstds[row] = rstd;
    }
    __syncthreads();  // the result may lie over the operand
  }
}

// dx = rstd (g w - mean of g w - xhat mean of g w xhat), the means over the row.
template <class T>
HEARTH_KERNEL void rows_grad_kernel(Rows r, bool center, Values g, Values x, const T* w, const T* means, const T* rstds,
                                    DType to_type, void* dx) {
  for (int64_t row = blockIdx.x; row < r.count; row += gridDim.x) {
    const int64_t at = row * r.n;
    const T mean = means[row], rstd = rstds[row];
    T sum = 0, sum_x = 0;
    for (int64_t i = threadIdx.x; i < r.n; i += blockDim.x) {
      const T d = g.at<T>(at + i) * (w ? w[r.weight(row, i)] : T(1));
      sum += d;
      sum_x += d * ((x.at<T>(at + i) - mean) * rstd);
    }
    sum = center ? block_reduce<Sum>(sum) / static_cast<T>(r.n) : T(0);
    sum_x = block_reduce<Sum>(sum_x) / static_cast<T>(r.n);
    for (int64_t i = threadIdx.x; i < r.n; i += blockDim.x) {
      const T d = g.at<T>(at + i) * (w ? w[r.weight(row, i)] : T(1));
      write<T>(to_type, dx, at + i, rstd * (d - sum - (x.at<T>(at + i) - mean) * rstd * sum_x));
    }
    __syncthreads();
  }
}

template <class T>
void rows_forward(OpCall& c, const Rows& r, bool center, double eps) {
  const Tensor x = row_major(c.input(0)), w = dense_operand(c, 1, dtype_of<T>), b = dense_operand(c, 2, dtype_of<T>),
               y = place_for(c.out[0]);
  if (r.count > 0) {
    launch(blocks_over(c, r.count, r.n, 512), rows_kernel<T>, r, center, eps, Values(x), data_or_null<T>(w),
           data_or_null<T>(b), y.dtype(), y.impl()->data(), data_of<T>(c.out[1]), data_of<T>(c.out[2]));
  }
  finish(c.out[0], y);
}

// Gradients of weight and bias: what is summed for each.
template <class T>
struct WeightSums {
  Values g, x;
  const T *means, *rstds;
  int64_t per_row;  // group norm: elements of a channel in one sample
  int64_t groups;
  int64_t part;
  HEARTH_DEVICE Two<T> operator()(int64_t o, int64_t i, const int64_t (&at)[2]) const {
    const int64_t row = part == 0 ? i : i / per_row * groups + o / part;
    const T d = g.template at<T>(at[0]);
    return {d * ((x.template at<T>(at[1]) - means[row]) * rstds[row]), d};
  }
};

template <class T>
void rows_backward(OpCall& c, const Rows& r, bool center, const Walk<2>& kept, const Walk<2>& gone) {
  const Tensor g = row_major(c.input(0)), x = row_major(c.input(1)), w = dense_operand(c, 2, dtype_of<T>),
               means = dense_operand(c, 3, dtype_of<T>), rstds = dense_operand(c, 4, dtype_of<T>),
               dx = place_for(c.out[0]);
  if (r.count > 0) {
    launch(blocks_over(c, r.count, r.n, 512), rows_grad_kernel<T>, r, center, Values(g), Values(x), data_or_null<T>(w),
           data_of<T>(means), data_of<T>(rstds), dx.dtype(), dx.impl()->data());
  }
  finish(c.out[0], dx);
  if (kept.n == 0) return;
  const WeightSums<T> f{Values(g), Values(x), data_of<T>(means), data_of<T>(rstds), r.line, r.groups, r.part};
  const Tensor sums = two_sums<T>(c, f, kept, gone);
  for (int k = 0; k < 2; ++k) {
    const Layout part(Shape{kept.n}, Strides{1}, sums.storage_offset() + k * kept.n);
    const Layout to(Shape{kept.n}, Strides{1}, c.out[1 + k].storage_offset());
    copy_tensor(hearth::detail::alias(c.out[1 + k], to, true), hearth::detail::alias(sums, part, true));
  }
}

Rows layer_rows(const Tensor& x, int64_t count) { return {count, count ? x.numel() / count : 0, 0, 0, 0}; }

Rows group_rows(const Tensor& x, int64_t groups) {
  const int64_t samples = x.shape()[0], channels = x.shape()[1];
  const int64_t line = x.numel() / std::max<int64_t>(samples * channels, 1), part = channels / groups;
  return {samples * groups, part * line, line, part, groups};
}

// ---- Batch norm: any layout, a row of statistics for each channel.

struct Channels {
  int64_t count, m;  // channels, and elements of each
};

// tensors of x's shape: elements of each channel (kept), and the channels (gone), of K of them.
template <int K>
void walk_channels(const Shape& shape, const Strides* const (&strides)[K], Walk<K>& kept, Walk<K>& gone) {
  for (int d = 0; d < shape.rank(); ++d) {
    int64_t s[K];
    for (int k = 0; k < K; ++k) s[k] = (*strides[k])[d];
    (d == 1 ? kept : gone).add(shape[d], s);
  }
}

template <class T>
struct ChannelSum {
  Values x;
  HEARTH_DEVICE Two<T> operator()(int64_t, int64_t, const int64_t (&at)[1]) const {
    return {x.template at<T>(at[0]), T(0)};
  }
};
template <class T>
struct ChannelSquares {
  Values x;
  const T* means;
  HEARTH_DEVICE Two<T> operator()(int64_t o, int64_t, const int64_t (&at)[1]) const {
    const T d = x.template at<T>(at[0]) - means[o];
    return {d * d, T(0)};
  }
};
template <class T>
struct ChannelGradients {
  Values g, x;
  const T *means, *rstds;
  HEARTH_DEVICE Two<T> operator()(int64_t o, int64_t, const int64_t (&at)[2]) const {
    const T d = g.template at<T>(at[0]);
    return {d, d * ((x.template at<T>(at[1]) - means[o]) * rstds[o])};
  }
};

template <class T>
HEARTH_KERNEL void mean_kernel(Channels ch, const T* sums, T* means) {
  for_each_item(ch.count, [&](int64_t i) { means[i] = ch.m ? sums[i] / static_cast<T>(ch.m) : T(0); });
}
template <class T>
HEARTH_KERNEL void rstd_kernel(Channels ch, const T* variances, double over, double eps, T* rstds) {
  for_each_item(ch.count, [&](int64_t i) {
    rstds[i] = ch.m || over == 1 ? static_cast<T>(1 / ::sqrt(static_cast<double>(variances[i]) / over + eps)) : T(1);
  });
}

// x, y, and the channel
template <class T>
HEARTH_KERNEL void channels_kernel(Walk<3> walk, Values x, const T* means, const T* rstds, const T* w, const T* b,
                                   DType to_type, void* y) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[3];
    walk.place(i, at);
    const int64_t k = at[2];
    const T scale = rstds[k] * (w ? w[k] : T(1)), shift = (b ? b[k] : T(0)) - means[k] * scale;
    write<T>(to_type, y, at[1], x.at<T>(at[0]) * scale + shift);
  });
}

// g, x, dx, and the channel. sums: of g and of g xhat.
template <class T>
HEARTH_KERNEL void channels_grad_kernel(Walk<4> walk, Channels ch, bool training, Values g, Values x, const T* means,
                                        const T* rstds, const T* w, const T* sums, DType to_type, void* dx) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[4];
    walk.place(i, at);
    const int64_t k = at[3];
    const T scale = rstds[k] * (w ? w[k] : T(1));
    T d = g.at<T>(at[0]);
    // With fixed statistics the gradient is the scale alone.
    if (training) {
      const T m = static_cast<T>(ch.m);
      d = d - sums[k] / m - (x.at<T>(at[1]) - means[k]) * (sums[ch.count + k] / m * rstds[k]);
    }
    write<T>(to_type, dx, at[2], d * scale);
  });
}

template <class T>
void batch_forward(OpCall& c) {
  const auto& a = c.attrs_as<BatchNormAttrs>();
  const Tensor &x = c.input(0), &y = c.out[0];
  const Channels ch{c.out[1].numel(), c.out[1].numel() ? x.numel() / c.out[1].numel() : 0};
  if (ch.count == 0) return;
  const Tensor w = dense_operand(c, 1, dtype_of<T>), b = dense_operand(c, 2, dtype_of<T>);
  T *means = data_of<T>(c.out[1]), *rstds = data_of<T>(c.out[2]);
  if (a.training) {
    Walk<1> kept, gone;
    walk_channels<1>(x.shape(), {&x.strides()}, kept, gone);
    const Tensor sums = two_sums<T>(c, ChannelSum<T>{Values(x)}, kept, gone);
    launch(over(c, ch.count), mean_kernel<T>, ch, data_of<T>(sums), means);
    const Tensor squares = two_sums<T>(c, ChannelSquares<T>{Values(x), means}, kept, gone);
    launch(over(c, ch.count), rstd_kernel<T>, ch, data_of<T>(squares), static_cast<double>(ch.m), a.eps, rstds);
  } else {
    copy_tensor(c.out[1], c.input(3));
    const Tensor variance = dense_operand(c, 4, dtype_of<T>);
    launch(over(c, ch.count), rstd_kernel<T>, ch, data_of<T>(variance), 1.0, a.eps, rstds);
  }
  if (x.numel() == 0) return;
  Walk<3> walk;
  for (int d = 0; d < x.dim(); ++d) walk.add(x.shape()[d], {x.strides()[d], y.strides()[d], d == 1});
  launch(over(c, walk.n), channels_kernel<T>, walk, Values(x), means, rstds, data_or_null<T>(w), data_or_null<T>(b),
         y.dtype(), y.impl()->data());
}

template <class T>
void batch_backward(OpCall& c) {
  const auto& a = c.attrs_as<BatchNormAttrs>();
  const Tensor &g = c.input(0), &x = c.input(1), &dx = c.out[0];
  const Channels ch{c.input(3).numel(), c.input(3).numel() ? x.numel() / c.input(3).numel() : 0};
  if (ch.count == 0) return;
  const Tensor w = dense_operand(c, 2, dtype_of<T>), means = dense_operand(c, 3, dtype_of<T>),
               rstds = dense_operand(c, 4, dtype_of<T>);
  Walk<2> kept, gone;
  walk_channels<2>(x.shape(), {&g.strides(), &x.strides()}, kept, gone);
  const Tensor sums =
      two_sums<T>(c, ChannelGradients<T>{Values(g), Values(x), data_of<T>(means), data_of<T>(rstds)}, kept, gone);
  if (x.numel() > 0) {
    Walk<4> walk;
    for (int d = 0; d < x.dim(); ++d) walk.add(x.shape()[d], {g.strides()[d], x.strides()[d], dx.strides()[d], d == 1});
    launch(over(c, walk.n), channels_grad_kernel<T>, walk, ch, a.training, Values(g), Values(x), data_of<T>(means),
           data_of<T>(rstds), data_or_null<T>(w), data_of<T>(sums), dx.dtype(), dx.impl()->data());
  }
  for (int k = 0; k < 2; ++k) {
    const Layout part(Shape{ch.count}, Strides{1}, sums.storage_offset() + k * ch.count);
    copy_tensor(c.out[2 - k], hearth::detail::alias(sums, part, true));
  }
}

}  // namespace

void layer_norm(OpCall& c) {
  const auto& a = c.attrs_as<LayerNormAttrs>();
  const Rows r = layer_rows(c.input(0), c.out[1].numel());
  c.dtype == DType::kF64 ? rows_forward<double>(c, r, a.center, a.eps) : rows_forward<float>(c, r, a.center, a.eps);
}

void layer_norm_grad(OpCall& c) {
  const auto& a = c.attrs_as<LayerNormAttrs>();
  const Rows r{c.input(3).numel(), c.out[1].numel(), 0, 0, 0};
  Walk<2> kept, gone;
  kept.add(r.n, {1, 1});
  gone.add(r.count, {r.n, r.n});
  c.dtype == DType::kF64 ? rows_backward<double>(c, r, a.center, kept, gone)
                         : rows_backward<float>(c, r, a.center, kept, gone);
}

void group_norm(OpCall& c) {
  const auto& a = c.attrs_as<GroupNormAttrs>();
  const Rows r = group_rows(c.input(0), a.groups);
  c.dtype == DType::kF64 ? rows_forward<double>(c, r, true, a.eps) : rows_forward<float>(c, r, true, a.eps);
}

void group_norm_grad(OpCall& c) {
  const auto& a = c.attrs_as<GroupNormAttrs>();
  const Tensor& x = c.input(1);
  const Rows r = group_rows(x, a.groups);
  const int64_t channels = x.shape()[1], of_sample = channels * r.line;
  Walk<2> kept, gone;
  kept.add(channels, {r.line, r.line});
  gone.add(x.shape()[0], {of_sample, of_sample});
  gone.add(r.line, {1, 1});
  c.dtype == DType::kF64 ? rows_backward<double>(c, r, true, kept, gone) : rows_backward<float>(c, r, true, kept, gone);
}

void batch_norm(OpCall& c) { c.dtype == DType::kF64 ? batch_forward<double>(c) : batch_forward<float>(c); }
void batch_norm_grad(OpCall& c) { c.dtype == DType::kF64 ? batch_backward<double>(c) : batch_backward<float>(c); }

}  // namespace hearth::cuda
