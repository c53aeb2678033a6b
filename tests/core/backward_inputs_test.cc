// Gradients into chosen tensors only, and zeros for those that the outputs do not depend on: PyTorch's numbers.
#include <gtest/gtest.h>

#include <vector>

#include "core/autograd/backward.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using V = std::vector<double>;
V values(const Tensor& t) { return t.to_vector<double>(); }
Tensor leaf(std::initializer_list<detail::Nested> v) { return tensor(v, {.dtype = f64, .requires_grad = true}); }

using testing::error_of;

struct Graph {
  Tensor a = leaf({1.0, 2.0}), b = leaf({3.0, 4.0}), other = leaf({3.0, 4.0});
  Tensor m = a * b, y = (m * a).sum();
  void back(std::vector<Tensor> inputs) const { y.backward({.retain_graph = true, .inputs = std::move(inputs)}); }
};

TEST(BackwardInputs, OnlyThoseNamedGetGradients) {
  Graph g;
  g.back({g.a});
  EXPECT_EQ(values(g.a.grad()), (V{6, 16}));
  EXPECT_FALSE(g.b.grad().defined());
  // A list of its own in braces; one that is not reached stays without.
  g.y.backward({.retain_graph = true, .inputs = {{g.other, g.b}}});
  EXPECT_FALSE(g.other.grad().defined());
  EXPECT_EQ(values(g.b.grad()), (V{1, 4}));
  EXPECT_EQ(values(g.a.grad()), (V{6, 16}));
  g.back({g.b, g.b});  // named twice, added once
  EXPECT_EQ(values(g.b.grad()), (V{2, 8}));
  g.back({g.a});
  EXPECT_EQ(values(g.a.grad()), (V{12, 32}));
  EXPECT_EQ(values(g.b.grad()), (V{2, 8}));
}

TEST(BackwardInputs, AnIntermediateKeepsItsGradient) {
  Graph g;
  g.back({g.m});
  EXPECT_TRUE(g.m.retains_grad());
  EXPECT_EQ(values(g.m.grad()), (V{1, 2}));
  EXPECT_FALSE(g.a.grad().defined());
  EXPECT_FALSE(g.b.grad().defined());
  g.back({g.m});
  EXPECT_EQ(values(g.m.grad()), (V{2, 4}));
  g.y.backward({.inputs = {{g.y}}});
  EXPECT_EQ(values(g.y.grad()), V{1});
}

TEST(BackwardInputs, HooksAndSecondDerivatives) {
  Graph g;
  int calls = 0;
  g.b.register_hook([&](const Tensor& grad) {
    ++calls;
    return grad * 10;
  });
  g.back({g.a});
  EXPECT_EQ(calls, 0);
  g.back({g.b});
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(values(g.b.grad()), (V{10, 40}));
  Graph h;
  h.y.backward({.create_graph = true, .inputs = {{h.a}}});
  EXPECT_EQ(values(grad(h.a.grad().sum(), h.b)), (V{2, 4}));
  h.a.set_grad({});  // it holds the graph, which holds the leaf
}

TEST(BackwardInputs, WhatLeadsToNoneIsNotRun) {
  Graph g;
  g.y.backward({.inputs = {{g.a}}});
  EXPECT_NE(error_of([&] { g.back({g.b}); }).find("backward has run through this graph before"), std::string::npos);
  // A branch that only others hang on stays whole.
  const Tensor x = leaf({2.0}), w = leaf({5.0}), cube = w * w * w, y = x * x + cube;
  y.backward({.inputs = {{x}}});
  EXPECT_EQ(values(x.grad()), V{4});
  cube.backward();
  EXPECT_EQ(values(w.grad()), V{75});
}

TEST(BackwardInputs, Refuses) {
  const Graph g;
  EXPECT_EQ(error_of([&] { g.back({}); }), "backward: the list of inputs is empty");
  EXPECT_EQ(error_of([&] { g.back({g.a, ones({2})}); }), "backward: input 1 does not require a gradient");
  EXPECT_EQ(error_of([&] { g.back({Tensor()}); }), "backward: input 0 is an undefined tensor");
  EXPECT_EQ(error_of([&] { grad(g.y, {g.a}, {}, {.inputs = {{g.a}}}); }),
            "grad: its inputs are an argument; BackwardOptions::inputs is for backward()");
  EXPECT_FALSE(g.a.grad().defined());
}

TEST(Grad, MaterializesZeros) {
  const Graph g;
  const std::vector<Tensor> in{g.a, g.other};
  const BackwardOptions again{.retain_graph = true};
  const std::vector<Tensor> zeros = grad({&g.y, 1}, in, {}, again, false, true);
  EXPECT_EQ(values(zeros[0]), (V{6, 16}));
  EXPECT_EQ(values(zeros[1]), (V{0, 0}));
  EXPECT_EQ(zeros[1].dtype(), f64);
  EXPECT_FALSE(grad({&g.y, 1}, in, {}, again, true)[1].defined());
  EXPECT_EQ(error_of([&] {
              grad({&g.y, 1}, in, {}, again);
            }),
            "grad: the outputs do not depend on input 1; allow_unused gives an undefined gradient for it, and "
            "materialize_grads zeros");
}

}  // namespace
}  // namespace hearth
