#include <cmath>
#include <numbers>

#include "core/op/run.h"
#include "core/ops/activation.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

using R = long double;

R sigmoid_of(R x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
R cdf(R x) { return std::erfc(-x / std::numbers::sqrt2_v<R>) / 2; }
R pdf(R x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<R>); }
R softplus_of(R x) { return std::max(x, R{0}) + std::log1p(std::exp(-std::abs(x))); }
R gelu_tanh_of(R x) {
  const R u = std::sqrt(2 / std::numbers::pi_v<R>) * (x + 0.044715L * x * x * x);
  return x * sigmoid_of(2 * u);  // (1 + tanh u) / 2
}
R gelu_tanh_slope_of(R x) {
  if (std::abs(x) > 20) return x > 0 ? 1 : 0;
  const R root = std::sqrt(2 / std::numbers::pi_v<R>), t = std::tanh(root * (x + 0.044715L * x * x * x));
  return (1 + t) / 2 + x / 2 * (1 - t * t) * root * (1 + 3 * 0.044715L * x * x);
}
R hard(R x) { return std::isnan(x) ? x : std::min(std::max(x + 3, R{0}), R{6}) / 6; }

struct Activation {
  const char* op;
  TensorFunction call;
  R (*real)(const R*);
  Accuracy accuracy = Accuracy::kSteps;
  R (*size)(const R*) = nullptr;
  bool extremes = true;
};
void unary(Rows& rows, const Activation& f, __int128 (*whole)(const __int128*) = nullptr) {
  rows.push_back(pointwise({.op = f.op,
                            .call = f.call,
                            .real = f.real,
                            .whole = whole,
                            .accuracy = f.accuracy,
                            .size = f.size,
                            .domain = {{{-20, 20}}},
                            .extremes = f.extremes,
                            .zero_sign = false}));
}
void gradient(Rows& rows, const char* op, const OpDef& record, R (*real)(const R*), R (*size)(const R*)) {
  rows.push_back(pointwise({.op = op,
                            .operands = 2,
                            .call = [&record](In in) -> Out {
                              return {run(record, {in[0], in[1]})};
                            },
                            .real = real,
                            .accuracy = Accuracy::kCancels,
                            .size = size,
                            .smooth = {{{-2, 2}, {0.1, 0.9}}},
                            // Products of infinities and zeros depend on the order of the steps.
                            .extremes = false,
                            .zero_sign = false}));
}

}  // namespace

static void activation_rows(Rows& rows) {
  // Of integers the bounds are cut off to whole numbers.
  rows.push_back(pointwise({.op = "hardtanh",
                            .call = HEARTH_CALL(hardtanh(in[0], -0.5, 2)),
                            .real = HEARTH_REAL(std::isnan(a) ? a : std::min(std::max(a, -0.5L), 2.0L)),
                            .whole = HEARTH_WHOLE(a < 0   ? 0
                                                  : a > 2 ? 2
                                                          : a)}));
  unary(rows, {"sigmoid", [](In in) -> Out { return {sigmoid(in[0])}; }, HEARTH_REAL(sigmoid_of(a))});
  unary(rows,
        {"relu", [](In in) -> Out { return {relu(in[0])}; }, HEARTH_REAL(std::isnan(a) ? a : std::max(a, R{0})),
         Accuracy::kExact},
        HEARTH_WHOLE(a > 0 ? a : 0));
  unary(rows,
        {"silu", [](In in) -> Out { return {silu(in[0])}; }, HEARTH_REAL(a == -INFINITY ? NAN : a * sigmoid_of(a))});
  unary(rows, {"gelu", [](In in) -> Out { return {gelu(in[0])}; }, HEARTH_REAL(a == -INFINITY ? NAN : a * cdf(a)),
               Accuracy::kCancels, HEARTH_REAL(a)});
  unary(rows, {"gelu_tanh", [](In in) -> Out { return {gelu(in[0], true)}; },
               HEARTH_REAL(a == -INFINITY ? NAN : gelu_tanh_of(a)), Accuracy::kCancels, HEARTH_REAL(a)});
  unary(rows, {"log_sigmoid", [](In in) -> Out { return {log_sigmoid(in[0])}; }, HEARTH_REAL(-softplus_of(-a))});
  unary(rows, {"mish", [](In in) -> Out { return {mish(in[0])}; },
               HEARTH_REAL(a == -INFINITY ? NAN : a * std::tanh(softplus_of(a)))});
  unary(rows, {"hardswish", [](In in) -> Out { return {hardswish(in[0])}; },
               HEARTH_REAL(a == -INFINITY ? NAN : a * hard(a)), Accuracy::kCancels, HEARTH_REAL(a)});
  unary(rows, {"hardsigmoid", [](In in) -> Out { return {hardsigmoid(in[0])}; }, HEARTH_REAL(hard(a)),
               Accuracy::kCancels, HEARTH_REAL(1)});
  unary(rows, {"leaky_relu", [](In in) -> Out { return {leaky_relu(in[0], 0.25)}; }, HEARTH_REAL(a > 0 ? a : a * 0.25L),
               Accuracy::kExact});
  unary(rows, {"elu", [](In in) -> Out { return {elu(in[0], 1.5)}; }, HEARTH_REAL(a > 0 ? a : 1.5L * std::expm1(a))});
  unary(rows, {"softplus", [](In in) -> Out { return {softplus(in[0], 2, 5)}; },
               HEARTH_REAL(a * 2 > 5 ? a : softplus_of(2 * a) / 2)});
  gradient(rows, "relu_grad", kReluGrad, HEARTH_REAL(b <= 0 ? 0 : a), HEARTH_REAL(0));
  gradient(rows, "sigmoid_grad", kSigmoidGrad, HEARTH_REAL(a * b * (1 - b)),
           HEARTH_REAL(std::abs(a * b) * (1 + std::abs(b))));
  gradient(rows, "tanh_grad", kTanhGrad, HEARTH_REAL(a * (1 - b * b)), HEARTH_REAL(std::abs(a) * (1 + b * b)));
  gradient(rows, "silu_grad", kSiluGrad, HEARTH_REAL(a * sigmoid_of(b) * (1 + b * (1 - sigmoid_of(b)))),
           HEARTH_REAL(std::abs(a) * sigmoid_of(b) * (1 + std::abs(b))));
  gradient(rows, "gelu_grad", kGeluGrad, HEARTH_REAL(a * (cdf(b) + b * pdf(b))),
           HEARTH_REAL(std::abs(a) * (1 + std::abs(b) * pdf(b))));
  gradient(rows, "gelu_tanh_grad", kGeluTanhGrad, HEARTH_REAL(a * gelu_tanh_slope_of(b)),
           HEARTH_REAL(std::abs(a) * (1 + std::min(std::abs(b), 20.0L))));
}

HEARTH_OP_ROWS(activation_rows);

}  // namespace hearth::testing
