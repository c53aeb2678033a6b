#include "core/nn/conv.h"

#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/create.h"

namespace hearth::nn {
namespace {

int64_t part(const char* layer, int64_t in, int64_t out, int64_t groups, Extent2 kernel) {
  HEARTH_CHECK(kernel.h >= 1 && kernel.w >= 1, layer, ": the kernel must be at least 1 wide, but is ", kernel.h, " x ",
               kernel.w);
  HEARTH_CHECK(in >= 1 && out >= 1 && groups >= 1 && in % groups == 0 && out % groups == 0, layer, ": ", in,
               " input and ", out, " output channels cannot be cut into ", groups, " groups");
  return in / groups;
}

void reset(Parameter& weight, std::optional<Parameter>& bias) {
  const int64_t fan_in = init::fans(weight).in;
  init::fan_in_uniform_(weight, fan_in);
  if (bias) init::fan_in_uniform_(*bias, fan_in);
}

}  // namespace

Conv2d::Conv2d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent2 kernel, const Conv2dOptions& o)
    : Module(parent, name),
      weight(this, "weight", empty({out, part("Conv2d", in, out, o.groups, kernel), kernel.h, kernel.w})),
      options_{.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups} {
  if (o.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void Conv2d::reset_parameters() { reset(weight, bias); }
Tensor Conv2d::forward(const Tensor& x) const { return conv2d(x, weight, bias, options_); }

Conv1d::Conv1d(ModuleBase* parent, const char* name, int64_t in, int64_t out, int64_t kernel, const Conv1dOptions& o)
    : Module(parent, name),
      weight(this, "weight", empty({out, part("Conv1d", in, out, o.groups, {1, kernel}), kernel})),
      options_{.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups} {
  if (o.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void Conv1d::reset_parameters() { reset(weight, bias); }
Tensor Conv1d::forward(const Tensor& x) const { return conv1d(x, weight, bias, options_); }

}  // namespace hearth::nn
