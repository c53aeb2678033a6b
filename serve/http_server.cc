// The one file that knows Boost (asio_impl.cc and beast_impl.cc compile parts of it). Bytes come from a Stream, plain
// or TLS; Beast's parser takes them in pieces.
#include "serve/http_server.h"

#include <sys/resource.h>

#include <array>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "core/base/error.h"

namespace hearth::serve {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using Parser = http::request_parser<http::string_body>;

constexpr size_t kReadBytes = 16 << 10;
constexpr milliseconds kSweep{100}, kLinger{2000};
constexpr int64_t kTurnedAway = 64;

// Where a connection's bytes come from and go to.
class Stream {
 public:
  using Handler = std::function<void(error_code, size_t)>;
  virtual ~Stream() = default;
  virtual void handshake(Handler done) = 0;
  virtual void read_some(asio::mutable_buffer to, Handler done) = 0;
  virtual void write(const std::array<asio::const_buffer, 2>& from, Handler done) = 0;
  virtual void shutdown(Handler done) = 0;  // no more will be written
  virtual tcp::socket& socket() = 0;
};

class PlainStream final : public Stream {
 public:
  explicit PlainStream(tcp::socket s) : socket_(std::move(s)) {}
  void handshake(Handler done) override { done({}, 0); }
  void read_some(asio::mutable_buffer to, Handler done) override { socket_.async_read_some(to, std::move(done)); }
  void write(const std::array<asio::const_buffer, 2>& from, Handler done) override {
    asio::async_write(socket_, from, std::move(done));
  }
  void shutdown(Handler done) override {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    done({}, 0);
  }
  tcp::socket& socket() override { return socket_; }

 private:
  tcp::socket socket_;
};

class TlsStream final : public Stream {
 public:
  TlsStream(tcp::socket s, asio::ssl::context& tls) : stream_(std::move(s), tls) {}
  void handshake(Handler done) override {
    stream_.async_handshake(asio::ssl::stream_base::server, [done = std::move(done)](error_code e) { done(e, 0); });
  }
  void read_some(asio::mutable_buffer to, Handler done) override { stream_.async_read_some(to, std::move(done)); }
  void write(const std::array<asio::const_buffer, 2>& from, Handler done) override {
    asio::async_write(stream_, from, std::move(done));
  }
  void shutdown(Handler done) override {
    stream_.async_shutdown([done = std::move(done)](error_code e) { done(e, 0); });
  }
  tcp::socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<tcp::socket> stream_;
};

class Session;

// What all connections of a server share.
struct Shared {
  HttpServerOptions options;
  HttpHandler handler;
  std::unique_ptr<asio::ssl::context> tls;  // null: plain
  std::atomic<int64_t> connections{0};      // accepted and not yet ended
  std::atomic<bool> draining{false}, stopping{false};
  std::atomic<int64_t> drain_grace_ends{0};  // Clock's count
};

// A thread with its connections.
struct Worker {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> alive{io.get_executor()};
  asio::steady_timer timer{io};
  std::unordered_set<Session*> sessions;  // in this thread only
  std::thread thread;
};

// One connection. Everything but the response's arrival happens in its worker's thread.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Shared& shared, std::shared_ptr<Worker> worker, tcp::socket socket)
      : shared_(shared), worker_(std::move(worker)) {
    error_code e;
    const auto end = socket.remote_endpoint(e);
    if (!e) peer_ = end.address().to_string();
    socket.set_option(tcp::no_delay(true), e);
    if (shared.tls) stream_ = std::make_unique<TlsStream>(std::move(socket), *shared.tls);
    else stream_ = std::make_unique<PlainStream>(std::move(socket));
    worker_->sessions.insert(this);
  }
  ~Session() {
    worker_->sessions.erase(this);
    stream_.reset();
    shared_.connections.fetch_sub(1);
  }

