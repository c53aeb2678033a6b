#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/autograd/hooks.h"
#include "core/base/error.h"
#include "core/base/slab.h"
#include "core/device/allocator.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/save_on_cpu.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using V = std::vector<double>;
V values(const Tensor& t) { return t.to_vector<double>(); }
Tensor leaf(std::initializer_list<detail::Nested> v) { return tensor(v, {.dtype = f64, .requires_grad = true}); }

using testing::error_of;

TEST(Autograd, ProductAndBroadcast) {
  Tensor a = leaf({1.0, 2.0, 3.0}), b = leaf({10.0});
  (a * b).sum().backward();
  EXPECT_EQ(values(a.grad()), (V{10, 10, 10}));
  EXPECT_EQ(values(b.grad()), (V{6}));
  (a * b).sum().backward();  // accumulates
  EXPECT_EQ(values(a.grad()), (V{20, 20, 20}));
}

TEST(Autograd, SharedGradientsAreNotAliased) {
  Tensor a = leaf({1.0, 2.0}), b = leaf({3.0, 4.0});
  (a + b).sum().backward();
  a.grad().fill_(9);
  EXPECT_EQ(values(b.grad()), (V{1, 1}));
}

TEST(Autograd, DoubleBackward) {
  Tensor x = leaf({2.0});
  const Tensor y = x * x * x;
  const Tensor g = grad({&y, 1}, {&x, 1}, {}, {.create_graph = true})[0];
  EXPECT_EQ(values(g), (V{12}));
  EXPECT_EQ(values(grad({&g, 1}, {&x, 1})[0]), (V{12}));
}

TEST(Autograd, SecondBackwardIsRefused) {
  Tensor x = leaf({2.0});
  Tensor y = x * x;
  y.backward();
  EXPECT_EQ(error_of([&] { y.backward(); }),
            "mul: backward has run through this graph before, and what it had kept is freed; call the first backward "
            "with retain_graph = true");
}

TEST(Autograd, ChangedSavedTensorIsRefused) {
  Tensor x = leaf({2.0});
  Tensor y = x * 1;
  Tensor z = y * y;
  y.add_(1);
  EXPECT_EQ(error_of([&] { z.backward(); }),
            "mul: a tensor that its gradient needs was changed by an in-place operation: dtype f64, shape [1], at "
            "version 1; expected version 0");
}

TEST(Autograd, InPlace) {
  Tensor x = leaf({1.0, 2.0});
  EXPECT_EQ(error_of([&] { x.add_(1); }).substr(0, 50), "add: a leaf tensor that requires a gradient cannot");
  Tensor y = x * 2;
  y.mul_(y);  // (2x)^2
  y.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{8, 16}));
}

TEST(Autograd, InPlaceOnAViewReachesTheBase) {
  Tensor x = leaf({1.0, 2.0, 3.0});
  Tensor y = x * 1;
  Tensor v = y.slice(0, 1, 3);
  v.mul_(10);
  (y * y).sum().backward();  // 1, 400, 900
  EXPECT_EQ(values(x.grad()), (V{2, 400, 600}));
}

TEST(Autograd, AViewFollowsItsBase) {
  Tensor x = leaf({1.0, 2.0});
  Tensor y = x * 1;
  Tensor v = y[0];
  y.mul_(3);
  v.backward();
  EXPECT_EQ(values(x.grad()), (V{3, 0}));
}

TEST(Autograd, WritingATrackedValueIntoAPlainTensor) {
  Tensor x = leaf({2.0});
  Tensor y = zeros({3}, {.dtype = f64});
  Tensor v = y[1];
  v.copy_((x * 5).view({}));
  EXPECT_TRUE(y.requires_grad());
  y.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{5}));
}

TEST(Autograd, FillForgets) {
  Tensor x = leaf({2.0});
  Tensor y = x * 1;
  y.fill_(3);
  EXPECT_FALSE(y.requires_grad());
}

