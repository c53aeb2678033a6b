#include "examples/serving/peak_normalize.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/op/op_call.h"
#include "core/op/run.h"

namespace example {
namespace {

using namespace hearth;

void infer(OpCall& c) {
  HEARTH_CHECK(c.input(0).dim() == 2, c.op.name, ": expected [n, k], but the shape is ", c.input(0).shape());
  c.make(0, c.input(0).shape(), c.dtype);
}

void kernel(OpCall& c) {
  const Tensor x = c.input(0).contiguous();
  const int64_t rows = x.size(0), k = x.size(1);
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = x.data<float>() + r * k;
    float* to = c.out[0].mutable_data<float>() + r * k;
    float peak = 0;
    for (int64_t i = 0; i < k; ++i) peak = std::max(peak, std::abs(from[i]));
    for (int64_t i = 0; i < k; ++i) to[i] = peak > 0 ? from[i] / peak : 0;
  }
}

}  // namespace

constinit const OpDef kPeakNormalize = {
    .name = "example::peak_normalize",
    .dtypes = DTypeSet{f32},
    .infer = infer,
    .kernel = {kernel},
};
HEARTH_OP(kPeakNormalize);

Tensor peak_normalize(const Tensor& x) { return run(kPeakNormalize, {x}); }

}  // namespace example
