#include "core/nn/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/autograd/backward.h"
#include "core/ops/softmax.h"
#include "tests/core/nn/golden.inc"
#include "tests/core/nn/nn_testing.h"

namespace hearth {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// As gradients() of tools/golden/nn.py.
void check(const Tensor& out, const Tensor& x, const std::vector<double>& want) {
  const Tensor loss = (out * wave(out.shape(), 5)).sum();
  expect_close({out, grad({&loss, 1}, {&x, 1})[0]}, want);
}

Tensor scores() {
  Tensor x = log_softmax(wave({7, 4, 5}, 3) * 3, 2).detach();
  return x.requires_grad_();
}

const Tensor& padded() {
  static const Tensor t = tensor({{1, 2, 2}, {3, 4, 1}, {2, 0, 0}, {0, 0, 0}});
  return t;
}
const Tensor& steps() {
  static const Tensor t = tensor({7, 6, 5, 7});
  return t;
}
const Tensor& labels() {
  static const Tensor t = tensor({3, 2, 1, 0});
  return t;
}

TEST(CtcLoss, HasPyTorchsValuesAndGradients) {
  const Tensor x = scores();
  check(ctc_loss(x, padded(), steps(), labels(), {.reduction = Reduction::kNone}), x, kGoldenCtcNone);
  check(ctc_loss(x, padded().to(i32), steps().to(i32), labels(), {.reduction = Reduction::kSum}), x, kGoldenCtcSum);
  check(nn::CTCLoss()(x, padded(), steps(), labels()), x, kGoldenCtcMean);
  check(ctc_loss(x, tensor({1, 2, 2, 3, 3, 2}), steps(), labels(), {.blank = 4, .reduction = Reduction::kNone}), x,
        kGoldenCtcJoined);
  check(ctc_loss(x, padded(), tensor({3, 6, 0, 0}), labels(), {.zero_infinity = true}), x, kGoldenCtcImpossible);
}

TEST(CtcLoss, TakesOneSequence) {
  Tensor x = log_softmax(wave({7, 5}, 3) * 3, 1).detach();
  x.requires_grad_();
  const Tensor t = tensor({1, 1, 3}), n = tensor({6}).squeeze(0), l = tensor({3});
  check(ctc_loss(x, t, n, l, {.reduction = Reduction::kNone}), x, kGoldenCtcSingleNone);
  check(ctc_loss(x, t, n, l), x, kGoldenCtcSingleMean);
}

TEST(CtcLoss, OfAnImpossibleTargetIsInfiniteOrZero) {
  const Tensor x = scores(), few = tensor({3, 6, 0, 0});
  const Tensor loss = ctc_loss(x, padded(), few, labels(), {.reduction = Reduction::kNone});
  EXPECT_EQ(loss.to_vector<double>()[0], kInf) << "a repeated label needs a blank";
  EXPECT_TRUE(std::isfinite(loss.to_vector<double>()[1]));
  EXPECT_EQ(loss.to_vector<double>()[2], kInf);
  EXPECT_EQ(loss.to_vector<double>()[3], 0) << "no step and no label";
  const Tensor total = loss.sum();
  const auto g = grad({&total, 1}, {&x, 1})[0].to_vector<double>();
  EXPECT_TRUE(std::isnan(g[0]));
  EXPECT_FALSE(std::isnan(g[5]));
  EXPECT_EQ(g[10], 0);
}

TEST(CtcLoss, KeepsNaNAndImpossibleClasses) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = tensor({{-1.0, nan}, {-1.0, -0.5}}), sure = tensor({{-kInf, 0.0}, {-kInf, 0.0}});
  EXPECT_TRUE(std::isnan(ctc_loss(x, tensor({1}), tensor({2}), tensor({1})).item<double>()));
  EXPECT_EQ(ctc_loss(sure, tensor({1}), tensor({2}), tensor({1})).item<double>(), 0);
  EXPECT_EQ(ctc_loss(sure, tensor({1, 1}), tensor({2}), tensor({2})).item<double>(), kInf);
}

TEST(CtcLoss, IsComputedInF32OfHalves) {
  const Tensor x = scores().detach();
  const Tensor loss = ctc_loss(x.to(f16), padded(), steps(), labels());
  EXPECT_EQ(loss.dtype(), f16);
  EXPECT_NEAR(loss.item<float>(), ctc_loss(x, padded(), steps(), labels()).item<double>(), 5e-3);
}

TEST(CtcLoss, SaysWhatDoesNotFit) {
  const Tensor x = scores();
  const auto error = [&](const Tensor& t, const Tensor& n, const Tensor& l, const CtcLossOptions& o = {}) {
    return message([&] { ctc_loss(x, t, n, l, o); });
  };
  EXPECT_EQ(error(padded(), tensor({8, 6, 5, 7}), labels()),
            "ctc_loss: input length 8 of sequence 0 is out of range for 7 steps");
  EXPECT_EQ(error(padded(), steps(), tensor({4, 2, 1, 0})),
            "ctc_loss: target length 4 of sequence 0 is out of range for targets of shape [4, 3]");
  EXPECT_EQ(error(tensor({1, 2, 2, 3, 3}), steps(), labels()),
            "ctc_loss: target length 1 of sequence 2 is out of range for targets of shape [5]");
  EXPECT_EQ(error(tensor({1, 2, 2, 3, 3, 2, 1}), steps(), labels()),
            "ctc_loss: the target lengths are 6 together, but there are 7 targets");
  EXPECT_EQ(error(tensor({1, 2, 9, 3, 3, 2}), steps(), labels()),
            "ctc_loss: target 9 of sequence 0 is out of range for 5 classes");
  EXPECT_EQ(error(tensor({1, 2, 2, 3, 3, 2}), steps(), labels(), {.blank = 2}),
            "ctc_loss: target 1 of sequence 0 is the blank, 2");
  EXPECT_EQ(error(padded(), steps(), labels(), {.blank = 5}), "ctc_loss: the blank 5 is out of range for 5 classes");
  EXPECT_EQ(error(padded(), tensor({7}), labels()),
            "ctc_loss: input_lengths has shape [1]; expected [4], one for each sequence");
  const Tensor loss = ctc_loss(x, padded(), steps(), labels());
  const Tensor slope = grad({&loss, 1}, {&x, 1}, {}, {.create_graph = true})[0].sum();
  EXPECT_EQ(message([&] { slope.backward(); }), "ctc_loss: its gradient has no gradient");
}

}  // namespace
}  // namespace hearth
