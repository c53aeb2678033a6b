#include "distributed/launch/attempt.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>

#include "core/base/error.h"
#include "core/base/parallel.h"

namespace hearth::distributed {

using std::chrono::milliseconds;

Attempt::Attempt(const LaunchOptions& options, int number, const Meeting& meeting, const Guardian& guardian)
    : o_(options), number_(number), server_(meeting.server) {
  if (meeting.store) others_ = std::make_unique<OtherHosts>(meeting.store, o_.node, o_.nodes, number_);
  const int share = std::max(1, num_threads() / o_.per_node);
  for (int local = 0; local < o_.per_node; ++local) {
    const int rank = o_.node * o_.per_node + local;
    std::map<std::string, std::string> v = {
        {"RANK", std::to_string(rank)},
        {"WORLD_SIZE", std::to_string(o_.per_node * o_.nodes)},
        {"LOCAL_RANK", std::to_string(local)},
        {"LOCAL_WORLD_SIZE", std::to_string(o_.per_node)},
        {"GROUP_RANK", std::to_string(o_.node)},
        {"MASTER_ADDR", meeting.host},
        {"MASTER_PORT", std::to_string(meeting.port)},
        {"HEARTH_RESTART_COUNT", std::to_string(number_)},
        {"HEARTH_STORE_SERVED", "1"},
        {"HEARTH_JOB_TOKEN", meeting.token},
    };
    const char* threads = std::getenv("HEARTH_NUM_THREADS");
    if (!threads || !*threads) v["HEARTH_NUM_THREADS"] = std::to_string(share);
    const std::string log = concat(o_.log_dir, "/", number_, ".", rank, ".log");
    logs_.push_back(log);
    ranks_.push_back(std::make_unique<RankProcess>(rank, o_.command, v, log, o_.show, guardian));
  }
}

Outcome Attempt::run(const Signals& signals) {
  while (true) {
    wait(signals);
    if (const int s = signals.ending(); s != 0) {
      std::fprintf(stderr, "hearthrun: %s, ending %d ranks\n", ::strsignal(s), o_.per_node);
      if (others_) others_->tell(OtherHosts::kInterrupted);
      end_all();
      return Outcome::kInterrupted;
    }
    if (RankProcess* failed = failed_rank()) {
      settle();
      failed = failed_rank();
      if (!failed->killed()) failed = first_of(failed);
      if (others_) others_->tell(concat("rank ", failed->rank(), " ", failed->how()));
      end_all();
      show_end(*failed);
      return Outcome::kFailed;
    }
    if (others_) {
      // Also when the ranks of this host have ended well: the job starts again on all hosts or on none.
      if (const auto word = others_->word()) {
        if (*word == OtherHosts::kWell) return Outcome::kWell;
        end_all();
        std::fprintf(stderr, "hearthrun: another host ends the job: %s\n", word->c_str());
        return *word == OtherHosts::kInterrupted ? Outcome::kInterrupted : Outcome::kFailed;
      }
      if (!running()) others_->tell_well();
    } else if (!running()) {
      return Outcome::kWell;
    }
  }
}

// Whether a rank is running; reads output.
bool Attempt::running() {
  bool any = false;
  for (auto& r : ranks_) {
    any |= r->running();
    r->read_output();
  }
  return any;
}

// Null: none has failed. One that was killed counts before those that fail because of it.
RankProcess* Attempt::failed_rank() {
  RankProcess* failed = nullptr;
  for (auto& r : ranks_) {
    if (!r->running() && !r->ended_well() && (!failed || (r->killed() && !failed->killed()))) failed = r.get();
  }
  return failed;
}

// A moment in which the other ranks may say what they know of the failure.
void Attempt::settle() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (running() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(milliseconds(10));
}

// A rank that throws is still tidying up when others, which follow it, have ended. It has said so in the store.
RankProcess* Attempt::first_of(RankProcess* failed) {
  if (!server_) return failed;
  const std::string said = "rank ", what = " has left the group with an exception";
  for (const auto& [key, value] : server_->entries(concat("job/", number_, "/group/"))) {
    if (key.size() < 7 || key.compare(key.size() - 7, 7, "/failed") != 0) continue;
    if (std::count(key.begin(), key.end(), '/') != 4) continue;  // a subgroup, which has other numbers
    for (auto& r : ranks_) {
      if (value != said + std::to_string(r->rank()) + what) continue;
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(o_.grace_seconds);
      while (r->running() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(milliseconds(5));
      r->read_output();
      return r->running() || r->ended_well() ? failed : r.get();
    }
  }
  return failed;
}

// For a signal or output; reads output.
void Attempt::wait(const Signals& signals) {
  std::vector<pollfd> fds = {{signals.fd(), POLLIN, 0}};
  for (auto& r : ranks_) fds.push_back({r->output(), POLLIN, 0});  // a negative descriptor is skipped
  ::poll(fds.data(), fds.size(), 200);
  for (auto& r : ranks_) r->read_output();
}

void Attempt::end_all() {
  for (auto& r : ranks_) r->signal(SIGTERM);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(o_.grace_seconds);
  while (running() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(milliseconds(20));
  // Also what ended ranks have left behind in their groups.
  for (auto& r : ranks_) r->signal(SIGKILL);
  while (running()) std::this_thread::sleep_for(milliseconds(5));
}

void Attempt::show_end(const RankProcess& r) const {
  std::fflush(stdout);
  const std::string& log = logs_[static_cast<size_t>(r.rank() - o_.node * o_.per_node)];
  std::fprintf(stderr, "hearthrun: rank %d %s; the end of %s:\n", r.rank(), r.how().c_str(), log.c_str());
  for (const std::string& line : r.last_lines()) std::fprintf(stderr, "  %s\n", line.c_str());
}

}  // namespace hearth::distributed
