// Pooling: a thread for each element of the result. Gradients gather what the windows give that see an element.
#include "core/kernels/pool.h"

#include <limits>

#include "core/kernels/cuda/grid.cuh"
#include "core/op/attrs/pool.h"

namespace hearth::cuda {
namespace {

struct Span {
  int64_t begin, end;
};

// Windows along one dimension.
struct Axis {
  int64_t in, out;
  int64_t kernel = 1, stride = 1, padding = 0, dilation = 1;
  bool adaptive = false, include_pad = true;

  // The elements of window o: `begin`, then every `dilation`-th below `end`.
  HEARTH_DEVICE Span window(int64_t o) const {
    if (adaptive) return {o * in / out, ((o + 1) * in + out - 1) / out};
    const int64_t begin = o * stride - padding, end = begin + (kernel - 1) * dilation + 1;
    return {begin < 0 ? begin + (-begin + dilation - 1) / dilation * dilation : begin, end < in ? end : in};
  }
  // The elements that window o's average counts.
  HEARTH_DEVICE int64_t counted(int64_t o) const {
    if (!include_pad || adaptive) {
      const Span w = window(o);
      return w.end - w.begin;
    }
    // Zeros beyond the padding, which ceil_mode can reach, never count.
    const int64_t begin = o * stride - padding, end = begin + kernel;
    return (end < in + padding ? end : in + padding) - begin;
  }
  // The windows that may see element i; sees() tells which of them do.
  HEARTH_DEVICE Span windows(int64_t i) const {
    if (adaptive) return {i * out / in, ((i + 1) * out + in - 1) / in};
    const int64_t first = i + padding - (kernel - 1) * dilation, last = (i + padding) / stride + 1;
    return {first > 0 ? (first + stride - 1) / stride : 0, last < out ? last : out};
  }
  HEARTH_DEVICE bool sees(int64_t o, int64_t i) const {
    return adaptive || dilation == 1 || (i + padding - o * stride) % dilation == 0;
  }
};

struct Pool {
  Axis h, w;
  bool divided = false;  // averages: by `divisor`, not by the number of elements
  double divisor = 1;
};

Axis axis(const PoolAttrs& a, int d, int64_t in, int64_t out) {
  if (a.output.rank() == 2) return {.in = in, .out = out, .adaptive = true};
  return {.in = in,
          .out = out,
          .kernel = a.kernel[d],
          .stride = a.stride[d],
          .padding = a.padding[d],
          .dilation = a.dilation[d],
          .include_pad = a.include_pad};
}
Pool pool_of(const OpCall& c, const Shape& in, const Shape& out) {
  const auto& a = c.attrs_as<PoolAttrs>();
  return {.h = axis(a, 0, in[2], out[2]),
          .w = axis(a, 1, in[3], out[3]),
          .divided = a.divisor.has_value(),
          .divisor = static_cast<double>(a.divisor.value_or(1))};
}

// A tensor [n, c, h, w].
struct Images {
  void* data;
  DType dtype;
  int64_t n, c, h, w;
};
Images images(const Tensor& t) {
  const Strides& s = t.strides();
  return {t.impl()->data(), t.dtype(), s[0], s[1], s[2], s[3]};
}

// The elements of a result, neighbours in the order in which the operand has them.
struct Elements {
  int64_t n, c, h, w;
  bool channels_last;

  HEARTH_DEVICE int64_t count() const { return n * c * h * w; }
  // f(n, c, h, w) for this thread's.
  template <class F>
  HEARTH_DEVICE void each(F f) const {
    for_each_item(count(), [&](int64_t i) {
      const int64_t inner = channels_last ? c : w, middle = channels_last ? w : h, outer = channels_last ? h : c;
      int64_t at[3];
      if (count() <= 0xffffffffll) {  // 64-bit divisions cost a GPU a multiple
        auto rest = static_cast<uint32_t>(i);
        at[2] = rest % static_cast<uint32_t>(inner);
        rest /= static_cast<uint32_t>(inner);
        at[1] = rest % static_cast<uint32_t>(middle);
        rest /= static_cast<uint32_t>(middle);
        at[0] = rest % static_cast<uint32_t>(outer);
        i = rest / static_cast<uint32_t>(outer);
      } else {
        at[2] = i % inner;
        i /= inner;
        at[1] = i % middle;
        i /= middle;
        at[0] = i % outer;
        i /= outer;
      }
      if (channels_last) f(i, at[2], at[0], at[1]);
      else f(i, at[0], at[1], at[2]);
    });
  }
};
Elements elements(const Tensor& result, const Tensor& operand) {
  const Shape& s = result.shape();
  return {s[0], s[1], s[2], s[3], operand.strides()[1] <= operand.strides()[3]};
}

template <class T>
HEARTH_KERNEL void max_kernel(Pool p, Elements e, Images x, Images y, Images places) {
  e.each([&](int64_t n, int64_t c, int64_t oh, int64_t ow) {
    const Span h = p.h.window(oh), w = p.w.window(ow);
    const int64_t from = n * x.n + c * x.c;
    T best = -std::numeric_limits<T>::infinity();
    int64_t place = h.begin < h.end && w.begin < w.end ? h.begin * p.w.in + w.begin : -1;
    for (int64_t i = h.begin; i < h.end; i += p.h.dilation) {
      for (int64_t j = w.begin; j < w.end; j += p.w.dilation) {
        const T v = read<T>(x.dtype, x.data, from + i * x.h + j * x.w);
        if (!(v > best || v != v)) continue;
        best = v;
        place = i * p.w.in + j;
      }
    }
    write<T>(y.dtype, y.data, n * y.n + c * y.c + oh * y.h + ow * y.w, best);
    static_cast<int32_t*>(places.data)[n * places.n + c * places.c + oh * places.h + ow * places.w] =
        static_cast<int32_t>(place);
  });
}

template <class T>
HEARTH_KERNEL void max_grad_kernel(Pool p, Elements e, Images dy, Images places, Images dx) {
  e.each([&](int64_t n, int64_t c, int64_t i, int64_t j) {
    const Span h = p.h.windows(i), w = p.w.windows(j);
    const int64_t from = n * dy.n + c * dy.c, places_from = n * places.n + c * places.c, own = i * p.w.in + j;
    T sum = 0;
    for (int64_t oh = h.begin; oh < h.end; ++oh) {
      for (int64_t ow = w.begin; ow < w.end; ++ow) {
        const int64_t place = static_cast<const int32_t*>(places.data)[places_from + oh * places.h + ow * places.w];
        if (place == own) sum += read<T>(dy.dtype, dy.data, from + oh * dy.h + ow * dy.w);
      }
    }
    write<T>(dx.dtype, dx.data, n * dx.n + c * dx.c + i * dx.h + j * dx.w, sum);
  });
}

template <class T>
HEARTH_DEVICE T divisor(const Pool& p, int64_t oh, int64_t ow) {
  return static_cast<T>(p.divided ? p.divisor : static_cast<double>(p.h.counted(oh) * p.w.counted(ow)));
}

template <class T>
HEARTH_KERNEL void avg_kernel(Pool p, Elements e, Images x, Images y) {
  e.each([&](int64_t n, int64_t c, int64_t oh, int64_t ow) {
    const Span h = p.h.window(oh), w = p.w.window(ow);
    const int64_t from = n * x.n + c * x.c;
    T sum = 0;
    for (int64_t i = h.begin; i < h.end; i += p.h.dilation) {
      for (int64_t j = w.begin; j < w.end; j += p.w.dilation) sum += read<T>(x.dtype, x.data, from + i * x.h + j * x.w);
    }
    write<T>(y.dtype, y.data, n * y.n + c * y.c + oh * y.h + ow * y.w, sum / divisor<T>(p, oh, ow));
  });
}

template <class T>
HEARTH_KERNEL void avg_grad_kernel(Pool p, Elements e, Images dy, Images dx) {
  e.each([&](int64_t n, int64_t c, int64_t i, int64_t j) {
    const Span h = p.h.windows(i), w = p.w.windows(j);
    const int64_t from = n * dy.n + c * dy.c;
    T sum = 0;
    for (int64_t oh = h.begin; oh < h.end; ++oh) {
      for (int64_t ow = w.begin; ow < w.end; ++ow) {
        if (p.h.sees(oh, i) && p.w.sees(ow, j))
          sum += read<T>(dy.dtype, dy.data, from + oh * dy.h + ow * dy.w) / divisor<T>(p, oh, ow);
      }
    }
    write<T>(dx.dtype, dx.data, n * dx.n + c * dx.c + i * dx.h + j * dx.w, sum);
  });
}

}  // namespace

void max_pool2d(OpCall& c) {
  const Tensor &x = c.input(0), &y = c.out[0];
  if (y.numel() == 0) return;
  const auto go = [&](auto kernel) {
    launch(over(c, y.numel()), kernel, pool_of(c, x.shape(), y.shape()), elements(y, x), images(x), images(y),
           images(c.out[1]));
  };
  if (c.dtype == DType::kF64) go(max_kernel<double>);
  else go(max_kernel<float>);
}

void max_pool2d_grad(OpCall& c) {
  const Tensor &dy = c.input(0), &dx = c.out[0];
  if (dx.numel() == 0) return;
  const auto go = [&](auto kernel) {
    launch(over(c, dx.numel()), kernel, pool_of(c, dx.shape(), dy.shape()), elements(dx, dy), images(dy),
           images(c.input(1)), images(dx));
  };
  if (c.dtype == DType::kF64) go(max_grad_kernel<double>);
  else go(max_grad_kernel<float>);
}

void avg_pool2d(OpCall& c) {
  const Tensor &x = c.input(0), &y = c.out[0];
  if (y.numel() == 0) return;
  const auto go = [&](auto kernel) {
    launch(over(c, y.numel()), kernel, pool_of(c, x.shape(), y.shape()), elements(y, x), images(x), images(y));
  };
  if (c.dtype == DType::kF64) go(avg_kernel<double>);
  else go(avg_kernel<float>);
}

void avg_pool2d_grad(OpCall& c) {
  const Tensor &dy = c.input(0), &dx = c.out[0];
  if (dx.numel() == 0) return;
  const auto go = [&](auto kernel) {
    launch(over(c, dx.numel()), kernel, pool_of(c, dx.shape(), dy.shape()), elements(dx, dy), images(dy), images(dx));
  };
  if (c.dtype == DType::kF64) go(avg_grad_kernel<double>);
  else go(avg_grad_kernel<float>);
}

}  // namespace hearth::cuda
