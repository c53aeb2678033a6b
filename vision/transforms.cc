#include "vision/transforms.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/data/random.h"
#include "core/ops/index.h"
#include "core/ops/random.h"
#include "core/ops/view.h"
#include "vision/ops/color.h"
#include "vision/ops/image.h"

namespace hearth::vision {

using data::bernoulli;
using data::log_uniform;
using data::randint;
using data::uniform;

namespace {

void expect_ranges(const char* op, Range scale, Range ratio) {
  HEARTH_CHECK(scale.low >= 0 && scale.low <= scale.high && scale.high <= 1, op, ": scale must be a range in [0, 1]");
  HEARTH_CHECK(ratio.low > 0 && ratio.low <= ratio.high && std::isfinite(ratio.high), op,
               ": ratio must be a range above 0");
}
int64_t rounded(double v) { return static_cast<int64_t>(std::nearbyint(v)); }

Tensor part(const Tensor& x, int64_t top, int64_t left, int64_t h, int64_t w) {
  return narrow(narrow(x, -2, top, h), -1, left, w);
}

}  // namespace

Tensor random_horizontal_flip(const Tensor& x, Generator& random, double p) {
  const CalledAs called("random_horizontal_flip");
  expect_image("random_horizontal_flip", x.shape());
  return bernoulli(random, p) ? horizontal_flip(x) : x;
}

Tensor random_vertical_flip(const Tensor& x, Generator& random, double p) {
  const CalledAs called("random_vertical_flip");
  expect_image("random_vertical_flip", x.shape());
  return bernoulli(random, p) ? vertical_flip(x) : x;
}

Tensor random_grayscale(const Tensor& x, Generator& random, double p) {
  const CalledAs called("random_grayscale");
  expect_image("random_grayscale", x.shape());
  if (!bernoulli(random, p)) return x;
  const Tensor grey = rgb_to_grayscale(x);
  return channels(x.shape()) == 3 ? grayscale_to_rgb(grey) : grey;
}

Tensor random_crop(const Tensor& x, Extent2 size, Generator& random, const RandomCropOptions& o) {
  const CalledAs called("random_crop");
  expect_image("random_crop", x.shape());
  Padding p = o.padding.value_or(Padding(0));
  const auto padded_height = [&] { return height(x.shape()) + p.top + p.bottom; };
  const auto padded_width = [&] { return width(x.shape()) + p.left + p.right; };
  if (o.pad_if_needed) {
    if (const int64_t lack = size.h - padded_height(); lack > 0) {
      p.top += lack;
      p.bottom += lack;
    }
    if (const int64_t lack = size.w - padded_width(); lack > 0) {
      p.left += lack;
      p.right += lack;
    }
  }
  HEARTH_CHECK(size.h >= 1 && size.w >= 1 && size.h <= padded_height() && size.w <= padded_width(),
               "random_crop: cannot take ", size.h, " x ", size.w, " pixels from an image of shape ", x.shape(),
               p.left + p.top + p.right + p.bottom > 0 ? " with its padding" : "");
  const int64_t top = randint(random, 0, padded_height() - size.h + 1),
                left = randint(random, 0, padded_width() - size.w + 1);
  const bool needs_pad = p.left > 0 || p.top > 0 || p.right > 0 || p.bottom > 0;
  // crop() sees zeros around the image.
  if (!needs_pad || (o.mode == PadMode::kConstant && o.fill.to<double>() == 0))
    return crop(x, top - p.top, left - p.left, size);
  return crop(pad(x, p, {.mode = o.mode, .fill = o.fill}), top, left, size);
}

Tensor random_resized_crop(const Tensor& x, Extent2 size, Generator& random, const RandomResizedCropOptions& o) {
  const CalledAs called("random_resized_crop");
  expect_image("random_resized_crop", x.shape());
  expect_ranges("random_resized_crop", o.scale, o.ratio);
  const int64_t h = height(x.shape()), w = width(x.shape());
  HEARTH_CHECK(h >= 1 && w >= 1, "random_resized_crop: an image of shape ", x.shape(), " has no pixels");
  const auto taken = [&](int64_t top, int64_t left, int64_t ph, int64_t pw) {
    return resize(part(x, top, left, ph, pw), size, {.interpolation = o.interpolation, .antialias = o.antialias});
  };
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = static_cast<double>(h) * static_cast<double>(w) * uniform(random, o.scale);
    const double ratio = log_uniform(random, o.ratio);
    const int64_t pw = rounded(std::sqrt(area * ratio)), ph = rounded(std::sqrt(area / ratio));
    if (pw < 1 || pw > w || ph < 1 || ph > h) continue;
    const int64_t top = randint(random, 0, h - ph + 1), left = randint(random, 0, w - pw + 1);
    return taken(top, left, ph, pw);
  }
  const double ratio = static_cast<double>(w) / static_cast<double>(h);
  int64_t ph = h, pw = w;
  if (ratio < o.ratio.low) ph = std::clamp<int64_t>(rounded(static_cast<double>(w) / o.ratio.low), 1, h);
  else if (ratio > o.ratio.high) pw = std::clamp<int64_t>(rounded(static_cast<double>(h) * o.ratio.high), 1, w);
  return taken((h - ph) / 2, (w - pw) / 2, ph, pw);
}

