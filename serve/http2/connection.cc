#include "serve/http2/connection.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace hearth::serve::http2 {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kFrameHead = 9, kFrameBytes = 16384;
constexpr size_t kBlockBytes = 32 << 10;  // of a compressed header block
constexpr int kBlockFrames = 16;
constexpr int64_t kDefaultWindow = 65535, kStreamWindow = 1 << 20, kConnectionWindow = 4 << 20;
constexpr int64_t kMaxWindow = 0x7fffffff;
constexpr size_t kMaxSettings = 64;             // in a frame; the protocol has six
constexpr std::chrono::milliseconds kHasty{5};  // a client that resets a request so soon did not want its answer
constexpr size_t kOutput = 64 << 10;            // bodies wait while the output is larger

enum Type : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kReset = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
enum Flag : uint8_t { kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8, kWithPriority = 0x20 };

uint32_t read32(std::string_view s) {
  uint32_t v = 0;
  for (size_t i = 0; i < 4; ++i) v = v << 8 | static_cast<unsigned char>(s[i]);
  return v;
}
void append32(std::string& out, uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 0xff);
}

}  // namespace

Connection::Connection(Handler& handler, const ConnectionOptions& options, Clock::time_point now)
    : handler_(handler),
      options_(options),
      send_window_(kDefaultWindow),
      receive_window_(kConnectionWindow),
      initial_send_window_(kDefaultWindow),
      calm_(options.nuisances),
      calm_since_(now),
      now_(now) {
  std::string settings;
  const auto set = [&](char id, size_t value) {
    settings += '\0';
    settings += id;
    append32(settings, static_cast<uint32_t>(value));
  };
  set(3, options.max_streams);
  set(4, kStreamWindow);
  set(6, options.max_header_bytes);
  write_frame(kSettings, 0, 0, settings);
  write_window_update(0, kConnectionWindow - kDefaultWindow);
}

void Connection::write_frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  append32(out_, static_cast<uint32_t>(payload.size()) << 8 | type);
  out_ += static_cast<char>(flags);
  append32(out_, stream);
  out_ += payload;
}

void Connection::write_headers(uint32_t stream, const Headers& headers, bool end) {
  std::string block;
  // RFC 7541, 4.2: acknowledge a changed table size. Our encoder uses no table.
  if (std::exchange(table_update_, false)) block += '\x20';
  encode_headers(headers, block);
  std::string_view rest = block;
  uint8_t type = kHeaders;
  do {
    const std::string_view part = rest.substr(0, kFrameBytes);
    rest.remove_prefix(part.size());
    const int flags = (type == kHeaders && end ? kEndStream : 0) | (rest.empty() ? kEndHeaders : 0);
    write_frame(type, static_cast<uint8_t>(flags), stream, part);
    type = kContinuation;
  } while (!rest.empty());
}

void Connection::write_reset(uint32_t stream, ErrorCode code) {
  std::string payload;
  append32(payload, static_cast<uint32_t>(code));
  write_frame(kReset, 0, stream, payload);
}

void Connection::write_window_update(uint32_t stream, int64_t bytes) {
  std::string payload;
  append32(payload, static_cast<uint32_t>(bytes));
  write_frame(kWindowUpdate, 0, stream, payload);
}

bool Connection::fail(ErrorCode code, const char* why) {
  if (failed_) return false;
  failed_ = true;
  std::string payload;
  append32(payload, last_stream_);
  append32(payload, static_cast<uint32_t>(code));
  payload += why;
  write_frame(kGoAway, 0, 0, payload);
  return false;
}

void Connection::shut_down() {
  if (failed_ || std::exchange(shut_down_, true)) return;
  std::string payload;
  append32(payload, last_stream_);
  append32(payload, static_cast<uint32_t>(ErrorCode::kNone));
  write_frame(kGoAway, 0, 0, payload);
}

bool Connection::nuisance(Clock::time_point now, double weight) {
  const double passed = std::chrono::duration<double>(now - calm_since_).count();
  calm_ = std::min(options_.nuisances, calm_ + passed * options_.nuisances_per_second);
  calm_since_ = now;
  calm_ -= weight;
  return calm_ >= 0 || fail(ErrorCode::kEnhanceYourCalm, "too many resets or empty frames");
}

