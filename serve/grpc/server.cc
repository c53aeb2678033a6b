#include "serve/grpc/server.h"

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <thread>
#include <unordered_set>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "serve/base/counted.h"
#include "serve/grpc/session.h"
#include "serve/net/stream_internal.h"

namespace hearth::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr const char* kProtocol = "h2";  // gRPC's clients ask for HTTP/2 by this name (RFC 7301)
constexpr size_t kReadBytes = 8 << 10;
constexpr milliseconds kSweep{200}, kLinger{1000};

class Link;

struct Network {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> alive{io.get_executor()};
  asio::steady_timer timer{io}, pause{io};
  std::shared_ptr<TlsContext> tls;  // null: plain
  std::unique_ptr<tcp::acceptor> acceptor;
  std::unordered_set<Link*> links;
};

// A connection. All its functions run in the network's thread.
class Link : public std::enable_shared_from_this<Link> {
 public:
  static std::shared_ptr<Link> make(GrpcShared& shared, const std::shared_ptr<Network>& network, tcp::socket socket) {
    return {new Link(shared, network, std::move(socket)),
            // Any thread may drop the last reference. The deleter keeps the network alive.
            [network](Link* l) { asio::post(network->io, [l] { delete l; }); }};
  }
  ~Link() {
    session_.reset();
    stream_.reset();
    network_->links.erase(this);
  }

  void start() {
    using Make = absl::AnyInvocable<absl::StatusOr<std::string>()>;
    session_ = std::make_unique<GrpcSession>(
        shared_, peer_, [weak = weak_from_this(), network = network_](uint32_t stream, Make make) {
          auto self = weak.lock();
          if (!self) return;
          asio::post(network->io, [self = std::move(self), stream, make = std::move(make)]() mutable {
            self->session_->answer(stream, std::move(make));
            self->flush();
          });
        });
    stream_->handshake([self = shared_from_this()](error_code e, size_t) {
      if (e) return self->close();
      self->flush();
      self->read();
    });
  }

  void check(Clock::time_point now) {
    if (closed_) return;
    if (writing_ && now - write_since_ > shared_.options.request_timeout) return close();
    if (ending_ && now - ending_since_ > kLinger) return close();
    if (ending_) return;
    if (!session_->check(now)) return end();
    flush();
    if (shared_.draining && session_->idle() && !writing_) end();
  }

  void shut_down() {
    if (!session_) return;
    session_->shut_down();
    flush();
  }

  void close() {
    if (std::exchange(closed_, true)) return;
    error_code ignored;
    stream_->socket().close(ignored);
  }

 private:
  Link(GrpcShared& shared, std::shared_ptr<Network> network, tcp::socket socket)
      : count_(shared.connections), shared_(shared), network_(std::move(network)) {
    error_code e;
    const auto end = socket.remote_endpoint(e);
    if (!e) peer_ = end.address().to_string();
    socket.set_option(tcp::no_delay(true), e);
    stream_ = make_stream(std::move(socket), network_->tls);
    network_->links.insert(this);
  }

  void read() {
    if (reading_ || closed_ || ending_ || session_->congested()) return;
    reading_ = true;
    stream_->read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code e, size_t n) {
      self->reading_ = false;
      if (e) return self->close();
      if (self->ending_) return self->discard();
      if (!self->session_->receive({self->buffer_.data(), n})) return self->end();
      self->flush();
      self->read();
    });
  }

  void flush() {
    if (writing_ || closed_) return;
    out_ = session_->take_output();
    if (out_.empty()) {
      if (ending_) finish_writing();
      return;
    }
    writing_ = true;
    write_since_ = Clock::now();
    stream_->write({asio::buffer(out_), asio::const_buffer()}, [self = shared_from_this()](error_code e, size_t) {
      self->writing_ = false;
      if (e) return self->close();
      self->flush();
      self->read();
    });
  }

  // Writes the rest of the output, then closes. The client has a moment to read why.
  void end() {
    if (std::exchange(ending_, true)) return;
    ending_since_ = Clock::now();
    session_->shut_down();
    flush();
  }
  void finish_writing() {
    error_code ignored;
    stream_->socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (!reading_) discard();
  }
  // Reads and drops what still comes: closing a socket with unread bytes would reset it, and the client could lose the
  // last frames.
  void discard() {
    stream_->socket().async_read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code e, size_t) {
      if (e) self->close();
      else self->discard();
    });
  }

  const Counted count_;  // destroyed last: the server waits for it
  GrpcShared& shared_;
  const std::shared_ptr<Network> network_;
  std::unique_ptr<ByteStream> stream_;
  std::string peer_;
  std::unique_ptr<GrpcSession> session_;
  std::array<char, kReadBytes> buffer_;
  std::string out_;
  bool reading_ = false, writing_ = false, closed_ = false, ending_ = false;
  Clock::time_point write_since_, ending_since_;
};

void sweep(Network& network) {
  network.timer.expires_after(kSweep);
  network.timer.async_wait([&network](error_code e) {
    if (e) return;
    // An exception must not end the checks.
    try {
      const Clock::time_point now = Clock::now();
      const std::vector<Link*> all(network.links.begin(), network.links.end());
      for (Link* l : all) {
        if (!network.links.contains(l)) continue;
        const auto alive = l->weak_from_this().lock();
        if (!alive) continue;
        try {
          alive->check(now);
        } catch (const std::exception& thrown) {
          std::fprintf(stderr, "hearth: a connection ended: %s\n", thrown.what());
          alive->close();
        }
      }
    } catch (const std::exception& thrown) {
      std::fprintf(stderr, "hearth: the connections' deadlines were not checked: %s\n", thrown.what());
    }
    sweep(network);
  });
}

