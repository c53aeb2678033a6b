#include "core/ops/cumulative.h"

#include <utility>

#include "core/base/called_as.h"
#include "core/kernels/cumulative.h"
#include "core/op/attrs/reduce.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/index.h"

namespace hearth {
namespace {

void infer(OpCall& c) {
  const Tensor& x = c.input(0);
  wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name);
  c.make(0, x.shape(), x.dtype());
  c.make(1, x.shape(), DType::kI64);
}

// Each extreme's gradient goes to where it stands.
void to_places(GradContext& g) {
  if (!g.has_grad(0)) return;
  const Shape& x = g.input_shape(0);
  if (x.rank() == 0) return g.set(0, g.grad());
  const Tensor zero = machinery::full(x, 0, g.grad().dtype(), g.grad().device());
  const int d = wrap_dim(g.attrs<DimAttrs>().dim, x.rank(), "cummax");
  g.set(0, scatter_add(zero, d, g.output(1), g.grad()));
}

RunningExtremes extremes(const OpDef& op, const char* name, const Tensor& x, int64_t d) {
  const CalledAs called(name);
  auto r = run_all(op, {x}, DimAttrs{d});
  return {std::move(r[0]), std::move(r[1])};
}

}  // namespace

extern constinit const OpDef kCummax = {
    .name = "cummax",
    .dtypes = kAllTypes,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<DimAttrs>,
    .infer = infer,
    .save = {.outputs = 0b10},
    .kernel = {cpu::cummax, cuda::cummax},
    .backward = to_places,
};
HEARTH_OP(kCummax);

extern constinit const OpDef kCummin = {
    .name = "cummin",
    .dtypes = kAllTypes,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<DimAttrs>,
    .infer = infer,
    .save = {.outputs = 0b10},
    .kernel = {cpu::cummin, cuda::cummin},
    .backward = to_places,
};
HEARTH_OP(kCummin);

RunningExtremes cummax(const Tensor& x, int64_t d) { return extremes(kCummax, "cummax", x, d); }
RunningExtremes cummin(const Tensor& x, int64_t d) { return extremes(kCummin, "cummin", x, d); }

}  // namespace hearth
