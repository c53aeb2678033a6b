// What trace() keeps runs as the function did, at sizes it has never seen.
#include "core/graph/trace.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>

#include <map>
#include <thread>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/activation.h"
#include "core/nn/attention.h"
#include "core/nn/container.h"
#include "core/nn/conv.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/nn/pool.h"
#include "core/nn/rnn.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

using graph::Graph;
using graph::Node;
using graph::Size;
using graph::Spec;
using graph::trace;

void fails(const std::function<void()>& f, const std::string& part) {
  try {
    f();
    FAIL() << "no error with \"" << part << '"';
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

struct Net : nn::Module<Net> {
  nn::Conv2d conv{this, "conv", 1, 8, 3, {.padding = 1}};
  nn::BatchNorm2d norm{this, "norm", 8};
  nn::MaxPool2d pool{this, "pool", 2};
  nn::Dropout drop{this, "drop", 0.5};
  nn::Linear head{this, "head", 8 * 7 * 7, 10};
  Tensor forward(const Tensor& x) {
    const Tensor y = pool(norm(conv(x)).relu());
    return softmax(head(drop(y.reshape({x.size(0), y.numel() / x.size(0)}))), -1);
  }
};

TEST(Trace, ModuleRunsAtOtherSizesBitForBit) {
  manual_seed(1);
  Net net;
  net(randn({4, 1, 14, 14}));  // running statistics other than the start's
  net.eval();
  const Graph g = trace(net, {{"image", f32, {"batch", 1, 14, 14}}});
  EXPECT_EQ(g.dims.size(), 1u);
  std::vector<std::string> names;
  names.reserve(g.constants.size());
  for (const auto& c : g.constants) names.push_back(c.name);
  EXPECT_NE(std::find(names.begin(), names.end(), "head.weight"), names.end());
  EXPECT_NE(std::find(names.begin(), names.end(), "norm.running_var"), names.end());
  const NoGrad off;
  for (int64_t n : {1, 2, 3, 64}) {
    const Tensor x = randn({n, 1, 14, 14});
    EXPECT_TRUE(g(x).equal(net(x))) << n << "\n" << to_string(g);
  }
  fails([&] { g(randn({2, 1, 14, 15})); }, "input \"image\" has shape [2, 1, 14, 15]; expected [batch, 1, 14, 14]");
  fails([&] { g(zeros({2, 1, 14, 14}, {.dtype = f64})); }, "input \"image\" must be f32");
  fails([&] { g.run({}); }, "expected 1 inputs");
}

TEST(Trace, TrainingModeIsRefusedOrMeant) {
  Net net;
  fails([&] { trace(net, {{"image", f32, {"batch", 1, 14, 14}}}); }, "training mode");
  // The running variance takes n / (n - 1), which is no whole number of a named size.
  const Graph g = trace(net, {{"image", f32, {6, 1, 14, 14}}}, {.training = true});
  const Tensor mean = net.state_dict().at("norm.running_mean");
  const Tensor x = randn({6, 1, 14, 14}), before = mean.clone();
  manual_seed(3);
  const auto got = g.run({&x, 1});
  EXPECT_TRUE(mean.equal(before));
  manual_seed(3);
  const NoGrad off;
  EXPECT_TRUE(net(x).equal(got[0]));
  ASSERT_EQ(got.size(), 1 + g.updates.size());
  for (size_t i = 0; i < g.updates.size(); ++i) {
    const auto& c = g.constants[static_cast<size_t>(g.updates[i].constant)];
    EXPECT_TRUE(net.state_dict().at(c.name).equal(got[1 + i])) << c.name;
  }
}

TEST(Trace, SequencesAndSymbolicScalars) {
  manual_seed(2);
  nn::LSTM lstm(6, 5);
  lstm.eval();
  const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> {
    const Tensor y = lstm(in[0]).output;
    // Averages over a named size, written by hand.
    return {y.sum({0}) / y.size(0), y.reshape({y.size(0) * y.size(1), 5})};
  };
  // One record for all steps, whatever their number.
  const Spec named[] = {{"x", f32, {Size("length", 1), "batch", 6}}};
  const Graph g = trace(fn, named);
  EXPECT_EQ(std::count_if(g.nodes.begin(), g.nodes.end(), [](const Node& n) { return n.op == find_op("lstm"); }), 1);
  for (int64_t time : {7, 1, 12}) {
    for (int64_t n : {1, 3, 10}) {
      const Tensor x[] = {randn({time, n, 6})};
      const auto want = fn(x), got = g.run(x);
      ASSERT_EQ(got.size(), 2u);
      EXPECT_TRUE(got[0].equal(want[0]));
      EXPECT_TRUE(got[1].equal(want[1]));
    }
  }
}

TEST(Trace, RecurrentLayersInAnyTimeAndBatch) {
  manual_seed(5);
  nn::LSTM lstm(6, 5, {.layers = 2, .bidirectional = true, .proj_size = 3});
  nn::GRU gru(6, 4, {.batch_first = true, .bidirectional = true});
  nn::RNN rnn(6, 3, {.layers = 2, .bias = false});
  lstm.eval(), gru.eval(), rnn.eval();
  const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> {
    const auto a = lstm(in[0], std::nullopt, in[1]);
    const auto b = gru(transpose(in[0], 0, 1), std::nullopt, in[1]);
    const auto c = rnn(in[0], std::nullopt, in[1]);
    return {a.output, a.state.h, a.state.c, b.output, b.h, c.output, c.h};
  };
  const Spec specs[] = {{"x", f32, {"time", "batch", 6}}, {"lengths", i64, {"batch"}}};
  const Graph g = trace(fn, specs);
  std::map<std::string, int> records;
  for (const Node& n : g.nodes) ++records[n.op->name];
  EXPECT_EQ(records["lstm"], 4);
  EXPECT_EQ(records["gru"], 2);
  EXPECT_EQ(records["rnn"], 2);
  for (int64_t time : {2, 9}) {
    for (int64_t n : {2, 30}) {
      const Tensor x[] = {randn({time, n, 6}), remainder(arange(n), time + 1)};
      const auto want = fn(x), got = g.run(x);
      ASSERT_EQ(got.size(), want.size());
      for (size_t k = 0; k < want.size(); ++k) EXPECT_TRUE(got[k].equal(want[k])) << k;
    }
  }
}

TEST(Trace, AttentionWithTwoNamedSizes) {
  manual_seed(3);
  nn::MultiheadAttention attention(8, 2);
  attention.eval();
  const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> { return {attention(in[0], in[0], in[0])}; };
  const Spec spec[] = {{"x", f32, {"length", "batch", 8}}};
  const Graph g = trace(fn, spec);
  for (const auto& [l, n] : {std::pair<int64_t, int64_t>{1, 1}, {4, 2}, {9, 5}}) {
    const Tensor x[] = {randn({l, n, 8})};
    EXPECT_TRUE(g.run(x)[0].equal(fn(x)[0]));
  }
}

// Causal attention is one op, with no mask in memory, also beside a padding mask.
TEST(Trace, AttentionIsOneOp) {
  nn::MultiheadAttention attention(8, 2, {.batch_first = true});
  attention.eval();
  for (bool padded : {false, true}) {
    const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> {
      nn::AttentionMasks masks{.causal = true};
      if (padded) masks.padding = in[1];
      return {attention(in[0], in[0], in[0], masks)};
    };
    const Spec spec[] = {{"x", f32, {"batch", "length", 8}}, {"padding", boolean, {"batch", "length"}}};
    const Graph g = trace(fn, spec);
    int found = 0;
    for (const graph::Node& n : g.nodes) {
      const std::string_view name = n.op->name;
      found += name == "attention";
      EXPECT_TRUE(name != "where" && name != "softmax" && name != "safe_softmax") << to_string(g);
    }
    EXPECT_EQ(found, 1) << to_string(g);
    for (const auto& [n, l] : {std::pair<int64_t, int64_t>{1, 1}, {2, 9}}) {
      const Tensor x[] = {randn({n, l, 8}), rand({n, l}) > 0.7};
      EXPECT_TRUE(g.run(x)[0].equal(fn(x)[0]));
    }
  }
}

TEST(Trace, InPlaceOpsAndViewsOfWrittenMemory) {
  const auto fn = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    Tensor y = in[0] * 2;
    Tensor row = y[1];
    row.add_(1);
    y.mul_(3);
    Tensor z = zeros({in[0].size(0), 4});
    z.narrow(1, 1, 2).copy_(y.narrow(1, 0, 2));
    return {y, row, z};
  };
  const Spec spec[] = {{"x", f32, {graph::Size("n", 3), 4}}};
  const Graph g = trace(fn, spec);
  for (int64_t n : {3, 6}) {
    const Tensor x[] = {randn({n, 4})};
    const Tensor before = x[0].clone();
    const auto want = fn(x), got = g.run(x);
    for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(got[i].equal(want[i])) << i << "\n" << to_string(g);
    EXPECT_TRUE(x[0].equal(before));
  }
}

// Memory that is written as real numbers and seen as complex ones, or the other way.
TEST(Trace, ViewsOfAnotherDtypeAreNotFollowedThroughWrites) {
  const auto stale = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    const Tensor y = in[0].clone(), z = view_as_complex(y.reshape({2, 2}));
    Tensor w = y;
    w.mul_(2);
    return {abs(z)};
  };
  fails(
      [&] {
        trace(graph::Function(stale), std::vector<graph::Spec>{{"x", f32, {4}}});
      },
      "memory of f32 was seen as c64");
  const auto written = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    const Tensor z = complex(in[0], in[0]);
    Tensor re = real(z);
    re.mul_(2);
    return {abs(z)};
  };
  fails(
      [&] {
        trace(graph::Function(written), std::vector<graph::Spec>{{"x", f32, {4}}});
      },
      "memory of c64 was seen as f32");
}

