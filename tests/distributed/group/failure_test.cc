// What ranks say when others are missing, have gone or call something else.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "core/ops/create.h"
#include "distributed/group/peer_status.h"
#include "distributed/store/memory_store.h"
#include "tests/distributed/backends.h"

namespace hearth::distributed {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Failures : public testing::TestWithParam<std::string> {
 protected:
  // Each rank's error, and how long it took in seconds.
  struct Outcome {
    std::string error = "no error";
    double seconds = 0;
  };
  std::vector<Outcome> outcomes(int ranks, const GroupOptions& options,
                                const std::function<void(ProcessGroup&)>& body) {
    std::vector<Outcome> out(static_cast<size_t>(ranks));
    on_ranks(
        GetParam(), ranks,
        [&](ProcessGroup& g) {
          g.barrier();
          Outcome& mine = out[static_cast<size_t>(g.rank())];
          const auto begin = Clock::now();
          mine.error = error_of([&] { body(g); });
          mine.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        },
        options);
    return out;
  }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
};

INSTANTIATE_TEST_SUITE_P(Backends, Failures, testing::Values("threads", "gloo"),
                         [](const auto& info) { return info.param; });

TEST_P(Failures, ARankThatDoesNotComeIsNamedOnAllOthers) {
  std::atomic<int> failed{0};
  const auto out = outcomes(3, {.timeout = seconds(2)}, [&](ProcessGroup& g) {
    if (g.rank() == 2) {
      while (failed < 2) std::this_thread::sleep_for(milliseconds(10));
      return;
    }
    try {
      g.all_reduce(zeros({256, 4}));
    } catch (...) {
      ++failed;
      throw;
    }
  });
  for (const int r : {0, 1}) {
    const std::string& e = out[static_cast<size_t>(r)].error;
    EXPECT_TRUE(has(e, "all_reduce #2 of f32 [256, 4], sum on rank " + std::to_string(r) + " of 3")) << e;
    EXPECT_TRUE(has(e, "rank 2 calls nothing since barrier #1")) << e;
    EXPECT_TRUE(has(e, "rank " + std::to_string(1 - r) + " is in all_reduce #2")) << e;
    EXPECT_TRUE(has(e, "last operations:\n  rank 0: barrier #1")) << e;
    EXPECT_LT(out[static_cast<size_t>(r)].seconds, 3) << "the timeout and a second";
  }
}

TEST_P(Failures, DifferentShapesEndNoProcess) {
  const auto out = outcomes(2, {.timeout = seconds(1)},
                            [](ProcessGroup& g) { g.all_reduce(zeros({g.rank() == 0 ? 1000 : 200000})); });
  for (const auto& o : out) {
    EXPECT_TRUE(has(o.error, "of f32 [1000]")) << o.error;
    EXPECT_TRUE(has(o.error, "of f32 [200000]")) << o.error;
  }
}

TEST_P(Failures, CheckFindsDifferencesAtOnce) {
  const GroupOptions checked{.timeout = seconds(60), .check = true};
  const auto out = outcomes(3, checked, [](ProcessGroup& g) {
    for (int i = 0; i < 10; ++i) g.all_reduce(zeros({5}));
    if (g.rank() == 1) g.broadcast(zeros({5}), 0);
    else g.all_reduce(zeros({5}));
  });
  for (const auto& o : out) {
    EXPECT_TRUE(has(o.error, "ranks call different operations")) << o.error;
    EXPECT_TRUE(has(o.error, "all_reduce #12 of f32 [5], sum")) << o.error;
    EXPECT_TRUE(has(o.error, "broadcast #12 of f32 [5] from rank 0")) << o.error;
    EXPECT_LT(o.seconds, 30);
  }
}

TEST_P(Failures, AGroupThatHasFailedSaysSo) {
  std::atomic<int> failed{0};
  const auto out = outcomes(2, {.timeout = milliseconds(500)}, [&](ProcessGroup& g) {
    if (g.rank() == 1) {
      while (failed < 1) std::this_thread::sleep_for(milliseconds(10));
      return;
    }
    const Work first = g.all_reduce_async(zeros({3})), second = g.all_reduce_async(zeros({4}));
    EXPECT_TRUE(has(error_of([&] { first.wait(); }), "all_reduce #2 of f32 [3]"));
    EXPECT_TRUE(has(error_of([&] { first.wait(); }), "all_reduce #2 of f32 [3]"));
    EXPECT_TRUE(has(error_of([&] { second.wait(); }), "has failed before"));
    EXPECT_TRUE(has(error_of([&] { g.barrier(); }), "has failed before"));
    ++failed;
  });
  EXPECT_EQ(out[0].error, "no error");
}

TEST_P(Failures, ARankThatThrowsEndsTheOthers) {
  const auto begin = Clock::now();
  std::string error;
  try {
    on_ranks(GetParam(), 3,
             [&](ProcessGroup& g) {
               if (g.rank() == 1) throw std::runtime_error("out of cheese");
               const std::string e = error_of([&] { g.all_reduce(zeros({5})); });
               EXPECT_TRUE(has(e, "rank 1 has left the group with an exception")) << e;
             },
             {.timeout = seconds(60)});
  } catch (const std::runtime_error& e) {
    error = e.what();
  }
  EXPECT_EQ(error, "out of cheese");
  EXPECT_LT(Clock::now() - begin, seconds(30));
}

TEST_P(Failures, AReceiveThatNobodyServes) {
  const auto out = outcomes(2, {.timeout = milliseconds(500)}, [&](ProcessGroup& g) {
    if (g.rank() == 0) {
      const Work given_up = g.recv_async(zeros({3}), 1, 5);
      EXPECT_FALSE(given_up.wait_for(milliseconds(20)));
    }
    if (g.rank() == 0) g.recv(zeros({3, 2}), 1, 7);
    else g.barrier();
  });
  EXPECT_TRUE(has(out[0].error, "recv #1 of f32 [3, 2] from rank 1, tag 7")) << out[0].error;
  EXPECT_TRUE(has(out[0].error, "rank 1 is in barrier #2")) << out[0].error;
}

TEST_P(Failures, UnevenPartsThatDoNotFit) {
  const auto out = outcomes(2, {.timeout = seconds(2)}, [](ProcessGroup& g) {
    const std::vector<int64_t> two = {1, 1}, three = {1, 2};
    if (g.rank() == 0) g.all_to_all(zeros({2}), zeros({3}), two, three);
    else g.all_to_all(zeros({2}), zeros({2}), two, two);
  });
  EXPECT_TRUE(has(out[1].error, "rank 0 gives 2 elements, but rank 1 takes 1")) << out[1].error;
}

TEST(Rendezvous, NamesWhoDidNotCome) {
  for (const char* backend : {"threads", "gloo"}) {
    const auto store = std::make_shared<MemoryStore>();
    const std::string e =
        error_of([&] { ProcessGroup g(0, 2, store, factory_of(backend), {.timeout = milliseconds(200)}); });
    EXPECT_NE(e.find("the group \"world\" of 2 ranks, of which this is rank 0, was not made: rank 1 did not come"),
              std::string::npos)
        << e;
  }
}

TEST(PeerStatus, TakesOnlyItsOwn) {
  const PeerStatus s{.doing = "is in \"barrier\"\n#1", .last = {"a", "b"}};
  const auto back = PeerStatus::parse(s.to_json());
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->doing, "is in \"barrier\" #1");
  EXPECT_EQ(back->last, s.last);
  for (const char* bad :
       {"", "{}", "[]", "{\"doing\":1,\"last\":[]}", "{\"doing\":\"\",\"last\":[1]}", "{\"doing\":\"\"}"})
    EXPECT_FALSE(PeerStatus::parse(bad).ok()) << bad;
}

}  // namespace
}  // namespace hearth::distributed
