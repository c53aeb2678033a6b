#include "core/ops/conv_transpose.h"

#include "core/autograd/autocast.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/attrs/conv.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/conv.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/pad.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

constexpr int64_t kMost = int64_t{1} << 30;  // sizes that can be combined

// Along one dimension.
struct Side {
  int64_t size, kernel, stride, padding, output_padding, dilation;

  int64_t whole() const { return (size - 1) * stride + dilation * (kernel - 1) + 1; }
  int64_t result() const { return whole() - 2 * padding + output_padding; }
};

void check_side(const char* op, const char* name, const Side& s) {
  HEARTH_CHECK(s.size >= 1 && s.kernel >= 1 && s.size <= kMost && s.kernel <= kMost, op,
               ": input and kernel must have from 1 to 2^30 elements along the ", name, ", but have ", s.size, " and ",
               s.kernel);
  HEARTH_CHECK(s.stride >= 1 && s.dilation >= 1 && s.padding >= 0 && s.stride <= kMost && s.dilation <= kMost &&
                   s.padding <= kMost,
               op, ": stride ", s.stride, " and dilation ", s.dilation, " must be at least 1, padding ", s.padding,
               " at least 0, and all at most 2^30 along the ", name);
  HEARTH_CHECK(s.output_padding >= 0 && (s.output_padding < s.stride || s.output_padding < s.dilation), op,
               ": output_padding ", s.output_padding, " along the ", name, " must be below stride ", s.stride,
               " or dilation ", s.dilation);
  HEARTH_CHECK(s.result() >= 1, op, ": a padding of ", s.padding, " leaves nothing of the result along the ", name);
}

// Throws unless x [n, c, ...] and weight [c, out / groups, ...] fit. Gives the number of output channels.
int64_t check_channels(const char* op, const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                       int64_t groups) {
  HEARTH_CHECK(groups >= 1, op, ": groups must be at least 1, but is ", groups);
  HEARTH_CHECK(x.size(1) >= 1 && x.size(1) == weight.size(0) && x.size(1) % groups == 0, op, ": a weight of shape ",
               weight.shape(), " in ", groups, groups == 1 ? " group" : " groups", " does not fit an input of shape ",
               x.shape());
  int64_t out;
  HEARTH_CHECK(weight.size(1) >= 1 && !__builtin_mul_overflow(weight.size(1), groups, &out), op, ": a weight of shape ",
               weight.shape(), " has no output channels");
  HEARTH_CHECK(!bias || (bias->dim() == 1 && bias->size(0) == out), op, ": bias has shape ",
               bias ? bias->shape() : Shape{}, "; expected [", out, "]");
  return out;
}

void check_ranks(const char* op, const Tensor& x, const Tensor& weight, int rank) {
  expect_defined(op, {x, weight});
  expect_dtypes(op, x, kFloatTypes);
  HEARTH_CHECK(x.dtype() == weight.dtype() || Autocast::current(), op, ": the input is ", x.dtype(),
               ", but the weight ", weight.dtype());
  HEARTH_CHECK((x.dim() == rank || x.dim() == rank - 1) && weight.dim() == rank, op, ": expected an input of ",
               rank - 1, " or ", rank, " dimensions and a weight of ", rank, ", but the shapes are ", x.shape(),
               " and ", weight.shape());
}

// Without bias; x has a batch. A convolution with more windows than x has elements sees nothing in the others: where
// the result ends behind the last window, x is as if it went on with zeros.
Tensor transposed(const Tensor& x, const Tensor& weight, int64_t out, const ConvTranspose2dOptions& o) {
  const int64_t down = o.output_padding.h / o.stride.h, right = o.output_padding.w / o.stride.w;
  const Tensor from = down || right ? pad(x, {0, right, 0, down}) : x;
  const Side h{x.size(2), weight.size(2), o.stride.h, o.padding.h, o.output_padding.h, o.dilation.h},
      w{x.size(3), weight.size(3), o.stride.w, o.padding.w, o.output_padding.w, o.dilation.w};
  const ConvAttrs a{.stride = {o.stride.h, o.stride.w},
                    .padding = {o.padding.h, o.padding.w},
                    .dilation = {o.dilation.h, o.dilation.w},
                    .groups = o.groups,
                    .shape = {x.size(0), out, h.result(), w.result()}};
  return run(kConv2dData, {from, weight}, a);
}

// f16 and bf16 are rounded once, when all is added up. Autocast, which would make them narrow again, has its own way.
Tensor wide(const Tensor& t) { return Autocast::current() ? t : machinery::widened(t); }

// y of type t once the bias is there.
Tensor with_bias(const char* op, const Tensor& y, const Tensor& bias, DType t) {
  Dims shape = Dims::filled(y.dim(), 1);
  shape[1] = -1;
  if (Autocast::current()) return y + view(machinery::cast(bias, y.dtype()), shape);
  HEARTH_CHECK(bias.dtype() == t, op, ": the bias is ", bias.dtype(), ", but the input is ", t);
  return machinery::cast(y + view(machinery::widened(bias), shape), t);
}

