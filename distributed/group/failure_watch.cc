#include "distributed/group/failure_watch.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "distributed/group/backend.h"

namespace hearth::distributed {
namespace {

constexpr const char* kFailed = "failed";
// Between two attempts to reach a store that does not answer.
constexpr std::chrono::milliseconds kFirstPause{50}, kLastPause{2000};

std::string status_key(int rank) { return "status/" + std::to_string(rank); }
// There while the rank watches.
std::string watching_key(int rank) { return "watching/" + std::to_string(rank); }

}  // namespace

std::string rank_failed(int rank, const std::string& cause) {
  return concat("rank ", rank, " has failed (", cause, ")");
}

FailureWatch::FailureWatch(std::shared_ptr<Store> store, int rank, int size, std::chrono::milliseconds grace,
                           std::function<PeerStatus()> status, std::function<void(const std::string&)> on_failure)
    : store_(std::move(store)),
      rank_(rank),
      size_(size),
      grace_(grace),
      status_(std::move(status)),
      on_failure_(std::move(on_failure)) {
  thread_.start("ProcessGroup", 1, [this](int) { watch(); });
}

FailureWatch::~FailureWatch() = default;

void FailureWatch::watch() {
  auto pause = kFirstPause;
  (void)store_->set(watching_key(rank_), "");
  while (!stop_.stop_requested()) {
    const auto failed = store_->wait(kFailed, std::chrono::hours(1), stop_.get_token());
    if (failed.ok()) {
      (void)store_->set_if_absent(status_key(rank_), status_().to_json());
      return on_failure_(printable(*failed, kPrintedMessage));
    }
    if (absl::IsDeadlineExceeded(failed.status())) {
      pause = kFirstPause;
      continue;
    }
    // Without its store a group still works; that nobody can be asked is said when something fails. It may come back.
    MutexLock lock(mutex_);
    paused_.wait_for(lock, stop_.get_token(), pause, [] { return false; });
    pause = std::min(pause * 2, kLastPause);
  }
}

std::string FailureWatch::report(const std::string& cause) {
  const PeerStatus mine = status_();
  const auto end = Clock::now() + grace_;
  const auto left = [end] {
    return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()),
                    std::chrono::milliseconds(0));
  };
  std::string unreachable, whole_cause = cause;
  std::vector<std::optional<PeerStatus>> theirs(static_cast<size_t>(size_));
  // What is there is found at once, or the store cannot be reached: other calls would try for longer.
  if (const auto there = store_->wait(watching_key(rank_), left()); !there.ok()) {
    unreachable = std::string(there.status().message());
  } else if (const auto s = store_->set_if_absent(status_key(rank_), mine.to_json()); !s.ok()) {
    unreachable = std::string(s.status().message());
  } else {
    const std::string own = rank_failed(rank_, cause);
    const auto first = store_->set_if_absent(kFailed, own);
    // What came first counts: that a connection broke mostly follows from it.
    if (first.ok() && *first != own && cause.find(*first) == std::string::npos)
      whole_cause = concat(printable(*first, kPrintedMessage), "; here: ", cause);
    for (int r = 0; r < size_; ++r) {
      if (r == rank_) continue;
      const auto word = store_->wait(status_key(r), left());
      if (!word.ok()) continue;
      if (auto status = PeerStatus::parse(*word); status.ok()) theirs[static_cast<size_t>(r)] = *std::move(status);
    }
  }
  std::string silent, others, last = "\nlast operations:";
  const auto add_last = [&](int r, const PeerStatus& s) {
    last += concat("\n  rank ", r, ": ");
    for (size_t i = 0; i < s.last.size(); ++i) last += concat(i ? " | " : "", s.last[i]);
    if (s.last.empty()) last += "none";
  };
  for (int r = 0; r < size_; ++r) {
    const auto& s = theirs[static_cast<size_t>(r)];
    if (r == rank_) {
      add_last(r, mine);
    } else if (s) {
      others += concat("; rank ", r, " ", s->doing);
      add_last(r, *s);
    } else {
      silent += concat(silent.empty() ? "" : ", ", r);
    }
  }
  std::string text;
  if (!unreachable.empty()) text = concat("; nobody can be asked: ", unreachable);
  else if (!silent.empty()) text = concat("; no word from rank ", silent);
  return text + others + "; cause: " + whole_cause + last;
}

void FailureWatch::leave(bool failed) {
  PeerStatus s = status_();
  s.doing = failed ? "has left the group with an exception" : "has left the group";
  (void)store_->set_if_absent(status_key(rank_), s.to_json());
  if (failed) (void)store_->set_if_absent(kFailed, concat("rank ", rank_, " has left the group with an exception"));
}

}  // namespace hearth::distributed
