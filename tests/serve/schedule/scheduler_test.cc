// Joining requests to batches, their order, and what becomes of those that nobody waits for.
#include "serve/schedule/scheduler.h"

#include <gtest/gtest.h>

#include <future>

#include "core/base/error.h"
#include "core/ops/join.h"
#include "tests/serve/models.h"

namespace hearth::serve {
namespace {

using testing::Scale;
using Result = absl::StatusOr<std::vector<Value>>;

struct Pending {
  std::shared_ptr<std::promise<Result>> promise = std::make_shared<std::promise<Result>>();
  std::future<Result> result = promise->get_future();
};
Job job(const Pending& p, double value, int64_t rows = 1) {
  Job j;
  j.inputs = {full({rows, 2}, value)};
  j.done = [promise = p.promise](Result r, const Job::Timing&) { promise->set_value(std::move(r)); };
  return j;
}

class SchedulerTest : public ::testing::Test {
 protected:
  void start(const SchedulerOptions& o) {
    options = o;
    scheduler = std::make_unique<Scheduler>(model, o, stats);
  }
  // Keeps the only instance busy, so that what comes next waits.
  void block() {
    model->hold(true);
    ASSERT_TRUE(scheduler->submit(job(blocker, 1)).ok());
    while (model->batches().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  std::shared_ptr<Scale> model = std::make_shared<Scale>();
  std::shared_ptr<ModelStats> stats = std::make_shared<ModelStats>();
  SchedulerOptions options;
  Pending blocker;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_F(SchedulerTest, AThreadThatCannotStart) {
  hearth::detail::limit_threads(2);
  try {
    start({.instances = 3});
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).substr(0, 59), "the model's instances: thread 3 of 3 could not be started: ");
  }
  hearth::detail::limit_threads(-1);
  start({.instances = 3});
  EXPECT_TRUE(scheduler);
}

TEST_F(SchedulerTest, JoinsWhatWaits) {
  start({.max_batch_size = 4});
  block();
  std::vector<Pending> all(5);
  for (size_t i = 0; i < all.size(); ++i) ASSERT_TRUE(scheduler->submit(job(all[i], static_cast<double>(i))).ok());
  model->hold(false);
  for (size_t i = 0; i < all.size(); ++i) {
    const Result r = all[i].result.get();
    ASSERT_TRUE(r.ok()) << r.status();
    EXPECT_EQ((*r)[0].tensor().to_vector<float>(), (std::vector<float>(2, 2 * static_cast<float>(i))));
  }
  EXPECT_EQ(model->batches(), (std::vector<int64_t>{1, 4, 1}));
  scheduler.reset();
  EXPECT_EQ(stats->success.count, 6);
  EXPECT_EQ(stats->inferences, 6);
  EXPECT_EQ(stats->executions, 3);
  EXPECT_EQ(stats->pending, 0);
  EXPECT_EQ(stats->batches[4].count, 1);
}

TEST_F(SchedulerTest, RowsCountAndLargeRequestsRunInPieces) {
  start({.max_batch_size = 4});
  block();
  std::vector<Pending> all(3);
  ASSERT_TRUE(scheduler->submit(job(all[0], 1, 3)).ok());
  ASSERT_TRUE(scheduler->submit(job(all[1], 2, 2)).ok());
  ASSERT_TRUE(scheduler->submit(job(all[2], 3, 9)).ok());
  model->hold(false);
  for (size_t i = 0; i < all.size(); ++i) {
    const Result r = all[i].result.get();
    ASSERT_TRUE(r.ok()) << r.status();
    const std::vector<float> y = (*r)[0].tensor().to_vector<float>();
    EXPECT_EQ(y, std::vector<float>(y.size(), 2 * static_cast<float>(i + 1)));
    EXPECT_EQ(y.size(), i == 0 ? 6u : i == 1 ? 4u : 18u);
  }
  EXPECT_EQ(model->batches(), (std::vector<int64_t>{1, 3, 2, 4, 4, 1}));
}

TEST_F(SchedulerTest, UrgentOnesComeFirst) {
  start({.max_batch_size = 1});
  block();
  std::mutex m;
  std::vector<int> order;
  std::vector<Pending> all(4);
  for (int i = 0; i < 4; ++i) {
    Job j = job(all[static_cast<size_t>(i)], i);
    j.urgent = i >= 2;
    j.done = [&, i, p = all[static_cast<size_t>(i)].promise](Result r, const Job::Timing&) {
      {
        const std::lock_guard lock(m);
        order.push_back(i);
      }
      p->set_value(std::move(r));
    };
    ASSERT_TRUE(scheduler->submit(std::move(j)).ok());
  }
  model->hold(false);
  for (auto& p : all) EXPECT_TRUE(p.result.get().ok());
  EXPECT_EQ(order, (std::vector<int>{2, 3, 0, 1}));
}

TEST_F(SchedulerTest, LateAndAbandonedOnesAreNotRun) {
  start({.max_batch_size = 8});
  block();
  std::vector<Pending> all(3);
  Job late = job(all[0], 1), gone = job(all[1], 1);
  late.deadline = Clock::now() - std::chrono::milliseconds(1);
  gone.cancelled = std::make_shared<std::atomic<bool>>(true);
  ASSERT_TRUE(scheduler->submit(std::move(late)).ok());
  ASSERT_TRUE(scheduler->submit(std::move(gone)).ok());
  ASSERT_TRUE(scheduler->submit(job(all[2], 1)).ok());
  model->hold(false);
  EXPECT_TRUE(absl::IsDeadlineExceeded(all[0].result.get().status()));
  EXPECT_TRUE(absl::IsCancelled(all[1].result.get().status()));
  EXPECT_TRUE(all[2].result.get().ok());
  EXPECT_EQ(model->batches(), (std::vector<int64_t>{1, 1}));
}

TEST_F(SchedulerTest, AFullQueueRefuses) {
  start({.max_batch_size = 1, .max_queue_size = 2});
  block();
  std::vector<Pending> all(3);
  EXPECT_TRUE(scheduler->submit(job(all[0], 1)).ok());
  EXPECT_TRUE(scheduler->submit(job(all[1], 1)).ok());
  EXPECT_EQ(scheduler->submit(job(all[2], 1)).message(), "the model's queue is full: 2 requests wait");
  EXPECT_EQ(stats->failures[static_cast<size_t>(Failure::kRejected)], 1);
  model->hold(false);
  EXPECT_TRUE(all[1].result.get().ok());
}

TEST_F(SchedulerTest, LateOnesAreAnsweredWhileTheModelIsBusy) {
  start({.max_batch_size = 1, .max_queue_size = 2});
  block();
  std::vector<Pending> all(4);
  Job late = job(all[0], 1), gone = job(all[1], 1);
  late.deadline = Clock::now();
  gone.cancelled = std::make_shared<std::atomic<bool>>(true);
  ASSERT_TRUE(scheduler->submit(std::move(late)).ok());
  ASSERT_TRUE(scheduler->submit(std::move(gone)).ok());
  // They make room for others, and are answered though the only instance hangs.
  ASSERT_TRUE(scheduler->submit(job(all[2], 1)).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(all[0].result.get().status()));
  EXPECT_TRUE(absl::IsCancelled(all[1].result.get().status()));
  Job later = job(all[3], 1);
  later.deadline = Clock::now() + std::chrono::milliseconds(1);
  ASSERT_TRUE(scheduler->submit(std::move(later)).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  scheduler->expire();
  EXPECT_TRUE(absl::IsDeadlineExceeded(all[3].result.get().status()));
  EXPECT_EQ(stats->pending, 1);
  model->hold(false);
  EXPECT_TRUE(all[2].result.get().ok());
}

// Gives what its signature does not say.
class Liar : public Scale {
 public:
  absl::StatusOr<std::vector<Tensor>> run_tensors(std::span<const Tensor> in) const override {
    if (in[0].min().item<double>() == 1) return std::vector<Tensor>{};
    return std::vector<Tensor>{full({7, 2}, 1.0)};
  }
};

TEST(Scheduler, OutputsAreHeldAgainstTheSignature) {
  Scheduler scheduler(std::make_shared<Liar>(), {}, std::make_shared<ModelStats>());
  for (const double value : {1.0, 2.0}) {
    Pending p;
    ASSERT_TRUE(scheduler.submit(job(p, value)).ok());
    EXPECT_EQ(p.result.get().status().message(), "the model's outputs do not match its signature");
  }
}

TEST_F(SchedulerTest, OneBadRequestSpoilsNoOther) {
  start({.max_batch_size = 8});
  block();
  std::vector<Pending> all(3);
  ASSERT_TRUE(scheduler->submit(job(all[0], 1)).ok());
  ASSERT_TRUE(scheduler->submit(job(all[1], -1000)).ok());
  ASSERT_TRUE(scheduler->submit(job(all[2], 3)).ok());
  model->hold(false);
  EXPECT_TRUE(all[0].result.get().ok());
  EXPECT_EQ(all[1].result.get().status().message(), "a number below -100");
  EXPECT_TRUE(all[2].result.get().ok());
}

TEST_F(SchedulerTest, AnErrorInAPieceNamesItsRows) {
  start({.max_batch_size = 4});
  Pending p;
  Job j = job(p, 1, 10);
  j.inputs = {cat({full({6, 2}, 1), full({4, 2}, -1000)}, 0)};
  ASSERT_TRUE(scheduler->submit(std::move(j)).ok());
  EXPECT_EQ(p.result.get().status().message(), "among rows 4 to 7: a number below -100");
}

TEST_F(SchedulerTest, WaitsForOthersIfTold) {
  start({.max_batch_size = 3, .max_queue_delay = std::chrono::seconds(10)});
  std::vector<Pending> all(3);
  for (auto& p : all) ASSERT_TRUE(scheduler->submit(job(p, 1)).ok());
  for (auto& p : all) EXPECT_TRUE(p.result.get().ok());
  EXPECT_EQ(model->batches(), (std::vector<int64_t>{3}));
  // Its end does not wait for a fuller batch.
  Pending last;
  ASSERT_TRUE(scheduler->submit(job(last, 1)).ok());
  scheduler.reset();
  EXPECT_TRUE(last.result.get().ok());
}

TEST_F(SchedulerTest, ManyThreadsManyInstances) {
  start({.max_batch_size = 16, .instances = 3, .max_queue_size = 100000});
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        Pending p;
        ASSERT_TRUE(scheduler->submit(job(p, t * 1000 + i)).ok());
        const Result r = p.result.get();
        if (r.ok() && (*r)[0].tensor().to_vector<float>()[1] == static_cast<float>(2 * (t * 1000 + i))) ++right;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(right, 2000);
}

TEST(SchedulerOptions, AreChecked) {
  EXPECT_THROW(Scheduler::checked({.max_batch_size = -1}), Error);
  EXPECT_THROW(Scheduler::checked({.instances = 0}), Error);
  EXPECT_THROW(Scheduler::checked({.max_queue_size = 0}), Error);
  EXPECT_THROW(Scheduler::checked({.max_queue_delay = std::chrono::seconds(11)}), Error);
}

TEST(SchedulerOfStrings, JoinsAndCutsThem) {
  const auto model = std::make_shared<testing::Reverse>();
  const auto stats = std::make_shared<ModelStats>();
  Scheduler scheduler(model, {.max_batch_size = 3}, stats);
  const auto submit = [&](const Pending& p, std::vector<std::string> texts) {
    Job j;
    const auto n = static_cast<int64_t>(texts.size());
    j.inputs = {BytesTensor{.shape = {n}, .elements = std::move(texts)}};
    j.done = [promise = p.promise](Result r, const Job::Timing&) { promise->set_value(std::move(r)); };
    ASSERT_TRUE(scheduler.submit(std::move(j)).ok());
  };
  model->hold(true);
  Pending first, two, one, many, bad;
  submit(first, {"x"});
  while (model->batches().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  submit(two, {"ab", ""});
  submit(one, {"cde"});
  submit(many, {"12", "34", "56", "78"});
  submit(bad, {"fail"});
  model->hold(false);
  const auto is = [](Pending& p, const std::vector<std::string>& texts) {
    const Result r = p.result.get();
    ASSERT_TRUE(r.ok()) << r.status();
    EXPECT_EQ((*r)[0].bytes().elements, texts);
    for (size_t i = 0; i < texts.size(); ++i)
      EXPECT_EQ((*r)[1].tensor().to_vector<int64_t>()[i], static_cast<int64_t>(texts[i].size()));
  };
  is(first, {"x"});
  is(two, {"ba", ""});
  is(one, {"edc"});
  is(many, {"21", "43", "65", "87"});
  EXPECT_EQ(bad.result.get().status().message(), "a text is \"fail\"");
  EXPECT_EQ(model->batches(), (std::vector<int64_t>{1, 3, 3, 1, 1}));
}

}  // namespace
}  // namespace hearth::serve