// Such as a window beside its signal.
TEST(Trace, ValuesMadeWhereAnOperandIsAreConstants) {
  const auto fn = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    return {in[0] * tensor({1.0, 2.0, 3.0}, {.dtype = in[0].dtype(), .device = in[0].device()})};
  };
  const Graph g = trace(graph::Function(fn), std::vector<graph::Spec>{{"x", f32, {"batch", 3}}});
  EXPECT_EQ(g(ones({2, 3})).to_vector<float>(), (std::vector<float>{1, 2, 3, 1, 2, 3}));
}

TEST(Trace, WhatCannotBeTraced) {
  const Spec spec[] = {{"x", f32, {"n", 4}}};
  using In = std::span<const Tensor>;
  using Out = std::vector<Tensor>;
  fails([&] { trace([](In in) -> Out { return {in[0] * in[0].sum().item<float>()}; }, spec); }, "has no values");
  const auto odd = [](In in) -> Out { return {in[0] * std::cbrt(static_cast<double>(in[0].size(0)))}; };
  fails([&] { trace(odd, spec); }, "trace: mul's operand 1 is the number 1.7099");
  fails([&] { trace(odd, spec); }, "for anything else compute with dim_size(x, d), which is a tensor");
  const auto part = [](In in) -> Out { return {in[0].narrow(0, 0, in[0].size(0) * in[0].size(0) % 7 + 1)}; };
  fails([&] { trace(part, spec); }, "depends on the sizes in another way");
  fails([&] { trace(part, spec); }, "give that dimension a number in the Spec");
  const auto values = [](In in) -> Out {
    return {in[0] + from_values(std::vector<float>(static_cast<size_t>(in[0].size(0))), {in[0].size(0), 1})};
  };
  fails([&] { trace(values, spec); }, "a tensor whose content depends on the sizes");
  fails([&] { trace(values, spec); }, "make it by arange, linspace, full or dim_size(x, d)");
  fails([&] { trace([](In) -> Out { return {Tensor()}; }, spec); }, "undefined tensor");
  fails([&] { trace([](In) -> Out { return {}; }, spec); }, "gives no tensor");
  nn::Sequential net(nn::Linear(5, 2));
  net.eval();
  fails([&] { trace(net, {{"x", f32, {"n", 4}}}); }, "in 0: linear");
}