  // One whose last reference may go in any thread, and that ends in its worker's.
  static std::shared_ptr<Session> make(Shared& shared, const std::shared_ptr<Worker>& worker, tcp::socket socket) {
    return {new Session(shared, worker, std::move(socket)),
            [worker](Session* s) { asio::post(worker->io, [s] { delete s; }); }};
  }

  void start() {
    state_ = State::kHandshake;
    deadline_ = Clock::now() + shared_.options.header_timeout;
    stream_->handshake([self = shared_from_this()](error_code e, size_t) {
      if (!e) self->next_request();
    });
  }

  // A connection that is one too many.
  void turn_away() {
    closing_ = true;
    next_request();
    reject(503, "the server has as many connections as it takes");
  }

  // Once in a while: what has taken too long?
  void check(Clock::time_point now) {
    if (state_ == State::kIdle && shared_.draining &&
        now.time_since_epoch().count() >= shared_.drain_grace_ends.load()) {
      return close();
    }
    if (now < deadline_) return;
    switch (state_) {
      case State::kReading:
        reject(408, "the request took too long to arrive");
        break;
      case State::kAnswering:
        break;  // the request's own deadline ends it
      case State::kHandshake:
      case State::kIdle:
      case State::kWriting:
      case State::kLingering:
        close();
    }
  }

  void close() {
    error_code ignored;
    stream_->socket().close(ignored);
    if (cancelled_) cancelled_->store(true);
  }

 private:
  enum class State : uint8_t { kHandshake, kIdle, kReading, kAnswering, kWriting, kLingering };

  void next_request() {
    parser_ = std::make_unique<Parser>();
    parser_->eager(true);
    parser_->header_limit(static_cast<uint32_t>(shared_.options.max_header_bytes));
    parser_->body_limit(static_cast<uint64_t>(shared_.options.max_body_bytes));
    continued_ = head_ = admitted_ = false;
    state_ = State::kIdle;
    deadline_ = Clock::now() + shared_.options.idle_timeout;
    if (closing_) return;
    if (unread_ > 0) parse();
    else read();
  }

  void read() {
    // What the parser has not taken stands at the front.
    if (buffer_.size() < unread_ + kReadBytes) buffer_.resize(unread_ + kReadBytes);
    stream_->read_some(asio::buffer(buffer_.data() + unread_, buffer_.size() - unread_),
                       [self = shared_from_this()](error_code e, size_t n) { self->have_read(e, n); });
  }

  void have_read(error_code e, size_t n) {
    if (e || (state_ != State::kIdle && state_ != State::kReading)) return;  // the last reference ends the connection
    unread_ += n;
    parse();
  }

  void parse() {
    if (state_ == State::kIdle) {
      state_ = State::kReading;
      arrived_ = Clock::now();
      deadline_ = arrived_ + shared_.options.header_timeout;
    }
    error_code e;
    size_t taken = 0;
    while (taken < unread_ && !parser_->is_done()) {
      const size_t n = parser_->put(asio::buffer(buffer_.data() + taken, unread_ - taken), e);
      taken += n;
      if (e == http::error::need_more) {
        e = {};
        break;
      }
      if (e || n == 0) break;
    }
    std::memmove(buffer_.data(), buffer_.data() + taken, unread_ - taken);
    unread_ -= taken;
    if (e) return refuse(e);
    if (parser_->is_header_done() && !parser_->chunked() &&
        parser_->get().find(http::field::transfer_encoding) != parser_->get().end()) {
      // Its length would be a matter of opinion, and what follows perhaps another's request.
      return reject(400, "the transfer encoding is not \"chunked\"");
    }
    // What has come of the body counts.
    if (absl::Status s = body_memory_.resize(static_cast<int64_t>(parser_->get().body().size())); !s.ok())
      return reject(503, std::string(s.message()));
    if (parser_->is_done()) return dispatch();
    if (unread_ > static_cast<size_t>(shared_.options.max_header_bytes) + kReadBytes)
      return refuse(http::error::header_limit);
    if (parser_->is_header_done()) {
      deadline_ = arrived_ + shared_.options.request_timeout;
      if (!admitted_ && shared_.options.admit) {
        admitted_ = true;
        if (std::optional<HttpResponse> refused = shared_.options.admit(head_of(parser_->get()))) {
          closing_ = true;
          return send(*std::move(refused));
        }
      }
      if (!continued_ && parser_->get().find(http::field::expect) != parser_->get().end()) {
        continued_ = true;
        static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        stream_->write({asio::buffer(kContinue), asio::const_buffer()},
                       [self = shared_from_this()](error_code w, size_t) {
                         if (!w) self->read();
                       });
        return;
      }
    }
    read();
  }

