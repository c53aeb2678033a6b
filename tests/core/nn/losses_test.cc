// Losses against PyTorch: values and gradients, for each reduction, as functions and as modules.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/autograd/backward.h"
#include "core/nn/loss.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/reduce.h"
#include "tests/core/nn/losses_golden.inc"
#include "tests/core/nn/nn_testing.h"

namespace hearth {
namespace {

using Call = std::function<Tensor(const std::vector<Tensor>&, Reduction)>;

// As emit() of tools/golden/losses.py.
void check(const std::vector<Tensor>& leaves, const Call& f, const std::vector<double>& none,
           const std::vector<double>& mean, const std::vector<double>& sum) {
  for (const auto& [reduction, want] :
       {std::pair(Reduction::kNone, &none), {Reduction::kMean, &mean}, {Reduction::kSum, &sum}}) {
    std::vector<Tensor> x;
    for (const Tensor& t : leaves) x.push_back(t.detach().clone().requires_grad_());
    const Tensor out = f(x, reduction), loss = (out * wave(out.shape(), 5)).sum();
    std::vector<Tensor> got{out};
    for (const Tensor& g : grad({&loss, 1}, x)) got.push_back(g);
    expect_close(got, *want, 1e-8);  // PyTorch's 1e-12 in binary_cross_entropy's gradient is an f32
    // f16 and bf16: computed in f32, rounded once.
    std::vector<Tensor> half, single;
    for (const Tensor& t : leaves) {
      half.push_back(t.to(bf16));
      single.push_back(half.back().to(f32));
    }
    const Tensor rounded = f(half, reduction);
    EXPECT_TRUE(rounded.isnan().any().item<bool>() ||
                rounded.to(f32).allclose(f(single, reduction).to(f32), 1e-2, 1e-2));
  }
}
#define CHECK_LOSS(name, leaves, ...)                                                                             \
  check(                                                                                                          \
      leaves, [&](const std::vector<Tensor>& in, [[maybe_unused]] Reduction r) -> Tensor { return __VA_ARGS__; }, \
      kGolden##name##None, kGolden##name##Mean, kGolden##name##Sum)

std::vector<Tensor> waves(int n) {
  std::vector<Tensor> out;
  for (int i = 0; i < n; ++i) out.push_back(wave({4, 3}, i + 1));
  return out;
}
Tensor numbers(const std::vector<double>& v) { return from_values(v, {4, 3}); }
const Tensor& target() {
  static const Tensor t = numbers({1, 1, 0.25, 0.5, 0, 0.5, 1, 0.5, 0, 0.75, 0, 0});
  return t;
}
const Tensor& signs() {
  static const Tensor t = numbers({1, -1, 1, -1, 0, 1, 1, 1, -1, -1, -1, 1});
  return t;
}
const Tensor& weight() {
  static const Tensor t = tensor({0.5, 2.0, 1.5}).to(f64);
  return t;
}

TEST(Losses, OfLikelihoodsAsPyTorch) {
  const std::vector<Tensor> p{numbers({0, 1, 0.5, 1e-40, 0.25, 1 - 1e-14, 0.75, 1e-13, 0.999, 0.125, 1, 0})};
  CHECK_LOSS(Bce, p, binary_cross_entropy(in[0], target(), {}, r));
  CHECK_LOSS(BceWeight, p, nn::BCELoss(weight(), r)(in[0], target()));
  const std::vector<Tensor> x = waves(1);
  CHECK_LOSS(KlDiv, x, kl_div(in[0], target(), {.reduction = r}));
  CHECK_LOSS(KlDivLog, waves(2), nn::KLDivLoss({.log_target = true, .reduction = r})(in[0], in[1]));
  CHECK_LOSS(KlDivBatch, x, kl_div(in[0], target(), {.batch_mean = true}));
  const Tensor counts = numbers({0, 1, 2, 3, 0, 1, 4, 2, 1, 0, 7, 1});
  CHECK_LOSS(Poisson, x, poisson_nll_loss(in[0], counts, {.reduction = r}));
  CHECK_LOSS(PoissonFull, std::vector<Tensor>{x[0].abs()},
             nn::PoissonNLLLoss({.log_input = false, .full = true, .eps = 1e-3, .reduction = r})(in[0], counts));
  const std::vector<Tensor> three = waves(3);
  CHECK_LOSS(Gaussian, (std::vector<Tensor>{three[0], three[1], three[2].abs()}),
             gaussian_nll_loss(in[0], in[1], in[2], {.reduction = r}));
  CHECK_LOSS(GaussianFull, (std::vector<Tensor>{three[0], three[1], wave({4}, 1).abs()}),
             nn::GaussianNLLLoss({.full = true, .eps = 0.3, .reduction = r})(in[0], in[1], in[2]));
}

TEST(Losses, OfMarginsAsPyTorch) {
  const std::vector<Tensor> x = waves(1), two = waves(2), three = waves(3);
  CHECK_LOSS(Ranking, two, nn::MarginRankingLoss(0.25, r)(in[0], in[1], signs()));
  CHECK_LOSS(Hinge, x, nn::HingeEmbeddingLoss(0.5, r)(in[0], signs()));
  CHECK_LOSS(SoftMargin, x, nn::SoftMarginLoss(r)(in[0], signs()));
  const Tensor classes = tensor({2, 0, 1, 1});
  CHECK_LOSS(MultiMargin, x, multi_margin_loss(in[0], classes, 1, 1, {}, r));
  CHECK_LOSS(MultiMargin2, x, nn::MultiMarginLoss(2, 0.5, weight(), r)(in[0], classes.to(i32)));
  CHECK_LOSS(MultiMarginOne, std::vector<Tensor>{x[0][0]}, multi_margin_loss(in[0], tensor({1}), 1, 1, {}, r));
  const Tensor lists = tensor({{2, 0, -1}, {1, -1, 0}, {-1, 1, 2}, {0, 1, 2}});
  CHECK_LOSS(MultilabelMargin, x, nn::MultiLabelMarginLoss(r)(in[0], lists));
  CHECK_LOSS(MultilabelMarginOne, std::vector<Tensor>{x[0][0]}, multilabel_margin_loss(in[0], lists[0], r));
  CHECK_LOSS(MultilabelSoft, x, nn::MultiLabelSoftMarginLoss(weight(), r)(in[0], target()));
  const Tensor which = tensor({1.0, -1.0, 1.0, -1.0});
  CHECK_LOSS(Cosine, two, nn::CosineEmbeddingLoss(-0.5, r)(in[0], in[1], which));
  CHECK_LOSS(CosineOne, (std::vector<Tensor>{two[0][0], two[1][0]}),
             cosine_embedding_loss(in[0], in[1], which[1], 0, r));
  CHECK_LOSS(Triplet, three, triplet_margin_loss(in[0], in[1], in[2], {.reduction = r}));
  CHECK_LOSS(TripletSwap, three,
             nn::TripletMarginLoss({.margin = 0.5, .p = 1, .swap = true, .reduction = r})(in[0], in[1], in[2]));
  const auto distance = [](const Tensor& a, const Tensor& b) { return norm(a - b + 1e-6, 2, {-1}); };
  CHECK_LOSS(Triplet, three, nn::TripletMarginWithDistanceLoss(distance, 1, false, r)(in[0], in[1], in[2]));
}

TEST(Losses, ModulesAreTheFunctions) {
  const Tensor x = wave({4, 3}, 1), y = wave({4, 3}, 2), classes = tensor({2, 0, 1, 1});
  EXPECT_TRUE(nn::MSELoss()(x, y).equal(mse_loss(x, y)));
  EXPECT_TRUE(nn::L1Loss(Reduction::kSum)(x, y).equal(l1_loss(x, y, Reduction::kSum)));
  EXPECT_TRUE(nn::SmoothL1Loss(0.5)(x, y).equal(smooth_l1_loss(x, y, 0.5)));
  EXPECT_TRUE(nn::HuberLoss(0.5)(x, y).equal(huber_loss(x, y, 0.5)));
  EXPECT_TRUE(nn::CrossEntropyLoss({.label_smoothing = 0.1})(x, classes)
                  .equal(cross_entropy(x, classes, {.label_smoothing = 0.1})));
  EXPECT_TRUE(nn::NLLLoss()(x, classes).equal(nll_loss(x, classes)));
  EXPECT_TRUE(nn::BCEWithLogitsLoss({}, weight())(x, y).equal(binary_cross_entropy_with_logits(x, y, {}, weight())));
}

TEST(Losses, WeightsAreBuffers) {
  nn::BCEWithLogitsLoss loss(weight(), weight());
  loss.to(f32);
  EXPECT_EQ(loss.state_dict().at("weight").dtype(), f32);
  EXPECT_EQ(loss.state_dict().size(), 2u);
  const Tensor scores = wave({4, 3}, 1).to(f32), wanted = target().to(f32), as_f32 = weight().to(f32);
  EXPECT_TRUE(loss(scores, wanted).equal(binary_cross_entropy_with_logits(scores, wanted, as_f32, as_f32)));
  nn::CrossEntropyLoss classes({.weight = weight()});
  EXPECT_EQ(classes.state_dict().size(), 1u);
  EXPECT_EQ(nn::CrossEntropyLoss().state_dict().size(), 0u);
  const Tensor x = wave({4, 3}, 1), y = tensor({2, 0, 1, 1});
  EXPECT_TRUE(classes(x, y).equal(cross_entropy(x, y, {.weight = weight()})));
  // The weight that it has now counts.
  const Tensor other = weight() * 3 - 1;
  classes.load_state_dict({{"weight", other}});
  EXPECT_TRUE(classes(x, y).equal(cross_entropy(x, y, {.weight = other})));
  nn::NLLLoss likely({.weight = weight()});
  likely.load_state_dict({{"weight", other}});
  EXPECT_TRUE(likely(x, y).equal(nll_loss(x, y, {.weight = other})));
}

TEST(Losses, HalvesBesideF32AreComputedInF32) {
  const Tensor p = full({1}, 0.01, {.dtype = bf16}), none = zeros({1});
  EXPECT_NEAR(binary_cross_entropy(p, none).item<double>(), -std::log1p(-p.item<double>()), 1e-7);
  const Tensor large = full({1}, 40000.0, {.dtype = f16});
  EXPECT_EQ(margin_ranking_loss(large, -large, full({1}, -1.0)).item<double>(), 80000);
  EXPECT_EQ(mse_loss(large, full({1}, -40000.0)).item<double>(), 6.4e9f);
  EXPECT_NEAR(binary_cross_entropy(full({1}, 1e-8), none).item<double>(), 1e-8, 1e-14);
}

TEST(Losses, DivergenceFromZeroIsZero) {
  Tensor x = wave({3}, 1);
  EXPECT_EQ(kl_div(x, zeros({3}, {.dtype = f64}), {.reduction = Reduction::kSum}).item<double>(), 0);
  EXPECT_TRUE(std::isnan(gaussian_nll_loss(x, x, full({3}, -1.0, {.dtype = f64})).item<double>()));
  EXPECT_TRUE(std::isnan(mse_loss(zeros({0}), zeros({0})).item<double>()));
  EXPECT_EQ(multilabel_margin_loss(zeros({0, 3}), zeros({0, 3}, {.dtype = i64}), Reduction::kSum).item<double>(), 0);
}

TEST(Losses, SayWhatDoesNotFit) {
  const Tensor x = zeros({4, 3}), y = zeros({3});
  EXPECT_EQ(message([&] { kl_div(x, y); }), "kl_div: the input has shape [4, 3], but the target [3]");
  EXPECT_EQ(message([&] {
              multi_margin_loss(x, tensor({0, 1, 2, 0}), 3);
            }),
            "multi_margin_loss: p must be 1 or 2, but is 3");
  EXPECT_NE(message([&] { multi_margin_loss(x, tensor({0, 1, 2, 3})); }).find("3"), std::string::npos);
  EXPECT_NE(message([&] { multi_margin_loss(x, y.to(i64)); }).find("expected scores [n, classes]"), std::string::npos);
  EXPECT_NE(message([&] { gaussian_nll_loss(x, x, zeros({2})); }).find("the variance has shape [2]"),
            std::string::npos);
  EXPECT_NE(message([&] { cosine_embedding_loss(x, x, y); }).find("the shapes are [4, 3], [4, 3] and [3]"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth
