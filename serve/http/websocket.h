// WebSockets (RFC 6455), without the network: the handshake's key, frames and messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "serve/http/message.h"

namespace hearth::serve {

/// What a frame holds.
enum class WebSocketOpcode : uint8_t {
  kContinuation = 0,  ///< The next part of a message.
  kText = 1,          ///< A text in UTF-8, or its first part.
  kBinary = 2,        ///< Bytes, or the first part of them.
  kClose = 8,         ///< The last frame of its sender.
  kPing = 9,          ///< Asks for a pong with the same bytes.
  kPong = 10,         ///< Answers a ping.
};

/// Why a connection ends, as RFC 6455, section 7.4.1 numbers it.
enum class WebSocketClose : uint16_t {
  kNormal = 1000,         ///< All is done.
  kGoingAway = 1001,      ///< The server stops, or nothing came for too long.
  kProtocolError = 1002,  ///< Something is not as RFC 6455 says.
  kUnsupported = 1003,    ///< A kind of message that is not taken.
  kNotUtf8 = 1007,        ///< A text that is not UTF-8.
  kPolicy = 1008,         ///< A message that breaks the rules of the address.
  kTooLarge = 1009,       ///< A message that is too large.
  kServerError = 1011,    ///< The server failed.
  kTryAgain = 1013,       ///< The server has too much to do.
};

/// A whole message, or a control frame.
struct WebSocketMessage {
  WebSocketOpcode opcode = WebSocketOpcode::kBinary;  ///< Never kContinuation.
  std::string payload;                                ///< Unmasked; the parts of a message joined.
};

/// Messages from a client's bytes, which come in pieces. Holds at most the bytes that were put in since next() gave
/// nothing, and a message up to the largest size; strings that grow take up to twice that memory.
class WebSocketReader {
 public:
  /// A larger message is a failure, before it has come.
  explicit WebSocketReader(size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  /// Takes more bytes. After a failure they are dropped.
  void put(std::string_view bytes);
  /// The next message or control frame that is complete. Nothing if more bytes are needed, and after a failure or a
  /// close frame. Control frames may come between the parts of a message.
  std::optional<WebSocketMessage> next();
  /// What was wrong; nothing while all is well.
  std::optional<WebSocketClose> failure() const { return failure_; }
  /// The failure in words; at most 123 bytes, so that a close frame can hold it.
  const std::string& why() const { return why_; }
  /// Whether a part of a message, or of a frame, has come and the rest has not.
  bool is_within() const { return begun_ || at_ < in_.size(); }
  /// The bytes of memory that it holds.
  size_t bytes() const { return in_.capacity() + message_.payload.capacity(); }

 private:
  struct Head {
    bool last = false;
    uint8_t opcode = 0;
    size_t size = 0, payload = 0;  // of the head, of what follows it
    std::string_view mask;
  };
  std::optional<Head> head();
  std::optional<WebSocketMessage> take(const Head& h);
  void drop_done();
  bool check_close(std::string_view payload);
  void fail(WebSocketClose code, std::string why);

  const size_t max_message_bytes_;
  std::string in_;
  size_t at_ = 0;  // of in_: what is before is done
  WebSocketMessage message_;
  bool begun_ = false, closed_ = false;
  std::optional<WebSocketClose> failure_;
  std::string why_;
};

/// A server's frame, not masked.
std::string websocket_frame(WebSocketOpcode opcode, std::string_view payload);
/// A close frame. The reason, UTF-8, is cut to the 123 bytes that fit.
std::string websocket_close(WebSocketClose code, std::string_view reason);
/// What Sec-WebSocket-Accept answers to a key.
std::string websocket_accept(std::string_view key);

/// The response that refuses to make a WebSocket of this request's connection: 426 if the request does not ask for one
/// of version 13, 400 if it asks wrongly, 403 if it comes from a page of another origin. Else nothing.
std::optional<HttpResponse> refuse_websocket(const HttpRequest& request);

/// What a handler answers to a message.
struct WebSocketReply {
  std::optional<std::string> text{};      ///< The text that is sent; nothing if there is none.
  std::optional<WebSocketClose> close{};  ///< Whether the connection then ends, and why.
  std::string reason{};                   ///< Of the end, in words.
};

/// What answers the messages of one connection. HttpResponse::socket makes one of a request's connection.
class WebSocketHandler {
 public:
  /// Sends a reply. Called from any thread.
  using Reply = absl::AnyInvocable<void(WebSocketReply)>;
  virtual ~WebSocketHandler() = default;
  /// A text or bytes, in the connection's thread. Must call `reply` once, now or later: the next message is read when
  /// the reply has been sent.
  virtual void message(WebSocketMessage message, Reply reply) = 0;
};

/// The response that makes a WebSocket of the connection of a request that refuse_websocket() does not refuse.
HttpResponse open_websocket(const HttpRequest& request, std::shared_ptr<WebSocketHandler> handler);

}  // namespace hearth::serve
