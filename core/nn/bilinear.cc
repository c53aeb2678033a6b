#include "core/nn/bilinear.h"

#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/bilinear.h"
#include "core/ops/create.h"

namespace hearth::nn {
namespace {

Tensor weight_of(int64_t in1, int64_t in2, int64_t out) {
  HEARTH_CHECK(in1 >= 1 && in2 >= 1 && out >= 1, "Bilinear: the numbers of features must be at least 1, but are ", in1,
               ", ", in2, " and ", out);
  return empty({out, in1, in2});
}

}  // namespace

Bilinear::Bilinear(ModuleBase* parent, const char* name, int64_t in1, int64_t in2, int64_t out,
                   const LinearOptions& options)
    : Module(parent, name), weight(this, "weight", weight_of(in1, in2, out)) {
  if (options.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void Bilinear::reset_parameters() {
  const int64_t in1 = weight.size(1);
  init::fan_in_uniform_(weight, in1);
  if (bias) init::fan_in_uniform_(*bias, in1);
}
Tensor Bilinear::forward(const Tensor& x1, const Tensor& x2) const {
  return bilinear(x1, x2, weight, bias ? std::optional<Tensor>(*bias) : std::nullopt);
}

}  // namespace hearth::nn
