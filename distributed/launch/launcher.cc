#include "distributed/launch/launcher.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <system_error>
#include <thread>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/base/threads.h"
#include "distributed/launch/guardian.h"
#include "distributed/launch/rank_process.h"
#include "distributed/store/grpc_store.h"

namespace hearth::distributed {

const char* const kLaunchHelp =
    "hearthrun [options] PROGRAM [arguments]\n"
    "Starts PROGRAM as the ranks of a job, and ends all of them when one fails.\n"
    "  --nproc_per_node=N   ranks on this host (1)\n"
    "  --nnodes=N           hosts (1); run hearthrun on each\n"
    "  --node_rank=N        this host's number, from 0 (0)\n"
    "  --master_addr=HOST   the host of number 0 (127.0.0.1)\n"
    "  --master_port=PORT   the port of its store (a free one; 29500 for several hosts)\n"
    "  --max_restarts=N     starts the job again as often when a rank has failed (0)\n"
    "  --log_dir=DIR        each rank's output, DIR/<attempt>.<rank>.log (logs)\n"
    "  --quiet              shows no output of ranks, only the end of the one that has failed\n"
    "The ranks find RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, GROUP_RANK, MASTER_ADDR, MASTER_PORT,\n"
    "HEARTH_RESTART_COUNT and HEARTH_JOB_TOKEN in their environment, and HEARTH_NUM_THREADS: their share of this "
    "host's\n"
    "cores. For several hosts set HEARTH_JOB_TOKEN, a secret that they share, on each.\n";

LaunchOptions parse_launch_options(int argc, const char* const* argv) {
  LaunchOptions o;
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; ++i) {
    std::string a = argv[i];
    if (a == "--") {
      ++i;
      break;
    }
    const size_t equals = a.find('=');
    std::string name = a.substr(0, equals);
    std::replace(name.begin(), name.end(), '-', '_');
    if (name == "__quiet") {
      o.show = false;
      continue;
    }
    std::string value;
    if (equals != std::string::npos) {
      value = a.substr(equals + 1);
    } else {
      HEARTH_CHECK(i + 1 < argc, "hearthrun: ", a, " needs a value");
      value = argv[++i];
    }
    const auto number = [&](int low, int high) {
      int n = -1;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
      HEARTH_CHECK(error == std::errc() && end == value.data() + value.size() && n >= low && n <= high,
                   "hearthrun: ", a.substr(0, equals), " must be a whole number from ", low, " to ", high,
                   ", but is \"", value, "\"");
      return n;
    };
    if (name == "__nproc_per_node") o.per_node = number(1, 1024);
    else if (name == "__nnodes") o.nodes = number(1, 65536);
    else if (name == "__node_rank") o.node = number(0, 65535);
    else if (name == "__master_addr") o.master = value;
    else if (name == "__master_port") o.port = number(1, 65535);
    else if (name == "__max_restarts") o.max_restarts = number(0, 1000000);
    else if (name == "__log_dir") o.log_dir = value;
    else fail("hearthrun: unknown option ", a.substr(0, equals), " (see --help)");
  }
  for (; i < argc; ++i) o.command.push_back(argv[i]);
  HEARTH_CHECK(!o.command.empty(), "hearthrun: there is no program to start (see --help)");
  HEARTH_CHECK(o.node < o.nodes, "hearthrun: --node_rank=", o.node, " must be below --nnodes=", o.nodes);
  if (o.nodes > 1 && o.port == 0) o.port = 29500;
  return o;
}

namespace {

using std::chrono::milliseconds;

std::string job_token() {
  if (const char* t = std::getenv("HEARTH_JOB_TOKEN"); t && *t) return t;
  std::random_device random;
  std::string token;
  for (int i = 0; i < 8; ++i) token += concat(random(), i < 7 ? "-" : "");
  return token;
}

std::string variable(const char* name) {
  const char* v = std::getenv(name);
  return v ? v : "";
}

// SIGINT, SIGTERM, SIGHUP and SIGCHLD as something to poll.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, s);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  }
  ~Signals() { ::close(fd_); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  int fd() const { return fd_; }
  // The signal that asks the launcher to end; 0: none.
  int ending() const {
    signalfd_siginfo info;
    int out = 0;
    while (::read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo != SIGCHLD) out = static_cast<int>(info.ssi_signo);
    }
    return out;
  }

