// Values and gradients where formulas break down: zeros, infinities, ties, masked rows, empty tensors. Expected values
// are those of PyTorch 2.15, printed by tools/golden/special_gradients.py where they are not plain zeros.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/base/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/compare.h"
#include "core/ops/conv.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/norm.h"
#include "core/ops/order.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"
#include "core/testing/tensors.h"

namespace hearth {
namespace {

using testing::error_of;
using testing::noise;
using V = std::vector<double>;
constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();

void expect_values(const Tensor& got, const V& want, const std::string& what) {
  const V g = got.to(f64).contiguous().to_vector<double>();
  ASSERT_EQ(g.size(), want.size()) << what;
  for (size_t i = 0; i < want.size(); ++i) {
    if (std::isnan(want[i])) EXPECT_TRUE(std::isnan(g[i])) << what << " " << i << ": " << g[i];
    else if (std::isinf(want[i])) EXPECT_EQ(g[i], want[i]) << what << " " << i;
    else EXPECT_NEAR(g[i], want[i], 1e-13 * (1 + std::abs(want[i]))) << what << " " << i;
  }
}

Tensor leaf(const V& values, const Shape& shape) {
  Tensor x = from_values(values, shape);
  return x.requires_grad_();
}
Tensor leaf(const V& values) { return leaf(values, {static_cast<int64_t>(values.size())}); }

// f's values, and the gradients of their sum.
void expect(const std::string& what, const std::vector<V>& in,
            const std::function<Tensor(const std::vector<Tensor>&)>& f, const V& value,
            const std::vector<V>& gradients) {
  std::vector<Tensor> x;
  for (const V& v : in) x.push_back(leaf(v));
  const Tensor y = f(x);
  expect_values(y.detach(), value, what);
  y.backward(ones_like(y.detach()));
  for (size_t i = 0; i < gradients.size(); ++i) expect_values(x[i].grad(), gradients[i], what + ", gradient");
}
#define CALL(...) [=]([[maybe_unused]] const std::vector<Tensor>& in) -> Tensor { return __VA_ARGS__; }

TEST(SpecialGradients, NormAtZero) {
  for (double p : {0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, inf, -inf, -1.0})
    expect("norm " + std::to_string(p), {{0, 0, 0}}, CALL(norm(in[0], p)), {0}, {{0, 0, 0}});
  const V x{0, 3, -4};
  expect("norm 0", {x}, CALL(norm(in[0], 0)), {2}, {{0, 0, 0}});
  expect("norm 0.5", {x}, CALL(norm(in[0], 0.5)), {13.928203230275509}, {{0, 2.154700538379252, -1.8660254037844386}});
  expect("norm 1.5", {x}, CALL(norm(in[0], 1.5)), {5.584250376480029}, {{0, 0.7329564758289748, -0.8463452372482761}});
  expect("norm 2", {x}, CALL(norm(in[0], 2)), {5}, {{0, 0.6, -0.8}});
  expect("norm 3", {x}, CALL(norm(in[0], 3)), {4.497941445275415}, {{0, 0.4448513517305356, -0.7908468475209521}});
  expect("norm inf", {x}, CALL(norm(in[0], inf)), {4}, {{0, 0, -1}});
  expect("norm -inf", {x}, CALL(norm(in[0], -inf)), {0}, {{0, 0, 0}});
  expect("norm -1", {x}, CALL(norm(in[0], -1)), {0}, {{0, 0, 0}});
  expect("norm inf, ties", {{3, -3, 1}}, CALL(norm(in[0], inf)), {3}, {{0.5, -0.5, 0}});
  expect("norm 1, infinite", {{inf, 1}}, CALL(norm(in[0], 1)), {inf}, {{1, 1}});
  EXPECT_EQ(norm(tensor({nan, 0.0}), 0).item<double>(), 1);
}

TEST(SpecialGradients, SpreadOfConstants) {
  expect("var", {{2, 2, 2}}, CALL(var(in[0])), {0}, {{0, 0, 0}});
  expect("std", {{2, 2, 2}}, CALL(hearth::std(in[0])), {0}, {{0, 0, 0}});
  expect("std of rows", {{2, 2, 1, 3}}, CALL(hearth::std(reshape(in[0], {2, 2}), {1})), {0, 1.4142135623730951},
         {{0, 0, -0.7071067811865475, 0.7071067811865475}});
  expect("var of one", {{2}}, CALL(var(in[0])), {nan}, {{nan}});
  expect("std of one", {{2}}, CALL(hearth::std(in[0])), {nan}, {{nan}});
  expect("var of one, uncorrected", {{2}}, CALL(var(in[0], {}, 0)), {0}, {{0}});
  expect("std of one, uncorrected", {{2}}, CALL(hearth::std(in[0], {}, 0)), {0}, {{0}});
  expect("var of nothing", {{}}, CALL(var(in[0])), {nan}, {{}});
}

TEST(SpecialGradients, Pointwise) {
  expect("atan2", {{0, 0, 0, 1e200, inf}, {0, -1, 0, 1e200, 1}}, CALL(atan2(in[0], in[1])),
         {0, 3.141592653589793, 0, 0.7853981633974483, 1.5707963267948966}, {{0, -1, 0, 0, 0}, {0, 0, 0, 0, nan}});
  const V zeros4{0, 0, 0, 0};
  for (Rounding r : {Rounding::kTrunc, Rounding::kFloor})
    expect("div", {{1, -1, 0, 5}, {0, 0, 0, 2}}, CALL(div(in[0], in[1], r)), {inf, -inf, nan, 2}, {zeros4, zeros4});
  expect("div by a number", {{1, -1, 0, 5}}, CALL(div(in[0], 0.0, Rounding::kTrunc)), {inf, -inf, nan, inf}, {zeros4});
  expect("smooth_l1", {{inf, -inf, 0.5, 1e300, nan}, {0, 0, 0, 0, 0}},
         CALL(smooth_l1_loss(in[0], in[1], 0.5, Reduction::kNone)), {inf, inf, 0.25, 1e300, nan}, {{1, -1, 1, 1, nan}});
  expect("huber", {{inf, -inf, 0.5, 1e300, nan}, {0, 0, 0, 0, 0}},
         CALL(huber_loss(in[0], in[1], 0.5, Reduction::kNone)), {inf, inf, 0.125, 5e299, nan},
         {{0.5, -0.5, 0.5, 0.5, nan}});
  expect("lerp", {{inf, 1, inf}, {1, inf, inf}}, CALL(lerp(in[0], in[1], 0.25)), {nan, inf, nan},
         {{0.75, 0.75, 0.75}, {0.25, 0.25, 0.25}});
  expect("lerp by a tensor", {{inf, 1, inf}, {1, inf, inf}, {0.5, 0.5, 0.5}}, CALL(lerp(in[0], in[1], in[2])),
         {inf, nan, nan}, {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, {-inf, inf, nan}});
  expect("gelu", {{300, -300, 1e30, -1e30}}, CALL(gelu(in[0], true)), {300, 0, 1e30, 0}, {{1, 0, 1, 0}});
  // NaN and kinks.
  expect("maximum", {{nan, 1, nan, inf, 1}, {1, nan, nan, inf, 2}}, CALL(maximum(in[0], in[1])),
         {nan, nan, nan, inf, 2}, {{1, 1, 1, 0.5, 0}, {1, 1, 1, 0.5, 1}});
  expect("minimum", {{nan, 1, nan, 1}, {1, nan, nan, 2}}, CALL(minimum(in[0], in[1])), {nan, nan, nan, 1},
         {{1, 1, 1, 1}, {1, 1, 1, 0}});
  expect("relu", {{nan, inf, -inf, 0}}, CALL(relu(in[0])), {nan, inf, 0, 0}, {{1, 1, 0, 0}});
  expect("elu", {{nan, inf, -inf, 0}}, CALL(elu(in[0])), {nan, inf, -1, 0}, {{1, 1, 0, 1}});
  expect("hardswish", {{nan, inf, -inf, 3, -3}}, CALL(hardswish(in[0])), {nan, inf, nan, 3, 0}, {{1, 1, 0, 1, 0}});
  expect("pow", {{0, 0, 0, inf, 2}, {0, 2, -1, 0, inf}}, CALL(pow(in[0], in[1])), {1, 0, inf, 1, inf},
         {{0, 0, -inf, 0, inf}, {0, 0, -inf, inf, inf}});
  expect("pow of 0", {{0, 2, -1}}, CALL(pow(Scalar(0.0), in[0])), {1, 0, inf}, {{0, 0, -inf}});
  // An infinite gradient through lerp is infinite.
  Tensor a = leaf({1, 2}), b = leaf({3, 4});
  lerp(a, b, 0.25).backward(tensor({inf, 1.0}, {.dtype = f64}));
  expect_values(a.grad(), {inf, 0.75}, "lerp");
}

TEST(SpecialGradients, Median) {
  expect("ties", {{3, 1, 2, 2, 5, 2}}, CALL(median(in[0])), {2}, {{0, 0, 1 / 3.0, 1 / 3.0, 0, 1 / 3.0}});
  expect("along", {{3, 1, 2, 5}}, CALL(median(in[0], 0).first), {2}, {{0, 0, 1, 0}});
  expect("NaN", {{1, nan, nan}}, CALL(median(in[0])), {nan}, {{0, 0.5, 0.5}});
  expect("infinities", {{inf, inf, inf}}, CALL(median(in[0])), {inf}, {{1 / 3.0, 1 / 3.0, 1 / 3.0}});
  expect("nothing", {{}}, CALL(median(in[0])), {nan}, {{}});
  EXPECT_EQ(error_of([] { median(zeros({0}, {.dtype = i64})); }), "median: a tensor of shape [0] has no elements");
  EXPECT_EQ(error_of([] { median(zeros({2, 0}), 1); }), "median: dimension 1 of shape [2, 0] has no elements");
  EXPECT_EQ(median(zeros({0, 2}), 1).first.shape(), (Shape{0}));
}

TEST(SpecialGradients, InPlace) {
  const Tensor x = leaf({nan, inf, 1, -inf});
  Tensor y = x * 1;
  y.nan_to_num_(0.5, 7, -7);
  (y * y).sum().backward();
  expect_values(y.detach(), {0.5, 7, 1, -7}, "nan_to_num_");
  expect_values(x.grad(), {0, 0, 2, 0}, "nan_to_num_, gradient");
  const Tensor p = leaf({0.25, 0.5});
  Tensor q = p * 1;
  q.logit_();
  q.sum().backward();
  expect_values(p.grad(), {1 / (0.25 * 0.75), 4}, "logit_, gradient");
  Tensor whole = tensor({1, 2});
  EXPECT_EQ(whole.nan_to_num_().to_vector<int64_t>(), (std::vector<int64_t>{1, 2}));
}

TEST(SpecialGradients, OverlappingWindows) {
  const Tensor x = leaf({0, 1, 2, 3, 4, 5});
  (x.as_strided({3, 3}, {1, 1}) * reshape(arange(9.0).to(f64), {3, 3})).sum().backward();
  expect_values(x.grad(), {0, 4, 12, 12, 8, 0}, "as_strided");
  // Windows over a transposed tensor: counted in memory.
  const Tensor base = leaf(V(6, 1), {2, 3});
  transpose(base * 2, 0, 1).as_strided({2, 3, 2}, {2, 1, 0}).sum().backward();
  expect_values(base.grad(), {4, 4, 8, 4, 4, 0}, "as_strided of a transposed tensor");
}

TEST(SpecialGradients, InnerSizeZero) {
  const auto gradients = [](const Shape& a_shape, const Shape& b_shape, const Shape& out) {
    const Tensor a = leaf(V(static_cast<size_t>(a_shape.numel()), 1), a_shape),
                 b = leaf(V(static_cast<size_t>(b_shape.numel()), 1), b_shape);
    const Tensor y = matmul(a, b);
    ASSERT_EQ(y.shape(), out);
    expect_values(y.detach(), V(static_cast<size_t>(out.numel()), 0), "matmul");
    y.sum().backward();
    expect_values(a.grad(), V(static_cast<size_t>(a_shape.numel()), 0), "matmul, a");
    expect_values(b.grad(), V(static_cast<size_t>(b_shape.numel()), 0), "matmul, b");
  };
  // Memory that is used again holds other numbers.
  for (int i = 0; i < 8; ++i) full({12}, 7.0, {.dtype = f64});
  gradients({2, 0}, {0, 3}, {2, 3});
  gradients({0, 4}, {4, 3}, {0, 3});
  gradients({2, 3, 0}, {0, 4}, {2, 3, 4});
  gradients({2, 2, 0}, {2, 0, 3}, {2, 2, 3});
  gradients({3, 0, 4}, {4, 3}, {3, 0, 3});
  gradients({0, 2, 4}, {4, 3}, {0, 2, 3});
  for (const Shape& shape : {Shape{0, 4}, Shape{2, 0, 4}, Shape{2, 3, 4}}) {
    const bool none = shape.numel() == 0;
    const Tensor x = leaf(V(static_cast<size_t>(shape.numel()), 1), shape), w = leaf(V(12, 1), {3, 4}),
                 b = leaf(V(3, 1), {3});
    linear(x, w, b).sum().backward();
    expect_values(w.grad(), V(12, none ? 0 : 6), "linear, weight");
    expect_values(b.grad(), V(3, none ? 0 : 6), "linear, bias");
  }
  const Tensor x = leaf({}, {2, 3, 0}), w = leaf({}, {4, 0}), b = leaf({1, 2, 3, 4});
  const Tensor y = linear(x, w, b);
  ASSERT_EQ(y.shape(), (Shape{2, 3, 4}));
  y.sum().backward();
  EXPECT_EQ(w.grad().shape(), (Shape{4, 0}));
  EXPECT_EQ(x.grad().shape(), (Shape{2, 3, 0}));
  expect_values(b.grad(), {6, 6, 6, 6}, "linear without inputs, bias");
}

TEST(SpecialGradients, LinearOfOneDimension) {
  const Tensor x = leaf(V(30, 1), {2, 5, 3}), w = leaf({1, 2, 3}), b = leaf({1}, {});
  const Tensor y = linear(x, w, b);
  ASSERT_EQ(y.shape(), (Shape{2, 5}));
  expect_values(y.detach(), V(10, 7), "linear");
  y.sum().backward();
  expect_values(w.grad(), {10, 10, 10}, "linear, weight");
  expect_values(b.grad(), {10}, "linear, bias");
  EXPECT_EQ(linear(x, w).shape(), (Shape{2, 5}));
  expect_values(linear(ones({3}, {.dtype = f64}), w.detach(), b.detach()), {7}, "one sample");
  EXPECT_NE(error_of([&] { linear(x, w, ones({1}, {.dtype = f64})); }).find("linear: "), std::string::npos);
}

TEST(SpecialGradients, LogSumExpOfNothing) {
  expect("all", {{}}, CALL(logsumexp(in[0])), {-inf}, {{}});
  expect_values(logsumexp(zeros({2, 0}), {1}), {-inf, -inf}, "rows");
  EXPECT_EQ(logsumexp(zeros({2, 0}), {1}, true).shape(), (Shape{2, 1}));
  EXPECT_EQ(logsumexp(zeros({2, 0}), {0}).shape(), (Shape{0}));
  EXPECT_EQ(error_of([] { norm(zeros({2, 0}), inf, {1}); }).substr(0, 6), "norm: ");
}

// ---- attention

TEST(SpecialGradients, MaskedAttention) {
  for (DType t : {DType::kF32, DType::kF64, DType::kF16, DType::kBF16}) {
    for (bool additive : {false, true}) {
      const auto operand = [&](int64_t n, uint64_t seed) {
        Tensor x = noise({2, n, 4}, t, -2, 2, seed);
        return x.requires_grad_();
      };
      const Tensor q = operand(3, 1), k = operand(3, 2), v = operand(3, 3);
      // The second query may attend to nothing; nobody attends to the third key.
      const Tensor allowed = tensor({{1, 1, 0}, {0, 0, 0}, {1, 0, 0}}).to(DType::kBool);
      Tensor mask = allowed;
      if (additive) {
        mask = where(allowed, Scalar(0.0), Scalar(-inf)).to(t);
        mask.requires_grad_();
      }
      const Tensor y = scaled_dot_product_attention(q, k, v, {.mask = mask});
      EXPECT_TRUE(y.isfinite().all().item<bool>());
      expect_values(y.detach().index({Slice(), 1}), V(8, 0), "value");
      expect_values(y.detach().index({Slice(), 2}),
                    v.detach().index({Slice(), 0}).to(f64).contiguous().to_vector<double>(), "a query of one key");
      y.backward(noise(y.shape(), t, -1, 1, 4));
      for (const Tensor& x : {q, k, v}) EXPECT_TRUE(x.grad().isfinite().all().item<bool>());
      expect_values(q.grad().index({Slice(), 1}), V(8, 0), "gradient of the query");
      expect_values(k.grad().index({Slice(), 2}), V(8, 0), "gradient of the key");
      expect_values(v.grad().index({Slice(), 2}), V(8, 0), "gradient of the value");
      if (additive) expect_values(mask.grad().index({1}), V(3, 0), "gradient of the mask");
    }
  }
  // All rows: PyTorch gives zeros too. softmax itself stays NaN.
  const Tensor one = ones({1, 2, 4});
  const Tensor never = zeros({2, 2}).to(DType::kBool);
  expect_values(scaled_dot_product_attention(one, one, one, {.mask = never}), V(8, 0), "all masked");
  EXPECT_TRUE(softmax(full({3}, -inf), 0).isnan().all().item<bool>());
}

TEST(SpecialGradients, AttentionWithoutKeys) {
  Tensor q = ones({1, 2, 4}).requires_grad_();
  for (bool causal : {false, true}) {
    const Tensor y = scaled_dot_product_attention(q, ones({1, 0, 4}), ones({1, 0, 4}), {.causal = causal});
    expect_values(y.detach(), V(8, 0), "no keys");
    y.sum().backward();
    expect_values(q.grad(), V(8, 0), "no keys, gradient");
  }
  // More queries than keys: each still sees the first.
  expect_values(scaled_dot_product_attention(ones({1, 3, 2}), ones({1, 1, 2}), ones({1, 1, 2}), {.causal = true}),
                V(6, 1), "one key");
}

TEST(SpecialGradients, AttentionOfDifferentRanks) {
  const auto shape = [](const Shape& q, const Shape& k, const Shape& v) {
    return scaled_dot_product_attention(ones(q), ones(k), ones(v)).shape();
  };
  EXPECT_EQ(shape({2, 3, 4, 8}, {3, 5, 8}, {3, 5, 8}), (Shape{2, 3, 4, 8}));
  EXPECT_EQ(shape({3, 4, 8}, {2, 3, 5, 8}, {2, 3, 5, 8}), (Shape{2, 3, 4, 8}));
  EXPECT_EQ(shape({3, 4, 8}, {2, 3, 5, 8}, {3, 5, 8}), (Shape{2, 3, 4, 8}));
  EXPECT_EQ(shape({4, 8}, {3, 5, 8}, {3, 5, 8}), (Shape{3, 4, 8}));
  EXPECT_EQ(shape({2, 3, 4, 8}, {5, 8}, {5, 8}), (Shape{2, 3, 4, 8}));
  EXPECT_EQ(shape({2, 1, 4, 8}, {2, 3, 5, 8}, {2, 3, 5, 8}), (Shape{2, 3, 4, 8}));
  EXPECT_EQ(shape({2, 3, 4, 8}, {2, 1, 5, 8}, {2, 3, 5, 8}), (Shape{2, 3, 4, 8}));
  // The same numbers as with the dimension written out, and gradients of each operand's own shape.
  const Tensor q = noise({2, 3, 4, 8}, f64, -1, 1, 1);
  Tensor k = noise({3, 5, 8}, f64, -1, 1, 2).requires_grad_();
  const Tensor v = noise({3, 5, 8}, f64, -1, 1, 3);
  const Tensor y = scaled_dot_product_attention(q, k, v);
  const auto all = [](const Tensor& t) { return expand(unsqueeze(t.detach(), 0), {2, 3, 5, 8}); };
  expect_values(y.detach(), scaled_dot_product_attention(q, all(k), all(v)).contiguous().to_vector<double>(), "ranks");
  y.sum().backward();
  EXPECT_EQ(k.grad().shape(), (Shape{3, 5, 8}));
  EXPECT_NE(error_of([&] {
              scaled_dot_product_attention(ones({8}), ones({5, 8}), ones({5, 8}));
            }).find("scaled_dot_product_attention: "),
            std::string::npos);
}

// ---- losses

TEST(SpecialGradients, IgnoredTargets) {
  const Tensor all = tensor({-100, -100}), weight = ones({3}, {.dtype = f64});
  for (Reduction r : {Reduction::kMean, Reduction::kSum, Reduction::kNone}) {
    for (int kind = 0; kind < 4; ++kind) {
      Tensor x = leaf({1, 2, 3, -1, 0.5, 4}, {2, 3});
      ClassLossOptions o{.reduction = r};
      if (kind == 1) o.label_smoothing = 0.1;
      if (kind == 2) o.weight = weight;
      const Tensor loss = kind == 3 ? nll_loss(x, all, o) : cross_entropy(x, all, o);
      if (r == Reduction::kMean) expect_values(loss.detach(), {nan}, "mean");
      else expect_values(loss.detach(), V(r == Reduction::kSum ? 1 : 2, 0), "sum");
      loss.backward(ones_like(loss.detach()));
      expect_values(x.grad(), V(6, 0), "gradient");
    }
  }
  // An ignored sample's values do not matter.
  Tensor x = leaf({0, 0, -inf, 5}, {2, 2});
  const Tensor loss = nll_loss(x, tensor({1, -100}));
  expect_values(loss.detach(), {0}, "one ignored");
  loss.backward();
  expect_values(x.grad(), {0, -1, 0, 0}, "one ignored, gradient");
  EXPECT_TRUE(std::isnan(nll_loss(zeros({0, 3}), zeros({0}, {.dtype = i64})).item<double>()));
}

TEST(SpecialGradients, OneSample) {
  const V log_sum{std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0)) - 2};
  for (Reduction r : {Reduction::kMean, Reduction::kSum, Reduction::kNone}) {
    for (const Tensor& target : {scalar_tensor(1, {.dtype = i64}), tensor({1})}) {
      Tensor x = leaf({1, 2, 3});
      const Tensor loss = nll_loss(x, target, {.reduction = r});
      EXPECT_EQ(loss.shape(), Shape{});
      expect_values(loss.detach(), {-2}, "nll_loss");
      loss.backward();
      expect_values(x.grad(), {0, -1, 0}, "nll_loss, gradient");
      expect_values(cross_entropy(x.detach(), target, {.reduction = r}), log_sum, "cross_entropy");
    }
  }
  EXPECT_TRUE(std::isnan(nll_loss(leaf({1, 2, 3}).detach(), scalar_tensor(-100, {.dtype = i64})).item<double>()));
}