bool Connection::receive(std::string_view bytes, Clock::time_point now) {
  if (failed_) return false;
  now_ = now;
  // Complete frames are parsed in place; in_ keeps the beginning of an incomplete one.
  std::string joined;
  if (!in_.empty()) {
    joined = std::move(in_);
    joined += bytes;
    bytes = joined;
  }
  in_.clear();
  if (!greeted_) {
    const size_t n = std::min(bytes.size(), kPreface.size());
    if (bytes.substr(0, n) != kPreface.substr(0, n))
      return fail(ErrorCode::kProtocol, "the client does not speak HTTP/2");
    if (n == kPreface.size()) {
      greeted_ = true;
      bytes.remove_prefix(n);
    }
  }
  while (greeted_ && bytes.size() >= kFrameHead) {
    Frame f;
    f.length = read32(bytes) >> 8;
    f.type = static_cast<uint8_t>(bytes[3]);
    f.flags = static_cast<uint8_t>(bytes[4]);
    f.stream = read32(bytes.substr(5)) & 0x7fffffff;
    if (f.length > kFrameBytes) return fail(ErrorCode::kFrameSize, "a frame is too large");
    if (bytes.size() < kFrameHead + f.length) break;
    f.payload = bytes.substr(kFrameHead, f.length);
    bytes.remove_prefix(kFrameHead + f.length);
    ++frames_;
    if (!on_frame(f, now)) return false;
  }
  in_ = bytes;
  pump();
  return true;
}

bool Connection::unpad(Frame& f) {
  if ((f.flags & kPadded) == 0) return true;
  if (f.payload.empty()) return false;
  const auto padding = static_cast<unsigned char>(f.payload[0]);
  f.payload.remove_prefix(1);
  if (padding > f.payload.size()) return false;
  f.payload.remove_suffix(padding);
  return true;
}

bool Connection::on_frame(Frame& f, Clock::time_point now) {
  if (!set_ && f.type != kSettings) return fail(ErrorCode::kProtocol, "the settings do not come first");
  if (block_stream_ != 0 && (f.type != kContinuation || f.stream != block_stream_))
    return fail(ErrorCode::kProtocol, "a header block is interrupted");
  switch (f.type) {
    case kData:
      return on_data_frame(f);
    case kHeaders:
      return on_headers_frame(f);
    case kContinuation:
      if (block_stream_ == 0) return fail(ErrorCode::kProtocol, "a continuation of nothing");
      if (++block_frames_ > kBlockFrames || block_.size() + f.payload.size() > kBlockBytes)
        return fail(ErrorCode::kEnhanceYourCalm, "a header block is too large");
      block_ += f.payload;
      return (f.flags & kEndHeaders) == 0 || on_block_end();
    case kPriority:
      if (f.stream == 0) return fail(ErrorCode::kProtocol, "priority of no stream");
      if (f.length != 5) return fail(ErrorCode::kFrameSize, "a priority's size");
      return nuisance(now, 0.1);
    case kReset:
      return on_reset_frame(f);
    case kSettings:
      return on_settings(f);
    case kPing:
      if (f.stream != 0) return fail(ErrorCode::kProtocol, "a ping of a stream");
      if (f.length != 8) return fail(ErrorCode::kFrameSize, "a ping's size");
      // A client that does not read its answers is not read from.
      if ((f.flags & kAck) == 0) write_frame(kPing, kAck, 0, f.payload);
      return true;
    case kWindowUpdate:
      return on_window_update(f);
    case kPushPromise:
      return fail(ErrorCode::kProtocol, "a client promises nothing");
    case kGoAway:
      return f.stream == 0 || fail(ErrorCode::kProtocol, "the end of a stream");
    default:
      return nuisance(now, 0.1);  // RFC 9113, 4.1: unknown frames are ignored
  }
}

