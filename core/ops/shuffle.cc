#include "core/ops/shuffle.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

constexpr int64_t kMost = int64_t{1} << 30;  // its square is an int64_t

void check_images(const char* op, const Tensor& x, int64_t factor) {
  expect_defined(op, {x});
  HEARTH_CHECK(x.dim() >= 3 && x.dim() <= kMaxRank, op, ": expected images [..., c, h, w], but the shape is ",
               x.shape());
  HEARTH_CHECK(factor >= 1 && factor <= kMost, op, ": the factor must be from 1 to 2^30, but is ", factor);
}
// With all dimensions before the image's as one.
Tensor batched(const Tensor& x) {
  Dims shape{1, x.size(-3), x.size(-2), x.size(-1)};
  for (int d = 0; d < x.dim() - 3; ++d) shape[0] *= x.size(d);
  return reshape(x, shape);
}
Tensor with_images(const Tensor& x, const Tensor& images, int64_t c, int64_t h, int64_t w) {
  Shape shape = x.shape();
  shape[x.dim() - 3] = c;
  shape[x.dim() - 2] = h;
  shape[x.dim() - 1] = w;
  return reshape(images, shape);
}

}  // namespace

Tensor pixel_shuffle(const Tensor& x, int64_t upscale_factor) {
  const CalledAs called("pixel_shuffle");
  check_images("pixel_shuffle", x, upscale_factor);
  const int64_t r = upscale_factor, h = x.size(-2), w = x.size(-1), c = x.size(-3) / (r * r);
  HEARTH_CHECK(x.size(-3) % (r * r) == 0, "pixel_shuffle: ", x.size(-3), " channels of shape ", x.shape(),
               " cannot be cut into groups of ", r * r);
  const Tensor flat = batched(x);
  const Tensor parts = reshape(flat, {flat.size(0), c, r, r, h, w});
  return with_images(x, permute(parts, {0, 1, 4, 2, 5, 3}), c, h * r, w * r);
}

Tensor pixel_unshuffle(const Tensor& x, int64_t downscale_factor) {
  const CalledAs called("pixel_unshuffle");
  check_images("pixel_unshuffle", x, downscale_factor);
  const int64_t r = downscale_factor, c = x.size(-3), h = x.size(-2) / r, w = x.size(-1) / r;
  HEARTH_CHECK(x.size(-2) % r == 0 && x.size(-1) % r == 0, "pixel_unshuffle: the factor ", r,
               " does not divide height and width of shape ", x.shape());
  const Tensor flat = batched(x);
  const Tensor parts = reshape(flat, {flat.size(0), c, h, r, w, r});
  return with_images(x, permute(parts, {0, 1, 3, 5, 2, 4}), c * r * r, h, w);
}

Tensor channel_shuffle(const Tensor& x, int64_t groups) {
  const CalledAs called("channel_shuffle");
  expect_defined("channel_shuffle", {x});
  HEARTH_CHECK(x.dim() >= 3 && x.dim() < kMaxRank, "channel_shuffle: expected [n, c, ...], but the shape is ",
               x.shape());
  HEARTH_CHECK(groups >= 1 && x.size(1) % groups == 0, "channel_shuffle: ", groups, " groups do not divide the ",
               x.size(1), " channels of shape ", x.shape());
  const Tensor parts = unflatten(x, 1, {groups, x.size(1) / groups});
  return reshape(transpose(parts, 1, 2), x.shape());
}

}  // namespace hearth