// ---- normalisations of empty and of many-dimensional tensors

TEST(SpecialGradients, EmptyNormalisations) {
  const Tensor w = leaf({1, 2, 3, 4}), b = leaf({1, 2, 3, 4});
  const Tensor x = leaf({}, {0, 4, 3});
  const Tensor y = group_norm(x, 2, w, b);
  EXPECT_EQ(y.shape(), (Shape{0, 4, 3}));
  y.sum().backward();
  expect_values(w.grad(), V(4, 0), "group_norm, weight");
  EXPECT_EQ(error_of([] {
              group_norm(zeros({2, 4, 0}), 2);
            }),
            "group_norm: a group of a tensor of shape [2, 4, 0] has no elements");
  EXPECT_EQ(error_of([] {
              group_norm(zeros({2, 0, 3}), 2);
            }),
            "group_norm: a group of a tensor of shape [2, 0, 3] has no elements");

  const Tensor lw = leaf({1, 2, 3, 4});
  layer_norm(leaf({}, {0, 4}), {4}, lw).sum().backward();
  expect_values(lw.grad(), V(4, 0), "layer_norm, weight");

  for (const Shape& shape : {Shape{0, 3}, Shape{0, 3, 2}, Shape{0, 3, 2, 2}, Shape{0, 3, 2, 2, 2}, Shape{2, 3, 0}}) {
    for (bool training : {true, false}) {
      const Tensor image = leaf({}, shape), weight = leaf({1, 2, 3});
      const Tensor mean = zeros({3}, {.dtype = f64}), var = ones({3}, {.dtype = f64});
      const Tensor out = batch_norm(image, mean, var, weight, {}, {.training = training});
      EXPECT_EQ(out.shape(), shape);
      out.sum().backward();
      EXPECT_EQ(image.grad().shape(), shape);
      expect_values(weight.grad(), V(3, 0), "batch_norm, weight");
      expect_values(mean, V(3, 0), "running mean");
      expect_values(var, V(3, 1), "running variance");
    }
  }
  EXPECT_NE(error_of([] {
              batch_norm(zeros({1, 3}), {}, {}, {}, {}, {.training = true});
            }).find("batch_norm: training needs more than one value in each channel"),
            std::string::npos);
}

