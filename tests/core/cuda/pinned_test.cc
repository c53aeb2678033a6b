// Pinned memory, and copies that nobody waits for.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "core/device/cuda/runtime.h"
#include "core/device/stream.h"
#include "core/hearth.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

class PinnedMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device";
  }
};

TEST_F(PinnedMemory, HoldsTheValues) {
  const Tensor x = randn({30, 7});
  EXPECT_FALSE(x.is_pinned());
  for (const Tensor& t : {x, x.t(), x.to(bf16), zeros({0, 2}), randn({2, 3, 4, 5}).to(MemoryFormat::kChannelsLast)}) {
    const Tensor p = t.pin_memory();
    EXPECT_TRUE(p.is_pinned());
    EXPECT_TRUE(p.equal(t));
    EXPECT_EQ(p.strides(), t.strides());
    EXPECT_EQ(p.device(), kCpu);
    EXPECT_TRUE(p.pin_memory().is(p));
  }
  EXPECT_TRUE(x.pin_memory().t().is_pinned());
  EXPECT_FALSE(x.to(kCuda).is_pinned());
  EXPECT_NE(error_of([&] { (void)x.to(kCuda).pin_memory(); }).find("pin_memory"), std::string::npos);
}

TEST_F(PinnedMemory, GoesThereAndBackWithoutWaiting) {
  const Tensor x = randn({300, 70}), pinned = x.pin_memory();
  const Tensor there = pinned.to(kCuda, {.non_blocking = true});
  const Tensor back = (there * 2).to(kCpu, {.non_blocking = true});
  EXPECT_TRUE(back.is_pinned());
  synchronize(kCuda);
  EXPECT_TRUE(back.equal(x * 2));
  // What is not pinned, or does not lie densely, is waited for.
  EXPECT_TRUE(x.to(kCuda, {.non_blocking = true}).cpu().equal(x));
  const Tensor part = pinned.select(1, 3);
  EXPECT_TRUE(part.to(kCuda, {.non_blocking = true}).cpu().equal(x.select(1, 3)));
  Tensor target = zeros({300, 70}, {.device = kCuda});
  target.copy_(pinned, {.non_blocking = true});
  EXPECT_TRUE(target.cpu().equal(x));
  EXPECT_TRUE(x.to(kCpu, {.non_blocking = true}).is(x));
}

// A tensor that is there already is written by the host, which must wait for the values.
TEST_F(PinnedMemory, CopiesIntoATensorOfTheCpu) {
  const Tensor x = randn({300, 70});
  const Tensor there = x.to(kCuda) * 2;
  Tensor here = zeros({300, 70});
  here.copy_(there, {.non_blocking = true});
  EXPECT_TRUE(here.equal(x * 2));
}

TEST_F(PinnedMemory, GradientsPass) {
  Tensor x = randn({5}).requires_grad_();
  x.pin_memory().to(kCuda, {.non_blocking = true}).square().sum().backward();
  EXPECT_TRUE(x.grad().allclose(x.detach() * 2));
}

// The copy is queued and not done when its tensor goes: the memory must not be given to the next one before.
TEST_F(PinnedMemory, IsNotGivenOutBeforeTheCopyIsDone) {
  Tensor there;
  const void* first = nullptr;
  {
    const Tensor p = full({5000}, 7.0).pin_memory();
    first = p.raw_data();
    there = p.to(kCuda, {.non_blocking = true});
  }
  for (int i = 0; i < 3; ++i) full({5000}, -1.0 - i).pin_memory();
  EXPECT_TRUE(there.cpu().equal(full({5000}, 7.0)));
  // Then it is.
  std::set<const void*> given;
  std::vector<Tensor> held;
  for (int i = 0; i < 8; ++i) {
    held.push_back(full({5000}, 0.0).pin_memory());
    given.insert(held.back().raw_data());
  }
  EXPECT_EQ(given.size(), held.size());
  EXPECT_TRUE(given.contains(first));
}

TEST_F(PinnedMemory, DataLoaderGivesPinnedBatches) {
  const Tensor x = randn({20, 3}), y = arange(20);
  for (int workers : {0, 2}) {
    data::DataLoader loader(std::make_shared<data::TensorDataset>(x, y),
                            {.batch_size = 6, .workers = workers, .pin_memory = true});
    std::vector<Tensor> there;
    for (auto& [input, target] : loader) {
      EXPECT_TRUE(input.is_pinned());
      EXPECT_TRUE(target.is_pinned());
      there.push_back(input.to(kCuda, {.non_blocking = true}));
    }
    EXPECT_TRUE(cat(there).cpu().equal(x));
  }
}

}  // namespace
}  // namespace hearth
