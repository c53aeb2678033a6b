// The ends of what functions are asked for: PyTorch 2.15's answers.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/distributions/distributions.h"
#include "core/hearth.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;
using Floats = std::vector<float>;
constexpr float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::nanf("");

Floats floats(const Tensor& t) { return t.to(f32).to_vector<float>(); }
bool all_nan(const Floats& v) {
  return std::all_of(v.begin(), v.end(), [](float x) { return std::isnan(x); });
}
// The gradient of f(x).sum() at x.
template <class F>
Floats slope(Tensor x, F f) {
  x.requires_grad_();
  f(x).sum().backward();
  return floats(x.grad());
}

TEST(PyTorchEdges, FrequenciesOfFewSamples) {
  EXPECT_EQ(floats(fft::rfftfreq(2)), (Floats{0, 0.5}));
  EXPECT_EQ(floats(fft::rfftfreq(1)), (Floats{0}));
  EXPECT_EQ(floats(fft::fftfreq(2)), (Floats{0, -0.5}));
}

TEST(PyTorchEdges, AddedMultiples) {
  EXPECT_EQ(add(tensor({1}), tensor({200}, {.dtype = u8}), 2).item<int64_t>(), 401);
  EXPECT_EQ(sub(tensor({10}), tensor({200}, {.dtype = u8}), 2).item<int64_t>(), -390);
  EXPECT_EQ(add(tensor({1.0}), tensor({60000.0}, {.dtype = f16}), 2).item<float>(), 120001);
  EXPECT_EQ(add(tensor({0.1}, {.dtype = f64}), tensor({3}), 0.1).item<double>(), 0.4);
  const Tensor yes = add(tensor({true}), tensor({true}), 1);
  EXPECT_EQ(yes.dtype(), boolean);
  EXPECT_TRUE(yes.item<bool>());
  EXPECT_FALSE(add(tensor({false}), tensor({true}), 0).item<bool>());
  EXPECT_NE(error_of([] { sub(tensor({true}), tensor({true}), 1); }), "");
  EXPECT_EQ(error_of([] { add(tensor({1}), tensor({1}), 1.5); }),
            "add: alpha must be a whole number for i64, but is 1.5");
  // Rounded once.
  const Tensor half = tensor({1.0}, {.dtype = f16});
  EXPECT_EQ(add(half, tensor({1e-3}, {.dtype = f16}), 0.1).dtype(), f16);
}

TEST(PyTorchEdges, InfinityDoesNotSpoilWhatItDoesNotTouch) {
  Tensor w = tensor({0.25}).requires_grad_();
  prelu(tensor({double{kInf}, -1.0}), w).sum().backward();
  EXPECT_EQ(floats(w.grad()), (Floats{-1}));
  EXPECT_EQ(slope(tensor({0.5}), [](const Tensor& x) { return sqrt(floor(x)); }), (Floats{0}));
  EXPECT_EQ(slope(tensor({0.5, 2.0}),
                  [](const Tensor& x) {
                    return maximum(x, tensor({1.0, 1.0})) * double{kInf};
                  }),
            (Floats{0, kInf}));
  EXPECT_EQ(slope(tensor({1.0, double{kNan}, 2.0}), [](const Tensor& x) { return x.max(); }), (Floats{0, 1, 0}));
  EXPECT_EQ(slope(tensor({-1.0, 2.0}), [](const Tensor& x) { return angle(x); }), (Floats{0, 0}));
  EXPECT_FLOAT_EQ(angle(tensor({-1.0})).item<float>(), 3.14159265f);
  EXPECT_TRUE(all_nan(floats(angle(tensor({double{kNan}})))));
}

