#include "core/kernels/pool.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "core/base/parallel.h"
#include "core/kernels/cpu/channels_last.h"
#include "core/kernels/cpu/pool_rows.h"
#include "core/kernels/cpu/result.h"
#include "core/op/attrs/pool.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/pool.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// f(first channel, tag of that many lanes): whole registers, then the rest one by one.
template <class T, class F>
HWY_INLINE void for_channels(int64_t c, F f) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t k = 0;
  for (; k + lanes <= c; k += lanes) f(k, d);
  for (; k < c; ++k) f(k, hn::CappedTag<T, 1>());
}

// Places are counted in integers beside f32 and in f64 beside f64, which holds them exactly: one mask serves both.
template <class D>
using PlaceTag = std::conditional_t<sizeof(hn::TFromD<D>) == 4, hn::RebindToSigned<D>, D>;

template <class T>
void max_row(const Axis& h, const Axis& w, const T* image, int64_t c, int64_t row, T* y, int32_t* place) {
  const int32_t *h0 = &h.item[0] + h.start[row], *h1 = &h.item[0] + h.start[row + 1];
  for (int64_t o = 0; o < w.to; ++o) {
    const int32_t *w0 = &w.item[0] + w.start[o], *w1 = &w.item[0] + w.start[o + 1];
    const bool any = h0 < h1 && w0 < w1;
    for_channels<T>(c, [&](int64_t k, auto d) HWY_ATTR {
      const PlaceTag<decltype(d)> di;
      const hn::Rebind<int32_t, decltype(d)> d32;
      using I = hn::TFromD<decltype(di)>;
      auto best = hn::Set(d, -std::numeric_limits<T>::infinity());
      auto at = hn::Set(di, any ? static_cast<I>(*h0 * w.from + *w0) : I{-1});
      for (const int32_t* i = h0; i < h1; ++i) {
        for (const int32_t* j = w0; j < w1; ++j) {
          const int64_t pixel = *i * w.from + *j;
          const auto v = hn::LoadU(d, image + pixel * c + k);
          const auto better = hn::Or(hn::Gt(v, best), hn::IsNaN(v));
          best = hn::IfThenElse(better, v, best);
          at = hn::IfThenElse(hn::RebindMask(di, better), hn::Set(di, static_cast<I>(pixel)), at);
        }
      }
      hn::StoreU(best, d, y + o * c + k);
      if constexpr (sizeof(T) == 4) hn::StoreU(at, di, place + o * c + k);
      else hn::StoreU(hn::DemoteTo(d32, at), d32, place + o * c + k);
    });
  }
}

template <class T>
void max_grad_row(const Axis& h, const Axis& w, const T* dy, const int32_t* place, int64_t c, int64_t row, T* dx) {
  const int32_t *h0 = &h.item[0] + h.start[row], *h1 = &h.item[0] + h.start[row + 1];
  for (int64_t x = 0; x < w.to; ++x) {
    const int32_t *w0 = &w.item[0] + w.start[x], *w1 = &w.item[0] + w.start[x + 1];
    for_channels<T>(c, [&](int64_t k, auto d) HWY_ATTR {
      const PlaceTag<decltype(d)> di;
      const hn::Rebind<int32_t, decltype(d)> d32;
      using I = hn::TFromD<decltype(di)>;
      const auto here = hn::Set(di, static_cast<I>(row * w.to + x));
      auto sum = hn::Zero(d);
      for (const int32_t* i = h0; i < h1; ++i) {
        for (const int32_t* j = w0; j < w1; ++j) {
          const int64_t at = (*i * w.from + *j) * c + k;
          const auto mine = [&]() HWY_ATTR {
            if constexpr (sizeof(T) == 4) return hn::Eq(hn::LoadU(di, place + at), here);
            else return hn::Eq(hn::PromoteTo(di, hn::LoadU(d32, place + at)), here);
          }();
          sum = hn::Add(sum, hn::IfThenElseZero(hn::RebindMask(d, mine), hn::LoadU(d, dy + at)));
        }
      }
      hn::StoreU(sum, d, dx + x * c + k);
    });
  }
}

