// GrpcSession: one connection of gRPC without the network. Streams of HTTP/2 are calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "serve/base/request_id.h"
#include "serve/grpc/service.h"
#include "serve/http2/connection.h"

namespace hearth::serve {

/// State that all sessions of a server share.
struct GrpcShared {
  /// The state of a server with these options. `models` must outlive it. Throws Error if the system refuses a thread.
  GrpcShared(const GrpcServerOptions& o, Repository& models) : options(o), service(options, models) {}
  const GrpcServerOptions options;      ///< The server's options.
  RequestIds ids;                       ///< Ids for calls that bring none.
  std::atomic<int64_t> connections{0};  ///< Open connections.
  std::atomic<int64_t> running{0};      ///< Calls that the service, a model or a thread still holds.
  std::atomic<bool> draining{false};    ///< Whether connections end as soon as they have no calls.
  GrpcService service;                  ///< What the methods do.
};

/// One connection of a client. Not thread-safe: one thread at a time.
class GrpcSession : private http2::Connection::Handler {
 public:
  /// Takes a stream and a function that makes its answer, from any thread; must call answer() with them in the
  /// session's thread.
  using Post = std::function<void(uint32_t stream, absl::AnyInvocable<absl::StatusOr<std::string>()> make)>;

  /// A session of the client at the IP address `peer`. `shared` must outlive it.
  GrpcSession(GrpcShared& shared, std::string peer, Post post);
  /// Cancels all calls.
  ~GrpcSession() override;

  /// Takes bytes from the client. Returns false if the connection must end after its output.
  bool receive(std::string_view bytes) { return connection_.receive(bytes, Clock::now()); }
  /// Answers a call; see Post.
  void answer(uint32_t stream, absl::AnyInvocable<absl::StatusOr<std::string>()> make);
  /// The bytes to send to the client.
  std::string take_output() { return connection_.take_output(); }
  /// Ends the calls whose time is over. Returns false if the connection's time is over too.
  bool check(Clock::time_point now);
  /// Takes no new calls.
  void shut_down() { connection_.shut_down(); }

  /// Whether more than 64 KiB of output wait: the caller then stops reading from the client.
  bool congested() const { return connection_.pending_output() > (64 << 10); }
  /// Whether there is neither a call nor output.
  bool idle() const { return connection_.streams() == 0 && connection_.pending_output() == 0; }

 private:
  struct Call {
    GrpcCallPtr call;  // null once it is answered
    std::string path, id;
    std::string prefix;  // of the message: five bytes
    int64_t length = 0;  // of the message
    int64_t bytes_in = 0;
    bool running = false, answered = false;
    Clock::time_point moved_at;    // when some of the answer was last sent
    Clock::time_point send_until;  // when all of it must have been sent
    size_t sent = 0;               // bytes of the answer
    Reservation answer_memory;
  };

  void on_request(uint32_t stream, http2::Headers headers, bool end) override;
  void on_data(uint32_t stream, std::string_view data, bool end) override;
  bool on_reset(uint32_t stream) override;
  void on_sent(uint32_t stream) override;
  // Takes a piece of a message. An error ends the call.
  absl::Status take(Call& call, std::string_view data);
  void finish(uint32_t stream, Call& call, absl::StatusOr<std::string> answer);
  void log(const Call& call, const absl::Status& status, int64_t bytes_out);

  GrpcShared& shared_;
  const std::string peer_;
  const Post post_;
  std::map<uint32_t, Call> calls_;
  http2::Connection connection_;
  int64_t frames_ = 0;
  Clock::time_point frame_since_, active_;
};

}  // namespace hearth::serve