TEST(PyTorchEdges, LogSumExpOfInfinities) {
  const auto of = [](const Tensor& x) { return logsumexp(x, {0}); };
  EXPECT_EQ(floats(of(tensor({-double{kInf}, -double{kInf}}))), (Floats{-kInf}));
  EXPECT_EQ(floats(of(tensor({double{kInf}, 1.0}))), (Floats{kInf}));
  EXPECT_TRUE(all_nan(floats(of(tensor({double{kNan}, double{kInf}})))));
  EXPECT_TRUE(all_nan(slope(tensor({-double{kInf}, -double{kInf}}), of)));
  EXPECT_EQ(slope(tensor({-double{kInf}, 1.0}), of), (Floats{0, 1}));
  EXPECT_EQ(floats(logsumexp(zeros({2, 0}), {1})), (Floats{-kInf, -kInf}));
  EXPECT_NEAR(of(tensor({1, 2})).item<float>(), 2.31326175f, 1e-6);
  // Many pieces, of which one has the greatest.
  Tensor x = full({200'000}, -3.0, {.dtype = f64});
  x[150'000].fill_(50);
  EXPECT_NEAR(logsumexp(x).item<double>(), 50 + std::log1p(199'999 * std::exp(-53.0)), 1e-14);
}

TEST(PyTorchEdges, PlacesOfTheGreatest) {
  // The first of equals, whatever block or piece it is in; the first NaN before all.
  Tensor x = zeros({200'000});
  x[1023].fill_(5), x[1024].fill_(5), x[180'000].fill_(5);
  EXPECT_EQ(argmax(x).item<int64_t>(), 1023);
  EXPECT_EQ(argmin(x).item<int64_t>(), 0);
  x[170'000].fill_(double{kNan}), x[190'000].fill_(double{kNan});
  EXPECT_EQ(argmax(x).item<int64_t>(), 170'000);
  EXPECT_EQ(argmin(x).item<int64_t>(), 170'000);
  const auto columns = max(x.reshape({400, 500}), 0);
  EXPECT_TRUE(std::isnan(columns.first[0].item<float>()));
  EXPECT_EQ(columns.second[0].item<int64_t>(), 340);
  EXPECT_EQ(columns.second[1].item<int64_t>(), 0);
  EXPECT_EQ(columns.second[23].item<int64_t>(), 2);
  // Rows of another layout, and dtypes that are converted.
  const Tensor t = arange(6, {.dtype = i32}).reshape({2, 3}).t();
  EXPECT_EQ(argmax(t, 1).to_vector<int64_t>(), (std::vector<int64_t>{1, 1, 1}));
  EXPECT_EQ(argmax(t, 0).to_vector<int64_t>(), (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(argmax(tensor({1.0, 3.0, 3.0}, {.dtype = bf16})).item<int64_t>(), 1);
  EXPECT_EQ(argmax(tensor({false, true})).item<int64_t>(), 1);
  EXPECT_EQ(argmin(tensor({int64_t{1} << 62, (int64_t{1} << 62) - 1})).item<int64_t>(), 1);
  EXPECT_TRUE(std::signbit(max(tensor({-0.0, 0.0}), 0).first.item<float>()));
}

TEST(PyTorchEdges, NormsThatOnlyTheResultHolds) {
  EXPECT_TRUE(std::isinf(norm(full({2}, 6e4, {.dtype = f16})).to(f32).item<float>()));
  EXPECT_EQ(norm(full({2}, 3e4, {.dtype = f16})).dtype(), f16);
  EXPECT_NEAR(norm(full({2}, 3e4, {.dtype = f16})).to(f32).item<float>(), 42432, 1);
  EXPECT_NEAR(std(full({2}, 3e4, {.dtype = f16}) * tensor({1.0, -1.0}, {.dtype = f16})).to(f32).item<float>(), 42432,
              1);
  // A large mean takes no digits of a small variance.
  const Tensor x = arange(4096, {.dtype = f64}) / 4096 + 1e8;
  EXPECT_NEAR(var(x).item<double>(), 4096.0 * 4097 / 12 / 4096 / 4096, 1e-8);
  EXPECT_TRUE(all_nan(floats(var(zeros({2, 0}), {1}))));
  EXPECT_EQ(floats(var(full({3, 70'000}, 7.0), {1})), (Floats{0, 0, 0}));
}

TEST(PyTorchEdges, SumsOfNoComplexNumbers) {
  // What memory held before is not what is given.
  for (int i = 0; i < 3; ++i) {
    full({64}, 7.0);
    const Tensor s = sum(zeros({0, 3}, {.dtype = c64}), {0});
    EXPECT_EQ(floats(abs(s)), (Floats{0, 0, 0}));
    EXPECT_TRUE(all_nan(floats(abs(mean(zeros({0, 3}, {.dtype = c64}), {0})))));
  }
}

TEST(PyTorchEdges, ShapesOfOneAndNothing) {
  EXPECT_EQ(cov(randn({1, 5})).dim(), 0);
  EXPECT_EQ(corrcoef(randn({1, 5})).item<float>(), 1);
  const auto parts = chunk(zeros({0, 2}), 3);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[2].shape(), Shape({0, 2}));
  const auto places = where(tensor({1}).reshape({}) > 0);
  ASSERT_EQ(places.size(), 1u);
  EXPECT_EQ(places[0].to_vector<int64_t>(), (std::vector<int64_t>{0}));
}

TEST(PyTorchEdges, NearestOfImagesThatStayOrDouble) {
  const Tensor line = arange(10).to(f32), image = line.reshape({1, 1, 1, 10});
  const auto by = [](const Tensor& x, const std::vector<double>& factors) {
    return floats(interpolate_by(x, factors));
  };
  EXPECT_EQ(by(image, {1, 1.05}), floats(line));
  const Floats twice = by(image, {1, 2.05});
  ASSERT_EQ(twice.size(), 20u);
  for (size_t i = 0; i < twice.size(); ++i) EXPECT_EQ(twice[i], static_cast<float>(i / 2)) << i;
}

TEST(PyTorchEdges, NumbersThatDoNotFit) {
  EXPECT_EQ(error_of([] { tensor({300}, {.dtype = u8}); }), "tensor: 300 does not fit into u8");
  EXPECT_NE(error_of([] { tensor({double{kNan}}, {.dtype = i64}); }), "");
  EXPECT_NE(error_of([] { tensor({1e20}, {.dtype = i32}); }), "");
  EXPECT_EQ(tensor({1.5}, {.dtype = i32}).item<int32_t>(), 1);
  EXPECT_NE(error_of([] { randperm(300, {.dtype = u8}); }), "");
  EXPECT_NE(error_of([] { randperm(3000, {.dtype = f16}); }), "");
  EXPECT_EQ(randperm(2049, {.dtype = f16}).numel(), 2049);
  for (const auto& [low, high, t] : std::vector<std::tuple<double, double, DType>>{
           {0, 1e5, f16}, {-3e38, 3e38, f32}, {0, 1e39, f32}, {-1.5e308, 1.5e308, f64}})
    EXPECT_NE(error_of([&] { empty({2}, {.dtype = t}).uniform_(low, high); }), "") << low;
}

TEST(PyTorchEdges, Tolerances) {
  const Tensor a = tensor({(int64_t{1} << 53) + 1}), b = tensor({int64_t{1} << 53});
  EXPECT_FALSE(isclose(a, b, 0, 0).item<bool>());
  EXPECT_TRUE(isclose(a, b, 0, 1).item<bool>());
  EXPECT_EQ(error_of([&] { isclose(a, b, -1, 0); }), "isclose: the tolerances must not be negative, but are -1 and 0");
}

TEST(PyTorchEdges, DrawsStayWhereTheDensityIs) {
  // The smallest uniform number is 0; the chance of one among these is one half.
  manual_seed(1);
  Tensor waits = empty({1 << 23});
  waits.exponential_();
  EXPECT_GT(waits.min().item<float>(), 0);
  const distributions::Gamma gamma(full({1000}, 1e-3), full({1000}, 1e8));
  const Tensor x = gamma.sample();
  EXPECT_GT(x.min().item<float>(), 0);
  EXPECT_TRUE(isfinite(gamma.log_prob(x)).all().item<bool>());
  const distributions::NegativeBinomial none(0.0, 0.5);
  EXPECT_EQ(none.sample({4}).sum().item<float>(), 0);
  EXPECT_EQ(none.log_prob(tensor({0.0})).item<float>(), 0);
  // Halves are drawn without a bias: the share of ones is within five deviations.
  const double p = 0.51171875, n = 1 << 22;
  const double share = bernoulli(full({1 << 22}, p, {.dtype = bf16})).to(f32).mean().item<double>();
  EXPECT_NEAR(share, p, 5 * std::sqrt(p * (1 - p) / n));
}

TEST(PyTorchEdges, OneCycleWithoutAWarmUp) {
  const auto rates = [](double warm_up) {
    nn::Linear net(1, 1);
    optim::SGD sgd(net.parameters(), {.lr = 0.1, .momentum = 0.9});
    optim::OneCycleLR schedule(sgd, {.max_lr = 1, .total_steps = 10, .warm_up = warm_up});
    std::vector<double> out;
    for (int i = 0; i < 3; ++i) {
      out.push_back(sgd.lr());
      schedule.step();
    }
    return out;
  };
  const std::vector<double> none = rates(0), little = rates(0.05);
  EXPECT_NEAR(none[0], 0.9755283560, 1e-8);
  EXPECT_NEAR(none[1], 0.9045088792, 1e-8);
  EXPECT_NEAR(none[2], 0.7938934506, 1e-8);
  EXPECT_NEAR(little[0], 0.9931806790, 1e-8);
}

TEST(PyTorchEdges, UnderAutocast) {
  const Autocast low(bf16);
  const Tensor x = randn({2, 2}), y = randn({2, 2, 2});
  EXPECT_EQ(addmm(x, x, x).dtype(), bf16);
  EXPECT_EQ(baddbmm(y, y, y).dtype(), bf16);
  EXPECT_EQ(addmm(x.to(bf16), x, x, 0.5, 2).dtype(), bf16);
  EXPECT_EQ(x.to(bf16).amax().dtype(), bf16);
  EXPECT_EQ(x.to(bf16).sum().dtype(), f32);
  EXPECT_EQ(grid_sample(randn({1, 1, 3, 3}).to(bf16), zeros({1, 2, 2, 2})).dtype(), f32);
}

TEST(PyTorchEdges, StatesOfBatchNormWithoutACount) {
  nn::BatchNorm2d norm(3);
  nn::StateDict state = norm.state_dict();
  state.erase("num_batches_tracked");
  nn::BatchNorm2d other(3);
  other.load_state_dict(state);
  state.erase("running_mean");
  EXPECT_NE(error_of([&] { other.load_state_dict(state); }).find("missing: num_batches_tracked"), std::string::npos);
}

TEST(PyTorchEdges, RunningVarianceOfAConstant) {
  nn::BatchNorm1d norm(1, {.momentum = 1});
  norm(full({8, 1}, 3.0));
  EXPECT_NEAR(norm.running_var->item<float>(), 0, 1e-11);
  EXPECT_GE(norm.running_var->item<float>(), 0);
}

}  // namespace
}  // namespace hearth
