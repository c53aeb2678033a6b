#include "core/ops/variates.h"

#include <utility>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/variates.h"
#include "core/op/attrs/gamma_sample.h"
#include "core/op/grad_context.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void infer_same(OpCall& c) {
  expect_same_dtype(c);
  for (int i = 1; i < c.inputs(); ++i) {
    HEARTH_CHECK(c.input(i).shape() == c.input(0).shape(), c.op.name, ": the operands have the shapes ",
                 c.input(0).shape(), " and ", c.input(i).shape());
  }
  c.make(0, c.input(0).shape(), c.dtype);
}

Tensor draw(const OpDef& op, std::initializer_list<Operand> in, AttrsRef attrs, Generator* g) {
  OpCall call(op, {in.begin(), in.size()}, attrs);
  call.generator = g;
  execute(call);
  return std::move(call.out[0]);
}

// Throws unless `holds` is true everywhere; values that cannot be read are not looked at.
void expect_all(const Tensor& x, Tensor (*holds)(const Tensor&), const char* op, const char* what) {
  if (!x.device().is_cpu() || tracing() || x.numel() == 0) return;
  HEARTH_CHECK(holds(x.detach()).all().item<bool>(), op, ": ", what);
}

Tensor finite_and_positive(const Tensor& x) { return logical_and(gt(x, 0), isfinite(x)); }
Tensor finite_and_not_negative(const Tensor& x) { return logical_and(ge(x, 0), isfinite(x)); }
Tensor counts(const Tensor& x) { return logical_and(finite_and_not_negative(x), eq(floor(x), x)); }
Tensor probabilities(const Tensor& x) { return logical_and(ge(x, 0), le(x, 1)); }

Tensor gamma(const char* op, const Tensor& concentration, bool log, Generator* g) {
  expect_defined(op, {concentration});
  expect_dtypes(op, concentration, kFloatTypes);
  expect_all(concentration, finite_and_positive, op, "concentrations must be finite and above 0");
  return draw(kStandardGamma, {concentration}, GammaSampleAttrs{log}, g);
}

}  // namespace

extern constinit const OpDef kStandardGammaGrad = {
    .name = "standard_gamma_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .internal = true,
    .attrs = &attrs_type<GammaSampleAttrs>,
    .infer = infer_same,
    .kernel = {cpu::standard_gamma_grad, cuda::standard_gamma_grad},
};
HEARTH_OP(kStandardGammaGrad);

extern constinit const OpDef kStandardGamma = {
    .name = "standard_gamma",
    .kind = OpKind::kRandom,
    .dtypes = kFloatTypes,
    .attrs = &attrs_type<GammaSampleAttrs>,
    .infer = infer_same,
    .save = {.input = {kAnyGradient}, .outputs = 1},
    .kernel = {cpu::standard_gamma, cuda::standard_gamma},
    .backward =
        [](GradContext& g) {
          const Tensor slope = run(kStandardGammaGrad, {g.input(0), g.output()}, g.attrs<GammaSampleAttrs>());
          g.set(0, g.grad() * slope);
        },
};
HEARTH_OP(kStandardGamma);

extern constinit const OpDef kPoisson = {
    .name = "poisson",
    .kind = OpKind::kRandom,
    .dtypes = kFloatTypes,
    .infer = infer_same,
    .kernel = {cpu::poisson, cuda::poisson},
};
HEARTH_OP(kPoisson);

extern constinit const OpDef kBinomial = {
    .name = "binomial",
    .kind = OpKind::kRandom,
    .dtypes = kFloatTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer_same,
    .kernel = {cpu::binomial, cuda::binomial},
};
HEARTH_OP(kBinomial);

Tensor standard_gamma(const Tensor& concentration, Generator* g) {
  return gamma("standard_gamma", concentration, false, g);
}
Tensor log_standard_gamma(const Tensor& concentration, Generator* g) {
  const CalledAs called("log_standard_gamma");
  return gamma("log_standard_gamma", concentration, true, g);
}

Tensor poisson(const Tensor& rate, Generator* g) {
  expect_defined("poisson", {rate});
  expect_dtypes("poisson", rate, kFloatTypes);
  expect_all(rate, finite_and_not_negative, "poisson", "rates must be finite and not negative");
  return draw(kPoisson, {rate}, {}, g);
}

Tensor binomial(const Tensor& count, const Tensor& prob, Generator* g) {
  const CalledAs called("binomial");
  expect_defined("binomial", {count, prob});
  expect_dtypes("binomial", count, kFloatTypes);
  expect_dtypes("binomial", prob, kFloatTypes);
  HEARTH_CHECK(count.dtype() == prob.dtype(), "binomial: the counts are ", count.dtype(), ", but the probabilities ",
               prob.dtype());
  expect_all(count, counts, "binomial", "counts must be whole numbers, finite and not negative");
  expect_all(prob, probabilities, "binomial", "probabilities must be from 0 to 1");
  const Shape shape = broadcast_shapes(count.shape(), prob.shape(), "binomial");
  return draw(kBinomial, {expand(count, shape), expand(prob, shape)}, {}, g);
}

}  // namespace hearth
