// HttpSession: one connection of an HttpServer.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/base/clock.h"
#include "serve/base/memory_budget.h"
#include "serve/http/message.h"
#include "serve/http/place_internal.h"
#include "serve/http/reader_internal.h"
#include "serve/http/websocket.h"
#include "serve/http/worker_internal.h"
#include "serve/net/stream_internal.h"

namespace hearth::serve {

/// All its functions run in its worker's thread.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  /// A session over an accepted socket. Any thread may drop the last reference: the session is destroyed in its
  /// worker's thread.
  static std::shared_ptr<HttpSession> make(HttpShared& shared, const std::shared_ptr<HttpWorker>& worker,
                                           boost::asio::ip::tcp::socket socket, std::shared_ptr<TlsContext> tls,
                                           std::unique_ptr<HttpPlace> place);
  ~HttpSession();

  /// Begins with the handshake.
  void start();
  /// Ends the session, or refuses its request, if a deadline has passed. Called in intervals.
  void check(Clock::time_point now);
  /// Closes the connection at once and cancels its request.
  void close();

  /// Whether it may be closed to make room.
  bool is_idle() const { return idle_; }
  /// The session with the smallest precedence is closed first to make room.
  std::pair<bool, Clock::time_point> precedence() const {
    return {state_ != State::kIdle && state_ != State::kSocket, since_};
  }

 private:
  enum class State : uint8_t {
    kHandshake,
    kIdle,
    kReading,
    kAnswering,
    kWriting,
    kLingering,
    kSocket,
    kSocketBusy,
    kSocketWriting
  };
  HttpSession(HttpShared& shared, std::shared_ptr<HttpWorker> worker, boost::asio::ip::tcp::socket socket,
              std::shared_ptr<TlsContext> tls, std::unique_ptr<HttpPlace> place);

  void set_idle(bool on);
  bool is_drained(Clock::time_point now) const;
  bool has_event(int16_t events);
  void next_request();
  void read();
  void have_read(boost::system::error_code e, size_t n);
  void have_end(boost::system::error_code e);
  void parse(std::string_view data, bool is_pending);
  void advance();
  void reject(HttpResponse r);
  void dispatch();
  void write_continue(bool then_read);
  void write_interim(std::string_view bytes, bool then_read);
  void gone();
  void send(HttpResponse r);
  void linger();
  void open_socket(const HttpResponse& r);
  void wait_anew();
  void next_message();
  void give(WebSocketMessage message);
  void check_socket();
  void reply(WebSocketReply r);
  void write_frames(std::string frames, bool last);
  void close_socket(WebSocketClose code, std::string_view reason);
  void discard();

  const std::unique_ptr<HttpPlace> place_;  // destroyed last: the server waits for it
  HttpShared& shared_;
  const std::shared_ptr<HttpWorker> worker_;
  std::unique_ptr<ByteStream> stream_;
  State state_ = State::kIdle;
  Clock::time_point since_, deadline_, arrived_, interim_deadline_;
  std::vector<char> in_;  // the buffer of read()
  std::string pending_;   // bytes that came and are not parsed yet
  Reservation body_memory_{shared_.options.memory}, answer_memory_;
  std::unique_ptr<HttpReader> reader_;
  bool idle_ = false, reading_ = false, ended_ = false, interim_ = false;
  bool keep_alive_ = false, closing_ = false, continued_ = false, admitted_ = false, is_head_ = false, old_ = false;
  std::optional<HttpResponse> held_;  // waits for what write_interim() writes
  Cancelled cancelled_;
  std::string head_text_, body_;
  std::shared_ptr<WebSocketHandler> socket_;
  std::optional<WebSocketReader> messages_;
  std::optional<WebSocketReply> held_reply_;  // as held_
  Clock::time_point message_deadline_;
  bool puts_off_ = false;  // whether the message that is answered puts message_deadline_ off
  bool probed_ = false;    // whether a pong has been sent to a client that has ended its sending
};

}  // namespace hearth::serve