TEST(SpecialGradients, BatchNormOfVolumes) {
  // A channel's values may lie in any shape: the same as in one line.
  const Tensor line = noise({3, 2, 24}, f64, -2, 2, 1), g = noise({3, 2, 24}, f64, -1, 1, 2);
  Tensor x = line.detach().clone().requires_grad_(), w = leaf({0.5, 2}), b = leaf({1, -1});
  const Tensor mean = zeros({2}, {.dtype = f64}), var = ones({2}, {.dtype = f64});
  const Tensor want = batch_norm(x, mean, var, w, b, {.training = true});
  want.backward(g);
  for (const Shape& shape : {Shape{3, 2, 4, 6}, Shape{3, 2, 2, 3, 4}, Shape{3, 2, 2, 3, 2, 2}}) {
    Tensor volume = reshape(line, shape).clone().requires_grad_(), vw = leaf({0.5, 2}), vb = leaf({1, -1});
    const Tensor vmean = zeros({2}, {.dtype = f64}), vvar = ones({2}, {.dtype = f64});
    const Tensor y = batch_norm(volume, vmean, vvar, vw, vb, {.training = true});
    EXPECT_EQ(y.shape(), shape);
    expect_values(reshape(y.detach(), {3, 2, 24}), want.detach().contiguous().to_vector<double>(), "values");
    y.backward(reshape(g, shape));
    expect_values(reshape(volume.grad(), {3, 2, 24}), x.grad().contiguous().to_vector<double>(), "gradient");
    expect_values(vw.grad(), w.grad().to_vector<double>(), "gradient of the weight");
    expect_values(vmean, mean.to_vector<double>(), "running mean");
    expect_values(vvar, var.to_vector<double>(), "running variance");
  }
}

