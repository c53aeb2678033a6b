#include "core/profiler/profiler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <optional>
#include <sstream>
#include <thread>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/thread_state.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/nn/linear.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/conv.h"
#include "core/ops/create.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using ::testing::HasSubstr;

const ProfileRow* row(const std::vector<ProfileRow>& rows, const std::string& name) {
  const auto found = std::ranges::find(rows, name, &ProfileRow::name);
  return found == rows.end() ? nullptr : &*found;
}
int64_t calls(const Profiler& p, const std::string& name) {
  const auto rows = p.rows();
  const ProfileRow* const r = row(rows, name);
  return r ? r->calls : 0;
}
int64_t flops(const Profiler& p, const std::string& name) {
  const auto rows = p.rows();
  const ProfileRow* const r = row(rows, name);
  return r ? r->flops : 0;
}

TEST(Profiler, RecordsTheOpsThatRunWhileItDoes) {
  const Tensor a = ones({4, 3}), b = ones({3, 5});
  Profiler p;
  (void)(a + a);
  {
    const auto running = p.start();
    (void)matmul(a, b);
    (void)matmul(a, b);
    (void)(a + a);
  }
  (void)(a + a);
  EXPECT_EQ(calls(p, "matmul"), 2);
  EXPECT_EQ(calls(p, "add"), 1);
  EXPECT_EQ(p.records().size(), 3U);
  {
    const auto again = p.start();
    (void)(a + a);
  }
  EXPECT_EQ(calls(p, "add"), 2);
  p.clear();
  EXPECT_TRUE(p.records().empty());
}

TEST(Profiler, ScopesHoldWhatRunsInThem) {
  const Tensor a = ones({64, 64});
  Profiler p;
  {
    const auto running = p.start();
    const ProfileScope outer("outer");
    (void)(a + a);
    {
      const ProfileScope inner("inner");
      (void)matmul(a, a);
      (void)matmul(a, a);
    }
  }
  const std::vector<ProfileRecord> r = p.records();
  ASSERT_EQ(r.size(), 5U);
  const std::vector<std::pair<std::string, int>> want = {
      {"outer", 0}, {"add", 1}, {"inner", 1}, {"matmul", 2}, {"matmul", 2}};
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(r[i].name, want[i].first);
    EXPECT_EQ(r[i].depth, want[i].second);
    EXPECT_EQ(r[i].scope, i == 0 || i == 2);
    EXPECT_GE(r[i].start_ns, r[0].start_ns);
    EXPECT_LE(r[i].start_ns + r[i].total_ns, r[0].start_ns + r[0].total_ns);
  }
  EXPECT_EQ(r[0].self_ns, r[0].total_ns - r[1].total_ns - r[2].total_ns);
  EXPECT_EQ(r[2].self_ns, r[2].total_ns - r[3].total_ns - r[4].total_ns);
  EXPECT_EQ(r[3].self_ns, r[3].total_ns);
  EXPECT_EQ(r[0].flops, 2 * 2 * 64 * 64 * 64);
  EXPECT_EQ(r[2].bytes, r[3].bytes + r[4].bytes);
}

TEST(Profiler, ScopesMayEndInAnyOrder) {
  Profiler p;
  {
    std::optional<ProfileScope> load, step, last;
    const auto running = p.start();
    load.emplace("load" + std::string(40, 'x'));  // a text that is gone before the scope is
    step.emplace("step");
    (void)matmul(ones({8, 8}), ones({8, 8}));
    load.reset();
    step.reset();
    (void)(ones({2}) + 1);
    last.emplace("after its session");
  }
  const std::vector<ProfileRecord> r = p.records();
  ASSERT_EQ(r.size(), 7U);
  EXPECT_EQ(r[0].name, "load" + std::string(40, 'x'));
  EXPECT_EQ(r[0].flops, 0);  // what ran belongs to the scope within it, which was still open
  EXPECT_EQ(r[0].self_ns, r[0].total_ns);
  EXPECT_EQ(r[1].name, "step");
  EXPECT_EQ(r[1].flops, 2 * 8 * 8 * 8);
  EXPECT_EQ(r[5].name, "fill");
  for (const size_t i : {5, 6}) EXPECT_EQ(r[i].depth, 0);
  for (const ProfileRecord& one : r) EXPECT_GE(one.self_ns, 0);
}