template <class T>
void sum_row(const Axis& h, const Axis& w, const T* image, int64_t c, int64_t row, T* y) {
  for (int64_t o = 0; o < w.to; ++o) {
    for_channels<T>(c, [&](int64_t k, auto d) HWY_ATTR {
      auto sum = hn::Zero(d);
      for (int32_t i = h.start[row]; i < h.start[row + 1]; ++i) {
        auto part = hn::Zero(d);
        const T* line = image + h.item[i] * w.from * c + k;
        for (int32_t j = w.start[o]; j < w.start[o + 1]; ++j)
          part = hn::MulAdd(hn::LoadU(d, line + w.item[j] * c), hn::Set(d, static_cast<T>(w.weight[j])), part);
        sum = hn::MulAdd(part, hn::Set(d, static_cast<T>(h.weight[i])), sum);
      }
      hn::StoreU(sum, d, y + o * c + k);
    });
  }
}

template <class T>
const PoolRows<T>* rows_of() {
  static constexpr PoolRows<T> rows{max_row<T>, max_grad_row<T>, sum_row<T>};
  return &rows;
}
const void* pool_rows(bool f64) {
  if (f64) return rows_of<double>();
  return rows_of<float>();
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(pool_rows);

namespace {

constexpr int64_t kGrainBytes = 64 << 10;

// The windows of dimension d (0: height), each result's share of an average as weight.
Axis windows(const PoolAttrs& a, int d, int64_t in, int64_t out) {
  Axis axis;
  axis.from = in;
  axis.to = out;
  for (int64_t o = 0; o < out; ++o) {
    int64_t begin, end, step = 1, counted;
    if (a.output.rank() == 2) {
      begin = o * in / out;
      end = ((o + 1) * in + out - 1) / out;
      counted = end - begin;
    } else {
      step = a.dilation[d];
      begin = o * a.stride[d] - a.padding[d];
      end = begin + (a.kernel[d] - 1) * step + 1;
      // Zeros beyond the padding, which ceil_mode can reach, never count.
      counted =
          a.include_pad ? std::min(end, in + a.padding[d]) - begin : std::min(end, in) - std::max<int64_t>(begin, 0);
    }
    for (int64_t i = begin; i < end; i += step) {
      if (i < 0 || i >= in) continue;
      axis.item.push_back(static_cast<int32_t>(i));
      axis.weight.push_back(a.divisor ? 1.0 : 1.0 / static_cast<double>(counted));
    }
    axis.start.push_back(static_cast<int32_t>(axis.item.size()));
  }
  if (a.divisor && d == 0) {
    for (double& w : axis.weight) w /= static_cast<double>(*a.divisor);
  }
  return axis;
}

// For each input the results that see it.
Axis turned(const Axis& a) {
  std::vector<std::vector<std::pair<int32_t, double>>> seen(static_cast<size_t>(a.from));
  for (int64_t o = 0; o < a.to; ++o) {
    for (int32_t i = a.start[o]; i < a.start[o + 1]; ++i)
      seen[static_cast<size_t>(a.item[i])].emplace_back(static_cast<int32_t>(o), a.weight[i]);
  }
  Axis t;
  t.from = a.to;
  t.to = a.from;
  for (const auto& list : seen) {
    for (const auto& [o, w] : list) {
      t.item.push_back(o);
      t.weight.push_back(w);
    }
    t.start.push_back(static_cast<int32_t>(t.item.size()));
  }
  return t;
}

DType computed_in(DType t) { return t == DType::kF64 ? DType::kF64 : DType::kF32; }
// f(PoolRows<T>, T{}, first row) for each of the n * rows rows of a result whose rows hold `width` elements.
template <class F>
void for_rows(DType t, int64_t n, int64_t height, int64_t width, F f) {
  const void* rows = HWY_DYNAMIC_DISPATCH(pool_rows)(t == DType::kF64);
  const int64_t grain = std::max<int64_t>(1, kGrainBytes / (std::max<int64_t>(1, width) * 16));
  parallel_for(n * height, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      if (t == DType::kF64) f(*static_cast<const PoolRows<double>*>(rows), double{}, r / height, r % height);
      else f(*static_cast<const PoolRows<float>*>(rows), float{}, r / height, r % height);
    }
  });
}

