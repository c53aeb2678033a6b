// Accepts connections and hands them to the worker threads (session.cc).
#include "serve/http/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/threads.h"
#include "serve/http/place_internal.h"
#include "serve/http/session_internal.h"
#include "serve/net/stream_internal.h"

namespace hearth::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

// Connections beyond a limit that are accepted for essential requests. One address may take half of them only.
constexpr int64_t kReserve = 64;

// Raises the limit of open files as far as the system allows. Returns how many connections that leaves room for.
int64_t raise_file_limit(int64_t wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_NOFILE, &files);
  constexpr int64_t kOthers = 512;  // models, logs, administration, gRPC
  const auto limit = static_cast<int64_t>(std::min<rlim_t>(files.rlim_cur, rlim_t{1} << 40));
  return std::min(wanted, std::max<int64_t>({limit - kOthers, limit / 2, 1}));
}

}  // namespace

class HttpServer::Impl {
 public:
  absl::Status start(const HttpServerOptions& options, HttpHandler handler) {
    shared_.options = options;
    shared_.handler = std::move(handler);
    if (!options.memory) shared_.options.memory = std::make_shared<MemoryBudget>(options.max_pending_bytes);
    shared_.options.max_connections = raise_file_limit(options.max_connections);
    if (shared_.options.max_connections_per_peer <= 0)
      shared_.options.max_connections_per_peer = std::max<int64_t>(shared_.options.max_connections / 2, 1);
    if (absl::Status s = reload_tls(); !s.ok()) return s;
    error_code e;
    const auto address = asio::ip::make_address(options.address, e);
    if (e) return absl::InvalidArgumentError(concat("\"", options.address, "\" is not an IP address"));
    for (int i = 0; i < options.threads; ++i) workers_.push_back(std::make_shared<HttpWorker>());
    acceptor_ = std::make_unique<tcp::acceptor>(workers_[0]->io);
    pause_ = std::make_unique<asio::steady_timer>(workers_[0]->io);
    const tcp::endpoint endpoint(address, static_cast<uint16_t>(options.port));
    acceptor_->open(endpoint.protocol(), e);
    if (!e) acceptor_->set_option(tcp::acceptor::reuse_address(true), e);
    if (!e) acceptor_->bind(endpoint, e);
    if (!e) acceptor_->listen(4096, e);
    if (e) {
      return absl::UnavailableError(
          concat("cannot listen on ", options.address, " port ", options.port, ": ", e.message()));
    }
    port_ = acceptor_->local_endpoint().port();
    threads_.start("the HTTP server", options.threads, [this](int i) { workers_[static_cast<size_t>(i)]->serve(); });
    running_ = true;
    // Acceptor, timers and sessions belong to the workers' threads.
    for (auto& w : workers_) asio::post(w->io, [&w = *w] { w.sweep(); });
    asio::post(workers_[0]->io, [this] { accept(); });
    return absl::OkStatus();
  }

  ~Impl() {
    if (!running_) return;
    stop_accepting();
    shared_.stopping = true;
    for (auto& w : workers_) {
      asio::post(w->io, [&w = *w] {
        const std::vector<HttpSession*> all(w.sessions.begin(), w.sessions.end());
        for (HttpSession* s : all) s->close();
        w.timer.cancel();
      });
    }
    // A request that is being answered keeps its connection, and the answer is posted to the worker's thread: the
    // threads must live until then.
    while (shared_.connections.load() > 0) std::this_thread::sleep_for(milliseconds(1));
  }