bool Connection::on_data_frame(Frame& f) {
  if (f.stream == 0 || f.stream > last_stream_) return fail(ErrorCode::kProtocol, "data of no stream");
  const auto size = static_cast<int64_t>(f.length);
  receive_window_ -= size;
  if (receive_window_ < 0) return fail(ErrorCode::kFlowControl, "more data than the window has");
  if (receive_window_ < kConnectionWindow / 2) {
    write_window_update(0, kConnectionWindow - receive_window_);
    receive_window_ = kConnectionWindow;
  }
  if (!unpad(f)) return fail(ErrorCode::kProtocol, "a frame's padding");
  const bool end = (f.flags & kEndStream) != 0;
  if (f.payload.empty() && !end && !nuisance(now_)) return false;
  const auto at = streams_.find(f.stream);
  if (at == streams_.end()) return true;  // its answer or reset crossed these data
  Stream& s = at->second;
  if (s.client_ended) return fail(ErrorCode::kStreamClosed, "data behind the end of a stream");
  s.receive_window -= size;
  if (s.receive_window < 0) return fail(ErrorCode::kFlowControl, "more data than the window has");
  s.client_ended = end;
  if (!end && s.receive_window < kStreamWindow / 2) {
    write_window_update(f.stream, kStreamWindow - s.receive_window);
    s.receive_window = kStreamWindow;
  }
  if (!s.answered) handler_.on_data(f.stream, f.payload, end);
  return true;
}

bool Connection::on_headers_frame(Frame& f) {
  if (f.stream % 2 == 0) return fail(ErrorCode::kProtocol, "a client's streams have odd numbers");
  if (!unpad(f)) return fail(ErrorCode::kProtocol, "a frame's padding");
  if ((f.flags & kWithPriority) != 0) {
    if (f.payload.size() < 5) return fail(ErrorCode::kFrameSize, "a priority's size");
    f.payload.remove_prefix(5);
  }
  block_stream_ = f.stream;
  block_ends_ = (f.flags & kEndStream) != 0;
  block_frames_ = 0;
  block_ = f.payload;
  return (f.flags & kEndHeaders) == 0 || on_block_end();
}

bool Connection::on_block_end() {
  const uint32_t id = std::exchange(block_stream_, 0);
  Headers headers;
  const absl::Status read = decoder_.decode(block_, options_.max_header_bytes, headers);
  block_.clear();
  if (absl::IsOutOfRange(read)) return fail(ErrorCode::kEnhanceYourCalm, "a header block is too large");
  if (absl::IsInvalidArgument(read)) return fail(ErrorCode::kCompression, "a malformed header block");
  if (id <= last_stream_) {
    // Trailers, or headers that crossed the stream's answer or reset.
    const auto at = streams_.find(id);
    if (at == streams_.end()) return nuisance(now_);
    if (at->second.client_ended || !block_ends_)
      return fail(ErrorCode::kStreamClosed, "headers behind those of a request");
    at->second.client_ended = true;
    if (!read.ok() && !nuisance(now_)) return false;
    if (!at->second.answered) handler_.on_data(id, {}, true);
    return true;
  }
  last_stream_ = id;
  if (shut_down_ || streams_.size() + abandoned_.size() >= options_.max_streams) {
    write_reset(id, ErrorCode::kRefusedStream);
    // The client does not know of the work that goes on for streams that it has reset.
    return nuisance(now_, streams_.size() < options_.max_streams ? 0.1 : 1);
  }
  Stream& s = streams_[id];
  s.send_window = initial_send_window_;
  s.receive_window = kStreamWindow;
  s.begun = now_;
  s.client_ended = block_ends_;
  if (!read.ok()) {
    respond(id, {{":status", "431"}}, "", {});
    return nuisance(now_);
  }
  handler_.on_request(id, std::move(headers), block_ends_);
  return true;
}

// Clients with short deadlines may reset many streams. Each counts as open until the work on it is done.
bool Connection::on_reset_frame(const Frame& f) {
  if (f.length != 4) return fail(ErrorCode::kFrameSize, "a reset's size");
  if (f.stream == 0 || f.stream > last_stream_) return fail(ErrorCode::kProtocol, "a reset of no stream");
  const auto at = streams_.find(f.stream);
  if (at == streams_.end()) return nuisance(now_, 0.1);  // it crossed the end of the answer
  const bool patient = at->second.client_ended && now_ - at->second.begun >= kHasty;
  streams_.erase(at);
  if (handler_.on_reset(f.stream)) abandoned_.insert(f.stream);
  return patient || nuisance(now_);
}