template <class T>
T* data(const Tensor& t) {
  return static_cast<T*>(t.impl()->data());
}

}  // namespace

void max_pool2d(OpCall& c) {
  const DType t = computed_in(c.dtype);
  const Tensor x = channels_last(c.input(0), t);
  const Shape &in = x.shape(), &out = c.out[0].shape();
  Result y(c, 0, t);
  if (out.numel() > 0) {
    const auto& a = c.attrs_as<PoolAttrs>();
    const Axis h = windows(a, 0, in[2], out[2]), w = windows(a, 1, in[3], out[3]);
    const int64_t line = out[3] * out[1];
    for_rows(t, out[0], out[2], line, [&](const auto& rows, auto zero, int64_t image, int64_t row) {
      using T = decltype(zero);
      const int64_t at = (image * out[2] + row) * line;
      rows.max(h, w, data<T>(x) + image * in[1] * in[2] * in[3], in[1], row, data<T>(y.tensor()) + at,
               data<int32_t>(c.out[1]) + at);
    });
  }
  y.done();
}

void max_pool2d_grad(OpCall& c) {
  const DType t = computed_in(c.dtype);
  const Tensor dy = channels_last(c.input(0), t), place = channels_last(c.input(1), DType::kI32);
  const Shape &in = c.out[0].shape(), &out = dy.shape();
  Result dx(c, 0, t);
  if (in.numel() > 0) {
    const auto& a = c.attrs_as<PoolAttrs>();
    const Axis h = turned(windows(a, 0, in[2], out[2])), w = turned(windows(a, 1, in[3], out[3]));
    const int64_t line = in[3] * in[1], plane = out[1] * out[2] * out[3];
    for_rows(t, in[0], in[2], line, [&](const auto& rows, auto zero, int64_t image, int64_t row) {
      using T = decltype(zero);
      rows.max_grad(h, w, data<T>(dy) + image * plane, data<int32_t>(place) + image * plane, in[1], row,
                    data<T>(dx.tensor()) + (image * in[2] + row) * line);
    });
  }
  dx.done();
}

namespace {
// y = the weighted sums of x along both axes.
void weighted_sums(OpCall& c, const Axis& h, const Axis& w) {
  const DType t = computed_in(c.dtype);
  const Tensor x = channels_last(c.input(0), t);
  const Shape& out = c.out[0].shape();
  Result y(c, 0, t);
  const int64_t line = w.to * out[1], plane = h.from * w.from * out[1];
  for_rows(t, out[0], h.to, line, [&](const auto& rows, auto zero, int64_t image, int64_t row) {
    using T = decltype(zero);
    rows.sum(h, w, data<T>(x) + image * plane, out[1], row, data<T>(y.tensor()) + (image * h.to + row) * line);
  });
  y.done();
}
}  // namespace

void avg_pool2d(OpCall& c) {
  const Shape &in = c.input(0).shape(), &out = c.out[0].shape();
  const auto& a = c.attrs_as<PoolAttrs>();
  if (out.numel() > 0) weighted_sums(c, windows(a, 0, in[2], out[2]), windows(a, 1, in[3], out[3]));
}

void avg_pool2d_grad(OpCall& c) {
  const Shape &out = c.input(0).shape(), &in = c.out[0].shape();
  const auto& a = c.attrs_as<PoolAttrs>();
  if (in.numel() > 0) weighted_sums(c, turned(windows(a, 0, in[2], out[2])), turned(windows(a, 1, in[3], out[3])));
}

}  // namespace hearth::cpu
#endif