// Adds the planes [n, kd of them, out, h, w] that each of x's gives where they overlap: [n, out, depth, h, w].
Tensor added_planes(const Tensor& planes, const Side& d) {
  const auto steps = [&](int64_t n, int64_t step) {
    return arange(0, n * step, step, {.dtype = DType::kI64, .device = planes.device()});
  };
  const Tensor index = flatten(unsqueeze(steps(d.size, d.stride), 1) + steps(d.kernel, d.dilation));
  const Shape& s = planes.shape();
  const Shape shape{s[0], d.whole(), s[2], s[3], s[4]};
  checked_numel(shape, planes.itemsize(), "conv_transpose3d");
  const Tensor zero = machinery::full(shape, 0.0, planes.dtype(), planes.device());
  const Tensor whole = index_add(zero, 1, index, planes);
  return permute(pad(whole, {0, 0, 0, 0, 0, 0, -d.padding, d.output_padding - d.padding}), {0, 2, 1, 3, 4});
}

}  // namespace

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                        const ConvTranspose2dOptions& o) {
  const CalledAs called("conv_transpose2d");
  check_ranks("conv_transpose2d", x, weight, 4);
  if (x.dim() == 3) return squeeze(conv_transpose2d(unsqueeze(x, 0), weight, bias, o), 0);
  const int64_t out = check_channels("conv_transpose2d", x, weight, bias, o.groups);
  check_side("conv_transpose2d", "height",
             {x.size(2), weight.size(2), o.stride.h, o.padding.h, o.output_padding.h, o.dilation.h});
  check_side("conv_transpose2d", "width",
             {x.size(3), weight.size(3), o.stride.w, o.padding.w, o.output_padding.w, o.dilation.w});
  if (!bias) return transposed(x, weight, out, o);
  return with_bias("conv_transpose2d", transposed(wide(x), wide(weight), out, o), *bias, x.dtype());
}

Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                        const ConvTranspose1dOptions& o) {
  const CalledAs called("conv_transpose1d");
  check_ranks("conv_transpose1d", x, weight, 3);
  if (x.dim() == 2) return squeeze(conv_transpose1d(unsqueeze(x, 0), weight, bias, o), 0);
  const int64_t out = check_channels("conv_transpose1d", x, weight, bias, o.groups);
  check_side("conv_transpose1d", "length",
             {x.size(2), weight.size(2), o.stride, o.padding, o.output_padding, o.dilation});
  const ConvTranspose2dOptions line{.stride = {1, o.stride},
                                    .padding = {0, o.padding},
                                    .output_padding = {0, o.output_padding},
                                    .groups = o.groups,
                                    .dilation = {1, o.dilation}};
  const Tensor image = unsqueeze(x, -2), kernel = unsqueeze(weight, -2);
  if (!bias) return squeeze(transposed(image, kernel, out, line), -2);
  return with_bias("conv_transpose1d", squeeze(transposed(wide(image), wide(kernel), out, line), -2), *bias, x.dtype());
}

Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                        const ConvTranspose3dOptions& o) {
  const CalledAs called("conv_transpose3d");
  check_ranks("conv_transpose3d", x, weight, 5);
  if (x.dim() == 4) return squeeze(conv_transpose3d(unsqueeze(x, 0), weight, bias, o), 0);
  const int64_t out = check_channels("conv_transpose3d", x, weight, bias, o.groups);
  const Side d{x.size(2), weight.size(2), o.stride.d, o.padding.d, o.output_padding.d, o.dilation.d};
  check_side("conv_transpose3d", "depth", d);
  check_side("conv_transpose3d", "height",
             {x.size(3), weight.size(3), o.stride.h, o.padding.h, o.output_padding.h, o.dilation.h});
  check_side("conv_transpose3d", "width",
             {x.size(4), weight.size(4), o.stride.w, o.padding.w, o.output_padding.w, o.dilation.w});
  // Each plane of x gives kd planes, which are channels for now.
  const Tensor from = flatten(permute(wide(x), {0, 2, 1, 3, 4}), 0, 1);
  const Tensor w = flatten(permute(wide(weight), {0, 2, 1, 3, 4}), 1, 2);
  const Tensor y = transposed(from, w, out * d.kernel,
                              {.stride = o.stride.plane(),
                               .padding = o.padding.plane(),
                               .output_padding = o.output_padding.plane(),
                               .groups = o.groups,
                               .dilation = o.dilation.plane()});
  const Tensor apart = unflatten(unflatten(y, 1, {o.groups, d.kernel, out / o.groups}), 0, {x.size(0), d.size});
  const Tensor planes =
      reshape(permute(apart, {0, 1, 3, 2, 4, 5, 6}), {x.size(0), d.size * d.kernel, out, y.size(2), y.size(3)});
  const Tensor sums = added_planes(planes, d);
  if (!bias) return Autocast::current() ? sums : machinery::cast(sums, x.dtype());
  return with_bias("conv_transpose3d", sums, *bias, x.dtype());
}

}  // namespace hearth