 private:
  int fd_;
};

// What launchers of several hosts tell one another: that a rank has failed.
class OtherHosts {
 public:
  OtherHosts(std::shared_ptr<Store> store, int attempt) : store_(std::move(store)), key_(concat("failed/", attempt)) {
    thread_.start("hearthrun", 1, [this](int) {
      while (!stop_.stop_requested()) {
        const auto word = store_->wait(key_, std::chrono::hours(1), stop_.get_token());
        if (absl::IsDeadlineExceeded(word.status())) continue;
        if (absl::IsCancelled(word.status())) return;
        why_ = word.ok() ? *word : std::string(word.status().message());
        failed_ = true;
        return;
      }
    });
  }
  // Why the job has failed elsewhere; empty: it has not.
  std::string why() const { return failed_ ? why_ : std::string(); }
  void tell(const std::string& why) { (void)store_->set_if_absent(key_, why); }

 private:
  const std::shared_ptr<Store> store_;
  const std::string key_;
  std::string why_;
  std::atomic<bool> failed_{false};
  std::stop_source stop_;
  ThreadGroup thread_{[this] { stop_.request_stop(); }};
};

enum class Outcome { kWell, kFailed, kInterrupted };

class Attempt {
 public:
  Attempt(const LaunchOptions& o, int attempt, int port, const std::string& token, const Guardian& guardian,
          const StoreServer* server, std::shared_ptr<Store> store)
      : o_(o), attempt_(attempt), server_(server) {
    if (store) others_ = std::make_unique<OtherHosts>(std::move(store), attempt);
    const int share = std::max(1, num_threads() / o.per_node);
    for (int local = 0; local < o.per_node; ++local) {
      const int rank = o.node * o.per_node + local;
      std::map<std::string, std::string> v = {
          {"RANK", std::to_string(rank)},         {"WORLD_SIZE", std::to_string(o.per_node * o.nodes)},
          {"LOCAL_RANK", std::to_string(local)},  {"LOCAL_WORLD_SIZE", std::to_string(o.per_node)},
          {"GROUP_RANK", std::to_string(o.node)}, {"MASTER_ADDR", o.master},
          {"MASTER_PORT", std::to_string(port)},  {"HEARTH_RESTART_COUNT", std::to_string(attempt)},
          {"HEARTH_STORE_SERVED", "1"},           {"HEARTH_JOB_TOKEN", token},
      };
      if (variable("HEARTH_NUM_THREADS").empty()) v["HEARTH_NUM_THREADS"] = std::to_string(share);
      const std::string log = concat(o.log_dir, "/", attempt, ".", rank, ".log");
      logs_.push_back(log);
      ranks_.push_back(std::make_unique<RankProcess>(rank, o.command, v, log, o.show, guardian));
    }
  }

  Outcome run(const Signals& signals) {
    while (true) {
      wait(signals);
      if (const int s = signals.ending(); s != 0) {
        std::fprintf(stderr, "hearthrun: %s, ending %d ranks\n", ::strsignal(s), o_.per_node);
        if (others_) others_->tell("interrupted");
        end_all();
        return Outcome::kInterrupted;
      }
      bool running = false;
      RankProcess* failed = nullptr;
      for (auto& r : ranks_) {
        if (r->running()) running = true;
        // One that was killed counts before those that fail because of it.
        else if (!r->ended_well() && (!failed || (r->killed() && !failed->killed()))) failed = r.get();
      }
      if (failed) {
        settle();
        if (!failed->killed()) failed = first_of(failed);
        if (others_) others_->tell(concat("rank ", failed->rank(), " ", failed->how()));
        end_all();
        show_end(*failed);
        return Outcome::kFailed;
      }
      if (others_ && running && !others_->why().empty()) {
        const std::string why = others_->why();
        end_all();
        std::fprintf(stderr, "hearthrun: another host ends the job: %s\n", why.c_str());
        return why == "interrupted" ? Outcome::kInterrupted : Outcome::kFailed;
      }
      if (!running) return Outcome::kWell;
    }
  }

