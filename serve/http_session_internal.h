// One connection of an HttpServer, and the thread that it belongs to.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "serve/counted.h"
#include "serve/http_reader_internal.h"
#include "serve/http_server.h"
#include "serve/http_stream_internal.h"

namespace hearth::serve {

class HttpSession;

// What all connections of a server share.
struct HttpShared {
  HttpServerOptions options;
  HttpHandler handler;
  std::atomic<int64_t> connections{0};  // accepted and not yet ended
  std::atomic<int64_t> restricted{0};   // of them those beyond a limit
  std::atomic<bool> draining{false}, stopping{false};
  std::atomic<int64_t> drain_grace_ends{0};  // Clock's count
  std::mutex mutex;
  std::map<std::string, int64_t> peers;  // connections of each address; guarded by mutex
};

// A connection's place among the others, from when it is accepted until it has ended.
class HttpPlace {
 public:
  enum class Limit : uint8_t { kNone, kServer, kPeer };  // which of them it is beyond
  HttpPlace(HttpShared& shared, const boost::asio::ip::tcp::socket& socket);
  ~HttpPlace();
  HttpPlace(const HttpPlace&) = delete;
  HttpPlace& operator=(const HttpPlace&) = delete;

  void restrict(Limit limit);
  Limit limit() const { return limit_; }
  int64_t connections() const { return count_.value(); }     // of the server, with this one
  int64_t peer_connections() const { return of_its_peer_; }  // of its address, with this one
  const std::string& peer() const { return peer_; }

 private:
  HttpShared& shared_;
  const Counted count_;  // the last to go
  std::string peer_, network_;
  int64_t of_its_peer_ = 0;
  Limit limit_ = Limit::kNone;
};

// A thread with its connections.
struct HttpWorker {
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> alive{io.get_executor()};
  boost::asio::steady_timer timer{io};
  std::unordered_set<HttpSession*> sessions;  // in this thread only
  std::atomic<int64_t> idle{0};               // connections that may be closed to make room
  std::thread thread;

  // Until `io` is stopped. What a handler throws (no memory, most likely) ends its connection, not the server.
  void serve();
  // Looks from now on every so often for connections that have taken too long.
  void sweep();
  // Closes the connection that has been idle for longest, if there is one.
  void make_room();
};

// Everything but the answer's arrival happens in its worker's thread.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  // One whose last reference may go in any thread, and that ends in its worker's.
  static std::shared_ptr<HttpSession> make(HttpShared& shared, const std::shared_ptr<HttpWorker>& worker,
                                           boost::asio::ip::tcp::socket socket, std::shared_ptr<TlsContext> tls,
                                           std::unique_ptr<HttpPlace> place);
  ~HttpSession();

  void start();
  // Once in a while: what has taken too long?
  void check(Clock::time_point now);
  void close();

  bool is_idle() const { return idle_; }
  // Smaller: closed sooner to make room.
  std::pair<bool, Clock::time_point> precedence() const { return {state_ != State::kIdle, since_}; }

 private:
  enum class State : uint8_t { kHandshake, kIdle, kReading, kAnswering, kWriting, kLingering };
  HttpSession(HttpShared& shared, std::shared_ptr<HttpWorker> worker, boost::asio::ip::tcp::socket socket,
              std::shared_ptr<TlsContext> tls, std::unique_ptr<HttpPlace> place);

  void set_idle(bool on);
  void next_request();
  void read();
  void have_read(boost::system::error_code e, size_t n);
  void have_end(boost::system::error_code e);
  void parse(std::string_view data, bool is_pending);
  void advance();
  void reject(HttpResponse r);
  void dispatch();
  void write_continue(bool then_read);
  void gone();
  void send(HttpResponse r);
  void linger();
  void discard();

  const std::unique_ptr<HttpPlace> place_;  // the last to go: the server waits for it
  HttpShared& shared_;
  const std::shared_ptr<HttpWorker> worker_;
  std::unique_ptr<HttpStream> stream_;
  State state_ = State::kIdle;
  Clock::time_point since_, deadline_, arrived_, interim_deadline_;
  std::vector<char> in_;  // where the next bytes are read to
  std::string pending_;   // those that came and are not taken yet
  Reservation body_memory_{shared_.options.memory}, answer_memory_;
  std::unique_ptr<HttpReader> reader_;
  bool idle_ = false, reading_ = false, ended_ = false, interim_ = false;
  bool keep_alive_ = false, closing_ = false, continued_ = false, admitted_ = false, is_head_ = false, old_ = false;
  std::optional<HttpResponse> held_;  // until the interim response is written
  Cancelled cancelled_;
  std::string head_text_, body_;
};

}  // namespace hearth::serve
