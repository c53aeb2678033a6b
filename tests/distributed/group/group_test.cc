#include "distributed/group/process_group.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/view.h"
#include "distributed/group/functional.h"
#include "distributed/group/objects.h"
#include "distributed/group/work_state.h"
#include "tests/distributed/backends.h"

namespace hearth::distributed {
namespace {

// Whether both have the same shape and values; NaN is equal to NaN.
void expect_equal(const Tensor& a, const Tensor& b, const std::string& what) {
  EXPECT_EQ(to_string(a.shape()), to_string(b.shape())) << what;
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  ASSERT_EQ(x.size(), y.size()) << what;
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) && std::isnan(y[i])) continue;
    ASSERT_EQ(x[i], y[i]) << what << " at " << i;
  }
}

Tensor floats(const Shape& shape, double value) { return full(shape, value); }

class Collectives : public testing::TestWithParam<std::tuple<std::string, int>> {
 protected:
  void run(const std::function<void(ProcessGroup&)>& body) {
    on_ranks(std::get<0>(GetParam()), std::get<1>(GetParam()), body);
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, Collectives,
                         testing::Combine(testing::Values("threads", "gloo"), testing::Values(1, 2, 3, 4)),
                         [](const auto& info) {
                           return std::get<0>(info.param) + std::to_string(std::get<1>(info.param));
                         });

TEST_P(Collectives, EveryReductionOfEverySize) {
  run([](ProcessGroup& g) {
    const int n = g.size(), r = g.rank();
    const double sum = n * (n + 1) / 2.0, product = std::tgamma(n + 1.0);
    for (const int64_t size : {0, 1, 3, 7, 1000, 100003}) {
      const auto reduced = [&](ReduceOp op, DType dtype) {
        Tensor t = full({size}, r + 1, {.dtype = dtype});
        g.all_reduce(t, op);
        return t;
      };
      for (const DType d : {u8, i8, i16, i32, i64, f16, bf16, f32, f64}) {
        const std::string what = to_string(d) + " " + std::to_string(size);
        expect_equal(reduced(ReduceOp::kSum, d), floats({size}, sum), "sum " + what);
        expect_equal(reduced(ReduceOp::kProduct, d), floats({size}, product), "product " + what);
        expect_equal(reduced(ReduceOp::kMin, d), floats({size}, 1), "min " + what);
        expect_equal(reduced(ReduceOp::kMax, d), floats({size}, n), "max " + what);
        if (is_floating_point(d)) expect_equal(reduced(ReduceOp::kAvg, d), floats({size}, sum / n), "avg " + what);
      }
      Tensor any = full({size}, r == n - 1, {.dtype = boolean}), all = full({size}, r != 0, {.dtype = boolean});
      g.all_reduce(any);
      g.all_reduce(all, ReduceOp::kProduct);
      expect_equal(any, floats({size}, 1), "or");
      expect_equal(all, floats({size}, 0), "and");
    }
  });
}

TEST_P(Collectives, ValuesOfAllRanksAtTheirPlaces) {
  run([](ProcessGroup& g) {
    const int n = g.size(), r = g.rank();
    const Tensor base = arange(12, {.dtype = f32}).reshape({3, 4});
    Tensor all = zeros({n, 3, 4}), joined = zeros({3 * n, 4});
    g.all_gather(all, base + r * 100);
    g.all_gather(joined, base + r * 100);
    for (int k = 0; k < n; ++k) {
      expect_equal(all[k], base + k * 100, "all_gather");
      expect_equal(joined.narrow(0, 3 * k, 3), base + k * 100, "all_gather joined");
    }
    expect_equal(g.all_gather(base + r * 100), all, "all_gather as a result");

    Tensor parts = zeros({n, 3, 4}), mine = zeros({3, 4});
    for (int k = 0; k < n; ++k) parts[k] = base + r * 100 + k;
    g.reduce_scatter(mine, parts);
    expect_equal(mine, base * n + 100.0 * n * (n - 1) / 2 + n * r, "reduce_scatter");
    g.reduce_scatter(mine, parts, ReduceOp::kMax);
    expect_equal(mine, base + 100 * (n - 1) + r, "reduce_scatter max");

    for (int root = 0; root < n; ++root) {
      Tensor t = base + r * 100;
      g.broadcast(t, root);
      expect_equal(t, base + root * 100, "broadcast");
      Tensor u = base + r * 100;
      g.reduce(u, root);
      expect_equal(u, r == root ? base * n + 100.0 * n * (n - 1) / 2 : base + r * 100, "reduce");
      Tensor gathered = r == root ? zeros({n, 3, 4}) : Tensor();
      g.gather(gathered, base + r * 100, root);
      if (r == root) expect_equal(gathered, all, "gather");
      Tensor part = zeros({3, 4});
      g.scatter(part, r == root ? all : Tensor(), root);
      expect_equal(part, base + r * 100, "scatter");
    }

    Tensor exchanged = zeros({n, 2}), give = zeros({n, 2});
    for (int k = 0; k < n; ++k) give[k] = r * 10 + k;
    g.all_to_all(exchanged, give);
    for (int k = 0; k < n; ++k) expect_equal(exchanged[k], floats({2}, k * 10 + r), "all_to_all");

    // Rank a gives b + 1 rows to rank b: rank b takes b + 1 rows from each.
    std::vector<int64_t> in_rows, out_rows;
    int64_t rows = 0;
    for (int k = 0; k < n; ++k) {
      in_rows.push_back(k + 1);
      out_rows.push_back(r + 1);
      rows += k + 1;
    }
    Tensor uneven = zeros({int64_t{r + 1} * n, 2}), from = zeros({rows, 2});
    for (int64_t at = 0, k = 0; k < n; at += ++k) from.narrow(0, at, k + 1) = r * 10 + k;
    g.all_to_all(uneven, from, out_rows, in_rows);
    for (int k = 0; k < n; ++k)
      expect_equal(uneven.narrow(0, int64_t{k} * (r + 1), r + 1), floats({r + 1, 2}, k * 10 + r), "uneven all_to_all");
    g.barrier();
  });
}

TEST_P(Collectives, AnyLayoutAndSharedMemory) {
  run([](ProcessGroup& g) {
    const int n = g.size(), r = g.rank();
    const Tensor values = arange(24, {.dtype = f32}).reshape({2, 3, 4});
    // Rank 0 has another order in memory than the others.
    Tensor t = r == 0 ? (values + r).transpose(0, 2).contiguous().transpose(0, 2) : values + r;
    g.all_reduce(t);
    expect_equal(t, values * n + n * (n - 1) / 2.0, "transposed");
    Tensor wide = zeros({4, 10});
    Tensor column = wide.narrow(1, 3, 2);
    column.fill_(r + 1);
    g.all_reduce(column);
    expect_equal(wide.sum(), floats({}, 8.0 * n * (n + 1) / 2), "a slice, and nothing beside it");
    expect_equal(column, floats({4, 2}, n * (n + 1) / 2.0), "a slice");
    Tensor all = zeros({n, 5});
    all[r].fill_(r + 1);
    g.all_gather(all, all[r]);
    for (int k = 0; k < n; ++k) expect_equal(all[k], floats({5}, k + 1), "from its own place");
    Tensor strided = zeros({5, n}).t();
    g.all_gather(strided, floats({5}, r + 1));
    for (int k = 0; k < n; ++k) expect_equal(strided[k], floats({5}, k + 1), "into strides");
    Tensor scalar = floats({}, r + 1.0);
    g.all_reduce(scalar);
    expect_equal(scalar, floats({}, n * (n + 1) / 2.0), "no dimensions");
  });
}

TEST_P(Collectives, SeveralTensorsInOneExchange) {
  run([](ProcessGroup& g) {
    const int n = g.size(), r = g.rank();
    std::vector<Tensor> ts = {floats({3}, r + 1.0), zeros({4, 2}).t().fill_(r + 2.0), floats({}, r + 3.0), zeros({0})};
    g.all_reduce(ts);
    for (int i = 0; i < 3; ++i)
      expect_equal(ts[static_cast<size_t>(i)],
                   floats(ts[static_cast<size_t>(i)].shape(), n * (n - 1) / 2.0 + n * (i + 1)), "all_reduce");
    g.broadcast(ts, n - 1);
    std::vector<Tensor> outs = {zeros({n, 2, 2}), zeros({3 * n})}, ins = {floats({2, 2}, r), floats({3}, r + 10)};
    g.all_gather(outs, ins);
    for (int k = 0; k < n; ++k) {
      expect_equal(outs[0][k], floats({2, 2}, k), "all_gather");
      expect_equal(outs[1].narrow(0, 3 * k, 3), floats({3}, k + 10), "all_gather joined");
    }
    std::vector<Tensor> mine = {zeros({2, 2}), zeros({3})};
    g.reduce_scatter(mine, outs);
    expect_equal(mine[0], floats({2, 2}, n * r), "reduce_scatter");
    expect_equal(mine[1], floats({3}, n * (r + 10)), "reduce_scatter joined");
    g.all_reduce(std::vector<Tensor>{});
    EXPECT_NE(error_of([&] {
                g.all_reduce(std::vector<Tensor>{zeros({1}), zeros({1}, {.dtype = f64})});
              }).find("must have one dtype"),
              std::string::npos);
  });
}

TEST_P(Collectives, AsyncInOrderAndBesideSends) {
  run([](ProcessGroup& g) {
    const int n = g.size(), r = g.rank();
    std::vector<Tensor> ts;
    std::vector<Work> works;
    for (int i = 0; i < 20; ++i) ts.push_back(floats({1000}, r + i * 1.0));
    for (Tensor& t : ts) works.push_back(g.all_reduce_async(t));
    if (n > 1) {
      // Everybody sends before anybody receives, and takes the later tag first.
      const int right = (r + 1) % n, left = (r + n - 1) % n;
      Tensor a = floats({70000}, r * 1.0), b = floats({3, 2}, r + 100.0), c = zeros({70000}), d = zeros({2, 3}).t();
      const Work s1 = g.send_async(a, right, 1), s2 = g.send_async(b, right, 2);
      g.recv(d, left, 2);
      const Work last = g.recv_async(c, left, 1);
      while (!last.done()) {
      }
      last.wait();
      s1.wait();
      s2.wait();
      expect_equal(c, floats({70000}, left), "recv");
      expect_equal(d, floats({3, 2}, left + 100), "recv into strides");
    }
    for (size_t i = 0; i < ts.size(); ++i) {
      works[i].wait();
      EXPECT_TRUE(works[i].done());
      EXPECT_GT(works[i].seconds(), 0);
      expect_equal(ts[i], floats({1000}, n * (n - 1) / 2.0 + n * static_cast<double>(i)), "async");
    }
    const auto record = g.record();
    ASSERT_GE(record.size(), 20u);
    EXPECT_EQ(record[0].call.text(), "all_reduce #1 of f32 [1000], sum");
    EXPECT_GE(record[0].end, record[0].begin);
    EXPECT_GE(record[0].begin, record[0].called);
    const Work hidden = g.all_reduce_async(floats({3}, 1));
    while (!hidden.done()) std::this_thread::yield();
    hidden.wait();
    EXPECT_LT(g.record().back().waited, 0) << "it had ended before";
    g.barrier();
    EXPECT_GE(g.record().back().waited, 0);
    EXPECT_LE(g.record().back().waited, g.record().back().begin);
  });
}

TEST(WorkState, KnowsWhenSomebodyBeganToWait) {
  detail::WorkState early, late;
  const double before = Recorder::now();
  early.wait_begins();
  const double first = early.waited();
  early.wait_begins();
  early.finish(0, nullptr);
  late.finish(0, nullptr);
  late.wait_begins();
  EXPECT_GE(first, before);
  EXPECT_EQ(early.waited(), first);
  EXPECT_LT(late.waited(), 0);
}

TEST_P(Collectives, Subgroups) {
  run([](ProcessGroup& g) {
    const int n = g.size(), r = g.rank();
    std::vector<int> half;
    for (int k = n - 1; k >= 0; --k) {
      if (k % 2 == r % 2) half.push_back(k);
    }
    const auto sub = g.subgroup(half);
    EXPECT_EQ(sub->size(), static_cast<int>(half.size()));
    EXPECT_EQ(half[static_cast<size_t>(sub->rank())], r);
    Tensor t = floats({5}, r);
    sub->all_reduce(t);
    double sum = 0;
    for (const int k : half) sum += k;
    expect_equal(t, floats({5}, sum), "the group's own ranks");
    const auto again = g.subgroup(half);
    again->all_reduce(t);
    g.all_reduce(t);
  });
}

TEST_P(Collectives, WritesAreSeenByVersionsAndGuarded) {
  run([](ProcessGroup& g) {
    Tensor w = ones({3}).requires_grad_();
    EXPECT_NE(error_of([&] { g.all_reduce(w); }).find("requires a gradient"), std::string::npos);
    EXPECT_NE(error_of([&] { g.all_reduce(ones({1}).expand({3})); }).find("share one address"), std::string::npos);
    EXPECT_NE(error_of([&] { g.all_reduce(ones({3}, {.dtype = i64}), ReduceOp::kAvg); }).find("avg of i64"),
              std::string::npos);
    EXPECT_NE(error_of([&] { g.all_reduce(Tensor()); }).find("undefined"), std::string::npos);
    EXPECT_NE(error_of([&] { g.all_reduce(ones({3}, {.device = kMeta})); }).find("does not carry tensors on meta"),
              std::string::npos);
    EXPECT_NE(error_of([&] { g.broadcast(ones({3}), g.size()); }).find("there is no rank"), std::string::npos);
    EXPECT_NE(error_of([&] {
                g.all_gather(ones({g.size(), 4}), ones({3}));
              }).find("but the tensor is"),
              std::string::npos);
    EXPECT_NE(error_of([&] { g.send(ones({3}), g.rank()); }).find("cannot exchange with itself"), std::string::npos);
    Tensor x = ones({3});
    const Tensor y = (w * x).sum();
    g.all_reduce(x);
    EXPECT_NE(error_of([&] { y.backward(); }).find("changed by an in-place operation"), std::string::npos);
    const NoGrad off;
    const uint32_t version = w.version();
    g.all_reduce(w);
    EXPECT_GT(w.version(), version);
  });
}

// The sum of f16 is beyond its range, the average is not.
TEST_P(Collectives, AveragesOfF16DoNotOverflow) {
  run([](ProcessGroup& g) {
    const int n = g.size();
    const auto large = [](const Shape& shape) { return full(shape, 40000, {.dtype = f16}); };
    const auto expect_large = [](const Tensor& t) {
      for (const double v : t.to_vector<double>()) EXPECT_NEAR(v, 40000, 64) << "two roundings";
    };
    Tensor t = large({5});
    g.all_reduce(t, ReduceOp::kAvg);
    expect_large(t);
    t = large({5});
    g.reduce(t, n - 1, ReduceOp::kAvg);
    expect_large(t);
    const Tensor all = large({n, 3}), mine = zeros({3}, {.dtype = f16});
    g.reduce_scatter(mine, all, ReduceOp::kAvg);
    expect_large(mine);
    EXPECT_TRUE(equal(all, large({n, 3}))) << "what is read stays";
    const std::vector<Tensor> several = {large({2}), large({3, 2}).t()};
    g.all_reduce(several, ReduceOp::kAvg);
    for (const Tensor& s : several) expect_large(s);
  });
}

// The root does not write, and refuses all the same: else it would go on alone.
TEST_P(Collectives, WhatCannotBeWrittenIsRefusedOnAllRanks) {
  run([](ProcessGroup& g) {
    const Tensor one_address = ones({1}).expand({4});
    EXPECT_NE(error_of([&] { g.broadcast(one_address, 0); }).find("share one address"), std::string::npos);
    EXPECT_NE(error_of([&] { g.reduce(one_address, 0); }).find("share one address"), std::string::npos);
    const std::vector<Tensor> several = {ones({2}), one_address};
    EXPECT_NE(error_of([&] { g.broadcast(several, 0); }).find("share one address"), std::string::npos);
    const Tensor leaf = ones({2}).requires_grad_();
    EXPECT_NE(error_of([&] { g.broadcast(leaf, 0); }).find("requires a gradient"), std::string::npos);
    g.barrier();
  });
}

TEST_P(Collectives, NanIsNotLost) {
  run([](ProcessGroup& g) {
    for (const DType d : {f16, bf16, f32, f64}) {
      for (int who = 0; who < g.size(); ++who) {
        for (const ReduceOp op : {ReduceOp::kMin, ReduceOp::kMax, ReduceOp::kSum}) {
          Tensor t = full({9}, g.rank() == who ? std::numeric_limits<double>::quiet_NaN() : g.rank(), {.dtype = d});
          g.all_reduce(t, op);
          expect_equal(t, floats({9}, std::numeric_limits<double>::quiet_NaN()), to_string(op));
        }
      }
    }
  });
}

TEST_P(Collectives, Gradients) {
  run([](ProcessGroup& g) {
    const int n = g.size(), r = g.rank();
    // Each rank's loss weighs what it sees by rank + 1; backward adds up all ranks' losses.
    const double all = n * (n + 1) / 2.0;
    Tensor x = floats({3}, r).requires_grad_();
    const Tensor w = floats({3}, r + 1);
    const auto gradient = [&](const Tensor& y) {
      x.set_grad({});
      (y * w).sum().backward();
      return x.grad();
    };
    expect_equal(functional::all_reduce(x, g), floats({3}, n * (n - 1) / 2.0), "all_reduce");
    expect_equal(gradient(functional::all_reduce(x, g)), floats({3}, all), "all_reduce");
    expect_equal(gradient(functional::all_reduce(x, g, ReduceOp::kAvg) * n), floats({3}, all), "avg");
    expect_equal(gradient(functional::broadcast(x, g, n - 1)), floats({3}, r == n - 1 ? all : 0), "broadcast");
    // Rank k weighs row j of the gathered by (k + 1) (j + 1).
    x.set_grad({});
    const Tensor rows = (arange(n, {.dtype = f32}) + 1).unsqueeze(1) * (r + 1);
    (functional::all_gather(x, g) * rows).sum().backward();
    expect_equal(x.grad(), floats({3}, all * (r + 1)), "all_gather");
    Tensor parts = ones({n, 3}).requires_grad_();
    (functional::reduce_scatter(parts, g) * w).sum().backward();
    for (int k = 0; k < n; ++k) expect_equal(parts.grad()[k], floats({3}, k + 1), "reduce_scatter");
    parts.set_grad({});
    (functional::all_to_all(parts, g) * (r + 1)).sum().backward();
    for (int k = 0; k < n; ++k) expect_equal(parts.grad()[k], floats({3}, k + 1), "all_to_all");
    // With S the sum over ranks, each loss is sum(S^2): its gradient is 2 n S, and that of all ranks' 2 n S is 2 n^2.
    const Tensor y = (functional::all_reduce(x, g) * functional::all_reduce(x, g)).sum();
    const Tensor first = grad(y, x, {}, {.create_graph = true});
    expect_equal(grad(first.sum(), x), floats({3}, 2.0 * n * n), "second");
    EXPECT_NE(error_of([&] { functional::all_reduce(x, g, ReduceOp::kMax); }).find("max has no gradient"),
              std::string::npos);
  });
}

TEST_P(Collectives, BytesAndJson) {
  run([](ProcessGroup& g) {
    const int n = g.size(), r = g.rank();
    const std::string mine = std::string(static_cast<size_t>(r) * 3, static_cast<char>(r)) + std::string("\0x", 2);
    const auto of = [](int k) {
      return std::string(static_cast<size_t>(k) * 3, static_cast<char>(k)) + std::string("\0x", 2);
    };
    std::vector<std::string> all;
    for (int k = 0; k < n; ++k) all.push_back(of(k));
    EXPECT_EQ(all_gather_bytes(g, mine), all);
    EXPECT_EQ(all_gather_bytes(g, ""), std::vector<std::string>(static_cast<size_t>(n)));
    EXPECT_EQ(broadcast_bytes(g, mine, n - 1), of(n - 1));
    EXPECT_EQ(gather_bytes(g, mine, 0), r == 0 ? all : std::vector<std::string>());
    EXPECT_EQ(scatter_bytes(g, r == 0 ? all : std::vector<std::string>(), 0), of(r));
    EXPECT_NE(error_of([&] { scatter_bytes(g, {}, 0); }).find("must give at most"), std::string::npos);
    if (n > 1 && r < 2) {
      if (r == 0) send_bytes(g, "hello", 1, 3);
      else EXPECT_EQ(recv_bytes(g, 0, 3), "hello");
    }
    EXPECT_EQ(broadcast_json(g, R"({"a": [1, 2]})", 0), R"({"a": [1, 2]})");
    EXPECT_EQ(all_gather_json(g, std::to_string(r)).back(), std::to_string(n - 1));
    const std::string e = error_of([&] { all_gather_json(g, r == n - 1 ? "{" : "1"); });
    EXPECT_NE(e.find("rank " + std::to_string(n - 1) + " gives"), std::string::npos) << e;
    EXPECT_NE(error_of([&] { broadcast_json(g, "{", 0); }).find("rank 0 gives"), std::string::npos);
    g.barrier();
  });
}

}  // namespace
}  // namespace hearth::distributed