TEST(Profiler, AScopeThatEndsInAnotherThreadIsNotRecorded) {
  Profiler p;
  {
    const auto running = p.start();
    const ProfileScope outer("outer");
    std::optional<ProfileScope> moved;
    moved.emplace("moved");
    std::thread([&] { moved.reset(); }).join();
    (void)matmul(ones({8, 8}), ones({8, 8}));
  }
  EXPECT_EQ(calls(p, "moved"), 0);
  EXPECT_EQ(calls(p, "outer"), 1);
  EXPECT_EQ(flops(p, "outer"), 2 * 8 * 8 * 8);
  for (const ProfileRecord& one : p.records()) EXPECT_EQ(one.depth, one.scope ? 0 : 1);
}

TEST(Profiler, WhatRanInAScopeThatEndsInAnotherThreadCountsInTheOneAroundIt) {
  Profiler p;
  {
    const auto running = p.start();
    std::optional<ProfileScope> outer, moved, inner;
    outer.emplace("outer");
    moved.emplace("moved");
    (void)matmul(ones({8, 8}), ones({8, 8}));
    std::thread([&] { moved.reset(); }).join();
    outer.reset();  // before another op
    outer.emplace("around");
    moved.emplace("moved");
    inner.emplace("inner");
    (void)matmul(ones({8, 8}), ones({8, 8}));
    std::thread([&] { moved.reset(); }).join();
    inner.reset();
    outer.reset();
  }
  EXPECT_EQ(calls(p, "moved"), 0);
  for (const char* name : {"outer", "inner", "around"}) EXPECT_EQ(flops(p, name), 2 * 8 * 8 * 8) << name;
  for (const ProfileRecord& one : p.records()) EXPECT_LE(one.self_ns, one.total_ns);
}

TEST(Profiler, ThreadsAreNumberedAsTheyStart) {
  Profiler p;
  std::latch started(1), recorded(1);
  std::thread first([&] {
    const auto running = p.start();
    started.count_down();
    recorded.wait();
    (void)ones({2});
  });
  std::thread second([&] {
    started.wait();
    const auto running = p.start();
    (void)(ones({2}) + 1);
    recorded.count_down();
  });
  first.join();
  second.join();
  const std::vector<ProfileRecord> r = p.records();
  ASSERT_EQ(r.size(), 3U);
  EXPECT_EQ(r[0].name, "fill");
  EXPECT_EQ(r[1].thread, r[0].thread + 1);
  EXPECT_EQ(r[2].name, "add");
  EXPECT_EQ(r[2].thread, r[0].thread + 1);
}

TEST(Profiler, CostsNothingWhereNoneRuns) {
  Profiler p;
  EXPECT_EQ(thread_state.interposer, nullptr);
  {
    const ProfileScope nothing("nothing");
    (void)(ones({2}) + 1);
  }
  {
    const auto running = p.start();
    EXPECT_NE(thread_state.interposer, nullptr);
  }
  EXPECT_EQ(thread_state.interposer, nullptr);
  EXPECT_TRUE(p.records().empty());
}

TEST(Profiler, CountsMemoryOfResults) {
  const Tensor a = ones({1024, 8});
  Tensor b = ones({1024, 8});
  Profiler p;
  const auto running = p.start();
  (void)(a + a);
  b.add_(a);
  (void)a.view({8, 1024});
  (void)a.transpose(0, 1);
  const std::vector<ProfileRecord> r = p.records();
  ASSERT_EQ(r.size(), 4U);
  EXPECT_GE(r[0].bytes, 1024 * 8 * 4);
  EXPECT_LT(r[0].bytes, 2 * 1024 * 8 * 4);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(r[i].bytes, 0) << r[i].name;
}

