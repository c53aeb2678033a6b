// Other memory behind a tensor's handle.
#include "core/autograd/swap_memory.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/backward.h"
#include "core/autograd/checkpoint.h"
#include "core/autograd/guards.h"
#include "core/device/allocator.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;
using V = std::vector<double>;

TEST(SwapMemory, EveryHandleSeesIt) {
  Tensor t = tensor({1.0, 2.0, 3.0}, {.dtype = f64, .requires_grad = true});
  const Tensor handle = t;
  const Tensor view = t.detach().narrow(0, 0, 2);
  int calls = 0;
  t.register_post_accumulate_grad_hook([&](const Tensor&) { ++calls; });
  Tensor with = tensor({{4.0, 5.0}, {6.0, 7.0}}, {.dtype = f64}).t();
  const Tensor old = swap_memory(t, with);
  EXPECT_EQ(handle.to_vector<double>(), (V{4, 6, 5, 7}));
  EXPECT_EQ(handle.strides(), (Strides{1, 2}));
  EXPECT_EQ(old.to_vector<double>(), (V{1, 2, 3}));
  EXPECT_EQ(view.to_vector<double>(), (V{1, 2}));
  EXPECT_FALSE(old.requires_grad());
  EXPECT_TRUE(handle.requires_grad() && handle.is_leaf());
  with.fill_(9);  // one memory
  EXPECT_EQ(handle.to_vector<double>(), (V{9, 9, 9, 9}));
  (handle * 2).sum().backward();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(t.grad().shape(), (Shape{2, 2}));
}

TEST(SwapMemory, KeepsAGradThatFits) {
  Tensor t = tensor({1.0, 2.0}, {.requires_grad = true});
  (t * 3).sum().backward();
  swap_memory(t, tensor({5.0, 6.0}));
  EXPECT_EQ(t.grad().to_vector<double>(), (V{3, 3}));
  swap_memory(t, tensor({5.0, 6.0}, {.dtype = f64}));
  EXPECT_FALSE(t.grad().defined());
  (t * 3).sum().backward();
  EXPECT_EQ(t.grad().dtype(), f64);
  swap_memory(t, empty({2}, {.dtype = f64, .device = kMeta}));
  EXPECT_FALSE(t.grad().defined());
  EXPECT_TRUE(t.device().is_meta());
}

TEST(SwapMemory, FreesTheOldMemory) {
  const auto before = memory::stats().in_use;
  Tensor t = zeros({1 << 18});
  EXPECT_GT(memory::stats().in_use, before);
  swap_memory(t, zeros({}));
  EXPECT_EQ(memory::stats().in_use, before);
}

// Backward uses the values that the op saw, and a write to the new memory is no write to the old.
TEST(SwapMemory, BackwardSeesWhatTheOpSaw) {
  Tensor w = tensor({2.0}, {.dtype = f64, .requires_grad = true});
  Tensor x = tensor({5.0}, {.dtype = f64, .requires_grad = true});
  const Tensor y = x * w;
  swap_memory(w, tensor({100.0}, {.dtype = f64}));
  {
    NoGrad off;
    w.add_(1);
  }
  y.backward();
  EXPECT_EQ(x.grad().item<double>(), 2);
  EXPECT_EQ(w.grad().item<double>(), 5);
  // A write to the old memory is found out, as ever.
  const Tensor z = x * w;
  Tensor old = swap_memory(w, tensor({1.0}, {.dtype = f64}));
  old.add_(1);
  EXPECT_EQ(error_of([&] { z.backward(); }).substr(0, 60),
            "mul: a tensor that its gradient needs was changed by an in-p");
}

TEST(SwapMemory, CountsAsAWrite) {
  Tensor w = tensor({2.0}, {.dtype = f64, .requires_grad = true});
  {
    NoGrad off;
    for (int i = 0; i < 5; ++i) w.add_(0);
  }
  const uint32_t version = w.version();
  swap_memory(w, tensor({3.0}, {.dtype = f64}));
  EXPECT_GT(w.version(), version);
  // A checkpoint that runs again with another weight says so, and does not where the weight comes back.
  const auto f = [&](const Tensor& x) { return exp(x * w); };
  Tensor x = tensor({1.0}, {.dtype = f64, .requires_grad = true});
  Tensor y = checkpoint(f, x);
  const uint32_t first = w.version();
  const Tensor values = w.detach().clone();
  swap_memory(w, zeros({1}, {.dtype = f64}));
  swap_memory(w, values);
  EXPECT_EQ(error_of([&] { y.backward(); }).substr(0, 59),
            "checkpoint: a tensor that the function uses was changed by ");
  swap_memory(w, values.clone(), first);
  EXPECT_EQ(w.version(), first);
  y = checkpoint(f, x);
  swap_memory(w, zeros({1}, {.dtype = f64}));
  swap_memory(w, values.clone(), first);
  y.backward();
  EXPECT_NEAR(x.grad().item<double>(), 3 * std::exp(3.0), 1e-12);
  Tensor written = zeros({1}, {.dtype = f64});
  for (int i = 0; i < 20; ++i) written.add_(1);
  EXPECT_EQ(error_of([&] { swap_memory(w, written, 3); }),
            concat("swap_memory: the memory shall have version 3, but has been written to and has version ",
                   written.version()));
}

// Packed weights belong to the memory they were packed from.
TEST(SwapMemory, PackedWeightsAreDropped) {
  NoGrad off;
  const Tensor x = randn({64, 256});
  Tensor w = randn({256, 256});
  const Tensor first = w.clone(), second = randn({256, 256});
  for (int i = 0; i < 3; ++i) linear(x, w);  // packs
  const Tensor held = w.detach();
  EXPECT_NE(held.impl()->storage->attachment(), nullptr);
  swap_memory(w, second.clone());
  EXPECT_EQ(held.impl()->storage->attachment(), nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(linear(x, w).equal(linear(x, second.clone())));
  swap_memory(w, held);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(linear(x, w).equal(linear(x, first.clone())));
}

TEST(SwapMemory, OfViewsAndOfWhatIsNoLeaf) {
  Tensor base = tensor({1.0, 2.0, 3.0}).detach();
  Tensor part = base.narrow(0, 0, 2);
  swap_memory(part, tensor({8.0, 9.0}));
  EXPECT_FALSE(part.is_view());
  part.fill_(0);
  EXPECT_EQ(base.to_vector<double>(), (V{1, 2, 3}));
  // A view of what was given other memory looks at the old, and is not taken for a part of the new.
  Tensor x = tensor({1.0}, {.requires_grad = true});
  Tensor t = tensor({1.0, 2.0, 3.0});
  Tensor view = t.narrow(0, 0, 1);
  swap_memory(t, tensor({4.0, 5.0, 6.0}));
  EXPECT_EQ(
      error_of([&] { view.mul_(x); }),
      "mul: the tensor that this is a view of was given other memory since (swap_memory): it cannot be written in "
      "place while gradients are on");
  t.mul_(x);
  EXPECT_FALSE(view.requires_grad());
  EXPECT_EQ(view.to_vector<double>(), (V{1}));
  EXPECT_EQ(error_of([&] { swap_memory(t, tensor({1.0})); }),
            "swap_memory: the tensor is no leaf, it was made by mul, whose gradient is that of the memory it has");
  EXPECT_EQ(error_of([&] { swap_memory(x, tensor({1})); }),
            "swap_memory: the tensor requires a gradient, but the new memory holds i64");
  Tensor none;
  EXPECT_EQ(error_of([&] { swap_memory(none, x); }), "swap_memory: a tensor is undefined");
}

}  // namespace
}  // namespace hearth