TEST(Autograd, GuardsAndInference) {
  Tensor x = leaf({2.0});
  {
    NoGrad off;
    EXPECT_FALSE((x * 2).requires_grad());
  }
  Tensor i;
  {
    InferenceMode on;
    i = x * 2;
  }
  EXPECT_TRUE(i.is_inference());
  EXPECT_EQ(error_of([&] { x* i; }).substr(0, 40), "mul: a tensor made in inference mode can");
}

TEST(Autograd, Hooks) {
  Tensor x = leaf({1.0});
  Tensor y = x * 3;
  y.retain_grad();
  y.register_hook([](const Tensor& g) { return g * 2; });
  int after = 0;
  x.register_post_accumulate_grad_hook([&](const Tensor& t) { after += t.grad().defined(); });
  HookHandle h = x.register_hook([](const Tensor& g) { return g + 1; });
  (y * 1).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{7}));
  EXPECT_EQ(values(y.grad()), (V{2}));
  EXPECT_EQ(after, 1);
  h.remove();
  x.set_grad({});
  (x * 3).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{3}));
}

class Halves final : public SavedTensorHooks {
 public:
  int packed = 0, unpacked = 0;
  std::any pack(const Tensor& t) override {
    ++packed;
    return t.to(f32);
  }
  Tensor unpack(const std::any& p) override {
    ++unpacked;
    return std::any_cast<Tensor>(p).to(f64);
  }
};

TEST(Autograd, SavedTensorHooks) {
  Halves hooks;
  Tensor x = leaf({2.0}), y;
  {
    SavedTensorHooksGuard guard(hooks);
    y = x * x;
  }
  y.backward();
  EXPECT_EQ(values(x.grad()), (V{4}));
  EXPECT_EQ(hooks.packed, 2);
  EXPECT_EQ(hooks.unpacked, 2);
}

TEST(Autograd, SaveOnCpuOnACpuChangesNothing) {
  Tensor x = leaf({2.0, 3.0}), y;
  {
    const SaveOnCpu saved;
    y = (x * x).sum();
  }
  y.backward();
  EXPECT_EQ(values(x.grad()), (V{4, 6}));
}

// The tensors that hooks give back have the history of what they stand for.
TEST(Autograd, SavedTensorHooksAndDoubleBackward) {
  Halves hooks;
  Tensor x = leaf({2.0});
  Tensor y;
  {
    SavedTensorHooksGuard guard(hooks);
    const Tensor z = x * 1;  // not a leaf
    y = z * z * z + exp(x) + x * x * x;
  }
  const Tensor g = grad({&y, 1}, {&x, 1}, {}, {.create_graph = true})[0];
  g.backward();
  EXPECT_NEAR(x.grad().item<double>(), 24 + std::exp(2.0), 1e-6);
}

// Hooks that keep the very tensor they were given do not make it hold itself.
class Same final : public SavedTensorHooks {
 public:
  std::any pack(const Tensor& t) override { return t; }
  Tensor unpack(const std::any& p) override { return std::any_cast<Tensor>(p); }
};

TEST(Autograd, SavedTensorHooksDoNotLeak) {
  const auto before = memory::stats().in_use;
  {
    Same hooks;
    SavedTensorHooksGuard guard(hooks);
    Tensor x = ones({1 << 20}, {.requires_grad = true});
    const Tensor y = exp(x);
    EXPECT_GT(memory::stats().in_use, before);
  }
  EXPECT_EQ(memory::stats().in_use, before);
}