  bool drain(milliseconds grace, milliseconds limit) {
    const Clock::time_point start = Clock::now();
    shared_.drain_grace_ends = (start + grace).time_since_epoch().count();
    shared_.draining = true;
    stop_accepting();
    while (shared_.connections.load() > 0) {
      if (Clock::now() - start >= limit) return false;
      std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
  }

  absl::Status reload_tls() {
    if (shared_.options.certificate.empty()) return absl::OkStatus();
    auto tls = TlsContext::load(shared_.options.certificate, shared_.options.private_key, "http/1.1");
    if (!tls.ok()) return tls.status();
    const MutexLock lock(tls_mutex_);
    tls_ = *std::move(tls);
    return absl::OkStatus();
  }

  int port() const { return port_; }
  int64_t connections() const { return shared_.connections.load(); }

 private:
  void accept() {
    const std::shared_ptr<HttpWorker>& w = workers_[next_++ % workers_.size()];
    acceptor_->async_accept(w->io, [this, w](error_code e, tcp::socket s) {
      if (!e) try_adopt(w, std::move(s));
      if (!acceptor_->is_open()) return;
      if (!e) return accept();
      // No file descriptor is left: wait for one.
      pause_->expires_after(milliseconds(20));
      pause_->async_wait([this](error_code aborted) {
        if (!aborted && acceptor_->is_open()) accept();
      });
    });
  }

  // An exception (out of memory, most likely) ends the connection, not the accepting.
  void try_adopt(const std::shared_ptr<HttpWorker>& w, tcp::socket s) {
    try {
      adopt(w, std::move(s));
    } catch (const std::exception& thrown) {
      std::fprintf(stderr, "hearth: a connection was not accepted: %s\n", thrown.what());
    }
  }

  // In the acceptor's thread.
  void adopt(const std::shared_ptr<HttpWorker>& w, tcp::socket s) {
    auto place = std::make_unique<HttpPlace>(shared_, s);
    const HttpServerOptions& o = shared_.options;
    bool drop = false;
    if (place->peer_connections() > o.max_connections_per_peer) {
      drop = shared_.restricted.load() >= kReserve / 2;
      place->restrict(HttpPlace::Limit::kPeer);
    } else if (place->connections() - shared_.restricted.load() > o.max_connections) {
      // Close an idle connection for this one.
      const auto idlest = *std::max_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) {
        return a->idle.load() < b->idle.load();
      });
      if (idlest->idle.load() > 0 && place->connections() <= o.max_connections + 2 * kReserve) {
        asio::post(idlest->io, [idlest] { idlest->make_room(); });
      } else {
        drop = shared_.restricted.load() >= kReserve;
        place->restrict(HttpPlace::Limit::kServer);
      }
    }
    if (drop) return;
    std::shared_ptr<TlsContext> tls;
    {
      const MutexLock lock(tls_mutex_);
      tls = tls_;
    }
    asio::post(w->io, [this, w, s = std::move(s), tls = std::move(tls), place = std::move(place)]() mutable {
      if (shared_.stopping) return;
      HttpSession::make(shared_, w, std::move(s), std::move(tls), std::move(place))->start();
    });
  }

  // Accepts the connections that the system has queued, then closes the acceptor.
  void stop_accepting() {
    Mutex m;
    std::condition_variable done;
    bool closed = false;
    auto& io = workers_[0]->io;
    asio::post(io, [&] {
      error_code e;
      if (acceptor_->is_open()) {
        acceptor_->non_blocking(true, e);
        while (!e) {
          const std::shared_ptr<HttpWorker>& w = workers_[next_++ % workers_.size()];
          tcp::socket s(w->io);
          acceptor_->accept(s, e);
          if (!e) try_adopt(w, std::move(s));
        }
        acceptor_->close(e);
        pause_->cancel();
      }
      // Runs after the handler of an accept that was under way.
      asio::post(io, [&] {
        const MutexLock lock(m);
        closed = true;
        done.notify_all();
      });
    });
    MutexLock lock(m);
    lock.wait(done, [&] { return closed; });
  }

  HttpShared shared_;
  Mutex tls_mutex_;
  std::shared_ptr<TlsContext> tls_ ABSL_GUARDED_BY(tls_mutex_);  // null: plain
  std::vector<std::shared_ptr<HttpWorker>> workers_;
  std::unique_ptr<tcp::acceptor> acceptor_;
  std::unique_ptr<asio::steady_timer> pause_;
  size_t next_ = 0;
  int port_ = 0;
  bool running_ = false;
  // Ends before what its threads use.
  ThreadGroup threads_{[this] {
    for (auto& w : workers_) {
      w->alive.reset();
      w->io.stop();
    }
  }};
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options, HttpHandler handler) {
  if (options.port < 0 || options.port > 65535)
    return absl::InvalidArgumentError(concat("there is no port ", options.port));
  if (options.threads < 1 || options.threads > 256) return absl::InvalidArgumentError("threads must be 1 to 256");
  if (options.certificate.empty() != options.private_key.empty())
    return absl::InvalidArgumentError("TLS needs both a certificate and its private key");
  try {
    auto impl = std::make_unique<Impl>();
    if (absl::Status s = impl->start(options, std::move(handler)); !s.ok()) return s;
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
  } catch (const Error& refused) {  // a thread
    return absl::ResourceExhaustedError(refused.what());
  }
}

absl::Status HttpServer::reload_tls() { return impl_->reload_tls(); }
int HttpServer::port() const { return impl_->port(); }
int64_t HttpServer::connections() const { return impl_->connections(); }
bool HttpServer::drain(milliseconds grace, milliseconds limit) { return impl_->drain(grace, limit); }

}  // namespace hearth::serve
