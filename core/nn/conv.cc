#include "core/nn/conv.h"

#include "core/base/error.h"
#include "core/nn/conv_internal.h"
#include "core/nn/repr.h"
#include "core/ops/create.h"

namespace hearth::nn {
namespace {

void check_same(const char* layer, bool same, bool stride, bool padding) {
  HEARTH_CHECK(!same || (stride && padding), layer,
               ": a result of the input's size needs a stride of 1 and no padding");
}

// What is put before and behind a dimension.
struct Sides {
  int64_t before, after;
  bool equal() const { return before == after; }
  bool none() const { return before == 0 && after == 0; }
};
Sides sides_of(bool same, int64_t padding, int64_t dilation, int64_t kernel) {
  if (!same) return {padding, padding};
  const int64_t both = dilation * (kernel - 1);
  return {both / 2, both - both / 2};
}

}  // namespace

Conv2d::Conv2d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent2 kernel, const Conv2dOptions& o)
    : Module(parent, name),
      weight(this, "weight",
             empty({out, inputs_of_group("Conv2d", in, out, o.groups, {kernel.h, kernel.w}), kernel.h, kernel.w})),
      options_(o) {
  check_same("Conv2d", o.same, o.stride.h == 1 && o.stride.w == 1, o.padding.h == 0 && o.padding.w == 0);
  if (o.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void Conv2d::reset_parameters() { reset_convolution(weight, bias); }
Tensor Conv2d::forward(const Tensor& x) const {
  const Conv2dOptions& o = options_;
  const Sides h = sides_of(o.same, o.padding.h, o.dilation.h, weight.size(2)),
              w = sides_of(o.same, o.padding.w, o.dilation.w, weight.size(3));
  hearth::Conv2dOptions of{.stride = o.stride, .dilation = o.dilation, .groups = o.groups};
  if ((o.padding_mode == Padding::kConstant && h.equal() && w.equal()) || (h.none() && w.none())) {
    of.padding = {h.before, w.before};
    return conv2d(x, weight, bias, of);
  }
  return conv2d(pad(x, {w.before, w.after, h.before, h.after}, o.padding_mode), weight, bias, of);
}

Conv1d::Conv1d(ModuleBase* parent, const char* name, int64_t in, int64_t out, int64_t kernel, const Conv1dOptions& o)
    : Module(parent, name),
      weight(this, "weight", empty({out, inputs_of_group("Conv1d", in, out, o.groups, {kernel}), kernel})),
      options_(o) {
  check_same("Conv1d", o.same, o.stride == 1, o.padding == 0);
  if (o.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void Conv1d::reset_parameters() { reset_convolution(weight, bias); }
Tensor Conv1d::forward(const Tensor& x) const {
  const Conv1dOptions& o = options_;
  const Sides side = sides_of(o.same, o.padding, o.dilation, weight.size(2));
  hearth::Conv1dOptions of{.stride = o.stride, .dilation = o.dilation, .groups = o.groups};
  if ((o.padding_mode == Padding::kConstant && side.equal()) || side.none()) {
    of.padding = side.before;
    return conv1d(x, weight, bias, of);
  }
  return conv1d(pad(x, {side.before, side.after}, o.padding_mode), weight, bias, of);
}

Conv3d::Conv3d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent3 kernel, const Conv3dOptions& o)
    : Module(parent, name),
      weight(this, "weight",
             empty({out, inputs_of_group("Conv3d", in, out, o.groups, {kernel.d, kernel.h, kernel.w}), kernel.d,
                    kernel.h, kernel.w})),
      options_(o) {
  check_same("Conv3d", o.same, o.stride.d == 1 && o.stride.h == 1 && o.stride.w == 1,
             o.padding.d == 0 && o.padding.h == 0 && o.padding.w == 0);
  if (o.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void Conv3d::reset_parameters() { reset_convolution(weight, bias); }
Tensor Conv3d::forward(const Tensor& x) const {
  const Conv3dOptions& o = options_;
  const Sides d = sides_of(o.same, o.padding.d, o.dilation.d, weight.size(2)),
              h = sides_of(o.same, o.padding.h, o.dilation.h, weight.size(3)),
              w = sides_of(o.same, o.padding.w, o.dilation.w, weight.size(4));
  hearth::Conv3dOptions of{.stride = o.stride, .dilation = o.dilation, .groups = o.groups};
  if ((o.padding_mode == Padding::kConstant && d.equal() && h.equal() && w.equal()) ||
      (d.none() && h.none() && w.none())) {
    of.padding = {d.before, h.before, w.before};
    return conv3d(x, weight, bias, of);
  }
  return conv3d(pad(x, {w.before, w.after, h.before, h.after, d.before, d.after}, o.padding_mode), weight, bias, of);
}

namespace {

const char* name_of(Padding mode) {
  switch (mode) {
    case Padding::kReflect:
      return "reflect";
    case Padding::kReplicate:
      return "replicate";
    case Padding::kCircular:
      return "circular";
    default:
      return "zeros";
  }
}
// E is the kind of extents: a number, Extent2 or Extent3.
template <class E, class O>
std::string convolution_repr(const Tensor& weight, const E& kernel, const O& o) {
  using detail::field, detail::unless, detail::repr;
  std::string text = concat(weight.size(1) * o.groups, ", ", weight.size(0), field("kernel_size", kernel),
                            field("stride", E(o.stride)));
  text += o.same ? field("padding", "same") : unless(E(0), "padding", E(o.padding));
  text += unless(E(1), "dilation", E(o.dilation)) + unless(int64_t{1}, "groups", o.groups);
  if (!o.bias) text += field("bias", false);
  return text + unless(std::string("zeros"), "padding_mode", std::string(name_of(o.padding_mode)));
}

}  // namespace

std::string Conv1d::extra_repr() const { return convolution_repr(weight, Dims{weight.size(2)}, options_); }
std::string Conv2d::extra_repr() const {
  return convolution_repr(weight, Extent2(weight.size(2), weight.size(3)), options_);
}
std::string Conv3d::extra_repr() const {
  return convolution_repr(weight, Extent3(weight.size(2), weight.size(3), weight.size(4)), options_);
}

}  // namespace hearth::nn