TEST(Autograd, HooksOfTensorsInTheirOrder) {
  Tensor x = leaf({1.0});
  const Tensor y = x * 3;
  std::string order;
  y.register_hook([&](const Tensor& g) {
    order += 'a';
    return g * 2;
  });
  HookHandle b = y.register_hook([&](const Tensor& g) {
    order += 'b';
    EXPECT_EQ(values(g), (V{2}));
    return Tensor();
  });
  y.backward({.retain_graph = true});
  EXPECT_EQ(values(x.grad()), (V{6}));
  b.remove();
  y.backward();
  EXPECT_EQ(order, "aba");
  EXPECT_EQ(error_of([&] {
              x.register_hook([](const Tensor&) { return zeros({5}); });
              (x * 1).backward();
            }),
            "hook: it replaced a gradient of dtype f64 and shape [1] by one of dtype f32 and shape [5]");
  EXPECT_EQ(error_of([] { zeros({1}).register_hook([](const Tensor& g) { return g; }); }),
            "register_hook: the tensor does not require a gradient");
  EXPECT_EQ(error_of([&] { y.register_post_accumulate_grad_hook([](const Tensor&) {}); }),
            "register_post_accumulate_grad_hook: only a leaf that requires a gradient accumulates one");
}

TEST(Autograd, AccumulationHooksRunBeforeOlderNodes) {
  // b's gradient is complete, and its hook runs, before the older op of a.
  Tensor a = leaf({1.0}), b = leaf({1.0});
  std::string order;
  a.register_post_accumulate_grad_hook([&](const Tensor&) { order += 'a'; });
  b.register_post_accumulate_grad_hook([&](const Tensor&) { order += 'b'; });
  const Tensor u = a * 2;
  u.register_hook([&](const Tensor&) {
    order += 'u';
    return Tensor();
  });
  (u * b).backward();
  EXPECT_EQ(order, "bua");
}

TEST(Autograd, InPlaceChainsThroughViewsOfViews) {
  Tensor x = leaf({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}});
  Tensor y = x * 1;
  Tensor row = y[1];
  Tensor part = row.slice(0, 1, 3);  // 5, 6
  Tensor column = y.select(1, 2);    // 3, 6
  part.mul_(10);                     // 50, 60
  column.add_(part.sum());           // 113, 170
  Tensor flat = y.view({6});
  flat.slice(0, 0, 2).mul_(flat.slice(0, 0, 2));  // 1, 4
  EXPECT_EQ(values(y), (V{1, 4, 113, 4, 50, 170}));
  (y * tensor({{1.0, 10.0, 100.0}, {1000.0, 10000.0, 100000.0}}, {.dtype = f64})).sum().backward();
  // y = a^2, b^2, c + 10 e + 10 f, d, 10 e, 10 f + 10 e + 10 f.
  EXPECT_EQ(values(x.grad()), (V{2, 40, 100, 1000, 1000 + 100000 + 1000000, 1000 + 2000000}));
}

TEST(Autograd, DoubleBackwardThroughWritesToViews) {
  Tensor x = leaf({2.0, 3.0});
  Tensor y = x * x;
  y[0].mul_(y[1]);  // x0^2 x1^2
  const Tensor s = (y * y).sum();
  const Tensor g = grad({&s, 1}, {&x, 1}, {}, {.create_graph = true})[0];
  // d/dx0 of x0^4 x1^4 + x1^4 is 4 x0^3 x1^4, d/dx1 is 4 x0^4 x1^3 + 4 x1^3.
  EXPECT_EQ(values(g), (V{4 * 8 * 81, 4 * 16 * 27 + 4 * 27}));
  g[0].backward();
  EXPECT_EQ(values(x.grad()), (V{12 * 4 * 81, 16 * 8 * 27}));
}

TEST(Autograd, WritesThatAutogradForbids) {
  Tensor x = leaf({1.0, 2.0});
  EXPECT_EQ(error_of([&] { x[0].fill_(3); }),
            "fill: a view of a leaf tensor that requires a gradient cannot be written in place; do it under NoGrad, or "
            "on a copy");
  Tensor y = x * 1, v;
  {
    NoGrad off;
    v = y[0];
    x.mul_(2);
  }
  EXPECT_EQ(error_of([&] { v.mul_(y[1]); }),
            "mul: a view made while gradients were off cannot be written in place while they are on");
  {
    InferenceMode on;
    v = y[0];
  }
  EXPECT_EQ(error_of([&] { v.mul_(y[0]); }).substr(0, 50), "mul: a view made while gradients were off cannot b");
  EXPECT_EQ(values(x), (V{2, 4}));
  EXPECT_EQ(error_of([&] { x.backward(ones({2}, {.dtype = f64})); }), "no error");
  EXPECT_EQ(error_of([&] { y.detach_().backward(ones({2}, {.dtype = f64})); }),
            "backward: output 0 does not require a gradient: it was not computed from a tensor that requires one, or "
            "under NoGrad");
}

