#include <gtest/gtest.h>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/autograd/hooks.h"
#include "core/base/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
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

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

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
  const int64_t h = x.register_hook([](const Tensor& g) { return g + 1; });
  (y * 1).sum().backward();
  EXPECT_EQ(values(x.grad()), (V{7}));
  EXPECT_EQ(values(y.grad()), (V{2}));
  EXPECT_EQ(after, 1);
  x.remove_hook(h);
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

TEST(Autograd, LongChainsDoNotOverflowTheStack) {
  Tensor x = leaf({1.0});
  Tensor y = x;
  for (int i = 0; i < 200000; ++i) y = y + 0;
  y.backward();
  EXPECT_EQ(values(x.grad()), (V{1}));
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

}  // namespace
}  // namespace hearth
