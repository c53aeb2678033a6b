#include "core/autograd/function.h"
#include "core/testing/error_of.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/anomaly.h"
#include "core/autograd/backward.h"
#include "core/base/error.h"
#include "core/graph/trace.h"
#include "core/nn/linear.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

using V = std::vector<double>;
V values(const Tensor& t) { return t.to_vector<double>(); }
Tensor leaf(std::initializer_list<detail::Nested> v) { return tensor(v, {.dtype = f64, .requires_grad = true}); }

using testing::error_of;

struct Cube : Function<Cube> {
  static constexpr const char* kName = "test::cube";
  double scale = 1;
  Tensor forward(ForwardContext& c, const Tensor& x, double by) {
    scale = by;
    c.save({x});
    return x * x * x * by;
  }
  void backward(BackwardContext& c) {
    const Tensor x = c.saved(0);
    c.set(0, c.grad() * x * x * (3 * scale));
  }
};

TEST(Function, GradientsOfEveryOrder) {
  Tensor x = leaf({2.0, -1.0});
  const Tensor y = Cube::apply(x, 2.0);
  EXPECT_EQ(values(y), (V{16, -2}));
  EXPECT_STREQ(y.grad_fn_name(), "test::cube");
  const Tensor s = y.sum();
  const Tensor g = grad({&s, 1}, {&x, 1}, {}, {.create_graph = true})[0];
  EXPECT_EQ(values(g), (V{24, 6}));
  const Tensor gs = g.sum();
  const Tensor h = grad({&gs, 1}, {&x, 1}, {}, {.create_graph = true})[0];
  EXPECT_EQ(values(h), (V{24, -12}));
  h.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{12, 12}));
}

TEST(Function, NothingIsRecordedWhereNothingIsWanted) {
  EXPECT_EQ(Cube::apply(tensor({2.0}), 1.0).grad_fn_name(), nullptr);
  NoGrad off;
  EXPECT_FALSE(Cube::apply(leaf({2.0}), 1.0).requires_grad());
}

// Saves its result, which must neither keep itself alive nor lose its own gradient.
struct Exponential : Function<Exponential> {
  static constexpr const char* kName = "test::exponential";
  static inline int alive = 0;
  Exponential() { ++alive; }
  ~Exponential() { --alive; }
  Tensor forward(ForwardContext& c, const Tensor& x) {
    const Tensor y = exp(x);
    c.save({y});
    return y;
  }
  void backward(BackwardContext& c) { c.set(0, c.grad() * c.saved(0)); }
};

TEST(Function, SavedResults) {
  {
    Tensor x = leaf({1.0});
    const Tensor y = Exponential::apply(x);
    const Tensor g = grad({&y, 1}, {&x, 1}, {}, {.create_graph = true})[0];
    g.backward();
    EXPECT_DOUBLE_EQ(x.grad().item<double>(), std::exp(1.0));
    EXPECT_EQ(Exponential::alive, 1);
  }
  EXPECT_EQ(Exponential::alive, 0);
  // Freed by the first backward; refused where it was written to.
  Tensor x = leaf({1.0});
  Tensor y = Exponential::apply(x);
  y.backward();
  EXPECT_EQ(error_of([&] { y.backward(); }).substr(0, 43), "test::exponential: backward has run through");
  Tensor z = Exponential::apply(x);
  const Tensor w = z * 1;
  z.add_(1);
  EXPECT_EQ(
      error_of([&] { w.backward(); }),
      "test::exponential: a tensor that its gradient needs was changed by an in-place operation: dtype f64, shape "
      "[1], at version 1; expected version 0");
}

// Several operands of all kinds and several results.
struct Mixed : Function<Mixed> {
  static constexpr const char* kName = "test::mixed";
  static inline std::vector<bool> needed, came;
  std::tuple<Tensor, Tensor, Tensor> forward(ForwardContext& c, const std::vector<Tensor>& list,
                                             const std::optional<Tensor>& absent, const Tensor& z) {
    EXPECT_FALSE(absent);
    c.save(list);
    const Tensor order = gt(z, 0), rest = z * 5;
    c.mark_non_differentiable(rest);
    return {list[0] * list[1], order, rest};
  }
  void backward(BackwardContext& c) {
    needed = {c.needs(0), c.needs(1), c.needs(2), c.needs(3)};
    came = {c.has_grad(0), c.has_grad(1), c.has_grad(2)};
    if (c.needs(0)) c.set(0, c.grad() * c.saved(1));
    if (c.needs(1)) c.set(1, c.grad() * c.saved(0));
  }
};

TEST(Function, OperandsAndResults) {
  Tensor a = leaf({2.0}), z = leaf({-1.0});
  const Tensor b = tensor({3.0}, {.dtype = f64});
  const auto [y, order, rest] = Mixed::apply(std::vector<Tensor>{a, b}, std::optional<Tensor>(), z);
  EXPECT_TRUE(y.requires_grad());
  EXPECT_FALSE(order.requires_grad());
  EXPECT_FALSE(rest.requires_grad());
  y.backward();
  EXPECT_EQ(values(a.grad()), (V{3}));
  EXPECT_FALSE(z.grad().defined());
  EXPECT_EQ(Mixed::needed, (std::vector<bool>{true, false, false, true}));
  EXPECT_EQ(Mixed::came, (std::vector<bool>{true, false, false}));
  EXPECT_EQ(error_of([&] {
              Mixed::apply(std::vector<Tensor>{a, Tensor()}, std::optional<Tensor>(), z);
            }),
            "test::mixed: operand 1 is an undefined tensor");
}

