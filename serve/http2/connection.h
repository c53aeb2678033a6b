// Connection: the server's side of one HTTP/2 connection (RFC 9113) without the network: bytes go in and come out.
//
// The memory that a client can make it hold is bounded: a header block, a frame and the open streams. Data are handed
// on as they come. A client that resets streams, or sends frames that need an answer or do nothing, more often than a
// well-behaved one does, is disconnected (ENHANCE_YOUR_CALM).
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
  kNone = 0,
  kProtocol = 1,
  kInternal = 2,
  kFlowControl = 3,
  kStreamClosed = 5,
  kFrameSize = 6,
  kRefusedStream = 7,
  kCancel = 8,
  kCompression = 9,
  kEnhanceYourCalm = 11,
};

struct ConnectionOptions {
  uint32_t max_streams = 100;         // open at the same time; more are refused
  size_t max_header_bytes = 8 << 10;  // of a request's names and values, and 32 for each header
  // Limit of resets of new requests, settings, refused streams and empty frames: a burst, and a rate per second.
  double nuisances = 500, nuisances_per_second = 100;
};

/// One thread only.
class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  /// Called from receive(); its functions may call respond() and reset().
  class Handler {
   public:
    virtual ~Handler() = default;
    /// A request; `end`: it has no body.
    virtual void on_request(uint32_t stream, Headers headers, bool end) = 0;
    /// A piece of a request's body; `end`: the last one. The client's window is opened again at once.
    virtual void on_data(uint32_t stream, std::string_view data, bool end) = 0;
    /// The client has reset the stream, which is closed. true: work on it goes on, so it counts against max_streams
    /// until release().
    virtual bool on_reset(uint32_t stream) = 0;
    /// The whole answer is in the output; the stream is closed.
    virtual void on_sent(uint32_t stream) = 0;
  };

  /// `handler` must outlive it.
  Connection(Handler& handler, const ConnectionOptions& options, Clock::time_point now);

  /// Takes bytes from the client. false: the client has violated the protocol; the connection must end after its
  /// output.
  bool receive(std::string_view bytes, Clock::time_point now);

  /// Answers a request: a head, a body, and trailers. Without trailers the head or the body ends the stream.
  void respond(uint32_t stream, const Headers& head, std::string body, Headers trailers);
  /// Resets a stream. on_reset() is not called.
  void reset(uint32_t stream, ErrorCode code);
  /// Ends the work on a stream that the client has reset; see on_reset().
  void release(uint32_t stream) { abandoned_.erase(stream); }
  /// Takes no new streams from now on (GOAWAY); open ones go on.
  void shut_down();

  /// The bytes to send. Bodies come piece by piece, as far as the client's flow-control windows allow.
  std::string take_output();

  /// Bytes of an answer's body that are in the output or were taken from it.
  size_t sent(uint32_t stream) const;
  /// Open streams.
  size_t streams() const { return streams_.size(); }
  /// Bytes that take_output() would return.
  size_t pending_output() const { return out_.size(); }
  /// Complete frames that have come.
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