TEST(Autograd, InferenceTensorsOfEveryOp) {
  Tensor x = leaf({{1.0, 2.0}, {3.0, 4.0}});
  std::vector<Tensor> made;
  {
    InferenceMode on;
    EXPECT_FALSE(GradMode::enabled());
    made = {x * 2, matmul(x, x), x.sum({0}), cat({x, x}), x.t().contiguous(), zeros({2}), x.to(f32)};
    InferenceMode off(false);
    EXPECT_FALSE(zeros({2}).is_inference());
  }
  for (const Tensor& t : made) EXPECT_TRUE(t.is_inference());
  EXPECT_EQ(error_of([&] { made[1].requires_grad_(); }),
            "requires_grad_: the tensor was made in inference mode; clone() it outside of it first");
  EXPECT_EQ(values(grad(std::vector{(x * made[0].clone()).sum()}, {&x, 1})[0]), (V{2, 4, 6, 8}));
}

TEST(Autograd, GradModeIsPerThreadAndNests) {
  Tensor x = leaf({1.0});
  NoGrad off;
  {
    GradMode on(true);
    EXPECT_TRUE((x * 1).requires_grad());
  }
  EXPECT_FALSE((x * 1).requires_grad());
}

TEST(Autograd, AMillionNodes) {
  // Under a sanitizer a node costs ten times as much.
  constexpr int kNodes = HEARTH_SLABS ? 1000000 : 200000;
  Tensor x = leaf({1.0});
  {
    Tensor y = x;
    for (int i = 0; i < kNodes; ++i) y = y + 0;
  }  // freed without a backward
  Tensor y = x;
  for (int i = 0; i < kNodes; ++i) y = y + 0;
  y.backward();
  EXPECT_EQ(values(x.grad()), (V{1}));
  // A chain of writes in place, and one of views with kept tensors.
  Tensor z = x * 1;
  for (int i = 0; i < kNodes / 10; ++i) z[0].mul_(1);
  z.backward();
  EXPECT_EQ(values(x.grad()), (V{2}));
}

TEST(Autograd, AWideGraph) {
  Tensor x = leaf({1.0});
  std::vector<Tensor> parts;
  for (int i = 0; i < 20000; ++i) parts.push_back(x * static_cast<double>(i % 3));
  cat(parts).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{19999}));
}

TEST(Autograd, UnusedInputs) {
  Tensor x = leaf({1.0}), z = leaf({1.0});
  const Tensor y = x * 2;
  const Tensor inputs[] = {x, z};
  EXPECT_EQ(error_of([&] {
              grad({&y, 1}, inputs, {}, {.retain_graph = true});
            }).substr(0, 43),
            "grad: the outputs do not depend on input 1;");
  const auto g = grad({&y, 1}, inputs, {}, {}, true);
  EXPECT_FALSE(g[1].defined());
}

TEST(Autograd, AViewThatIsALeafOfItsOwn) {
  Tensor x = arange(6).to(f64).reshape({2, 3});
  x.requires_grad_();
  EXPECT_NE(error_of([&] { x[0] = 1; }).find("a view of a leaf tensor that requires a gradient cannot be written"),
            std::string::npos);
  // No longer a leaf with a gradient: its views are written as those of any tensor.
  x.requires_grad_(false);
  x[0] = 1;
  EXPECT_EQ(x[0].to_vector<double>(), (std::vector<double>{1, 1, 1}));
}

}  // namespace
}  // namespace hearth
