// What ops do where tensors are not all in CPU memory. The device without memory, meta, stands for any other.
#include "core/device/device.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/device/allocator.h"
#include "core/device/stream.h"
#include "core/graph/trace.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/order.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

#define EXPECT_SAYS(call, text) EXPECT_EQ(error_of([&] { call; }), text)

TEST(Device, NumbersInCpuMemoryMeetTensorsOfAnyDevice) {
  const Tensor meta = zeros({2, 3}, {.device = kMeta}), number = scalar_tensor(2.0);
  for (const Tensor& y : {meta + number, number + meta, where(meta > 0, number, meta)}) {
    EXPECT_EQ(y.device(), kMeta);
    EXPECT_EQ(y.shape(), (Shape{2, 3}));
    EXPECT_EQ(y.dtype(), f32);
  }
  Tensor x = meta.clone();
  x.mul_(number);
  EXPECT_EQ(x.device(), kMeta);
  // Numbers alone stay where they are, and only elementwise ops bring them along.
  EXPECT_EQ((number + number).device(), kCpu);
  EXPECT_SAYS(meta + zeros({1}), "add: operands are on different devices: meta and cpu");
  EXPECT_SAYS(index_select(meta, 0, scalar_tensor(1)), "index_select: operands are on different devices: meta and cpu");
}

TEST(Device, GradientsComeBackToTheDeviceOfTheirTensor) {
  Tensor x = ones({2, 3}).requires_grad_();
  Tensor y = run(kTransfer, {x}, TransferAttrs{kCpu});
  EXPECT_NE(y.raw_data(), x.raw_data());
  EXPECT_STREQ(y.grad_fn_name(), "transfer");
  (y * 3).sum().backward();
  EXPECT_TRUE(x.grad().equal(full({2, 3}, 3.0)));
}

TEST(Device, ToIsPartOfAGraph) {
  const graph::Graph g =
      graph::trace([](std::span<const Tensor> in) { return std::vector<Tensor>{(in[0] + 1).to(kCpu) * 2}; },
                   std::vector<graph::Spec>{{"x", f32, {"n", 2}}});
  EXPECT_NE(to_string(g).find("transfer("), std::string::npos) << to_string(g);
  const Tensor x = arange(6).to(f32).reshape({3, 2});
  EXPECT_TRUE(g(x).equal((x + 1) * 2));
}

TEST(Device, AGraphTakesInputsOfAnyLayoutThere) {
  const graph::Graph g = graph::trace([](std::span<const Tensor> in) { return std::vector<Tensor>{in[0].cpu() + 1}; },
                                      std::vector<graph::Spec>{{"x", f32, {"n", 2}}});
  const Tensor x = arange(12).to(f32).reshape({3, 4}).slice(1, 0, 4, 2);
  EXPECT_TRUE(g(x).equal(x + 1));
  EXPECT_TRUE(run(kTransfer, {x}, TransferAttrs{kCpu}).equal(x));
}

TEST(Device, AGraphMovesToAnotherDevice) {
  const Tensor weight = ones({1, 2});
  const graph::Graph g =
      graph::trace([&](std::span<const Tensor> in) { return std::vector<Tensor>{(in[0] * weight).to(kCpu)}; },
                   std::vector<graph::Spec>{{"x", f32, {"n", 2}}});
  const graph::Graph there = g.to(kMeta);
  const Tensor y = there(zeros({3, 2}, {.device = kMeta}));
  EXPECT_EQ(y.device(), kMeta);
  EXPECT_EQ(y.shape(), (Shape{3, 2}));
  EXPECT_SAYS(there(zeros({3, 2})),
              "graph: the inputs are on cpu, but constant \"constant.0\" is on meta; to(device) gives the graph for "
              "another device");
}

TEST(Device, CopiesGoWhereTheyAreWrittenTo) {
  Tensor meta = zeros({2}, {.device = kMeta});
  meta.copy_(ones({2}));
  EXPECT_EQ(meta.device(), kMeta);
}

TEST(Device, MemoryOfAnotherDeviceIsNotHandedOut) {
  const Tensor meta = zeros({2}, {.device = kMeta});
  EXPECT_SAYS(meta.raw_data(), "raw_data: the tensor's memory is on meta, which the CPU cannot read; call cpu() first");
  Tensor t = meta;
  EXPECT_SAYS(t.mutable_raw_data(),
              "mutable_raw_data: the tensor's memory is on meta, which the CPU cannot read; call cpu() first");
}

