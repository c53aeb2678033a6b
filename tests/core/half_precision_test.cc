// f16 and bf16: functions of several ops round once, as if the f64 result were rounded. Values and gradients are held
// against the same function of the same numbers in f64, which the op table compares with PyTorch.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/op/machinery.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/einsum.h"
#include "core/ops/embedding.h"
#include "core/ops/index.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/norm.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"
#include "core/testing/tensors.h"

namespace hearth {
namespace {

using testing::noise;
using Operands = std::vector<Tensor>;
using Inputs = std::function<Operands(DType)>;
using Call = std::function<Tensor(const Operands&)>;
constexpr double inf = std::numeric_limits<double>::infinity();

// What separates neighbouring numbers of the dtype at x.
double ulp(double x, DType t) {
  const int digits = t == DType::kF16 ? 10 : 7, lowest = t == DType::kF16 ? -24 : -133;
  const int e = x == 0 || !std::isfinite(x) ? -1000 : std::ilogb(x);
  return std::ldexp(1.0, std::max(e - digits, lowest));
}

void expect_rounded(const Tensor& got, const Tensor& want, DType t, const std::string& what, double ulps = 0.51) {
  ASSERT_EQ(got.dtype(), t) << what;
  ASSERT_EQ(got.shape(), want.shape()) << what;
  const std::vector<double> g = got.to(f64).contiguous().to_vector<double>(), w = want.contiguous().to_vector<double>();
  double largest = 0;
  for (double v : w) largest = std::isfinite(v) ? std::max(largest, std::abs(v)) : largest;
  const double most = t == DType::kF16 ? 65504 : 0x1.fep127;
  for (size_t i = 0; i < w.size(); ++i) {
    if (std::isnan(w[i])) {
      EXPECT_TRUE(std::isnan(g[i])) << what << " " << i << ": " << g[i];
    } else if (std::abs(w[i]) > most + ulp(most, t) / 2) {
      EXPECT_EQ(g[i], std::copysign(inf, w[i])) << what << " " << i;
    } else {
      // One rounding to 16 bits, of sums in f32.
      EXPECT_LE(std::abs(g[i] - w[i]), ulps * ulp(w[i], t) + 4e-6 * largest)
          << what << " " << i << ": " << g[i] << ", expected " << w[i];
    }
  }
}

void check_in(DType t, const char* name, const Inputs& inputs, const Call& call, double gradient, double ulps) {
  const std::string what = std::string(name) + " " + to_string(t);
  Operands half = inputs(t), wide;
  for (Tensor& x : half) {
    wide.push_back(x.is_floating_point() ? x.to(f64) : x);
    if (!x.is_floating_point()) continue;
    x.requires_grad_();
    wide.back().requires_grad_();
  }
  const Tensor y = call(half), exact = call(wide);
  expect_rounded(y.detach(), exact.detach(), t, what);
  if (!exact.requires_grad()) return;
  const Tensor g = noise(y.shape(), t, -gradient, gradient, 99);
  y.backward(g);
  exact.backward(g.to(f64));
  for (size_t i = 0; i < half.size(); ++i) {
    if (!wide[i].grad().defined()) continue;
    ASSERT_TRUE(half[i].grad().defined()) << what;
    expect_rounded(half[i].grad(), wide[i].grad(), t, what + ", gradient of operand " + std::to_string(i), ulps);
  }
}

// gradient: the size of the incoming one. ulps: more than one rounding is allowed to gradients made from the result,
// which was rounded to 16 bits already, as PyTorch's are: from y^2 or y^3.
void check(const char* name, const Inputs& inputs, const Call& call, double gradient = 1, double ulps = 0.51) {
  for (DType t : {DType::kF16, DType::kBF16}) check_in(t, name, inputs, call, gradient, ulps);
}

// Operands of these shapes with values up to `size`.
auto of(std::vector<Shape> shapes, double size = 2) {
  return [=](DType t) {
    Operands in;
    for (size_t i = 0; i < shapes.size(); ++i) in.push_back(noise(shapes[i], t, -size, size, i + 1));
    return in;
  };
}
auto between(double low, double high, std::vector<Shape> shapes) {
  return [=](DType t) {
    Operands in;
    for (size_t i = 0; i < shapes.size(); ++i) in.push_back(noise(shapes[i], t, low, high, i + 1));
    return in;
  };
}
#define CALL(...) [=]([[maybe_unused]] const Operands& in) -> Tensor { return __VA_ARGS__; }

Tensor rows_of(int64_t n, int64_t rows) { return remainder(arange(n) * 7, rows); }

TEST(HalfPrecision, Reductions) {
  check("norm", of({{5, 70}}, 300), CALL(norm(in[0], 2, {1})));
  check("norm 0.5", of({{5, 20}}), CALL(norm(in[0], 0.5, {1})));
  check("norm 3", of({{5, 70}}, 100), CALL(norm(in[0], 3, {1})));
  check("var", of({{4, 300}}, 200), CALL(var(in[0], {1})));
  check("std", of({{4, 300}}, 5000), CALL(std(in[0], {1})));
  check("std off centre", between(100, 101, {{4, 300}}), CALL(std(in[0], {1})));
  check("logsumexp", of({{4, 200}}, 9), CALL(logsumexp(in[0], {1})));
  check(
      "amax", [](DType t) -> Operands { return {full({3000}, 2.5, {.dtype = t})}; }, CALL(amax(in[0])));
  check("prod", between(0.75, 1.25, {{3, 40}}), CALL(prod(in[0], {1})));
  check("cumprod", between(0.75, 1.25, {{3, 30}}), CALL(cumprod(in[0], 1)));
}

TEST(HalfPrecision, Pointwise) {
  const auto line = of({{400}}, 12), wide = of({{400}}, 1000);
  check("gelu", line, CALL(gelu(in[0])));
  check("gelu tanh", line, CALL(gelu(in[0], true)));
  check("gelu tanh, large", of({{400}}, 60000), CALL(gelu(in[0], true)));
  check("mish", line, CALL(mish(in[0])));
  check("mish, large", wide, CALL(mish(in[0])));
  check("hardswish", of({{400}}, 5), CALL(hardswish(in[0])));
  check("log_sigmoid", line, CALL(log_sigmoid(in[0])));
  check("elu", line, CALL(elu(in[0], 0.7)));
  check("selu", line, CALL(selu(in[0])));
  check("softplus", line, CALL(softplus(in[0], 1.5)));
  check("glu", of({{3, 40}}), CALL(glu(in[0], 1)));
  check("logit", between(0.01, 0.99, {{400}}), CALL(logit(in[0])));
  check("square", of({{400}}, 250), CALL(square(in[0])), 1e-2);
  check("sqrt", between(0.01, 60000, {{400}}), CALL(sqrt(in[0])), 1, 1.6);
  check("rsqrt", between(100, 60000, {{400}}), CALL(rsqrt(in[0])), 1000, 3.6);
  check("reciprocal", between(300, 3000, {{400}}), CALL(reciprocal(in[0])), 1000, 2.6);
  check("tan", of({{400}}, 1.5), CALL(tan(in[0])), 1, 2.6);
  check("asin", of({{400}}, 0.999), CALL(asin(in[0])));
  check("atanh", of({{400}}, 0.999), CALL(atanh(in[0])));
  check("erf", of({{400}}, 3), CALL(erf(in[0])));
  check("erfinv", of({{400}}, 0.99), CALL(erfinv(in[0])));
  check("pow", between(0.5, 3, {{400}, {400}}), CALL(pow(in[0], in[1])));
  check("div", between(200, 2000, {{400}, {400}}), CALL(div(in[0], in[1])), 100);
  check("atan2", of({{400}, {400}}, 300), CALL(atan2(in[0], in[1])), 100);
  check("lerp", of({{400}, {400}}), CALL(lerp(in[0], in[1], 0.3)));
  check("addcmul", of({{400}, {400}, {400}}), CALL(addcmul(in[0], in[1], in[2], 0.7)));
  check("addcdiv", between(1, 4, {{400}, {400}, {400}}), CALL(addcdiv(in[0], in[1], in[2], 0.7)));
  check("add a multiple", of({{400}, {400}}), CALL(add(in[0], in[1], 0.7)));
  check("sub a multiple", of({{400}, {400}}), CALL(sub(in[0], in[1], 0.7)));
  check("mul, one operand stretched", of({{300, 4}, {4}}, 200), CALL(in[0] * in[1]));
  check("round", of({{400}}, 60000), CALL(round(in[0], 2)));
  check("round small", of({{400}}, 0.5), CALL(round(in[0], 3)));
  check("round to hundreds", of({{400}}, 60000), CALL(round(in[0], -2)));
}

TEST(HalfPrecision, Products) {
  const auto matrices = of({{6, 5}, {6, 40}, {40, 5}});
  const auto batches = of({{3, 6, 5}, {3, 6, 40}, {3, 40, 5}});
  check("addmm", matrices, CALL(addmm(in[0], in[1], in[2], 0.7, 1.3)));
  check("baddbmm", batches, CALL(baddbmm(in[0], in[1], in[2], 0.7, 1.3)));
  check("addbmm", of({{6, 5}, {3, 6, 40}, {3, 40, 5}}), CALL(addbmm(in[0], in[1], in[2], 0.7, 1.3)));
  check("addmv", of({{6}, {6, 40}, {40}}), CALL(addmv(in[0], in[1], in[2], 0.7, 1.3)));
  check("addr", of({{6, 5}, {6}, {5}}), CALL(addr(in[0], in[1], in[2], 0.7, 1.3)));
  check("matmul, one operand stretched", of({{50, 6, 8}, {8, 5}}), CALL(matmul(in[0], in[1])));
  check("matmul, the other stretched", of({{6, 8}, {50, 8, 5}}), CALL(matmul(in[0], in[1])));
  check("matmul, both stretched", of({{1, 9, 6, 8}, {9, 1, 8, 5}}), CALL(matmul(in[0], in[1])));
  check("einsum", of({{6, 8}, {8, 5}, {5, 4}}), CALL(einsum("ij,jk,kl->il", in)));
}

TEST(HalfPrecision, Attention) {
  const auto qkv = of({{2, 3, 9, 16}, {2, 3, 12, 16}, {2, 3, 12, 8}}, 3);
  const auto with_mask = of({{2, 3, 9, 16}, {2, 3, 12, 16}, {2, 3, 12, 8}, {9, 12}}, 3);
  check("plain", qkv, CALL(scaled_dot_product_attention(in[0], in[1], in[2])));
  check("causal", qkv, CALL(scaled_dot_product_attention(in[0], in[1], in[2], {.causal = true})));
  check("masked", with_mask, CALL(scaled_dot_product_attention(in[0], in[1], in[2], {.mask = in[3]})));
  check("large", of({{2, 9, 64}, {2, 12, 64}, {2, 12, 8}}, 60),
        CALL(scaled_dot_product_attention(in[0], in[1], in[2], {.scale = 0.0005})));
}

TEST(HalfPrecision, Norms) {
  check("group_norm", of({{3, 6, 7}, {6}, {6}}), CALL(group_norm(in[0], 2, in[1], in[2])));
  check("layer_norm", of({{30, 16}, {16}, {16}}), CALL(layer_norm(in[0], {16}, in[1], in[2])));
  check("batch_norm", of({{8, 3, 5}, {3}, {3}}), CALL(batch_norm(in[0], {}, {}, in[1], in[2], {.training = true})));
}

TEST(HalfPrecision, Losses) {
  const auto pair = of({{60, 5}, {60, 5}}, 300);
  const auto probabilities = [](DType t) -> Operands { return {noise({60, 5}, t, -4, 4), noise({60, 5}, t, 0, 1, 2)}; };
  const auto classes = [](DType t) -> Operands { return {noise({60, 5}, t, -4, 4), rows_of(60, 5)}; };
  const Tensor weight = from_values(std::vector<double>{1, 0.5, 2, 0.25, 1.5}, {5});
  check("mse", pair, CALL(mse_loss(in[0], in[1])));
  check("l1", pair, CALL(l1_loss(in[0], in[1])));
  check("smooth_l1", of({{60, 5}, {60, 5}}), CALL(smooth_l1_loss(in[0], in[1], 0.7)));
  check("huber", of({{60, 5}, {60, 5}}), CALL(huber_loss(in[0], in[1], 0.7)));
  check("bce", probabilities, CALL(binary_cross_entropy_with_logits(in[0], in[1])));
  check("cross_entropy", classes, CALL(cross_entropy(in[0], in[1], {.label_smoothing = 0.1})));
  check("cross_entropy, weighted", classes,
        CALL(cross_entropy(in[0], in[1], {.weight = weight.to(in[0].dtype()), .reduction = Reduction::kNone})));
  check("nll", classes, CALL(nll_loss(in[0], in[1])));
  check("cross_entropy of probabilities", probabilities, CALL(cross_entropy(in[0], in[1])));
}

// Thousands of rows that meet at one place: a sum kept in 16 bits would stop growing.
TEST(HalfPrecision, ManyRows) {
  const auto many = [](DType t) -> Operands {
    return {noise({3, 4}, t), rows_of(6000, 3), noise({6000, 4}, t, 0, 2, 3)};
  };
  const auto table = [](DType t) -> Operands { return {noise({3, 4}, t), rows_of(6000, 3)}; };
  const auto grown = [](const Tensor& index) { return expand(unsqueeze(index, 1), {6000, 4}); };
  check("index_add", many, CALL(index_add(in[0], 0, in[1], in[2])));
  check("scatter_add", many, CALL(scatter_add(in[0], 0, grown(in[1]), in[2])));
  check("index_select", table, CALL(index_select(in[0], 0, in[1])));
  check("gather", table, CALL(gather(in[0], 0, grown(in[1]))));
  check("embedding", table, CALL(embedding(in[0], in[1])));
  check("index", table, CALL(in[0].index({in[1]})));
  check(
      "overlapping windows", [](DType t) -> Operands { return {noise({400}, t)}; },
      CALL(in[0].as_strided({300, 101}, {1, 1}, 0)));
  const Tensor counted =
      index_add(zeros({1}, {.dtype = f16}), 0, zeros({5000}, {.dtype = i64}), ones({5000}, {.dtype = f16}));
  EXPECT_EQ(counted[0].item<double>(), 5000);
}

TEST(HalfPrecision, KnownValues) {
  EXPECT_EQ(norm(full({4}, 300, {.dtype = f16})).item<double>(), 600);
  EXPECT_EQ(var(tensor({-30000, 30000}, {.dtype = f16}), {}, 0).item<double>(), inf);
  EXPECT_EQ(hearth::std(tensor({-30000, 30000}, {.dtype = f16}), {}, 0).item<double>(), 30000);
  EXPECT_EQ(mse_loss(full({4}, 300, {.dtype = f16}), full({4}, 100, {.dtype = f16})).item<double>(), 40000);
  EXPECT_EQ(round(tensor({1234.0, 65504.0}, {.dtype = f16}), 2).to_vector<double>(),
            (std::vector<double>{1234, 65504}));
  Tensor x = tensor({300.0, -300.0, 65504.0}, {.dtype = f16});
  x.requires_grad_();
  gelu(x, true).sum().backward();
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{1, 0, 1}));
}

}  // namespace
}  // namespace hearth