 private:
  // A moment in which the other ranks may say what they know of the failure.
  void settle() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    bool running = true;
    while (running && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(milliseconds(10));
      running = false;
      for (auto& r : ranks_) {
        running |= r->running();
        r->read_output();
      }
    }
  }
  // A rank that throws is still tidying up when others, which follow it, have ended. It has said so in the store.
  RankProcess* first_of(RankProcess* failed) {
    if (!server_) return failed;
    const std::string said = "rank ", what = " has left the group with an exception";
    for (const auto& [key, value] : server_->entries(concat("job/", attempt_, "/group/"))) {
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
  void wait(const Signals& signals) {
    std::vector<pollfd> fds = {{signals.fd(), POLLIN, 0}};
    for (auto& r : ranks_) fds.push_back({r->output(), POLLIN, 0});  // a negative descriptor is skipped
    ::poll(fds.data(), fds.size(), 200);
    for (auto& r : ranks_) r->read_output();
  }
  void end_all() {
    for (auto& r : ranks_) r->signal(SIGTERM);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(o_.grace_seconds);
    while (std::chrono::steady_clock::now() < end) {
      bool running = false;
      for (auto& r : ranks_) {
        running |= r->running();
        r->read_output();
      }
      if (!running) break;
      std::this_thread::sleep_for(milliseconds(20));
    }
    // Also what ended ranks have left behind in their groups.
    for (auto& r : ranks_) r->signal(SIGKILL);
    for (auto& r : ranks_) {
      while (r->running()) std::this_thread::sleep_for(milliseconds(5));
      r->read_output();
    }
  }
  void show_end(const RankProcess& r) const {
    std::fflush(stdout);
    const std::string& log = logs_[static_cast<size_t>(r.rank() - o_.node * o_.per_node)];
    std::fprintf(stderr, "hearthrun: rank %d %s; the end of %s:\n", r.rank(), r.how().c_str(), log.c_str());
    for (const std::string& line : r.last_lines()) std::fprintf(stderr, "  %s\n", line.c_str());
  }

  const LaunchOptions& o_;
  const int attempt_;
  const StoreServer* const server_;  // null where another host has it
  std::vector<std::string> logs_;
  std::vector<std::unique_ptr<RankProcess>> ranks_;
  std::unique_ptr<OtherHosts> others_;
};

}  // namespace

int launch(const LaunchOptions& o) {
  HEARTH_CHECK(o.nodes == 1 || !variable("HEARTH_JOB_TOKEN").empty(),
               "hearthrun: for several hosts set HEARTH_JOB_TOKEN, a secret that they share, on each");
  std::error_code error;
  std::filesystem::create_directories(o.log_dir, error);
  if (error) fail(ErrorKind::kIo, "hearthrun: cannot make the directory ", o.log_dir, ": ", error.message());
  const Signals signals;
  const Guardian guardian;  // before there are threads
  const StoreSecurity security{.token = job_token(),
                               .ca_file = variable("HEARTH_TLS_CA"),
                               .certificate_file = variable("HEARTH_TLS_CERTIFICATE"),
                               .key_file = variable("HEARTH_TLS_KEY")};
  const auto expect = [](const absl::Status& s) {
    if (!s.ok()) fail(ErrorKind::kIo, "hearthrun: ", std::string(s.message()));
  };
  std::unique_ptr<StoreServer> server;
  int port = o.port;
  if (o.node == 0) {
    auto started = StoreServer::start(o.nodes == 1 ? "127.0.0.1" : "0.0.0.0", port, security);
    expect(started.status());
    server = *std::move(started);
    port = server->port();
  }
  std::shared_ptr<Store> store;
  if (o.nodes > 1) {
    auto connected = connect_store(o.master, port, security, std::chrono::minutes(10));
    expect(connected.status());
    store = *std::move(connected);
  }
  for (int attempt = 0;; ++attempt) {
    Outcome outcome;
    {
      Attempt a(o, attempt, port, security.token, guardian, server.get(), store);
      outcome = a.run(signals);
    }
    if (outcome == Outcome::kInterrupted) return 130;
    if (outcome == Outcome::kWell || attempt == o.max_restarts) {
      // The store's host stays until the others need it no more.
      if (store) {
        const auto done = store->add("launchers done", 1);
        if (done.ok() && *done == o.nodes) (void)store->set("all launchers done", "");
        else if (server) (void)store->wait("all launchers done", std::chrono::hours(24));
      }
      return outcome == Outcome::kWell ? 0 : 1;
    }
    std::fprintf(stderr, "hearthrun: starting again, %d of %d\n", attempt + 1, o.max_restarts);
  }
}

}  // namespace hearth::distributed