  void refuse(error_code e) {
    if (e == http::error::header_limit) return reject(431, "the request's header is too large");
    if (e == http::error::body_limit)
      return reject(413, concat("the request's body is larger than ", shared_.options.max_body_bytes, " bytes"));
    reject(400, concat("the request is no HTTP: ", e.message()));
  }

  // The last answer of this connection.
  void reject(int status, std::string_view what) {
    closing_ = true;
    send(failure(status, what));
  }

  template <class Message>
  HttpRequest head_of(const Message& message) const {
    HttpRequest r;
    r.method = std::string(message.method_string());
    r.target = std::string(message.target());
    for (const auto& f : message) r.headers.emplace_back(std::string(f.name_string()), std::string(f.value()));
    r.peer = peer_;
    r.arrived = arrived_;
    return r;
  }

  void dispatch() {
    state_ = State::kAnswering;
    deadline_ = Clock::time_point::max();
    auto message = parser_->release();
    keep_alive_ = message.keep_alive() && !closing_;
    head_ = message.method() == http::verb::head;
    old_ = message.version() < 11;
    HttpRequest r = head_of(message);
    r.body = std::move(message.body());
    r.memory = std::exchange(body_memory_, Reservation(shared_.options.memory));
    r.cancelled = cancelled_ = std::make_shared<std::atomic<bool>>(false);
    watch();
    shared_.handler(std::move(r), [self = shared_from_this()](absl::AnyInvocable<HttpResponse()> make) {
      asio::post(self->worker_->io, [self, make = std::move(make)]() mutable { self->send(make()); });
    });
  }

  // Notices when the client goes away while it is being answered.
  void watch() {
    if (watching_) return;
    watching_ = true;
    stream_->socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code e) {
      self->watching_ = false;
      if (e || self->state_ != State::kAnswering) return;
      char byte;
      const ssize_t n = recv(self->stream_->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) self->cancelled_->store(true);
    });
  }

  void send(HttpResponse r) {
    if (state_ == State::kReading) body_memory_.release();
    if (state_ == State::kWriting || state_ == State::kLingering || !stream_->socket().is_open()) return;
    if (shared_.draining) closing_ = true;
    const bool keep = keep_alive_ && !closing_;
    state_ = State::kWriting;
    deadline_ = Clock::now() + shared_.options.request_timeout;
    head_text_.clear();
    head_text_ += concat("HTTP/1.1 ", r.status, " ", http_reason(r.status), "\r\nContent-Type: ", r.content_type,
                         "\r\nContent-Length: ", r.body.size(), "\r\n");
    for (const auto& [k, v] : r.headers) head_text_ += concat(k, ": ", v, "\r\n");
    head_text_ += !keep ? "Connection: close\r\n\r\n" : old_ ? "Connection: keep-alive\r\n\r\n" : "\r\n";
    body_ = std::move(r.body);
    answer_memory_ = std::move(r.memory);
    if (head_) body_.clear();
    stream_->write({asio::buffer(head_text_), asio::buffer(body_)},
                   [self = shared_from_this(), keep](error_code e, size_t) {
                     if (e) return;
                     self->body_ = {};
                     self->answer_memory_.release();
                     if (keep) self->next_request();
                     else self->linger();
                   });
  }

  // Reads what still comes, so that the answer is not thrown away with it, until the client closes or time is over.
  void linger() {
    state_ = State::kLingering;
    deadline_ = Clock::now() + kLinger;
    stream_->shutdown([self = shared_from_this()](error_code, size_t) { self->discard(); });
  }
  void discard() {
    if (buffer_.size() < kReadBytes) buffer_.resize(kReadBytes);
    stream_->socket().async_read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code e, size_t) {
      if (!e) self->discard();
    });
  }

  Shared& shared_;
  const std::shared_ptr<Worker> worker_;
  std::unique_ptr<Stream> stream_;
  std::string peer_;
  State state_ = State::kIdle;
  Clock::time_point deadline_, arrived_;
  std::vector<char> buffer_;
  size_t unread_ = 0;  // of the buffer's bytes, from its begin
  Reservation body_memory_{shared_.options.memory}, answer_memory_;
  std::unique_ptr<Parser> parser_;
  bool keep_alive_ = false, closing_ = false, continued_ = false, head_ = false, old_ = false, admitted_ = false,
       watching_ = false;
  Cancelled cancelled_;
  std::string head_text_, body_;
};