TEST(Trace, ReadingValuesIsNamedWithItsCaller) {
  const Spec spec[] = {{"x", f32, {"n", 4}}};
  using In = std::span<const Tensor>;
  using Out = std::vector<Tensor>;
  const auto refuses = [&](const graph::Function& f, const std::string& part) {
    fails([&] { trace(f, spec); }, part);
    fails([&] { trace(f, spec); }, "has no values while a function is traced");
  };
  Tensor count = zeros({}, {.dtype = i64});
  const Tensor mask = tensor({true, false, true, true});
  const std::string line = std::to_string(__LINE__ + 1);
  const auto read = [](In in) -> Out { return {in[0] * in[0].sum().item<double>()}; };
  refuses(read, "item: ");
  refuses(read, "trace_test.cc:" + line + ")");
  refuses([](In in) -> Out { return {in[0] + in[0].to_vector<float>()[0]}; }, "to_vector: ");
  refuses([](In in) -> Out { return {in[0].nonzero()}; }, "nonzero: ");
  refuses([](In in) -> Out { return {in[0].masked_select(in[0] > 0)}; }, "masked_select: ");
  refuses([](In in) -> Out { return {in[0].index({in[0] > 0})}; }, "index by a mask: ");
  refuses([](In in) -> Out { return in[0].equal(in[0]) ? Out{in[0]} : Out{}; }, "equal: ");
  refuses([](In in) -> Out { return in[0].allclose(in[0]) ? Out{in[0]} : Out{}; }, "allclose: ");
  // Also of a tensor that has data: what was written to it meanwhile was only noted down.
  refuses(
      [&](In in) -> Out {
        count.add_(1);
        return {in[0] * count.item()};
      },
      "item: ");
  refuses([&](In in) -> Out { return {in[0].transpose(0, 1).masked_select(mask)}; }, "masked_select: ");
  EXPECT_EQ(count.item<int64_t>(), 0);
}

