// Jacobians, Hessians and products with them against PyTorch; loops over parts.
#include "core/ops/derivatives.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "tests/core/derivatives_golden.inc"
#include "tests/core/nn/nn_testing.h"

namespace hearth {
namespace {

using Tensors = std::vector<Tensor>;

Tensor one(const Tensor& t) { return exp(matmul(tanh(t), t.t())); }
Tensors two(const Tensors& in) {
  const Tensor &p = in[0], &q = in[1];
  return {sin(p * q), (q * q).sum() * p, exp(p).sum()};
}
Tensor scalar(const Tensor& t) { return exp((sin(t) * t.pow(2)).sum()); }
Tensors scalar2(const Tensors& in) { return {sin(in[0] * in[1]).sum() * in[1].pow(3).sum()}; }

Tensors flat(const std::vector<Tensors>& rows) {
  Tensors out;
  for (const Tensors& row : rows) out.insert(out.end(), row.begin(), row.end());
  return out;
}

const Tensor& x() {
  static const Tensor t = wave({2, 3}, 1);
  return t;
}
const Tensors& ab() {
  static const Tensors t{wave({3}, 2), wave({2, 3}, 3)};
  return t;
}

TEST(Derivatives, JacobiansAndHessians) {
  expect_close({jacobian(one, x())}, kGoldenJacobian);
  EXPECT_EQ(jacobian(one, x()).shape(), (Shape{2, 2, 2, 3}));
  expect_close(flat(jacobian(two, ab())), kGoldenJacobianSeveral);
  expect_close(flat(jacobian([](const Tensors& in) { return Tensors{in[0] * 2}; }, ab())), kGoldenJacobianUnused);
  expect_close({hessian(scalar, x())}, kGoldenHessian);
  expect_close(flat(hessian(scalar2, ab())), kGoldenHessianSeveral);
  expect_close({hessian([](const Tensor& t) { return t.sum(); }, ab()[0])}, kGoldenHessianLinear);
  EXPECT_EQ(jacobian([](const Tensor& t) { return t * 2; }, zeros({0, 2})).shape(), (Shape{0, 2, 0, 2}));
}

TEST(Derivatives, Products) {
  const auto joined = [](const Tensors& a, const Tensors& b) {
    Tensors out = a;
    out.insert(out.end(), b.begin(), b.end());
    return out;
  };
  const auto v = vjp(one, x(), wave({2, 2}, 4));
  expect_close({v.first, v.second}, kGoldenVjp);
  const auto vs = vjp(two, ab(), {wave({2, 3}, 4), wave({3}, 5), tensor(2.0, {.dtype = f64})});
  expect_close(joined(vs.first, vs.second), kGoldenVjpSeveral);
  const auto single = vjp(scalar, x());
  expect_close({single.first, single.second}, kGoldenVjpScalar);
  const auto j = jvp(one, x(), wave({2, 3}, 4));
  expect_close({j.first, j.second}, kGoldenJvp);
  const auto js = jvp(two, ab(), {wave({3}, 4), wave({2, 3}, 5)});
  expect_close(joined(js.first, js.second), kGoldenJvpSeveral);
  const auto h = hvp(scalar, x(), wave({2, 3}, 4));
  expect_close({h.first, h.second}, kGoldenHvp);
  const auto hs = hvp(scalar2, ab(), {wave({3}, 4), wave({2, 3}, 5)});
  expect_close(joined({hs.first}, hs.second), kGoldenHvpSeveral);
  // Of a linear function, whose gradient does not depend on x.
  const auto twice = jvp([](const Tensor& t) { return t * 2; }, x(), ones_like(x()), {.strict = true});
  EXPECT_TRUE(twice.second.equal(full({2, 3}, 2.0, {.dtype = f64})));
  EXPECT_EQ(hvp([](const Tensor& t) { return t.sum(); }, x(), x()).second.abs().sum().item<double>(), 0);
}

TEST(Derivatives, CanBeDifferentiated) {
  const Tensor y = leaf({2, 3}, 1), z = leaf({2, 3}, 1);
  const DerivativeOptions create{.create_graph = true};
  expect_close({grad(jacobian(one, y, create).pow(2).sum(), y)}, kGoldenJacobianGraph);
  expect_close({grad(jvp(one, z, wave({2, 3}, 4), create).second.pow(2).sum(), z)}, kGoldenJvpGraph);
  EXPECT_FALSE(jacobian(one, y).requires_grad());
  EXPECT_FALSE(vjp(one, y, ones({2, 2})).first.requires_grad());
  EXPECT_FALSE(y.grad().defined());
  const NoGrad off;  // they record for themselves
  expect_close({jacobian(one, x())}, kGoldenJacobian);
}

TEST(Derivatives, StrictAndWrongArguments) {
  const DerivativeOptions strict{.strict = true};
  const auto constant = [](const Tensor&) { return ones({2}); };
  EXPECT_EQ(jacobian(constant, x()).abs().sum().item<double>(), 0);
  EXPECT_EQ(message([&] { jacobian(constant, x(), strict); }), "jacobian: output 0 does not depend on the inputs");
  const auto first = [](const Tensors& in) { return Tensors{in[0] * 2}; };
  EXPECT_EQ(message([&] { jacobian(first, ab(), strict); }), "jacobian: the outputs do not depend on input 1");
  EXPECT_EQ(message([&] { vjp(first, ab(), {ones({3})}, strict); }), "vjp: the outputs do not depend on input 1");
  EXPECT_EQ(message([&] { hessian([](const Tensor& t) { return t.sum(); }, x(), strict); }),
            "hessian: the derivative for input 0 does not depend on the inputs");
  EXPECT_EQ(message([&] { hessian(one, x()); }),
            "hessian: the function must give one tensor of one element, but its shape is [2, 2]");
  EXPECT_EQ(message([&] { jacobian(one, tensor({{1}})); }),
            "jacobian: inputs must be floating-point or complex, but one is i64");
  EXPECT_EQ(message([&] { vjp(one, x(), ones({3})); }), "vjp: vector 0 has the shape [3]; expected [2, 2]");
  EXPECT_EQ(message([&] { vjp(one, x()); }), "vjp: vector 0 is undefined, and the output has the shape [2, 2]");
  EXPECT_EQ(message([&] {
              jvp(first, ab(), {Tensor(), Tensor()});
            }),
            "jvp: vector 0 is undefined, and the input has the shape [3]");
  EXPECT_EQ(message([&] { jvp(first, ab(), {ones({3})}); }), "jvp: there are 1 vectors for 2 tensors");
}

TEST(Vmap, IsALoopOverParts) {
  const Tensor m = wave({4, 3, 2}, 1);
  const Tensor y = vmap([](const Tensor& t) { return matmul(t.t(), t); }, m);
  EXPECT_TRUE(y.allclose(bmm(transpose(m, 1, 2), m), 1e-12, 1e-12));
  EXPECT_EQ(vmap([](const Tensor& t) { return t.sum(0); }, m, 2, 1).shape(), (Shape{3, 2}));
  const Tensors s = vmap([](const Tensors& in) { return Tensors{in[0] + in[1], in[0].sum()}; }, {m, wave({4, 2}, 2)});
  EXPECT_EQ(s[0].shape(), (Shape{4, 3, 2}));
  EXPECT_EQ(s[1].shape(), Shape{4});
  const Tensor l = leaf({3, 2}, 1);
  EXPECT_TRUE(grad(vmap([](const Tensor& t) { return t * t; }, l).sum(), l).allclose(l * 2, 1e-12, 1e-12));
  EXPECT_EQ(message([] { vmap([](const Tensor& t) { return t; }, zeros({0, 2})); }), "vmap: inputs have 0 and 0 parts");
  EXPECT_EQ(message([&] {
              vmap([](const Tensors& in) { return in; }, {m, zeros({3})});
            }),
            "vmap: inputs have 4 and 3 parts");
  EXPECT_EQ(message([] { vmap([](const Tensor& t) { return t; }, zeros({})); }),
            "vmap: an input has no dimension to cut");
}

// PyTorch's numbers.
TEST(Vmap, ADimensionForEachInput) {
  const TensorOptions wide{.dtype = f64};
  const Tensor w = tensor({1.0, 2.0}, wide), x = tensor({{1.0, 0.5}, {2.0, -1.0}, {0.0, 3.0}}, wide),
               y = tensor({1.0, -1.0, 2.0}, wide);
  const auto gradient = [](const Tensors& in) {
    return Tensors{vjp([&](const Tensor& at) { return ((in[1] * at).sum() - in[2]).pow(2); }, in[0]).second};
  };
  const Tensors g = vmap(gradient, {w, x, y}, {std::nullopt, 0, 0});
  EXPECT_TRUE(g[0].allclose(tensor({{2.0, 1.0}, {4.0, -2.0}, {0.0, 24.0}}, wide), 1e-12, 1e-12));
  const auto sum = [](const Tensors& in) { return Tensors{(in[1] * in[0]).sum() + in[2]}; };
  const Tensor v = tensor({1.0, 2.0, 3.0}, wide);
  EXPECT_TRUE(vmap(sum, {v, x, y.slice(0, 0, 2)}, {std::nullopt, 1, -1})[0].allclose(tensor({6.0, 6.5}, wide)));
  const auto product = [](const Tensors& in) { return Tensors{in[0] * in[1]}; };
  EXPECT_TRUE(vmap(product, {y, w}, {0, std::nullopt}, 1)[0].equal(tensor({{1.0, -1.0, 2.0}, {2.0, -2.0, 4.0}}, wide)));
  EXPECT_EQ(message([&] {
              vmap(product, {y, w}, {std::nullopt, std::nullopt});
            }),
            "vmap: no input has a dimension to cut");
  EXPECT_EQ(message([&] { vmap(product, {y, w}, {0, std::nullopt, 0}); }), "vmap: there are 3 dimensions for 2 inputs");
  EXPECT_EQ(message([&] { vmap(product, {y, w}, {std::optional<int64_t>(0), 0}); }), "vmap: inputs have 3 and 2 parts");
}

}  // namespace
}  // namespace hearth
