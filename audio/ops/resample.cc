#include "audio/ops/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "audio/kernels/resample.h"
#include "audio/ops/resample_internal.h"
#include "core/base/bessel.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/grad_context.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

void infer_resample(OpCall& c) {
  const auto& a = c.attrs_as<ResampleAttrs>();
  const Tensor& x = c.input(0);
  HEARTH_CHECK(x.dim() >= 1, "resample: expected signals [..., time], but the tensor is 0-dim");
  expect_rank(c, 1, 2);
  expect_same_dtype(c);
  const int64_t to = c.input(1).size(0);
  constexpr int64_t kMost = int64_t{1} << 31;
  HEARTH_CHECK(a.from >= 1 && a.from <= kMost && to >= 1 && to <= kMost && c.input(1).size(1) >= 1 &&
                   std::abs(a.shift) <= kMost * kMost / 2,
               "resample: a filter of shape ", c.input(1).shape(), " for ", a.from, " samples, shifted by ", a.shift,
               ", is not possible");
  Shape shape = x.shape();
  const __int128 length = (static_cast<__int128>(to) * x.size(-1) + a.from - 1) / a.from;
  HEARTH_CHECK(length <= INT64_MAX && a.length.value_or(0) >= 0, "resample: a signal of ", x.size(-1),
               " samples becomes too long");
  shape[x.dim() - 1] = a.length.value_or(static_cast<int64_t>(length));
  c.make(0, shape, c.dtype);
}

// The filter by which the gradient of a signal of `length` samples is made of that of the result: what each sample
// gives, sorted by where it comes from. It is a filter for the other direction.
struct Transposed {
  Tensor filter;
  ResampleAttrs attrs;
};
Transposed transposed(const Tensor& filter, const ResampleAttrs& a, int64_t length) {
  const int64_t to = filter.size(0), taps = filter.size(1), from = a.from;
  // Sample i takes part in those results j for which 0 <= i - start(j) < taps.
  Transposed t{.attrs = {.from = to, .shift = (1 - taps) * to - a.shift, .length = length}};
  const int64_t width = (taps * to + from - 1) / from + 1;
  std::vector<int64_t> at;
  for (int64_t q = 0; q < from; ++q) {
    const int64_t first = floor_div(q * to + t.attrs.shift, from);
    for (int64_t j = first; j < first + width; ++j) {
      const int64_t k = q - floor_div(j * from + a.shift, to), row = j - floor_div(j, to) * to;
      at.push_back(k >= 0 && k < taps ? row * taps + k : to * taps);
    }
  }
  const Tensor all = cat({reshape(filter, {-1}), filter.new_zeros({1})}, 0);
  t.filter = reshape(index_select(all, 0, tensor(at, {.device = filter.device()})), {from, width});
  return t;
}

}  // namespace

extern constinit const OpDef kResample = {
    .name = "audio::resample",
    .dtypes = kFloatTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .attrs = &attrs_type<ResampleAttrs>,
    .infer = infer_resample,
    .save = {.input = {0, 0b1}},
    .kernel = {cpu::resample, cuda::resample},
    .backward =
        [](GradContext& g) {
          HEARTH_CHECK(!g.needs(1), "resample: the filter has no gradient");
          const Shape& shape = g.input_shape(0);
          const Transposed t = transposed(g.input(1), g.attrs<ResampleAttrs>(), shape[shape.rank() - 1]);
          g.set(0, run(kResample, {g.grad(), t.filter}, t.attrs));
        },
};
HEARTH_OP(kResample);

void detail::check_resample(int64_t orig_freq, int64_t new_freq, const ResampleOptions& o) {
  HEARTH_CHECK(orig_freq >= 1 && new_freq >= 1, "resample: the rates must be positive, but are ", orig_freq, " and ",
               new_freq);
  HEARTH_CHECK(o.lowpass_filter_width >= 1 && o.lowpass_filter_width <= 1 << 20 && o.rolloff > 0 && o.rolloff <= 1,
               "resample: lowpass_filter_width must be at least 1 and rolloff in (0, 1], but they are ",
               o.lowpass_filter_width, " and ", o.rolloff);
  HEARTH_CHECK(std::abs(o.beta) <= 700, "resample: beta must be from -700 to 700, but is ", o.beta);
}

detail::ResampleFilter detail::resample_filter(int64_t orig_freq, int64_t new_freq, const ResampleOptions& o,
                                               const TensorOptions& tensor) {
  const int64_t common = std::gcd(orig_freq, new_freq), from = orig_freq / common, to = new_freq / common;
  const double base = static_cast<double>(std::min(from, to)) * o.rolloff,
               zeros = static_cast<double>(o.lowpass_filter_width);
  // In double, which no rate overflows.
  const double reach = std::ceil(zeros * static_cast<double>(from) / base),
               values = (2 * reach + 1) * static_cast<double>(to);
  HEARTH_CHECK(values <= 0x1p28 && static_cast<double>(from) <= 0x1p31, "resample: from ", orig_freq, " to ", new_freq,
               " Hz needs a filter of ", values, " values, which is too much");
  const auto width = static_cast<int64_t>(reach);
  const int64_t taps = 2 * width + 1;
  // Row p gives sample p of each `to`: those that are at most `reach` samples away.
  std::vector<double> kernel(static_cast<size_t>(taps * to));
  for (int64_t p = 0; p < to; ++p) {
    const int64_t start = floor_div(p * from - width * to, to);
    for (int64_t k = 0; k < taps; ++k) {
      const double t = std::clamp((static_cast<double>(start + k) / static_cast<double>(from) -
                                   static_cast<double>(p) / static_cast<double>(to)) *
                                      base,
                                  -zeros, zeros);
      const double c = std::cos(t * std::numbers::pi / zeros / 2), u = t / zeros;
      const double window = o.method == ResampleMethod::kSincHann
                                ? c * c
                                : bessel_i0(o.beta * std::sqrt(std::max(0.0, 1 - u * u))) / bessel_i0(o.beta);
      const double a = t * std::numbers::pi;
      kernel[static_cast<size_t>(p * taps + k)] =
          (t == 0 ? 1 : std::sin(a) / a) * window * base / static_cast<double>(from);
    }
  }
  return {from_values(kernel, {to, taps}, tensor), {.from = from, .shift = -width * to}, width};
}

Tensor resample(const Tensor& x, int64_t orig_freq, int64_t new_freq, const ResampleOptions& o) {
  const CalledAs called("resample");
  expect_dtypes("resample", x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 1, "resample: expected signals [..., time], but the tensor is 0-dim");
  detail::check_resample(orig_freq, new_freq, o);
  if (orig_freq == new_freq) return x;
  const auto filter = detail::resample_filter(orig_freq, new_freq, o, {.dtype = x.dtype(), .device = x.device()});
  return run(kResample, {x, filter.taps}, filter.attrs);
}

}  // namespace hearth::audio