TEST(Trace, ChecksOfValuesWaitUntilTheGraphRuns) {
  const Tensor divisor = tensor({2, 3, 4, 5}), places = tensor({3, 0});
  const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> {
    return {in[0].remainder(divisor), in[0].floor_divide(divisor), in[0].index({Slice(), places})};
  };
  const Spec spec[] = {{"x", i64, {"n", 4}}};
  const Graph g = trace(fn, spec);
  const Tensor x[] = {randint(-9, 9, {3, 4})};
  const auto want = fn(x), got = g.run(x);
  for (size_t i = 0; i < want.size(); ++i) EXPECT_TRUE(got[i].equal(want[i])) << i;
}

TEST(Trace, TrainingModeOfAPartIsRefusedByItsName) {
  Net net;
  net.eval();
  net.drop.train();
  fails([&] { trace(net, {{"image", f32, {"batch", 1, 14, 14}}}); }, "the module drop is in training mode");
}

TEST(Trace, TensorsFromElsewhere) {
  const Spec spec[] = {{"x", f32, {"n", 4}}};
  using In = std::span<const Tensor>;
  using Out = std::vector<Tensor>;
  const Tensor meta = zeros({4}, {.device = Device::parse("meta")});
  fails([&] { trace([&](In in) -> Out { return {in[0] + meta}; }, spec); }, "a tensor without data, of shape [4]");
  fails([&] { trace([&](In in) -> Out { return trace([](In i) -> Out { return {i[0]}; }, spec).run(in); }, spec); },
        "cannot call trace");
  // What another thread computes is not seen.
  fails(
      [&] {
        trace(
            [&](In in) -> Out {
              Tensor y;
              std::thread([&] { y = in[0] + 1; }).join();
              return {y};
            },
            spec);
      },
      "made by other means than the traced function's own ops");
}

// fn and its graph give the same bits at sizes that were not traced.
void same_at(const graph::Function& fn, const Spec& spec, std::initializer_list<Shape> shapes) {
  const Graph g = trace(fn, {&spec, 1});
  for (const Shape& shape : shapes) {
    SCOPED_TRACE(to_string(shape));
    const Tensor x[] = {randn(shape)};
    const auto want = fn(x), got = g.run(x);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) EXPECT_TRUE(got[i].equal(want[i])) << i << "\n" << to_string(g);
  }
}

