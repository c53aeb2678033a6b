// hearth-serve: a server of exported models. docs/serving.md leads through it.

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/parse.h"
#include "core/base/error.h"
#include "serve/flags.h"
#include "serve/grpc/grpc_server.h"
#include "serve/server.h"

namespace hearth::serve {
namespace {

// Signals, which every thread blocks and one of its own takes. While models are loaded the first that says so ends the
// program, since nothing was accepted yet; then it drains; and the second ends it at once.
class Signals {
 public:
  Signals() {
    sigemptyset(&taken_);
    for (const int s : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&taken_, s);
    pthread_sigmask(SIG_BLOCK, &taken_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a log that may grow no more is no reason to end
    std::thread([this] { serve(); }).detach();
  }

  // Requests are accepted from now on.
  void have_started() {
    const std::lock_guard lock(mutex_);
    serving_ = true;
  }

  // Calls `reload` for each SIGHUP until another signal says that it is enough.
  void wait_for_end(const std::function<void()>& reload) {
    std::unique_lock lock(mutex_);
    while (!ending_) {
      changed_.wait(lock, [&] { return ending_ || reload_; });
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
      const std::lock_guard lock(mutex_);
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
  std::mutex mutex_;
  std::condition_variable changed_;
  bool serving_ = false, ending_ = false, reload_ = false;  // guarded by mutex_
};

void complain(const absl::Status& s) { std::fprintf(stderr, "hearth-serve: %s\n", std::string(s.message()).c_str()); }

int serve_until_told(const CommandLine& line) {
  // Outlives main: its thread does.
  static Signals& signals = *new Signals;
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
    if (s.ok()) std::fprintf(stderr, "hearth-serve: read tokens and certificates anew\n");
    else complain(s);
  });
  std::fprintf(stderr, "hearth-serve: draining\n");
  const auto limit = line.drain;
  // Whatever hangs (a model that computes for hours), the program ends.
  std::thread([limit] {
    std::this_thread::sleep_for(limit + std::chrono::seconds(1));
    std::fprintf(stderr, "hearth-serve: some requests were not answered in time\n");
    std::_Exit(1);
  }).detach();
  std::vector<std::thread> drains;
  drains.reserve(grpc.size());
  for (auto& g : grpc) drains.emplace_back([&g, limit] { g->drain(limit); });
  const bool all = (*server)->drain(std::chrono::milliseconds(300), limit);
  for (std::thread& d : drains) d.join();
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
