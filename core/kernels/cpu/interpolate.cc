#include "core/kernels/interpolate.h"

#include <algorithm>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/taps.h"
#include "core/op/attrs/interpolate.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/interpolate.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef HEARTH_INTERPOLATE_ONCE
#define HEARTH_INTERPOLATE_ONCE
namespace hearth::cpu {

// Taps with their weights in the type of the sums.
template <class T>
struct WeightedTaps {
  const int64_t *first, *start;
  const T* weight;
  int64_t from, to;
  int64_t least, most;  // of one result
};

}  // namespace hearth::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// y[i] of `width` neighbours: the sums of whole rows.
template <class T>
void sum_rows(const WeightedTaps<T>& t, const T* HWY_RESTRICT x, int64_t width, int64_t i, T* HWY_RESTRICT y) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t count = t.start[i + 1] - t.start[i];
  const T* HWY_RESTRICT w = t.weight + t.start[i];
  const T* HWY_RESTRICT rows = x + t.first[i] * width;
  int64_t k = 0;
  for (; k + lanes <= width; k += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t j = 0; j < count; ++j)
      sum = hn::Add(sum, hn::Mul(hn::Set(d, w[j]), hn::LoadU(d, rows + j * width + k)));
    hn::StoreU(sum, d, y + k);
  }
  for (; k < width; ++k) {
    T sum = 0;
    for (int64_t j = 0; j < count; ++j) sum += w[j] * rows[j * width + k];
    y[k] = sum;
  }
}

// All results along a line whose elements are neighbours.
template <class T>
void sum_line(const WeightedTaps<T>& t, const T* HWY_RESTRICT x, T* HWY_RESTRICT y) {
  if (t.least >= 1 && t.most <= 2) {
    for (int64_t i = 0; i < t.to; ++i) {
      const T* const at = x + t.first[i];
      const T* const w = t.weight + t.start[i];
      T sum = w[0] * at[0];
      if (t.start[i + 1] - t.start[i] == 2) sum += w[1] * at[1];
      y[i] = sum;
    }
    return;
  }
  for (int64_t i = 0; i < t.to; ++i) {
    T sum = 0;
    const T* const at = x + t.first[i] - t.start[i];
    for (int64_t k = t.start[i]; k < t.start[i + 1]; ++k) sum += t.weight[k] * at[k];
    y[i] = sum;
  }
}

void rows_f32(const WeightedTaps<float>& t, const float* x, int64_t width, int64_t i, float* y) {
  sum_rows(t, x, width, i, y);
}
void rows_f64(const WeightedTaps<double>& t, const double* x, int64_t width, int64_t i, double* y) {
  sum_rows(t, x, width, i, y);
}
void line_f32(const WeightedTaps<float>& t, const float* x, float* y) { sum_line(t, x, y); }
void line_f64(const WeightedTaps<double>& t, const double* x, double* y) { sum_line(t, x, y); }

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(rows_f32);
HWY_EXPORT(rows_f64);
HWY_EXPORT(line_f32);
HWY_EXPORT(line_f64);

namespace {

constexpr int64_t kGrain = 1 << 15;  // multiplications

template <class T, class Rows, class Line>
void sums(const Taps& taps, const Tensor& x, const Tensor& out, int dim, Rows rows, Line line) {
  const std::vector<T> weight(taps.weight.begin(), taps.weight.end());
  WeightedTaps<T> t{taps.first.data(), taps.start.data(), weight.data(), taps.from, taps.to(), taps.count(0), 0};
  for (int64_t i = 0; i < t.to; ++i) {
    t.least = std::min(t.least, taps.count(i));
    t.most = std::max(t.most, taps.count(i));
  }
  int64_t outer = 1, width = 1;
  for (int d = 0; d < dim; ++d) outer *= x.shape()[d];
  for (int d = dim + 1; d < x.dim(); ++d) width *= x.shape()[d];
  const auto* const from = static_cast<const T*>(x.raw_data());
  auto* const to = static_cast<T*>(out.impl()->data());
  if (width == 1) {
    const int64_t cost = std::max<int64_t>(static_cast<int64_t>(weight.size()), t.to);
    return parallel_for(outer, std::max<int64_t>(kGrain / cost, 1), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) line(t, from + o * t.from, to + o * t.to);
    });
  }
  const int64_t cost = width * (static_cast<int64_t>(weight.size()) / t.to + 1);
  parallel_for(outer * t.to, std::max<int64_t>(kGrain / cost, 1), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t o = r / t.to;
      rows(t, from + o * t.from * width, width, r - o * t.to, to + r * width);
    }
  });
}

// The results of attribute size along the dimension; of a gradient, whose input they were.
Taps taps_of(const OpCall& c, bool gradient) {
  const auto& a = c.attrs_as<InterpolateAttrs>();
  const Tensor& x = c.input(0);
  const int64_t given = x.shape()[wrap_dim(a.dim, x.dim(), c.op.name)];
  const TapOptions options{a.cubic, a.align_corners, a.antialias, a.step};
  return gradient ? transposed(interpolated(a.size, given, options)) : interpolated(given, a.size, options);
}

void run_taps(OpCall& c, bool gradient) {
  if (c.out[0].numel() == 0) return;
  const Taps taps = taps_of(c, gradient);
  const Tensor x = row_major(c.input(0));
  const int dim = wrap_dim(c.attrs_as<InterpolateAttrs>().dim, x.dim(), c.op.name);
  if (c.dtype == DType::kF64)
    sums<double>(taps, x, c.out[0], dim, HWY_DYNAMIC_DISPATCH(rows_f64), HWY_DYNAMIC_DISPATCH(line_f64));
  else sums<float>(taps, x, c.out[0], dim, HWY_DYNAMIC_DISPATCH(rows_f32), HWY_DYNAMIC_DISPATCH(line_f32));
}

}  // namespace

void interpolate(OpCall& c) { run_taps(c, false); }
void interpolate_grad(OpCall& c) { run_taps(c, true); }

}  // namespace hearth::cpu
#endif
