#include "core/autograd/gradcheck.h"

#include <gtest/gtest.h>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/op/grad_context.h"
#include "core/op/op_call.h"
#include "core/op/run.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

using In = std::span<const Tensor>;
using Out = std::vector<Tensor>;

Tensor leaf(const Shape& shape, double from = 0.3) {
  return (arange(shape.numel()).to(f64) * 0.37 + from).view(shape).detach().requires_grad_();
}

std::string error_of(const TensorFunction& fn, const Out& in, bool second = false) {
  try {
    if (second) gradgradcheck(fn, in);
    else gradcheck(fn, in);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

// x^2 with a gradient of one's own.
template <void (*kBackward)(GradContext&)>
Tensor square_with(const Tensor& x) {
  static constexpr OpDef record = {.name = "test::square",
                                   .dtypes = kAllTypes,
                                   .infer = [](OpCall& c) { c.make(0, c.input(0).shape(), c.dtype); },
                                   .save = {.input = {kAnyGradient}},
                                   .kernel = {[](OpCall& c) {
                                     for (int64_t i = 0; i < c.out[0].numel(); ++i) {
                                       const double v = static_cast<const double*>(c.input(0).raw_data())[i];
                                       static_cast<double*>(c.out[0].mutable_raw_data())[i] = v * v;
                                     }
                                   }},
                                   .backward = kBackward};
  return run(record, {x});
}
void twice_as_much(GradContext& g) { g.set(0, g.grad() * g.input(0) * 4); }
void forgets(GradContext&) {}
void without_history(GradContext& g) { g.set(0, g.grad() * g.input(0).detach() * 2); }
// Takes the gradient's memory to be row-major.
void reads_memory(GradContext& g) {
  Tensor d = zeros(g.grad().shape(), {.dtype = f64});
  for (int64_t i = 0; i < d.numel(); ++i)
    d.mutable_data<double>()[i] = static_cast<const double*>(g.grad().raw_data())[i];
  g.set(0, d * g.input(0) * 2);
}

bool begins(const std::string& text, const std::string& with) { return text.starts_with(with); }

TEST(Gradcheck, AcceptsWhatIsRight) {
  const Out in{leaf({2, 3}), leaf({3}, 1), arange(3)};
  const TensorFunction fn = [](In x) -> Out { return {exp(x[0]) * x[1], sum(x[0] * x[2]), x[2] * 2}; };
  const uint32_t version = in[0].version();
  EXPECT_EQ(error_of(fn, in), "");
  EXPECT_EQ(error_of(fn, in, true), "");
  EXPECT_FALSE(in[0].grad().defined());
  EXPECT_EQ(in[0].version(), version);
}

TEST(Gradcheck, NamesOutputInputElementAndValues) {
  const TensorFunction fn = [](In x) -> Out { return {x[0] * 2, square_with<twice_as_much>(x[1])}; };
  EXPECT_PRED2(
      begins, error_of(fn, {leaf({2}), leaf({1, 2}, 0.5)}),
      "gradcheck: the gradient of element 0 of output 1 with respect to input 1 at [0, 0] (shape [1, 2]) is 2, "
      "but differences");
}

TEST(Gradcheck, AGradientThatNeverArrivesCountsAsZeros) {
  EXPECT_EQ(error_of([](In x) -> Out { return {x[0] + x[1].detach() * 0}; }, {leaf({2}), leaf({2})}), "");
  EXPECT_PRED2(begins, error_of([](In x) -> Out { return {x[0].detach() * 2}; }, Out{leaf({1})}),
               "gradcheck: the gradient of element 0 of output 0 with respect to input 0 at [0] (shape [1]) is 0");
  EXPECT_NE(error_of([](In x) -> Out { return {square_with<forgets>(x[0])}; }, {leaf({1})}), "");
}

TEST(Gradcheck, GradientsOfAllOutputsAtOnceAndInOtherOrders) {
  const TensorFunction fn = [](In x) -> Out { return {square_with<reads_memory>(x[0])}; };
  EXPECT_EQ(error_of(fn, {leaf({4})}), "");
  EXPECT_NE(error_of(fn, {leaf({2, 2})}).find("a weighted sum from output 0"), std::string::npos);
}

TEST(Gradcheck, OperandsThatDoNotLieRowByRow) {
  Tensor base = (arange(12).to(f64) * 0.3).view({3, 4});
  Tensor turned = base.transpose(0, 1).detach().requires_grad_(),
         gaps = base.slice(1, 0, 4, 2).detach().requires_grad_();
  EXPECT_EQ(error_of([](In x) -> Out { return {sin(x[0])}; }, {turned}), "");
  EXPECT_EQ(error_of([](In x) -> Out { return {sin(x[0])}; }, {gaps}, true), "");
  Tensor once = zeros({1}, {.dtype = f64}).expand({3}).detach().requires_grad_();
  EXPECT_NE(error_of([](In x) -> Out { return {sin(x[0])}; }, {once}).find("lie at one address"), std::string::npos);
}

TEST(Gradcheck, SecondDerivatives) {
  const TensorFunction fn = [](In x) -> Out { return {square_with<without_history>(x[0])}; };
  EXPECT_EQ(error_of(fn, {leaf({2})}), "");
  EXPECT_PRED2(begins, error_of(fn, {leaf({2})}, true),
               "gradgradcheck: the gradient of element 0 of output 0 with respect to input 0 at [0] (shape [2])");
  const Tensor given = full({2}, 2.0, {.dtype = f64});
  const Out in{leaf({2})};
  EXPECT_NO_THROW(gradgradcheck([](In x) -> Out { return {pow(x[0], 3)}; }, in, {{given}}));
}

TEST(Gradcheck, RefusesWhatItCannotCheck) {
  const TensorFunction same = [](In x) -> Out { return {x[0] * 2}; };
  EXPECT_EQ(error_of(same, {zeros({2}, {.dtype = f64})}), "gradcheck: none of the inputs requires a gradient");
  EXPECT_EQ(error_of(same, {zeros({2}, {.requires_grad = true})}),
            "gradcheck: input 0 requires a gradient, but is f32; differences of f64 alone are precise enough");
  EXPECT_EQ(error_of(same, {Tensor()}), "gradcheck: input 0 is an undefined tensor");
}

// a * b, whose gradient takes it that both are wanted.
Tensor careless_product(const Tensor& a, const Tensor& b) {
  static constexpr OpDef record = {.name = "test::product",
                                   .dtypes = kAllTypes,
                                   .min_inputs = 2,
                                   .max_inputs = 2,
                                   .infer = [](OpCall& c) { c.make(0, c.input(0).shape(), c.dtype); },
                                   .save = {.input = {0b10, 0b01}},
                                   .kernel = {[](OpCall& c) {
                                     const NoGrad off;
                                     c.out[0].copy_(c.input(0) * c.input(1));
                                   }},
                                   .backward =
                                       [](GradContext& g) {
                                         g.set(0, g.grad() * g.input(1));
                                         g.set(1, g.grad() * g.input(0));
                                       }};
  return run(record, {a, b});
}

TEST(Gradcheck, EachInputIsConstantInTurn) {
  const TensorFunction fn = [](In x) -> Out { return {careless_product(x[0], x[1])}; };
  EXPECT_NE(error_of(fn, {leaf({3}), leaf({3}, 0.7)})
                .find("test::product: backward reads a tensor that its record does "
                      "not keep"),
            std::string::npos);
}

TEST(Gradcheck, SecondGradientsThroughAConstantGradient) {
  const Tensor x = leaf({3}, -0.4);
  const Tensor y = relu(x);
  const Tensor one = full({3}, 1.0, {.dtype = f64});
  const Tensor g = grad({&y, 1}, {&x, 1}, {&one, 1}, {.create_graph = true})[0];
  const Tensor gg = grad({&g, 1}, {&x, 1}, {&one, 1}, {}, true)[0];
  if (gg.defined()) {
    EXPECT_TRUE(gg.equal(full({3}, 0.0, {.dtype = f64})));
  }
}

}  // namespace
}  // namespace hearth