TEST(Trace, NewTensorsOfAnOpenSize) {
  const auto fn = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    const int64_t n = in[0].size(0), m = in[0].size(1);
    return {arange(n),
            arange(1, 2 * n, 2),
            arange(n, 0, -1, {.dtype = f32}),
            arange(0.5, static_cast<double>(n)),
            linspace(-1, 1, n + 1),
            eye(n),
            eye(n, m, {.dtype = i32}),
            zeros({n, 3}),
            ones({m, n}, {.dtype = i64}),
            full({n}, 2.5),
            full({2}, n),
            in[0] + arange(n).view({n, 1})};
  };
  same_at(fn, {"x", f32, {"n", "m"}}, {{1, 4}, {4, 4}, {6, 3}, {13, 1}});
}

TEST(Trace, ArithmeticOfSizes) {
  const auto fn = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    const Tensor& x = in[0];
    const auto n = x.size(0), m = x.size(1);
    return {x / std::sqrt(m),
            x * (1.0 / static_cast<double>(n)),
            x * (1 / std::sqrt(n * m)),
            x * static_cast<double>(n + 1),
            x * std::log(m),
            x / (2 * n + 1),
            x * (dim_size(x, 1).to(f32) + 0.5).pow(-0.25),
            x / dim_size(x, -1)};
  };
  same_at(fn, {"x", f32, {"n", "m"}}, {{1, 4}, {4, 4}, {6, 3}, {100, 17}});
}

TEST(Trace, StepsOverAnOpenSize) {
  nn::Conv2d conv(1, 2, 3, {.stride = 2, .padding = 1});
  const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> {
    const Tensor& x = in[0];
    const Tensor every = x.slice(2, 0, {}, 2);
    const Tensor y = conv(conv(x).sum({1}, true));
    return {every, x.slice(3, 1, {}, 3), zeros({every.size(2), 2}) + 1, y, arange(0, x.size(2), 3)};
  };
  manual_seed(5);
  same_at(fn, {"x", f32, {"batch", 1, "height", "width"}},
          {{1, 1, 8, 9}, {2, 1, 9, 8}, {1, 1, 10, 31}, {3, 1, 50, 64}});
  const Spec spec[] = {{"x", f32, {"batch", 1, "height", "width"}}};
  const std::string text = to_string(trace(fn, spec));
  EXPECT_NE(text.find("output \"output.0\" = "), std::string::npos);
  EXPECT_NE(text.find("[batch, 1, (height + 1) / 2, width]"), std::string::npos) << text;
  EXPECT_NE(text.find("[batch, 2, (height + 3) / 4, (width + 3) / 4]"), std::string::npos) << text;
}

TEST(Trace, SizesDividedByMuch) {
  // As the frames of a sound: the same for all sizes that are near one another.
  const auto frames = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    const int64_t n = (in[0].size(1) + 240) / 160;
    return {zeros({n, 2}) + 1, arange(0, in[0].size(1), 200), in[0].slice(1, 0, {}, 160)};
  };
  same_at(frames, {"x", f32, {"batch", "samples"}}, {{1, 1}, {2, 79}, {1, 80}, {1, 1600}, {3, 16000}, {1, 100001}});
  for (const int64_t c : {33, 132, 160, 320, 640, 1023}) {
    for (const int64_t b : {int64_t{0}, int64_t{1}, c - 1}) {
      const auto part = [=](std::span<const Tensor> in) -> std::vector<Tensor> {
        return {zeros({(in[0].size(1) + b) / c + 1}) + 1};
      };
      SCOPED_TRACE(concat(c, " ", b));
      same_at(part, {"x", f32, {"batch", "samples"}}, {{1, 1}, {2, c - 1}, {1, c}, {1, 16000}, {3, 1234567}});
      same_at(part, {"x", f32, {1, graph::Size("samples", 400)}}, {{1, 400}, {1, 40000}, {1, 999999}});
    }
  }
  // A limit that only large sizes reach is another function for those.
  const auto one = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    return {zeros({std::min<int64_t>(in[0].size(0), 1000), 2}) + 1};
  };
  const auto two = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    return {in[0].size(0) > 1000 ? in[0] + 1 : in[0] * 2};
  };
  const auto odd = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    return {zeros({in[0].size(0) / 5000}) + 1};
  };
  const Spec spec[] = {{"x", f32, {"n"}}};
  fails([&] { trace(one, spec); }, "in another way than a * size + b");
  fails([&] { trace(two, spec); }, "the function does something else for other sizes");
  fails([&] { trace(odd, spec); }, "in another way than a * size + b");
  // Larger sizes that the function refuses are none of its sizes.
  const auto limited = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    return {in[0] + ones({200}).narrow(0, 0, in[0].size(0))};
  };
  same_at(limited, {"x", f32, {"n"}}, {{1}, {150}, {200}});
}