void sweep(Worker& w) {
  w.timer.expires_after(kSweep);
  w.timer.async_wait([&w](error_code e) {
    if (e) return;
    const Clock::time_point now = Clock::now();
    const std::vector<Session*> all(w.sessions.begin(), w.sessions.end());
    for (Session* s : all) {
      if (!w.sessions.contains(s)) continue;
      if (const auto alive = s->weak_from_this().lock()) alive->check(now);
    }
    sweep(w);
  });
}

// What a handler throws (no memory, most likely) ends its connection, not the server.
void serve(Worker& w) {
  while (true) {
    try {
      w.io.run();
      return;
    } catch (const std::exception& e) {
      std::fprintf(stderr, "hearth: a connection ended: %s\n", e.what());
    }
  }
}

// As many open files as the system lets us have; what is left for connections.
int64_t raise_file_limit(int64_t wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_NOFILE, &files);
  constexpr int64_t kOthers = 128;
  const auto limit = static_cast<int64_t>(std::min<rlim_t>(files.rlim_cur, rlim_t{1} << 40));
  return std::min(wanted, std::max<int64_t>(limit - kOthers, 1));
}

}  // namespace

class HttpServer::Impl {
 public:
  absl::Status start(const HttpServerOptions& options, HttpHandler handler) {
    shared_.options = options;
    shared_.handler = std::move(handler);
    if (!options.memory) shared_.options.memory = std::make_shared<MemoryBudget>(options.max_pending_bytes);
    shared_.options.max_connections = raise_file_limit(options.max_connections);
    try {
      if (!options.certificate.empty() || !options.private_key.empty()) {
        shared_.tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
        shared_.tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                                 asio::ssl::context::no_tlsv1_1);
        shared_.tls->use_certificate_chain_file(options.certificate);
        shared_.tls->use_private_key_file(options.private_key, asio::ssl::context::pem);
      }
    } catch (const std::exception& e) {
      return absl::InvalidArgumentError(concat("the certificate ", options.certificate, " or its key ",
                                               options.private_key, " cannot be used: ", e.what()));
    }
    error_code e;
    const auto address = asio::ip::make_address(options.address, e);
    if (e) return absl::InvalidArgumentError(concat("\"", options.address, "\" is no IP address"));
    for (int i = 0; i < options.threads; ++i) workers_.push_back(std::make_shared<Worker>());
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
    accept();
    running_ = true;
    for (auto& w : workers_) {
      sweep(*w);
      w->thread = std::thread([w] { serve(*w); });
    }
    return absl::OkStatus();
  }

  ~Impl() {
    if (!running_) return;
    stop_accepting();
    shared_.stopping = true;
    for (auto& w : workers_) {
      asio::post(w->io, [&w = *w] {
        const std::vector<Session*> all(w.sessions.begin(), w.sessions.end());
        for (Session* s : all) s->close();
        w.timer.cancel();
      });
    }
    // Connections that wait for an answer are kept by it; whoever answers posts to them, so the threads must be there.
    while (shared_.connections.load() > 0) std::this_thread::sleep_for(milliseconds(1));
    for (auto& w : workers_) {
      w->alive.reset();
      w->io.stop();
      if (w->thread.joinable()) w->thread.join();
    }
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

  int port() const { return port_; }
  int64_t connections() const { return shared_.connections.load(); }

 private:
  void accept() {
    const std::shared_ptr<Worker>& w = workers_[next_++ % workers_.size()];
    acceptor_->async_accept(w->io, [this, w](error_code e, tcp::socket s) {
      if (!e) adopt(w, std::move(s));
      if (!acceptor_->is_open()) return;
      if (!e) return accept();
      // Without file descriptors left there is nothing to do but to wait for some.
      pause_->expires_after(milliseconds(20));
      pause_->async_wait([this](error_code aborted) {
        if (!aborted && acceptor_->is_open()) accept();
      });
    });
  }

  void adopt(const std::shared_ptr<Worker>& w, tcp::socket s) {
    const int64_t before = shared_.connections.fetch_add(1);
    const bool full = before >= shared_.options.max_connections;
    asio::post(w->io, [this, w, before, full, s = std::move(s)]() mutable {
      // Of those beyond the limit a few are told so; TLS would need a handshake first.
      if (shared_.stopping || (full && (shared_.tls || before >= shared_.options.max_connections + kTurnedAway))) {
        s = tcp::socket(w->io);
        shared_.connections.fetch_sub(1);
        return;
      }
      const auto session = Session::make(shared_, w, std::move(s));
      if (full) session->turn_away();
      else session->start();
    });
  }

  // Takes the connections that the system has accepted for us already, then closes the door.
  void stop_accepting() {
    std::mutex m;
    std::condition_variable done;
    bool closed = false;
    auto& io = workers_[0]->io;
    asio::post(io, [&] {
      error_code e;
      if (acceptor_->is_open()) {
        acceptor_->non_blocking(true, e);
        while (!e) {
          const std::shared_ptr<Worker>& w = workers_[next_++ % workers_.size()];
          tcp::socket s(w->io);
          acceptor_->accept(s, e);
          if (!e) adopt(w, std::move(s));
        }
        acceptor_->close(e);
        pause_->cancel();
      }
      // Behind an accept that was under way.
      asio::post(io, [&] {
        const std::lock_guard lock(m);
        closed = true;
        done.notify_all();
      });
    });
    std::unique_lock lock(m);
    done.wait(lock, [&] { return closed; });
  }

  Shared shared_;
  std::vector<std::shared_ptr<Worker>> workers_;
  std::unique_ptr<tcp::acceptor> acceptor_;
  std::unique_ptr<asio::steady_timer> pause_;
  size_t next_ = 0;
  int port_ = 0;
  bool running_ = false;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options, HttpHandler handler) {
  if (options.port < 0 || options.port > 65535)
    return absl::InvalidArgumentError(concat("there is no port ", options.port));
  if (options.threads < 1 || options.threads > 256) return absl::InvalidArgumentError("threads must be 1 to 256");
  if (options.certificate.empty() != options.private_key.empty())
    return absl::InvalidArgumentError("TLS needs both a certificate and its private key");
  auto impl = std::make_unique<Impl>();
  if (absl::Status s = impl->start(options, std::move(handler)); !s.ok()) return s;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

int HttpServer::port() const { return impl_->port(); }
int64_t HttpServer::connections() const { return impl_->connections(); }
bool HttpServer::drain(milliseconds grace, milliseconds limit) { return impl_->drain(grace, limit); }

}  // namespace hearth::serve