struct DoubleInPlace : Function<DoubleInPlace> {
  static constexpr const char* kName = "test::double_";
  Tensor forward(ForwardContext& c, Tensor x) {
    x.mul_(2);
    c.mark_dirty(x);
    return x;
  }
  void backward(BackwardContext& c) { c.set(0, c.grad() * 2); }
};

TEST(Function, WritesInPlace) {
  Tensor x = leaf({1.0, 2.0});
  Tensor y = x * 1;
  const Tensor z = DoubleInPlace::apply(y);
  EXPECT_TRUE(z.is(y));
  (y * y).sum().backward();  // (2x)^2
  EXPECT_EQ(values(x.grad()), (V{8, 16}));
  // Through a view the base gets a new history.
  x.set_grad({});
  y = x * 1;
  DoubleInPlace::apply(y[1]);
  (y * y).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{2, 16}));
  EXPECT_EQ(error_of([&] { DoubleInPlace::apply(x); }),
            "test::double_: a leaf tensor that requires a gradient cannot be written in place; do it under NoGrad, or "
            "on a copy");
}

struct PassThrough : Function<PassThrough> {
  static constexpr const char* kName = "test::reverse_gradient";
  Tensor forward(ForwardContext&, const Tensor& x) { return x; }
  void backward(BackwardContext& c) { c.set(0, -c.grad()); }
};

TEST(Function, AnOperandHandedThroughKeepsItsOwnHistory) {
  Tensor x = leaf({2.0});
  const Tensor y = x * 3;
  const Tensor z = PassThrough::apply(y);
  EXPECT_STREQ(y.grad_fn_name(), "mul");
  EXPECT_EQ(z.raw_data(), y.raw_data());
  z.backward();
  EXPECT_EQ(values(x.grad()), (V{-3}));
  PassThrough::apply(x).backward();
  EXPECT_EQ(values(x.grad()), (V{-4}));
}

struct Broken : Function<Broken> {
  static constexpr const char* kName = "test::broken";
  Tensor forward(ForwardContext&, const Tensor& x) { return x * 2; }
  void backward(BackwardContext& c) { c.set(0, zeros({7})); }
};
struct TooMany : Function<TooMany> {
  static constexpr const char* kName = "test::too_many";
  std::vector<Tensor> forward(ForwardContext&, const Tensor& x) { return std::vector<Tensor>(5, x * 2); }
  void backward(BackwardContext&) {}
};

TEST(Function, MistakesAreNamed) {
  Tensor x = leaf({1.0, 2.0});
  EXPECT_EQ(error_of([&] { Broken::apply(x).sum().backward(); }),
            "test::broken: backward gives operand 0 a gradient of shape [7], but the operand's shape is [2]");
  EXPECT_EQ(error_of([&] { TooMany::apply(x); }), "test::too_many: forward gives 5 tensors; at most 4 are possible");
  EXPECT_EQ(error_of([&] { Cube::apply(Tensor(), 1.0); }), "test::cube: operand 0 is an undefined tensor");
}

TEST(Function, IsTracedThrough) {
  const graph::Spec in[] = {{"x", f64, {"n"}}};
  const graph::Graph g =
      graph::trace([](std::span<const Tensor> x) { return std::vector<Tensor>{Cube::apply(x[0], 2.0)}; }, in);
  EXPECT_EQ(values(g.run(std::vector<Tensor>{tensor({1.0, 2.0, 3.0}, {.dtype = f64})})[0]), (V{2, 16, 54}));
}

struct ReadsValues : Function<ReadsValues> {
  static constexpr const char* kName = "test::reads_values";
  Tensor forward(ForwardContext&, const Tensor& x) { return x * x.data<double>()[0]; }
  void backward(BackwardContext&) {}
};

TEST(Function, ReadingValuesCannotBeTraced) {
  const graph::Spec in[] = {{"x", f64, {"n"}}};
  EXPECT_EQ(error_of([&] {
              graph::trace([](std::span<const Tensor> x) { return std::vector<Tensor>{ReadsValues::apply(x[0])}; }, in);
            }),
            "data: the tensor's memory is on meta, which the CPU cannot read; call cpu() first");
}

TEST(Anomaly, NamesTheOpThatBegins) {
  AnomalyMode on;
  Tensor x = leaf({0.0, 4.0});
  const Tensor y = (sqrt(x) * 0).sum();  // 0 * inf
  EXPECT_EQ(error_of([&] { y.backward(); }),
            "sqrt: its backward gave operand 0 (f64 [2]) a gradient with NaN (anomaly mode)");
}

struct Inner : nn::Module<Inner> {
  Tensor forward(const Tensor& x) const { return sqrt(x) * 0; }
};
struct Outer : nn::Module<Outer> {
  Inner inner{this, "inner"};
  Tensor forward(const Tensor& x) { return inner(x); }
};

TEST(Anomaly, NamesTheModule) {
  Outer net;
  Tensor x = leaf({0.0});
  {
    AnomalyMode on;
    const Tensor y = net(x);
    EXPECT_EQ(error_of([&] { y.backward(); }),
              "sqrt: its backward gave operand 0 (f64 [1]) a gradient with NaN; the op was recorded in inner (anomaly "
              "mode)");
  }
  net(x).backward();  // not looked at any more
  EXPECT_TRUE(std::isnan(x.grad().item<double>()));
}

TEST(Anomaly, Forward) {
  AnomalyMode on({.check_forward = true});
  EXPECT_EQ(error_of([] {
              log(tensor({-1.0, 1.0}));
            }),
            "log: result 0 of shape [2] has NaN, but no operand has (anomaly mode)");
  const Tensor nan = full({2}, std::nan(""));
  EXPECT_EQ(error_of([&] { nan + 1; }), "no error");
}

}  // namespace
}  // namespace hearth
