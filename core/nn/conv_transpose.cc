#include "core/nn/conv_transpose.h"

#include "core/base/error.h"
#include "core/nn/conv_internal.h"
#include "core/ops/create.h"

namespace hearth::nn {
namespace {

// What output_padding makes of (size - 1) stride - 2 padding + dilation (kernel - 1) + 1 the size asked for.
int64_t lacking(const char* layer, int64_t size, int64_t asked, int64_t stride, int64_t padding, int64_t dilation,
                int64_t kernel) {
  const int64_t least = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1;
  HEARTH_CHECK(asked >= least && asked - least < stride, layer, ": a size of ", size, " can become from ", least,
               " to ", least + stride - 1, ", not ", asked);
  return asked - least;
}

void check_rank(const char* layer, const Tensor& x, int sides) {
  HEARTH_CHECK(x.dim() == sides + 1 || x.dim() == sides + 2, layer, ": expected an input of ", sides + 1, " or ",
               sides + 2, " dimensions, but its shape is ", x.shape());
}

}  // namespace

ConvTranspose1d::ConvTranspose1d(ModuleBase* parent, const char* name, int64_t in, int64_t out, int64_t kernel,
                                 const ConvTranspose1dOptions& o)
    : Module(parent, name),
      weight(this, "weight", empty({in, outputs_of_group("ConvTranspose1d", in, out, o.groups, {kernel}), kernel})),
      options_{o.stride, o.padding, o.output_padding, o.groups, o.dilation} {
  if (o.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void ConvTranspose1d::reset_parameters() { reset_convolution(weight, bias); }
Tensor ConvTranspose1d::forward(const Tensor& x) const { return conv_transpose1d(x, weight, bias, options_); }
Tensor ConvTranspose1d::forward(const Tensor& x, int64_t output_size) const {
  check_rank("ConvTranspose1d", x, 1);
  hearth::ConvTranspose1dOptions o = options_;
  o.output_padding =
      lacking("ConvTranspose1d", x.size(-1), output_size, o.stride, o.padding, o.dilation, weight.size(2));
  return conv_transpose1d(x, weight, bias, o);
}

ConvTranspose2d::ConvTranspose2d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent2 kernel,
                                 const ConvTranspose2dOptions& o)
    : Module(parent, name),
      weight(this, "weight",
             empty({in, outputs_of_group("ConvTranspose2d", in, out, o.groups, {kernel.h, kernel.w}), kernel.h,
                    kernel.w})),
      options_{o.stride, o.padding, o.output_padding, o.groups, o.dilation} {
  if (o.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void ConvTranspose2d::reset_parameters() { reset_convolution(weight, bias); }
Tensor ConvTranspose2d::forward(const Tensor& x) const { return conv_transpose2d(x, weight, bias, options_); }
Tensor ConvTranspose2d::forward(const Tensor& x, Extent2 output_size) const {
  check_rank("ConvTranspose2d", x, 2);
  hearth::ConvTranspose2dOptions o = options_;
  o.output_padding = {
      lacking("ConvTranspose2d", x.size(-2), output_size.h, o.stride.h, o.padding.h, o.dilation.h, weight.size(2)),
      lacking("ConvTranspose2d", x.size(-1), output_size.w, o.stride.w, o.padding.w, o.dilation.w, weight.size(3))};
  return conv_transpose2d(x, weight, bias, o);
}

ConvTranspose3d::ConvTranspose3d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent3 kernel,
                                 const ConvTranspose3dOptions& o)
    : Module(parent, name),
      weight(this, "weight",
             empty({in, outputs_of_group("ConvTranspose3d", in, out, o.groups, {kernel.d, kernel.h, kernel.w}),
                    kernel.d, kernel.h, kernel.w})),
      options_{o.stride, o.padding, o.output_padding, o.groups, o.dilation} {
  if (o.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void ConvTranspose3d::reset_parameters() { reset_convolution(weight, bias); }
Tensor ConvTranspose3d::forward(const Tensor& x) const { return conv_transpose3d(x, weight, bias, options_); }
Tensor ConvTranspose3d::forward(const Tensor& x, Extent3 output_size) const {
  check_rank("ConvTranspose3d", x, 3);
  hearth::ConvTranspose3dOptions o = options_;
  o.output_padding = {
      lacking("ConvTranspose3d", x.size(-3), output_size.d, o.stride.d, o.padding.d, o.dilation.d, weight.size(2)),
      lacking("ConvTranspose3d", x.size(-2), output_size.h, o.stride.h, o.padding.h, o.dilation.h, weight.size(3)),
      lacking("ConvTranspose3d", x.size(-1), output_size.w, o.stride.w, o.padding.w, o.dilation.w, weight.size(4))};
  return conv_transpose3d(x, weight, bias, o);
}

}  // namespace hearth::nn