// All of them; the op table runs every other function without data.
TEST(Device, TheFunctionsThatReadValuesOnTheHost) {
  const Tensor x = zeros({3}, {.device = kMeta}), mask = zeros({3}, {.dtype = boolean, .device = kMeta});
  const std::pair<const char*, std::function<void()>> readers[] = {
      {"item", [&] { x.sum().item(); }},
      {"to_vector", [&] { x.to_vector<float>(); }},
      {"equal", [&] { x.equal(x); }},
      {"allclose", [&] { x.allclose(x); }},
      {"nonzero", [&] { nonzero(x); }},
      {"argwhere", [&] { argwhere(x); }},
      {"where", [&] { where(x); }},
      {"masked_select", [&] { masked_select(x, mask); }},
      {"index", [&] { x.index({mask}); }},
      {"unique", [&] { unique(x); }},
      {"multinomial", [&] { multinomial(x, 1); }},
  };
  for (const auto& [name, read] : readers) {
    const std::string error = error_of(read);
    EXPECT_NE(error.find("a meta tensor has no values"), std::string::npos) << name << ": " << error;
  }
}

TEST(Device, FiguresOfMemoryByDevice) {
  const uint64_t before = memory::stats(kCpu).in_use;
  {
    const Tensor big = empty({1 << 20});
    EXPECT_GE(memory::stats().in_use, before + (4u << 20));
    memory::reset_peak();
    EXPECT_EQ(memory::stats().peak, memory::stats().in_use);
  }
  EXPECT_EQ(memory::stats().in_use, before);
  EXPECT_EQ(memory::stats(kMeta).in_use, 0u);
  EXPECT_SAYS(memory::stats(Device{DeviceType::kCuda, 0}),
              "there is no code for device cuda:0 in this program: it runs on the CPU only");
}

TEST(Device, TheCpuHasOneStream) {
  const Stream stream = current_stream(kCpu);
  EXPECT_EQ(stream, (Stream{kCpu, nullptr}));
  const StreamGuard guard(stream);
  synchronize(kCpu);
  const Tensor x = ones({3});
  EXPECT_EQ(x.impl()->storage->stream(), stream);
  x.impl()->storage->record_stream(stream);
  EXPECT_SAYS(current_stream(Device{DeviceType::kCuda, 0}),
              "there is no code for device cuda:0 in this program: it runs on the CPU only");
}

void infer_same(OpCall& c) { c.make(0, c.input(0).shape(), c.dtype); }

// A record without any kernel: twice its operand, by other ops.
extern constinit const OpDef kTwice;
constinit const OpDef kTwice = {
    .name = "test::twice",
    .dtypes = kFloatTypes,
    .infer = infer_same,
    .compose = [](OpCall& c) { c.give(0, (c.input(0) + c.input(0)).view({-1})); },
    .backward = [](GradContext& g) { g.set(0, g.grad() * 2); },
};

TEST(Device, WithoutAKernelARecordIsComposed) {
  Tensor x = arange(4).to(f32).requires_grad_();
  const Tensor y = run(kTwice, {x});
  EXPECT_TRUE(y.equal(tensor({0.0, 2.0, 4.0, 6.0}).to(f32)));
  EXPECT_STREQ(y.grad_fn_name(), "test::twice");  // one node, not those of the ops that it is made of
  y.sum().backward();
  EXPECT_TRUE(x.grad().equal(full({4}, 2.0).to(f32)));
  // The result is no view of what it was composed of.
  Tensor z = run(kTwice, {x});
  z.mul_(2);
  // Into given memory.
  Tensor out = zeros({4});
  {
    const NoGrad off;
    run_into(kTwice, out, {x});
  }
  EXPECT_TRUE(out.equal(y));
}

TEST(Device, WhatIsComposedHasTheInferredShape) {
  static constexpr OpDef wrong = {
      .name = "test::wrong",
      .dtypes = kFloatTypes,
      .infer = infer_same,
      .compose = [](OpCall& c) { c.give(0, c.input(0).sum()); },
  };
  EXPECT_SAYS(run(wrong, {zeros({4})}), "test::wrong: composed as f32 [] on cpu, but inferred as f32 [4] on cpu");
}

}  // namespace
}  // namespace hearth