TEST(SpecialGradients, IntegersAreRefusedByName) {
  const Tensor image = ones({1, 1, 4, 4}, {.dtype = i64}), line = ones({1, 1, 4}, {.dtype = i64});
  const auto refused = [](const char* name, const std::function<void()>& f) {
    const std::string error = error_of(f);
    EXPECT_EQ(error.substr(0, std::string(name).size() + 12), std::string(name) + ": dtype i64 ") << error;
  };
  refused("conv2d", [&] { conv2d(image, ones({1, 1, 2, 2}, {.dtype = i64})); });
  refused("conv1d", [&] { conv1d(line, ones({1, 1, 2}, {.dtype = i64})); });
  refused("max_pool2d", [&] { max_pool2d(image, 2); });
  refused("avg_pool2d", [&] { avg_pool2d(image, 2); });
  refused("max_pool1d", [&] { max_pool1d(line, 2); });
  refused("avg_pool1d", [&] { avg_pool1d(line, 2); });
  refused("adaptive_avg_pool2d", [&] { adaptive_avg_pool2d(image, 2); });
  refused("adaptive_max_pool2d", [&] { adaptive_max_pool2d(image, 2); });
  refused("adaptive_avg_pool1d", [&] { adaptive_avg_pool1d(line, 2); });
  refused("adaptive_max_pool1d", [&] { adaptive_max_pool1d(line, 2); });
}

}  // namespace
}  // namespace hearth