struct Several : nn::Module<Several> {
  nn::Linear a{this, "a", 4, 2};
  std::tuple<Tensor, Tensor, Tensor> forward(const Tensor& w, const Tensor& x, const Tensor& y, const Tensor& z) {
    return {a(w) + a(x), y * z, w};
  }
};
struct Pair : nn::Module<Pair> {
  std::pair<Tensor, Tensor> forward(const Tensor& x) { return {x + 1, x * 2}; }
};

TEST(Trace, ModulesOfSeveralInputsAndOutputs) {
  manual_seed(6);
  Several m;
  m.eval();
  const Spec w{"w", f32, {"n", 4}}, y{"y", f32, {"n", 2}};
  const Graph g = trace(m, {w, {"x", f32, {"n", 4}}, y, {"z", f32, {1, 2}}}, {.outputs = {"sum", "product", "same"}});
  ASSERT_EQ(g.outputs.size(), 3u);
  EXPECT_EQ(g.outputs[1].name, "product");
  const Tensor in[] = {randn({3, 4}), randn({3, 4}), randn({3, 2}), randn({1, 2})};
  const auto [sum, product, same] = m(in[0], in[1], in[2], in[3]);
  const auto got = g.run(in);
  EXPECT_TRUE(got[0].equal(sum));
  EXPECT_TRUE(got[1].equal(product));
  EXPECT_TRUE(got[2].equal(same));
  fails([&] { trace(m, {w}); }, "the module cannot be called with 1 tensors");
  Pair p;
  p.eval();
  EXPECT_EQ(trace(p, {w}).outputs.size(), 2u);
}

TEST(Trace, ADimensionHasALargestSize) {
  const auto fn = [](std::span<const Tensor> in) -> std::vector<Tensor> { return {in[0] + 1, in[1] * 2}; };
  const Tensor table = randn({6, 4});
  const auto positions = [&](std::span<const Tensor> in) -> std::vector<Tensor> {
    return {in[0] + table.narrow(0, 0, in[0].size(1))};
  };
  const Spec specs[] = {{"x", f32, {"batch", graph::Size("seq", {.max = 512})}}, {"y", f32, {"seq", "batch"}}};
  const Graph g = trace(fn, specs);
  ASSERT_EQ(g.dims.size(), 2u);
  EXPECT_FALSE(g.dims[0].max);
  EXPECT_EQ(g.dims[1].max, 512);
  const auto run = [&](int64_t batch, int64_t seq) {
    const Tensor in[] = {zeros({batch, seq}), zeros({seq, batch})};
    return g.run(in);
  };
  EXPECT_EQ(run(2, 512).size(), 2u);
  fails([&] { run(2, 2000); }, "graph: input \"x\": dimension \"seq\" is 2000, the model takes at most 512");
  // It is traced with no larger size.
  const Spec few[] = {{"x", f32, {"batch", graph::Size("seq", {.max = 6}), 4}}};
  const Graph of_few = trace(positions, few);
  for (int64_t n : {1, 4, 6}) {
    const Tensor x[] = {randn({2, n, 4})};
    EXPECT_TRUE(of_few.run(x)[0].equal(positions(x)[0])) << n;
  }
  const Spec two[] = {{"x", f32, {graph::Size("seq", {.min = 2, .max = 3}), 4}}};
  fails([&] { trace(fn, two); }, "the dimension \"seq\" is from 2 to 3: tracing needs three sizes");
}

TEST(Trace, UnusedWorkIsDropped) {
  const auto fn = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    exp(in[0]);
    return {in[0] + 1, in[0]};
  };
  const Spec spec[] = {{"x", f32, {"n"}}};
  const Graph g = trace(fn, spec);
  EXPECT_EQ(g.nodes.size(), 1u);
  const Tensor x[] = {randn({5})};
  EXPECT_TRUE(g.run(x)[1].equal(x[0]));
}

}  // namespace
}  // namespace hearth