Tensor color_jitter(const Tensor& x, Generator& random, const ColorJitterOptions& o) {
  const CalledAs called("color_jitter");
  expect_image("color_jitter", x.shape());
  HEARTH_CHECK(o.brightness >= 0 && o.contrast >= 0 && o.saturation >= 0 && o.hue >= 0 && o.hue <= 0.5,
               "color_jitter: brightness, contrast and saturation must be at least 0 and hue 0 to 0.5, but are ",
               o.brightness, ", ", o.contrast, ", ", o.saturation, " and ", o.hue);
  std::array<int, 4> order = {0, 1, 2, 3};
  data::shuffle(random, order);
  const auto factor = [&](double v) { return uniform(random, {std::max(0.0, 1 - v), 1 + v}); };
  const double brightness = factor(o.brightness), contrast = factor(o.contrast), saturation = factor(o.saturation),
               hue = uniform(random, {-o.hue, o.hue});
  Tensor y = x;
  for (int i : order) {
    if (i == 0 && o.brightness > 0) y = adjust_brightness(y, brightness);
    if (i == 1 && o.contrast > 0) y = adjust_contrast(y, contrast);
    if (i == 2 && o.saturation > 0) y = adjust_saturation(y, saturation);
    if (i == 3 && o.hue > 0) y = adjust_hue(y, hue);
  }
  return y;
}

Tensor random_erasing(const Tensor& x, Generator& random, const RandomErasingOptions& o) {
  const CalledAs called("random_erasing");
  expect_image("random_erasing", x.shape());
  expect_ranges("random_erasing", o.scale, o.ratio);
  HEARTH_CHECK(!o.noise || x.is_floating_point(), "random_erasing: noise is for floating-point images, not ",
               x.dtype());
  if (!bernoulli(random, o.p)) return x;
  const int64_t h = height(x.shape()), w = width(x.shape());
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = static_cast<double>(h) * static_cast<double>(w) * uniform(random, o.scale);
    const double ratio = log_uniform(random, o.ratio);
    const int64_t ph = rounded(std::sqrt(area * ratio)), pw = rounded(std::sqrt(area / ratio));
    if (ph >= h || pw >= w) continue;
    const int64_t top = randint(random, 0, h - ph + 1), left = randint(random, 0, w - pw + 1);
    Tensor y = x.clone();
    Tensor hole = part(y, top, left, ph, pw);
    if (o.noise) hole.normal_(0, 1, &random);
    else hole.fill_(o.value);
    return y;
  }
  return x;
}

}  // namespace hearth::vision
