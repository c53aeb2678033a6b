// hearth-serve: a server of exported models. docs/serving.md is its manual.

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/flags/parse.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/threads.h"
#include "serve/grpc/server.h"
#include "serve/server.h"
#include "serve/tools/flags.h"

namespace hearth::serve {
namespace {

// Takes the process's signals in a thread of its own; all other threads block them. While models are loaded, SIGTERM
// and its like end the program, because no request was accepted yet. Then the first one drains the server, and the
// second ends the program at once.
class Signals {
 public:
  Signals() {
    sigemptyset(&taken_);
    for (const int s : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&taken_, s);
    pthread_sigmask(SIG_BLOCK, &taken_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a log that has reached its size limit must not end the server
    // Not in a ThreadGroup, which joins: sigwait() never returns to be told so.
    std::thread([this] { serve(); }).detach();
  }

  // Requests are accepted from now on.
  void have_started() {
    const MutexLock lock(mutex_);
    serving_ = true;
  }

  // Calls `reload` for each SIGHUP. Returns when another signal asks the server to end.
  void wait_for_end(const std::function<void()>& reload) {
    MutexLock lock(mutex_);
    while (!ending_) {
      lock.wait(changed_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_ || reload_; });
      if (!std::exchange(reload_, false)) continue;
      lock.unlock();
      reload();
      lock.lock();
    }
  }

 private:
  [[noreturn]] void serve() {
    while (true) {
      int signal = 0;
      sigwait(&taken_, &signal);
      const MutexLock lock(mutex_);
      if (signal == SIGHUP) {
        reload_ = true;
      } else if (!serving_) {
        std::fprintf(stderr, "hearth-serve: ended before it was ready\n");
        std::_Exit(0);
      } else if (ending_) {
        std::_Exit(128 + signal);
      } else {
        ending_ = true;
      }
      changed_.notify_all();
    }
  }

  sigset_t taken_;
  Mutex mutex_;
  std::condition_variable changed_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool reload_ ABSL_GUARDED_BY(mutex_) = false;
};

// Ends the program if it still runs `limit` after start(), whatever hangs: a model may compute for hours.
class Watchdog {
 public:
  void start(std::chrono::milliseconds limit) {
    thread_.start("the watchdog", 1, [this, limit](int) {
      MutexLock lock(mutex_);
      if (lock.wait_for(ended_, limit, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; })) return;
      std::fprintf(stderr, "hearth-serve: some requests were not answered in time\n");
      std::_Exit(1);
    });
  }

 private:
  Mutex mutex_;
  std::condition_variable ended_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  ThreadGroup thread_{[this] {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    ended_.notify_all();
  }};
};

void complain(const absl::Status& s) { std::fprintf(stderr, "hearth-serve: %s\n", std::string(s.message()).c_str()); }

int serve_until_told(const CommandLine& line) {
  // Never destroyed: its thread runs until the program ends.
  static Signals& signals = *new Signals;
  Watchdog watchdog;  // ends after the servers
  const ServerOptions& options = line.server;
  auto server = Server::start(options);
  if (!server.ok()) {
    complain(server.status());
    return 1;
  }
  signals.have_started();
  std::vector<std::unique_ptr<GrpcServer>> grpc;
  std::vector<bool> grpc_administers;
  std::string grpc_ports;
  for (auto o : {line.grpc, line.grpc_admin}) {
    if (!o) continue;
    o->memory = (*server)->memory();
    o->log = (*server)->access_log();
    auto g = GrpcServer::start(*o, (*server)->models());
    if (!g.ok()) {
      complain(g.status());
      return 1;
    }
    grpc_ports += concat(o->administration ? ", gRPC with administration on port " : ", gRPC on port ", (*g)->port());
    grpc.push_back(*std::move(g));
    grpc_administers.push_back(o->administration);
  }
  for (const IndexEntry& e : (*server)->models().index()) {
    std::fprintf(stderr, "hearth-serve: %s version %lld: %s%s%s\n", e.name.c_str(), static_cast<long long>(e.version),
                 kVersionStateNames[static_cast<size_t>(e.state)], e.reason.empty() ? "" : ": ", e.reason.c_str());
  }
  std::printf("listening on %s port %d", options.http.address.c_str(), (*server)->port());
  if (options.serve_admin)
    std::printf(", administration on %s port %d", options.admin.address.c_str(), (*server)->admin_port());
  std::printf("%s\n", grpc_ports.c_str());
  std::fflush(stdout);

  signals.wait_for_end([&] {
    const auto tokens = read_tokens();
    absl::Status s = tokens.ok() ? (*server)->reload(*tokens) : tokens.status();
    for (size_t i = 0; i < grpc.size() && tokens.ok(); ++i) {
      grpc[i]->set_tokens(grpc_tokens(*tokens, grpc_administers[i]));
      s.Update(grpc[i]->reload_tls());
    }
    if (s.ok()) std::fprintf(stderr, "hearth-serve: read tokens and certificates again\n");
    else complain(s);
  });
  std::fprintf(stderr, "hearth-serve: draining\n");
  const auto limit = line.drain;
  watchdog.start(limit + std::chrono::seconds(1));
  bool all = true;
  {
    ThreadGroup drains([] {});
    drains.start("draining", static_cast<int>(grpc.size()), [&](int i) { grpc[static_cast<size_t>(i)]->drain(limit); });
    all = (*server)->drain(std::chrono::milliseconds(300), limit);
  }
  if (!all) {
    std::fprintf(stderr, "hearth-serve: some requests were not answered in time\n");
    std::_Exit(1);
  }
  return 0;
}

}  // namespace
}  // namespace hearth::serve

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    if (a == "--help" || a == "-help" || a == "-h") {
      std::fputs(hearth::serve::help_text().c_str(), stdout);
      return 0;
    }
  }
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "hearth-serve: unexpected argument \"%s\" (see --help)\n", rest[1]);
    return 2;
  }
  try {
    const auto line = hearth::serve::read_flags();
    if (!line.ok()) {
      hearth::serve::complain(line.status());
      return 2;
    }
    return hearth::serve::serve_until_told(*line);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hearth-serve: %s\n", e.what());
    return 1;
  }
}
