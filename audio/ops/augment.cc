#include "audio/ops/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "audio/ops/resample.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

double curve(double x, FadeShape shape) {
  switch (shape) {
    case FadeShape::kLinear:
      return x;
    case FadeShape::kExponential:
      return x * std::exp2(x - 1);
    case FadeShape::kLogarithmic:
      return std::log10(0.1 + x) + 1;
    case FadeShape::kQuarterSine:
      return std::sin(x * std::numbers::pi / 2);
    case FadeShape::kHalfSine:
      return (1 - std::cos(x * std::numbers::pi)) / 2;
  }
  __builtin_unreachable();
}

// n factors from that of 0 to that of 1.
Tensor rise(int64_t n, FadeShape shape, const Tensor& like) {
  std::vector<double> v;
  for (int64_t i = 0; i < n; ++i) {
    const double x = n == 1 ? 0 : static_cast<double>(i) / static_cast<double>(n - 1);
    v.push_back(std::clamp(curve(x, shape), 0.0, 1.0));
  }
  return tensor(v, {.dtype = like.dtype(), .device = like.device()});
}

}  // namespace

Tensor add_noise(const Tensor& x, const Tensor& noise, const Tensor& snr, const std::optional<Tensor>& lengths) {
  const CalledAs called("add_noise");
  expect_defined("add_noise", {x, noise, snr});
  expect_dtypes("add_noise", x, kFloatTypes);
  HEARTH_CHECK(x.dim() >= 1 && x.shape() == noise.shape(),
               "add_noise: signals and noise must have one shape, but have ", x.shape(), " and ", noise.shape());
  Shape lead = x.shape();
  lead.erase(x.dim() - 1);
  HEARTH_CHECK(snr.shape() == lead, "add_noise: snr must have the shape ", lead, ", but has ", snr.shape());
  HEARTH_CHECK(!lengths || lengths->shape() == lead, "add_noise: lengths must have the shape ", lead, ", but have ",
               lengths->shape());
  const auto energy = [&](const Tensor& of) {
    // f16 overflows.
    const Tensor squares = square(of.to(compute_type(of.dtype())));
    if (!lengths) return sum(squares, {-1});
    const Tensor counts = lt(arange(x.size(-1), {.device = x.device()}), lengths->unsqueeze(-1));
    return sum(where(counts, squares, 0), {-1});
  };
  const Tensor ratio = (log10(energy(x)) - log10(energy(noise))) * 10;
  const Tensor scale = exp((ratio - snr) * (std::numbers::ln10 / 20));
  return x + noise * scale.unsqueeze(-1).to(x.dtype());
}

Tensor speed(const Tensor& x, int64_t orig_freq, double factor) {
  const CalledAs called("speed");
  const double from = std::floor(factor * static_cast<double>(orig_freq));
  HEARTH_CHECK(orig_freq >= 1 && from >= 1 && from < 1e15, "speed: ", factor, " times ", orig_freq,
               " Hz is not a rate");
  return resample(x, static_cast<int64_t>(from), orig_freq);
}

Tensor gain(const Tensor& x, double gain_db) {
  const CalledAs called("gain");
  expect_defined("gain", {x});
  expect_dtypes("gain", x, kFloatTypes);
  return x * std::pow(10, gain_db / 20);
}

Tensor fade(const Tensor& x, int64_t in, int64_t out, FadeShape shape) {
  const CalledAs called("fade");
  expect_defined("fade", {x});
  expect_dtypes("fade", x, kFloatTypes);
  HEARTH_CHECK(x.dim() >= 1, "fade: expected signals [..., time], but the tensor is 0-dim");
  const int64_t n = x.size(-1);
  HEARTH_CHECK(in >= 0 && out >= 0 && in <= n && out <= n, "fade: fades of ", in, " and ", out,
               " samples do not fit into signals of ", n);
  const TensorOptions o{.dtype = x.dtype(), .device = x.device()};
  const Tensor first = cat({rise(in, shape, x), ones({n - in}, o)}, 0);
  const Tensor last = cat({ones({n - out}, o), flip(rise(out, shape, x), {0})}, 0);
  return x * (first * last);
}

Tensor mask_along_axis(const Tensor& x, int64_t mask_param, MaskAxis axis, const MaskOptions& o, Generator* generator) {
  const CalledAs called("mask_along_axis");
  expect_defined("mask_along_axis", {x});
  HEARTH_CHECK(x.dim() >= 2, "mask_along_axis: expected a spectrogram [..., frequency, time], but got ", x.shape());
  HEARTH_CHECK(mask_param >= 0, "mask_along_axis: mask_param must not be negative, but is ", mask_param);
  HEARTH_CHECK(o.p >= 0 && o.p <= 1, "mask_along_axis: p must be in [0, 1], but is ", o.p);
  const int d = axis == MaskAxis::kTime ? x.dim() - 1 : x.dim() - 2;
  const int64_t size = x.shape()[d];
  if (o.p < 1) mask_param = std::min(mask_param, static_cast<int64_t>(o.p * static_cast<double>(size)));
  if (mask_param < 1) return x;
  Shape draws = x.shape();
  for (int k = 0; k < x.dim(); ++k) {
    if (k >= x.dim() - 2 || !o.iid) draws[k] = 1;
  }
  const TensorOptions wide{.dtype = f64, .device = x.device()};
  const Tensor length = rand(draws, wide, generator) * static_cast<double>(mask_param);
  // A mask that is longer than the dimension begins before it.
  const Tensor start = trunc(rand(draws, wide, generator) * (static_cast<double>(size) - length));
  Shape along;
  for (int k = 0; k < x.dim(); ++k) along.push_back(k == d ? size : 1);
  const Tensor at = reshape(arange(size, wide), along);
  return where(logical_and(ge(at, start), lt(at, start + trunc(length))), Scalar(o.mask_value), x).to(x.dtype());
}

Tensor spec_augment(const Tensor& x, const SpecAugmentOptions& o, Generator* generator) {
  const CalledAs called("spec_augment");
  expect_defined("spec_augment", {x});
  HEARTH_CHECK(o.n_time_masks >= 0 && o.n_freq_masks >= 0, "spec_augment: ", o.n_time_masks, " and ", o.n_freq_masks,
               " masks are not possible");
  const double value = o.zero_masking || x.numel() == 0 ? 0 : mean(x.to(f64)).item<double>();
  const MaskOptions time{.mask_value = value, .p = o.p, .iid = o.iid_masks};
  Tensor y = x;
  for (int64_t i = 0; i < o.n_time_masks; ++i)
    y = mask_along_axis(y, o.time_mask_param, MaskAxis::kTime, time, generator);
  for (int64_t i = 0; i < o.n_freq_masks; ++i)
    y = mask_along_axis(y, o.freq_mask_param, MaskAxis::kFrequency, {.mask_value = value, .iid = o.iid_masks},
                        generator);
  return y;
}

}  // namespace hearth::audio
