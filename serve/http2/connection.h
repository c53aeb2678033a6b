// Connection: the server's side of one HTTP/2 connection (RFC 9113) without the network: bytes go in and come out.
//
// The memory that a client can make it hold is bounded: a header block, a frame and the open streams. The handler gets
// data as they come. A client is disconnected (ENHANCE_YOUR_CALM) if it resets streams, changes its settings or sends
// frames without effect more often than a well-behaved client does.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "serve/http2/hpack.h"

namespace hearth::serve::http2 {

/// Error codes of RFC 9113, section 7.
enum class ErrorCode : uint32_t {
  kNone = 0,              ///< NO_ERROR
  kProtocol = 1,          ///< PROTOCOL_ERROR
  kInternal = 2,          ///< INTERNAL_ERROR
  kFlowControl = 3,       ///< FLOW_CONTROL_ERROR
  kStreamClosed = 5,      ///< STREAM_CLOSED
  kFrameSize = 6,         ///< FRAME_SIZE_ERROR
  kRefusedStream = 7,     ///< REFUSED_STREAM
  kCancel = 8,            ///< CANCEL
  kCompression = 9,       ///< COMPRESSION_ERROR
  kEnhanceYourCalm = 11,  ///< ENHANCE_YOUR_CALM
};

/// Limits of a Connection.
struct ConnectionOptions {
  /// The most streams that are open at the same time, with those that the client has reset and whose work goes on. More
  /// are refused.
  uint32_t max_streams = 100;
  /// The most bytes of a request's headers: of names and values, and 32 for each header. A request with more gets 431.
  size_t max_header_bytes = 8 << 10;
  /// How many nuisances the connection takes at once: resets of requests that are incomplete or just came, settings
  /// after the first, refused streams and empty frames. Frames that are ignored count as a tenth.
  double nuisances = 500;
  /// How many nuisances a second the connection takes in the long run.
  double nuisances_per_second = 100;
};

/// The server's side of one HTTP/2 connection. Not thread-safe: one thread at a time.
class Connection {
 public:
  /// The clock of `now`.
  using Clock = std::chrono::steady_clock;

  /// What happens on the connection's streams. Called in receive(), and on_sent() also in respond() and take_output();
  /// on_request() and on_data() may call respond() and reset().
  class Handler {
   public:
    virtual ~Handler() = default;
    /// A request's headers have come, the pseudo-headers (":path") among them. `end`: it has no body.
    virtual void on_request(uint32_t stream, Headers headers, bool end) = 0;
    /// A piece of a request's body has come, which may be empty. `end`: it is the last one. The client may then send as
    /// much again: flow control does not wait for the handler. Not called once the request is answered.
    virtual void on_data(uint32_t stream, std::string_view data, bool end) = 0;
    /// The client has reset the stream, which is closed. Returns whether work on it goes on: it then counts against
    /// max_streams until release().
    virtual bool on_reset(uint32_t stream) = 0;
    /// The whole answer is in the output; the stream is closed.
    virtual void on_sent(uint32_t stream) = 0;
  };

  /// A new connection, with the server's settings in the output. `handler` must outlive it.
  Connection(Handler& handler, const ConnectionOptions& options, Clock::time_point now);

  /// Takes bytes from the client. Returns false if the client has violated the protocol: the connection must then end
  /// after its output.
  bool receive(std::string_view bytes, Clock::time_point now);

  /// Answers a request with a head, a body and trailers. Without trailers the head or the body ends the stream. Does
  /// nothing if the stream is closed or already answered.
  void respond(uint32_t stream, const Headers& head, std::string body, Headers trailers);
  /// Resets a stream, if it is open. on_reset() is not called.
  void reset(uint32_t stream, ErrorCode code);
  /// Ends the work on a stream that the client has reset; see on_reset().
  void release(uint32_t stream) { abandoned_.erase(stream); }
  /// Takes no new streams from now on (GOAWAY); open ones go on.
  void shut_down();

  /// The bytes to send. Bodies come piece by piece, as far as the client's flow-control windows allow.
  std::string take_output();

  /// The bytes of an answer's body that are in the output or were taken from it; 0 for a closed stream.
  size_t sent(uint32_t stream) const;
  /// The number of open streams.
  size_t streams() const { return streams_.size(); }
  /// The bytes that are in the output. take_output() may add more of the bodies.
  size_t pending_output() const { return out_.size(); }
  /// The number of complete frames that have come.
  int64_t frames() const { return frames_; }
  /// Whether a frame, a header block or the client's preface is incomplete.
  bool in_frame() const { return !in_.empty() || block_stream_ != 0 || !greeted_; }

 private:
  struct Frame {
    size_t length = 0;
    uint8_t type = 0, flags = 0;
    uint32_t stream = 0;
    std::string_view payload;
  };
  struct Stream {
    int64_t send_window = 0, receive_window = 0;
    Clock::time_point begun;
    bool client_ended = false, answered = false;
    std::string body;
    size_t sent = 0;
    Headers trailers;
  };

  bool fail(ErrorCode code, const char* why);
  bool on_frame(Frame& frame, Clock::time_point now);
  bool on_data_frame(Frame& frame);
  bool on_headers_frame(Frame& frame);
  bool on_block_end();
  bool on_reset_frame(const Frame& frame);
  bool on_settings(const Frame& frame);
  bool on_window_update(const Frame& frame);
  bool nuisance(Clock::time_point now, double weight = 1);
  bool unpad(Frame& frame);
  void write_frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload);
  void write_headers(uint32_t stream, const Headers& headers, bool end);
  void write_reset(uint32_t stream, ErrorCode code);
  void write_window_update(uint32_t stream, int64_t bytes);
  void pump();
  // true: all of the answer is sent.
  bool send_some(uint32_t id, Stream& stream);
  void finish(uint32_t id);

  Handler& handler_;
  const ConnectionOptions options_;
  HpackDecoder decoder_;
  std::map<uint32_t, Stream> streams_;
  std::set<uint32_t> abandoned_;  // reset by the client, and still worked on
  std::string in_, out_;
  bool greeted_ = false, set_ = false, failed_ = false, shut_down_ = false, table_update_ = false;
  uint32_t last_stream_ = 0;
  int64_t frames_ = 0;

  // The header block that is being read.
  uint32_t block_stream_ = 0;
  bool block_ends_ = false;
  int block_frames_ = 0;
  std::string block_;

  int64_t send_window_, receive_window_;
  int64_t initial_send_window_;
  uint32_t next_to_send_ = 0;  // streams take turns

  double calm_;
  Clock::time_point calm_since_;
  Clock::time_point now_;
};

}  // namespace hearth::serve::http2
