#include "vision/ops/color.h"

#include <algorithm>

#include "core/base/called_as.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "vision/ops/image.h"

namespace hearth::vision {
namespace {

void expect_pixels(const char* op, const Tensor& x) {
  expect_image(op, x.shape());
  if (x.dtype() == u8 || x.is_floating_point()) return;
  fail(ErrorKind::kUnsupported, op, ": dtype ", x.dtype(), " is not supported; it takes ",
       kFloatTypes | DTypeSet{DType::kU8});
}
void expect_float(const char* op, const Tensor& x) {
  expect_image(op, x.shape());
  if (!x.is_floating_point()) {
    fail(ErrorKind::kUnsupported, op, ": dtype ", x.dtype(), " is not supported; it takes ", kFloatTypes,
         x.dtype() == u8 ? " (to_float makes them)" : "");
  }
}
void expect_channels(const char* op, const Tensor& x, bool one_too) {
  const int64_t c = channels(x.shape());
  HEARTH_CHECK(c == 3 || (one_too && c == 1), op, ": expected ", one_too ? "1 or 3" : "3",
               " channels, but the image has shape ", x.shape());
}
void expect_factor(const char* op, double factor) {
  HEARTH_CHECK(factor >= 0, op, ": the factor must be at least 0, but is ", factor);  // NaN is not
}

// One value for each channel, beside images of x's dtype.
Tensor per_channel(const char* op, const char* what, const Tensor& x, std::span<const double> values) {
  const int64_t c = channels(x.shape());
  const auto n = static_cast<int64_t>(values.size());
  HEARTH_CHECK(n == c || n == 1, op, ": ", n, " values of ", what, " for an image of ", c, " channels");
  // Made in x's dtype, so that a traced graph holds the values and no cast of them.
  Tensor t = hearth::detail::empty({n, 1, 1}, x.dtype(), kCpu, op);
  visit(x.dtype(),
        [&]<class T>() { std::transform(values.begin(), values.end(), t.mutable_data<T>(), convert<T, double>); });
  return x.device().is_cuda() ? t.to(x.device()) : t;
}

Tensor channel(const Tensor& x, int64_t i) { return narrow(x, -3, i, 1); }

// In f32 for u8, neither rounded nor truncated.
Tensor luminance(const Tensor& x) {
  if (channels(x.shape()) == 1) return x.dtype() == u8 ? x.to(f32) : x;
  return channel(x, 0) * 0.2989 + channel(x, 1) * 0.587 + channel(x, 2) * 0.114;
}
Tensor grey_value(const Tensor& x) {
  const Tensor l = luminance(x);
  return x.dtype() == u8 ? floor(l) : l;
}

// Within the range of the dtype.
Tensor fitted(const Tensor& y, DType dtype) { return dtype == u8 ? clamp(y, 0.0, 255.0).to(u8) : clamp(y, 0.0, 1.0); }
Tensor blend(const Tensor& x, const Tensor& other, double factor) {
  return fitted(x * factor + other * (1.0 - factor), x.dtype());
}

}  // namespace

Tensor to_float(const Tensor& x) {
  expect_pixels("to_float", x);
  return x.dtype() == u8 ? x.to(f32) / 255.0 : x;
}

Tensor to_u8(const Tensor& x) {
  expect_pixels("to_u8", x);
  return x.dtype() == u8 ? x : clamp(x * 255.999, 0.0, 255.0).to(u8);
}

Tensor normalize(const Tensor& x, std::span<const double> mean, std::span<const double> std) {
  const CalledAs called("normalize");
  expect_float("normalize", x);
  for (double s : std) HEARTH_CHECK(s != 0, "normalize: a std is 0");
  return (x - per_channel("normalize", "mean", x, mean)) / per_channel("normalize", "std", x, std);
}

Tensor rgb_to_grayscale(const Tensor& x) {
  const CalledAs called("rgb_to_grayscale");
  expect_pixels("rgb_to_grayscale", x);
  expect_channels("rgb_to_grayscale", x, true);
  if (channels(x.shape()) == 1) return x;
  return x.dtype() == u8 ? luminance(x).to(u8) : luminance(x);
}

Tensor grayscale_to_rgb(const Tensor& x) {
  const CalledAs called("grayscale_to_rgb");
  expect_image("grayscale_to_rgb", x.shape());
  expect_channels("grayscale_to_rgb", x, true);
  return channels(x.shape()) == 3 ? x : cat({x, x, x}, -3);
}

Tensor rgb_to_hsv(const Tensor& x) {
  const CalledAs called("rgb_to_hsv");
  expect_float("rgb_to_hsv", x);
  expect_channels("rgb_to_hsv", x, false);
  const Tensor most = amax(x, {-3}, true), range = most - amin(x, {-3}, true), grey = range.eq(0);
  const Tensor saturation = range / where(grey, 1.0, most);
  // Distances from the largest channel; of grey pixels all are 0.
  const Tensor d = (most - x) / where(grey, 1.0, range);
  const Tensor r = channel(d, 0), g = channel(d, 1), b = channel(d, 2);
  const Tensor sixths = where(r.eq(0), b - g, where(g.eq(0), r - b + 2.0, g - r + 4.0));
  return cat({fmod(sixths * (1.0 / 6.0) + 1.0, 1.0), saturation, most}, -3);
}

Tensor hsv_to_rgb(const Tensor& x) {
  const CalledAs called("hsv_to_rgb");
  expect_float("hsv_to_rgb", x);
  expect_channels("hsv_to_rgb", x, false);
  const Tensor h = channel(x, 0), s = channel(x, 1), v = channel(x, 2);
  // A channel falls from v to v (1 - s) and rises again over the circle; red, green and blue do so a third apart.
  const double phase[] = {5.0, 3.0, 1.0};
  const Tensor k = remainder(h * 6.0 + per_channel("hsv_to_rgb", "phase", x, phase), 6.0);
  return clamp(v - v * s * clamp(minimum(k, 4.0 - k), 0.0, 1.0), 0.0, 1.0);
}

Tensor adjust_brightness(const Tensor& x, double factor) {
  const CalledAs called("adjust_brightness");
  expect_pixels("adjust_brightness", x);
  expect_channels("adjust_brightness", x, true);
  expect_factor("adjust_brightness", factor);
  return fitted(x * factor, x.dtype());
}

Tensor adjust_contrast(const Tensor& x, double factor) {
  const CalledAs called("adjust_contrast");
  expect_pixels("adjust_contrast", x);
  expect_channels("adjust_contrast", x, true);
  expect_factor("adjust_contrast", factor);
  return blend(x, mean(grey_value(x), {-3, -2, -1}, true), factor);
}

Tensor adjust_saturation(const Tensor& x, double factor) {
  const CalledAs called("adjust_saturation");
  expect_pixels("adjust_saturation", x);
  expect_channels("adjust_saturation", x, true);
  expect_factor("adjust_saturation", factor);
  return channels(x.shape()) == 1 ? x : blend(x, grey_value(x), factor);
}

Tensor adjust_hue(const Tensor& x, double shift) {
  const CalledAs called("adjust_hue");
  expect_pixels("adjust_hue", x);
  expect_channels("adjust_hue", x, true);
  HEARTH_CHECK(shift >= -0.5 && shift <= 0.5, "adjust_hue: the shift must lie in [-0.5, 0.5], but is ", shift);
  if (channels(x.shape()) == 1) return x;
  const Tensor hsv = rgb_to_hsv(to_float(x));
  const Tensor turned = remainder(channel(hsv, 0) + shift, 1.0);
  const Tensor y = hsv_to_rgb(cat({turned, narrow(hsv, -3, 1, 2)}, -3));
  return x.dtype() == u8 ? to_u8(y) : y;
}

Tensor adjust_gamma(const Tensor& x, double gamma, double gain) {
  const CalledAs called("adjust_gamma");
  expect_pixels("adjust_gamma", x);
  HEARTH_CHECK(gamma >= 0, "adjust_gamma: gamma must be at least 0, but is ", gamma);
  Tensor y = pow(to_float(x), gamma);
  if (gain != 1) y = clamp(y * gain, 0.0, 1.0);
  return x.dtype() == u8 ? to_u8(y) : y;
}

Tensor invert(const Tensor& x) {
  const CalledAs called("invert");
  expect_pixels("invert", x);
  return x.dtype() == u8 ? 255 - x : 1.0 - x;
}

}  // namespace hearth::vision