bool Connection::on_settings(const Frame& f) {
  if (f.stream != 0) return fail(ErrorCode::kProtocol, "settings of a stream");
  if ((f.flags & kAck) != 0) return f.length == 0 || fail(ErrorCode::kFrameSize, "an answer to settings has a payload");
  if (f.length % 6 != 0) return fail(ErrorCode::kFrameSize, "the settings' size");
  if (f.length > 6 * kMaxSettings) return fail(ErrorCode::kEnhanceYourCalm, "too many settings");
  if (std::exchange(set_, true) && !nuisance(now_)) return false;
  for (std::string_view rest = f.payload; !rest.empty(); rest.remove_prefix(6)) {
    const uint32_t id = read32(rest) >> 16;
    const int64_t value = read32(rest.substr(2));
    if (id == 1) {
      table_update_ = true;
    } else if (id == 4) {
      if (value > kMaxWindow) return fail(ErrorCode::kFlowControl, "a window is too large");
      for (auto& [_, s] : streams_) {
        s.send_window += value - initial_send_window_;
        if (s.send_window > kMaxWindow) return fail(ErrorCode::kFlowControl, "a window is too large");
      }
      initial_send_window_ = value;
    } else if (id == 5 && (value < static_cast<int64_t>(kFrameBytes) || value > 0xffffff)) {
      return fail(ErrorCode::kProtocol, "the largest frame's size");
    }
  }
  write_frame(kSettings, kAck, 0, {});
  return true;
}

bool Connection::on_window_update(const Frame& f) {
  if (f.length != 4) return fail(ErrorCode::kFrameSize, "a window's size");
  const int64_t more = read32(f.payload) & 0x7fffffff;
  if (f.stream == 0) {
    send_window_ += more;
    if (more == 0 || send_window_ > kMaxWindow) return fail(ErrorCode::kFlowControl, "a window's size");
    return true;
  }
  if (f.stream > last_stream_) return fail(ErrorCode::kProtocol, "a window of no stream");
  const auto at = streams_.find(f.stream);
  if (at == streams_.end()) return true;
  at->second.send_window += more;
  if (more == 0 || at->second.send_window > kMaxWindow) return fail(ErrorCode::kFlowControl, "a window's size");
  return true;
}

void Connection::respond(uint32_t id, const Headers& head, std::string body, Headers trailers) {
  const auto at = streams_.find(id);
  if (failed_ || at == streams_.end() || at->second.answered) return;
  Stream& s = at->second;
  s.answered = true;
  s.body = std::move(body);
  s.trailers = std::move(trailers);
  const bool head_ends = s.body.empty() && s.trailers.empty();
  write_headers(id, head, head_ends);
  if (head_ends) finish(id);
}

void Connection::reset(uint32_t id, ErrorCode code) {
  if (!failed_ && streams_.erase(id) > 0) write_reset(id, code);
}

size_t Connection::sent(uint32_t id) const {
  const auto at = streams_.find(id);
  return at == streams_.end() ? 0 : at->second.sent;
}

// The whole answer is in the output.
void Connection::finish(uint32_t id) {
  const auto at = streams_.find(id);
  if (!at->second.client_ended) write_reset(id, ErrorCode::kNone);  // the server needs no more of the request
  streams_.erase(at);
  handler_.on_sent(id);
}

bool Connection::send_some(uint32_t id, Stream& s) {
  const auto left = static_cast<int64_t>(s.body.size() - s.sent);
  const int64_t n = std::min({left, s.send_window, send_window_, static_cast<int64_t>(kFrameBytes)});
  if (n > 0) {
    const bool end = n == left && s.trailers.empty();
    write_frame(kData, static_cast<uint8_t>(end ? kEndStream : 0), id,
                std::string_view(s.body).substr(s.sent, static_cast<size_t>(n)));
    s.sent += static_cast<size_t>(n);
    s.send_window -= n;
    send_window_ -= n;
  }
  if (n < left) return false;
  if (!s.trailers.empty()) write_headers(id, s.trailers, true);
  return true;
}

// Sends a frame of each body in turn, while the windows and the output have room.
void Connection::pump() {
  size_t idle = 0;  // streams in a row that had nothing to send
  while (!failed_ && !streams_.empty() && idle <= streams_.size() && out_.size() < kOutput) {
    auto at = streams_.lower_bound(next_to_send_);
    if (at == streams_.end()) at = streams_.begin();
    const uint32_t id = at->first;
    next_to_send_ = id + 1;
    const size_t before = out_.size();
    if (at->second.answered && send_some(id, at->second)) finish(id);
    idle = out_.size() > before ? 0 : idle + 1;
  }
}

std::string Connection::take_output() {
  pump();
  return std::exchange(out_, {});
}

}  // namespace hearth::serve::http2