TEST(Profiler, CountsTheArithmeticOfProducts) {
  const Tensor x = ones({2, 3, 8, 8}).requires_grad_(), w = ones({4, 3, 3, 3}).requires_grad_();
  const Tensor q = ones({2, 3, 5, 4}).requires_grad_(), k = ones({2, 3, 7, 4}), v = ones({2, 3, 7, 6});
  const Tensor rows = ones({9, 8}).requires_grad_(), weight = ones({5, 8}).requires_grad_();
  const int64_t conv = int64_t{2} * (2 * 4 * 6 * 6) * (3 * 3 * 3);
  Profiler p;
  {
    const auto running = p.start();
    conv2d(x, w).sum().backward();
    scaled_dot_product_attention(q, k, v).sum().backward();
    linear(rows, weight).sum().backward();
    (void)matmul(ones({2, 4, 3}), ones({3, 5}));
    (void)matmul(ones({0, 3}), ones({3, 0}));
  }
  EXPECT_EQ(flops(p, "conv2d"), conv);
  EXPECT_EQ(flops(p, "conv2d_data (backward)"), conv);
  EXPECT_EQ(flops(p, "conv2d_weights (backward)"), conv);
  EXPECT_EQ(flops(p, "attention"), 2 * (2 * 3) * 5 * 7 * (4 + 6));
  EXPECT_EQ(flops(p, "attention_grad (backward)"), 2 * (2 * 3) * 5 * 7 * (3 * 4 + 2 * 6));
  EXPECT_EQ(flops(p, "linear"), 2 * 9 * 8 * 5);
  EXPECT_EQ(flops(p, "linear_weights (backward)"), 2 * 9 * 8 * 5);
  EXPECT_EQ(flops(p, "matmul"), 2 * 2 * 4 * 3 * 5);
  EXPECT_EQ(flops(p, "sum"), 0);
}

TEST(Profiler, TellsOpsOfGradientsApart) {
  const Tensor x = ones({3}).requires_grad_();
  Profiler p;
  {
    const auto running = p.start();
    (x * x).sum().backward();
  }
  EXPECT_EQ(calls(p, "mul"), 1);
  EXPECT_GE(calls(p, "mul (backward)"), 1);
  for (const ProfileRecord& r : p.records()) EXPECT_TRUE(r.thread == p.records()[0].thread);
}

TEST(Profiler, EachThreadRecordsItsOwn) {
  Profiler p;
  const auto work = [&](int n) {
    const auto running = p.start();
    const ProfileScope scope("work");
    for (int i = 0; i < n; ++i) (void)(ones({2}) + 1);
  };
  std::thread a(work, 3), b(work, 4);
  a.join();
  b.join();
  EXPECT_EQ(calls(p, "work"), 2);
  EXPECT_EQ(calls(p, "add"), 7);
  const std::vector<ProfileRecord> r = p.records();
  EXPECT_NE(r.front().thread, r.back().thread);
  for (const ProfileRecord& one : r) EXPECT_EQ(one.depth, one.scope ? 0 : 1);
}

TEST(Profiler, OptionsAddShapesAndModules) {
  struct Net : nn::Module<Net> {
    nn::Linear hidden{this, "hidden", 4, 2};
    Tensor forward(const Tensor& x) { return hidden(x); }
  } net;
  Profiler p({.shapes = true, .modules = true});
  {
    const auto running = p.start();
    const NoGrad no_grad;
    (void)net(ones({3, 4}));
    (void)net(ones({5, 4}));
  }
  const std::vector<ProfileRecord> r = p.records();
  const auto found = std::ranges::find(r, "linear", &ProfileRecord::name);
  ASSERT_NE(found, r.end());
  EXPECT_EQ(found->module, "hidden");
  ASSERT_EQ(found->operands.size(), 3U);
  EXPECT_EQ(found->operands[0].second, (Shape{3, 4}));
  int of_linear = 0;
  for (const ProfileRow& one : p.rows(ProfileOrder::kName, true)) of_linear += one.name == "linear";
  EXPECT_EQ(of_linear, 2);
  EXPECT_THAT(p.table(ProfileOrder::kCalls, true), HasSubstr("f32[5, 4] f32[2, 4] f32[2]"));
  EXPECT_THAT(testing::error_of([] { (void)Profiler().rows(ProfileOrder::kSelf, true); }), HasSubstr("shapes"));
}

