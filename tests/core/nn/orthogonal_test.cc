// Orthogonal parameters against PyTorch.
#include "core/nn/orthogonal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/nn/linear.h"
#include "core/ops/compare.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "tests/core/nn/nn_testing.h"
#include "tests/core/nn/utils_golden.inc"

namespace hearth {
namespace {

using Map = nn::OrthogonalMap;
using Names = std::vector<std::pair<std::string, std::vector<int64_t>>>;

// As the loop of tools/golden/nn_utils.py.
struct Case {
  Shape shape;
  std::optional<Map> map;
  const std::vector<double>* start;  // the value of the parameter at first; null for those that draw numbers
  const std::vector<double>& want;
  const Names* names;
};

void set(const Tensor& t, const Tensor& value) {
  const NoGrad off;
  Tensor(t).copy_(value);
}

void check(const Case& c) {
  nn::Linear m(c.shape[1], c.shape[0], {.bias = false});
  m.to(f64);
  set(m.weight, wave(c.shape, 2) + eye(c.shape[0], c.shape[1], {.dtype = f64}));  // of full rank
  nn::orthogonal(m, "weight", c.map);
  const Tensor start = nn::parametrized(m, "weight");
  if (c.start) expect_close({start}, *c.start);
  if (c.names) {
    Names got;
    for (const auto& [name, t] : m.state_dict())
      got.emplace_back(name, std::vector<int64_t>(t.shape().begin(), t.shape().end()));
    EXPECT_EQ(got, *c.names);
  }
  const Tensor original = m.get_parameter("parametrizations.weight.original");
  const Tensor base = m.get_buffer("parametrizations.weight.0.base");
  set(base, wave(base.shape(), 3));
  Tensor value = wave(c.shape, 4) * 0.6;
  for (int64_t i = 0; i < std::min(c.shape[0], c.shape[1]); ++i) value[i][i] = i % 2 ? -1.0 : 1.0;
  set(original, value);
  const Tensor x = leaf({2, c.shape[1]}, 1), y = m(x);
  const Tensor weighted = (y * wave(y.shape(), 5)).sum();
  const std::vector<Tensor> gradients = grad({&weighted, 1}, std::vector<Tensor>{x, original});
  expect_close({y, gradients[0], gradients[1]}, c.want);
}

TEST(Orthogonal, AsPyTorch) {
  const std::vector<Case> cases = {
      {{3, 3}, std::nullopt, &kGoldenOrthogonalStartExp, kGoldenOrthogonalExp, &kNamesOrthogonalExp},
      {{3, 5}, std::nullopt, nullptr, kGoldenOrthogonalHouseholder, &kNamesOrthogonalHouseholder},
      {{5, 3}, std::nullopt, nullptr, kGoldenOrthogonalHouseholderTall, nullptr},
      {{3, 3},
       Map::kHouseholder,
       &kGoldenOrthogonalStartHouseholderSquare,
       kGoldenOrthogonalHouseholderSquare,
       nullptr},
      {{3, 3}, Map::kCayley, &kGoldenOrthogonalStartCayley, kGoldenOrthogonalCayley, nullptr},
      {{5, 3}, Map::kCayley, nullptr, kGoldenOrthogonalCayleyTall, nullptr},
      {{2, 4}, Map::kMatrixExp, nullptr, kGoldenOrthogonalExpWide, nullptr}};
  for (const Case& c : cases) {
    SCOPED_TRACE(&c - cases.data());
    check(c);
  }
}

bool orthonormal_rows(const Tensor& w) {
  return matmul(w, w.mT()).allclose(eye(w.size(-2), {}, {.dtype = w.dtype()}), 1e-5, 1e-5);
}

TEST(Orthogonal, StaysSoInTraining) {
  for (const std::optional<Map> map :
       {std::optional<Map>(), std::optional(Map::kCayley), std::optional(Map::kMatrixExp)}) {
    nn::Linear m(6, 4);
    nn::orthogonal(m, "weight", map);
    const Tensor before = nn::parametrized(m, "weight").detach();
    EXPECT_TRUE(orthonormal_rows(before));
    m(randn({8, 6})).square().sum().backward();
    {
      const NoGrad off;
      Tensor original = m.get_parameter("parametrizations.weight.original");
      original.sub_(original.grad() * 0.01);
    }
    const Tensor after = nn::parametrized(m, "weight").detach();
    EXPECT_TRUE(orthonormal_rows(after));
    EXPECT_FALSE(after.allclose(before));
  }
}

TEST(Orthogonal, KeepsAnOrthogonalValueAndComesBack) {
  nn::Linear m(3, 3);
  set(m.weight, eye(3).flip({0}));
  nn::orthogonal(m);
  EXPECT_TRUE(nn::parametrized(m, "weight").allclose(eye(3).flip({0})));
  nn::Linear other(3, 3);
  nn::orthogonal(other);
  other.load_state_dict(m.state_dict());
  EXPECT_TRUE(nn::parametrized(other, "weight").equal(nn::parametrized(m, "weight")));
  m.initialize();
  EXPECT_TRUE(orthonormal_rows(nn::parametrized(m, "weight").detach()));
  nn::remove_parametrizations(m, "weight");
  EXPECT_TRUE(orthonormal_rows(m.weight.detach()));
  EXPECT_EQ(message([&] { nn::orthogonal(m, "bias"); }),
            "orthogonal: the parameter 'bias' of shape [3] is neither a matrix nor a batch of matrices");
  EXPECT_EQ(message([&] { nn::orthogonal(m, "gone"); }), "orthogonal: nn::Linear has no parameter 'gone'");
}

TEST(Orthogonal, Batches) {
  struct Stack : nn::Module<Stack> {
    nn::Parameter weight{this, "weight", randn({2, 3, 5})};
    Tensor forward(const Tensor& x) const { return matmul(weight, x); }
  };
  for (const Map map : {Map::kHouseholder, Map::kMatrixExp, Map::kCayley}) {
    Stack m;
    nn::orthogonal(m, "weight", map);
    const Tensor w = nn::parametrized(m, "weight").detach();
    EXPECT_EQ(w.shape(), (Shape{2, 3, 5}));
    EXPECT_TRUE(orthonormal_rows(w[0]) && orthonormal_rows(w[1]));
    EXPECT_EQ(m(ones({5, 1})).shape(), (Shape{2, 3, 1}));
  }
}

}  // namespace
}  // namespace hearth
