// What ranks say when others are missing, have gone or call something else.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <future>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/base/threads.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "distributed/group/failure_watch.h"
#include "distributed/group/peer_status.h"
#include "distributed/store/memory_store.h"
#include "tests/distributed/backends.h"

namespace hearth::distributed {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Failures : public testing::TestWithParam<std::string> {
 protected:
  // Each rank's error. The timeout is that of what follows a first barrier.
  std::vector<std::string> outcomes(int ranks, milliseconds timeout, const std::function<void(ProcessGroup&)>& body,
                                    bool check = false) {
    std::vector<std::string> out(static_cast<size_t>(ranks));
    GroupOptions options = patient();
    options.check = check;
    on_ranks(
        GetParam(), ranks,
        [&](ProcessGroup& g) {
          g.barrier();
          g.set_timeout(timeout);
          out[static_cast<size_t>(g.rank())] = error_of([&] { body(g); });
        },
        options);
    return out;
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

INSTANTIATE_TEST_SUITE_P(Backends, Failures, testing::Values("threads", "gloo"),
                         [](const auto& info) { return info.param; });

TEST_P(Failures, ARankThatDoesNotComeIsNamedOnAllOthers) {
  std::atomic<int> failed{0};
  const auto out = outcomes(3, seconds(5), [&](ProcessGroup& g) {
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
    const std::string& e = out[static_cast<size_t>(r)];
    EXPECT_TRUE(has(e, "all_reduce #2 of f32 [256, 4], sum on rank " + std::to_string(r) + " of 3")) << e;
    EXPECT_TRUE(has(e, "rank 2 calls nothing since barrier #1")) << e;
    EXPECT_TRUE(has(e, "rank " + std::to_string(1 - r) + " is in all_reduce #2")) << e;
    EXPECT_TRUE(has(e, "last operations:\n  rank 0: barrier #1")) << e;
  }
}

TEST_P(Failures, DifferentShapesEndNoProcess) {
  const auto out =
      outcomes(2, seconds(5), [](ProcessGroup& g) { g.all_reduce(zeros({g.rank() == 0 ? 1000 : 200000})); });
  for (const auto& e : out) {
    EXPECT_TRUE(has(e, "of f32 [1000]")) << e;
    EXPECT_TRUE(has(e, "of f32 [200000]")) << e;
  }
}

TEST_P(Failures, CheckFindsDifferencesAtOnce) {
  // At the timeout the text would be another one.
  const auto out = outcomes(
      3, std::chrono::hours(1),
      [](ProcessGroup& g) {
        for (int i = 0; i < 10; ++i) g.all_reduce(zeros({5}));
        if (g.rank() == 1) g.broadcast(zeros({5}), 0);
        else g.all_reduce(zeros({5}));
      },
      true);
  for (const auto& e : out) {
    EXPECT_TRUE(has(e, "ranks call different operations")) << e;
    EXPECT_TRUE(has(e, "all_reduce #12 of f32 [5], sum")) << e;
    EXPECT_TRUE(has(e, "broadcast #12 of f32 [5] from rank 0")) << e;
  }
}

TEST_P(Failures, AGroupThatHasFailedSaysSo) {
  std::atomic<int> failed{0};
  const auto out = outcomes(2, milliseconds(500), [&](ProcessGroup& g) {
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
  EXPECT_EQ(out[0], "no error");
}

TEST_P(Failures, ARankThatThrowsEndsTheOthers) {
  for (const bool check : {false, true}) {
    GroupOptions options = patient();
    options.timeout = std::chrono::hours(1);  // nobody waits for it
    options.check = check;
    std::string error;
    try {
      on_ranks(
          GetParam(), 3,
          [&](ProcessGroup& g) {
            if (g.rank() == 1) throw std::runtime_error("out of cheese");
            const std::string e = error_of([&] { g.all_reduce(zeros({5})); });
            EXPECT_TRUE(has(e, "rank 1 has left the group with an exception")) << e;
          },
          options);
    } catch (const std::runtime_error& e) {
      error = e.what();
    }
    EXPECT_EQ(error, "out of cheese");
  }
}

TEST_P(Failures, AReceiveThatNobodyServes) {
  const auto out = outcomes(2, seconds(5), [&](ProcessGroup& g) {
    if (g.rank() == 0) {
      const Work given_up = g.recv_async(zeros({3}), 1, 5);
      EXPECT_FALSE(given_up.wait_for(milliseconds(20)));
    }
    if (g.rank() == 0) g.recv(zeros({3, 2}), 1, 7);
    else g.barrier();
  });
  EXPECT_TRUE(has(out[0], "recv #1 of f32 [3, 2] from rank 1, tag 7")) << out[0];
  EXPECT_TRUE(has(out[0], "rank 1 is in barrier #2")) << out[0];
}

TEST_P(Failures, ATransferThatNobodyWaitsForSpoilsNothing) {
  on_ranks(GetParam(), 2, [](ProcessGroup& g) {
    // More than the system's buffers take.
    constexpr int64_t kMany = 1 << 20;
    if (g.rank() == 0) {
      Work never, given_up;
      {
        never = g.recv_async(zeros({3}), 1, 5);
        given_up = g.recv_async(zeros({kMany}), 1, 6);
        EXPECT_FALSE(given_up.wait_for(milliseconds(20)));
      }
      never = given_up = {};
      g.send_async(full({kMany}, 4.0), 1, 7);
    }
    g.barrier();
    if (g.rank() == 1) {
      g.send(ones({3}), 0, 5);
      g.send(ones({kMany}), 0, 6);
      const Tensor late = zeros({kMany});
      g.recv(late, 0, 7);
      EXPECT_EQ(late.sum().item<double>(), 4.0 * kMany);
    }
    const Tensor t = ones({kMany});
    g.all_reduce(t);
    EXPECT_EQ(t.sum().item<double>(), 2.0 * kMany);
    // The next with the same tags are others.
    for (const uint32_t tag : {5, 6}) {
      const Tensor next = full({3}, g.rank() * 9.0);
      if (g.rank() == 1) g.send(next, 0, tag);
      else g.recv(next, 1, tag);
      EXPECT_EQ(next.sum().item<double>(), 27);
    }
    g.barrier();
  });
}

// What the others' exchange needs has failed on this rank, and for no fault of the backend.
class Refusing final : public Backend {
 public:
  Refusing(std::unique_ptr<Backend> real, bool refuses) : real_(std::move(real)), refuses_(refuses) {}
  const char* name() const override { return real_->name(); }
  void run(const Transfer& t) override {
    if (refuses_ && t.call.type == OpType::kAllReduce) throw std::bad_alloc();
    real_->run(t);
  }
  std::unique_ptr<PendingTransfer> post(const Transfer& t) override { return real_->post(t); }
  void abort(const std::string& why) override { real_->abort(why); }

 private:
  const std::unique_ptr<Backend> real_;
  const bool refuses_;
};

TEST_P(Failures, AnyExceptionOfABackendIsTheGroups) {
  const BackendFactory real = factory_of(GetParam());
  GroupOptions options = patient();
  options.timeout = std::chrono::hours(1);
  run_ranks(
      2,
      [](ProcessGroup& g) {
        // The first: one rank's failure also ends what another has not yet returned from.
        const std::string e = error_of([&] { g.all_reduce(zeros({5})); });
        EXPECT_TRUE(has(e, "std::bad_alloc")) << e;
        EXPECT_TRUE(has(e, "all_reduce #1")) << e;
      },
      options,
      [real](const std::shared_ptr<Store>& store, const std::string& group, int rank, int size, milliseconds timeout) {
        return std::make_unique<Refusing>(real(store, group, rank, size, timeout), rank == 1);
      });
}

TEST_P(Failures, UnevenPartsThatDoNotFit) {
  const auto out = outcomes(2, seconds(5), [](ProcessGroup& g) {
    const std::vector<int64_t> two = {1, 1}, three = {1, 2};
    if (g.rank() == 0) g.all_to_all(zeros({2}), zeros({3}), two, three);
    else g.all_to_all(zeros({2}), zeros({2}), two, two);
  });
  EXPECT_TRUE(has(out[1], "rank 0 gives 2 elements, but rank 1 takes 1")) << out[1];
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

// As a write of Gloo's to a rank that has gone does.
TEST(GlooBackend, ABrokenPipeEndsNoProcess) {
  on_ranks("gloo", 1, [](ProcessGroup&) {});
  EXPECT_EQ(std::raise(SIGPIPE), 0);
}

TEST(GroupThread, ThatTheSystemRefusesCostsNoOperation) {
  on_ranks("threads", 1, [](ProcessGroup& g) {
    const Tensor t = ones({2});
    hearth::detail::limit_threads(0);
    const std::string e = error_of([&] { g.all_reduce_async(t); });
    hearth::detail::limit_threads(-1);
    EXPECT_NE(e.find("could not be started"), std::string::npos) << e;
    EXPECT_TRUE(g.record().empty());
    g.all_reduce_async(t).wait();
    EXPECT_EQ(g.record().back().call.sequence, 1u);
  });
}

// A store that cannot be reached for a while.
class Flaky final : public Store {
 public:
  absl::StatusOr<std::string> wait(const std::string& key, milliseconds timeout, const std::stop_token& stop) override {
    if (failures_-- > 0) return absl::UnavailableError("store: cut off");
    return real_.wait(key, timeout, stop);
  }
  absl::Status set(const std::string& key, const std::string& value) override { return real_.set(key, value); }
  absl::StatusOr<std::string> get(const std::string& key) override { return real_.get(key); }
  absl::StatusOr<std::string> set_if_absent(const std::string& key, const std::string& value) override {
    return real_.set_if_absent(key, value);
  }
  absl::StatusOr<int64_t> add(const std::string& key, int64_t amount) override { return real_.add(key, amount); }
  absl::Status erase(const std::string& key) override { return real_.erase(key); }

 private:
  std::atomic<int> failures_{3};
  MemoryStore real_;
};

TEST(FailureWatchTest, GoesOnWhenTheStoreIsBack) {
  const auto store = std::make_shared<Flaky>();
  std::promise<std::string> heard;
  const FailureWatch watch(
      store, 0, 2, milliseconds(500), [] { return PeerStatus{.doing = "is here"}; },
      [&](const std::string& why) { heard.set_value(why); });
  ASSERT_TRUE(store->set("failed", "rank 1 has\nfailed \x1b[2J").ok());
  // What another process writes is made fit for a terminal.
  EXPECT_EQ(heard.get_future().get(), "rank 1 has failed  [2J");
  EXPECT_TRUE(store->wait("status/0", std::chrono::hours(1), {}).ok());
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