TEST(Profiler, TableAndOrder) {
  Profiler p;
  {
    const auto running = p.start();
    const ProfileScope scope("step");
    (void)matmul(ones({64, 64}), ones({64, 64}));
    for (int i = 0; i < 5; ++i) (void)(ones({2}) + 1);
  }
  EXPECT_EQ(p.rows(ProfileOrder::kFlops)[0].flops, 2 * 64 * 64 * 64);
  EXPECT_EQ(p.rows(ProfileOrder::kCalls)[0].name, "fill");
  EXPECT_EQ(p.rows(ProfileOrder::kTotal)[0].name, "step");
  const std::string table = p.table(ProfileOrder::kName, false, 2);
  EXPECT_THAT(table, HasSubstr("\nadd "));
  EXPECT_THAT(table, HasSubstr("\nall ops "));
  EXPECT_THAT(table, HasSubstr("2 more rows"));
  EXPECT_THAT(p.table(), HasSubstr("[step]"));
  // The last row is that of the ops alone: none has another in it.
  std::istringstream last(table.substr(table.find("\nall ops ") + 9));
  int64_t count = 0;
  double total = 0, self = 0;
  last >> count >> total >> self;
  EXPECT_EQ(count, 13);
  EXPECT_EQ(total, self);
  EXPECT_GT(total, 0);
}

TEST(Profiler, ClearForgetsWhatEndedAndWhatRuns) {
  Profiler p;
  {
    const auto ended = p.start();
    (void)ones({2});
  }
  const auto running = p.start();
  (void)ones({2});
  p.clear();
  EXPECT_TRUE(p.records().empty());
  (void)ones({2});
  EXPECT_EQ(p.records().size(), 1U);
}

TEST(Profiler, ChromeTraceIsJson) {
  Profiler p({.shapes = true});
  {
    const auto running = p.start();
    const ProfileScope scope("a \"name\"\n\xff");
    (void)matmul(ones({2, 3}), ones({3, 4}));
  }
  const std::string path = ::testing::TempDir() + "/trace.json";
  ASSERT_TRUE(p.save_chrome_trace(path).ok());
  const auto json = io::parse_json(io::read_file(path, 1 << 20).value());
  ASSERT_TRUE(json.ok()) << json.status();
  const auto& events = (*json)["traceEvents"];
  ASSERT_EQ(events.size(), p.records().size());
  EXPECT_EQ(events[0]["cat"], "scope");
  const auto product = std::ranges::find_if(events, [](const auto& e) { return e["name"] == "matmul"; });
  ASSERT_NE(product, events.end());
  EXPECT_EQ((*product)["ph"], "X");
  EXPECT_EQ((*product)["args"]["flops"], 2 * 2 * 3 * 4);
  EXPECT_EQ((*product)["args"]["operands"], "f32[2, 3] f32[3, 4]");
  EXPECT_GE((*product)["ts"].get<double>(), events[0]["ts"].get<double>());
  EXPECT_TRUE(io::parse_json(Profiler().chrome_trace()).ok());
}

TEST(Profiler, ErrorsLimitsAndTwoAtOnce) {
  Profiler p({.max_records = 3}), other;
  {
    const auto running = p.start();
    EXPECT_EQ(testing::error_of([&] { (void)p.start(); }), "Profiler: it is running in this thread already");
    const auto both = other.start();
    EXPECT_THROW((void)matmul(ones({2, 3}), ones({2, 3})), Error);
    for (int i = 0; i < 4; ++i) (void)(ones({2}) + 1);
  }
  EXPECT_EQ(p.records().size(), 3U);
  EXPECT_EQ(calls(other, "matmul"), 1);  // it threw
  EXPECT_EQ(calls(other, "add"), 4);
  EXPECT_GT(p.dropped(), 0);
  EXPECT_THAT(p.table(), HasSubstr("records were not kept"));
}

}  // namespace
}  // namespace hearth