// An exception in a handler (out of memory, most likely) ends its connection, not the server.
void serve(Network& network) {
  while (true) {
    try {
      network.io.run();
      return;
    } catch (const std::exception& e) {
      std::fprintf(stderr, "hearth: a connection ended: %s\n", e.what());
    }
  }
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(const GrpcServerOptions& options, Repository& models) : shared_(options, models) {}

  absl::Status start() {
    const GrpcServerOptions& o = shared_.options;
    if (!o.certificate.empty()) {
      auto tls = TlsContext::load(o.certificate, o.private_key, kProtocol);
      if (!tls.ok()) return tls.status();
      network_->tls = *std::move(tls);
    }
    error_code e;
    const auto address = asio::ip::make_address(o.address, e);
    if (e) return absl::InvalidArgumentError(concat("\"", o.address, "\" is not an IP address"));
    const tcp::endpoint endpoint(address, static_cast<uint16_t>(o.port));
    network_->acceptor = std::make_unique<tcp::acceptor>(network_->io);
    tcp::acceptor& a = *network_->acceptor;
    a.open(endpoint.protocol(), e);
    if (!e) a.set_option(tcp::acceptor::reuse_address(true), e);
    if (!e) a.bind(endpoint, e);
    if (!e) a.listen(4096, e);
    if (e)
      return absl::UnavailableError(
          concat("cannot listen for gRPC on ", o.address, " port ", o.port, ": ", e.message()));
    port_ = a.local_endpoint().port();
    thread_.start("the gRPC server", 1, [this](int) { serve(*network_); });
    running_ = true;
    asio::post(network_->io, [this] {
      sweep(*network_);
      accept();
    });
    return absl::OkStatus();
  }

  ~Impl() {
    if (!running_) return;
    drain(milliseconds(0));
    // The models finish the calls that they run, and the answers are posted to the thread.
    while (shared_.connections.load() > 0 || shared_.running.load() > 0) std::this_thread::sleep_for(milliseconds(1));
  }

  void drain(milliseconds limit) {
    const Clock::time_point start = Clock::now();
    shared_.draining = true;
    shared_.service.drain();
    asio::post(network_->io, [this] {
      error_code ignored;
      network_->acceptor->close(ignored);
      network_->pause.cancel();
      for (Link* l : links()) l->shut_down();
    });
    while (shared_.connections.load() > 0 && Clock::now() - start < limit) std::this_thread::sleep_for(milliseconds(2));
    asio::post(network_->io, [this] {
      for (Link* l : links()) l->close();
    });
  }

  void set_tokens(std::vector<std::string> tokens) { shared_.service.set_tokens(std::move(tokens)); }

  absl::Status reload_tls() {
    if (shared_.options.certificate.empty()) return absl::OkStatus();
    auto tls = TlsContext::load(shared_.options.certificate, shared_.options.private_key, kProtocol);
    if (!tls.ok()) return tls.status();
    asio::post(network_->io, [this, tls = *std::move(tls)]() mutable { network_->tls = std::move(tls); });
    return absl::OkStatus();
  }

  int port() const { return port_; }
  int64_t connections() const { return shared_.connections.load(); }

 private:
  std::vector<Link*> links() const { return {network_->links.begin(), network_->links.end()}; }

  void accept() {
    network_->acceptor->async_accept([this](error_code e, tcp::socket s) {
      if (!e && shared_.connections.load() < shared_.options.max_connections && !shared_.draining) {
        // An exception (out of memory, most likely) ends the connection, not the accepting.
        try {
          Link::make(shared_, network_, std::move(s))->start();
        } catch (const std::exception& thrown) {
          std::fprintf(stderr, "hearth: a connection was not accepted: %s\n", thrown.what());
        }
      }
      if (!network_->acceptor->is_open()) return;
      if (!e) return accept();
      // No file descriptor is left: wait for one.
      network_->pause.expires_after(milliseconds(20));
      network_->pause.async_wait([this](error_code aborted) {
        if (!aborted && network_->acceptor->is_open()) accept();
      });
    });
  }

  GrpcShared shared_;
  const std::shared_ptr<Network> network_ = std::make_shared<Network>();
  int port_ = 0;
  bool running_ = false;
  ThreadGroup thread_{[this] {
    network_->alive.reset();
    network_->io.stop();
  }};
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() = default;

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::start(const GrpcServerOptions& options, Repository& models) {
  if (options.port < 0 || options.port > 65535)
    return absl::InvalidArgumentError(concat("there is no port ", options.port));
  if (options.certificate.empty() != options.private_key.empty())
    return absl::InvalidArgumentError("TLS needs both a certificate and its private key");
  if (options.workers < 1 || options.workers > 256) return absl::InvalidArgumentError("workers must be 1 to 256");
  if (options.max_streams < 1 || options.max_streams > 10'000)
    return absl::InvalidArgumentError("max_streams must be 1 to 10000");
  try {
    auto impl = std::make_unique<Impl>(options, models);
    if (absl::Status s = impl->start(); !s.ok()) return s;
    return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
  } catch (const Error& refused) {  // a thread
    return absl::ResourceExhaustedError(refused.what());
  }
}

int GrpcServer::port() const { return impl_->port(); }
int64_t GrpcServer::connections() const { return impl_->connections(); }
void GrpcServer::set_tokens(std::vector<std::string> tokens) { impl_->set_tokens(std::move(tokens)); }
absl::Status GrpcServer::reload_tls() { return impl_->reload_tls(); }
void GrpcServer::drain(milliseconds limit) { impl_->drain(limit); }

}  // namespace hearth::serve
