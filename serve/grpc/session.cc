#include "serve/grpc/session.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "serve/base/error_status.h"

namespace hearth::serve {
namespace {

constexpr size_t kPrefix = 5;
constexpr int64_t kFirstBytes = 4096, kFreeBytes = 1024;
constexpr size_t kMessageText = 2048;
constexpr int64_t kSendTimeouts = 10;  // request_timeouts for sending an answer, and another for each kSendStep bytes
constexpr size_t kSendStep = 1 << 20;

constexpr std::string_view kCodes[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

// The header grpc-message: visible ASCII and spaces; '%' and all other bytes as %XX.
std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text.substr(0, kMessageText)) {
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u < 0x7f && c != '%') {
      out += c;
    } else {
      out += '%';
      out += kHex[u >> 4];
      out += kHex[u & 15];
    }
  }
  return out;
}

// The header grpc-timeout, "100m": at most eight digits and a unit.
std::optional<Clock::duration> parse_timeout(std::string_view text) {
  int64_t n = 0;
  if (text.size() < 2 || text.size() > 9 || !absl::SimpleAtoi(std::string(text.substr(0, text.size() - 1)), &n) ||
      n < 0)
    return {};
  switch (text.back()) {
    case 'H':
      return std::chrono::hours(std::min<int64_t>(n, 1000));
    case 'M':
      return std::chrono::minutes(std::min<int64_t>(n, 60'000));
    case 'S':
      return std::chrono::seconds(n);
    case 'm':
      return std::chrono::milliseconds(n);
    case 'u':
      return std::chrono::microseconds(n);
    case 'n':
      return std::chrono::nanoseconds(n);
    default:
      return {};
  }
}

// How long sending an answer may take. A client that opens its window by a byte at a time would otherwise keep the
// answer's memory for ever.
Clock::duration send_limit(Clock::duration timeout, size_t bytes) {
  return timeout * (kSendTimeouts + static_cast<int64_t>(bytes / kSendStep));
}

}  // namespace

GrpcSession::GrpcSession(GrpcShared& shared, std::string peer, Post post)
    : shared_(shared),
      peer_(std::move(peer)),
      post_(std::move(post)),
      connection_(*this, {.max_streams = static_cast<uint32_t>(shared.options.max_streams)}, Clock::now()),
      frame_since_(Clock::now()),
      active_(frame_since_) {}

GrpcSession::~GrpcSession() {
  for (auto& [_, c] : calls_) {
    if (c.call) c.call->cancelled->store(true);
  }
}

void GrpcSession::on_request(uint32_t stream, http2::Headers headers, bool end) {
  active_ = Clock::now();
  const auto header = [&](std::string_view name) -> std::string_view {
    const std::string* h = http2::find_header(headers, name);
    return h ? std::string_view(*h) : std::string_view();
  };
  if (header(":method") != "POST") return connection_.respond(stream, {{":status", "405"}, {"allow", "POST"}}, "", {});
  if (!header("content-type").starts_with("application/grpc"))
    return connection_.respond(stream, {{":status", "415"}}, "", {});

  Call& c = calls_[stream];
  c.call = std::make_shared<GrpcCall>();
  c.path = std::string(header(":path").substr(0, 200));
  c.id = shared_.ids.id(header("x-request-id"));
  c.call->cancelled = std::make_shared<std::atomic<bool>>(false);
  c.call->message_memory = Reservation(shared_.options.memory);
  c.call->memory = Reservation(shared_.options.memory);
  c.answer_memory = Reservation(shared_.options.memory);

  const auto method = parse_grpc_method(header(":path"));
  if (!method) return finish(stream, c, absl::UnimplementedError("there is no such method"));
  c.call->method = *method;
  if (absl::Status s = shared_.service.admit(*method, header("authorization")); !s.ok()) return finish(stream, c, s);
  const std::string_view encoding = header("grpc-encoding");
  if (!encoding.empty() && encoding != "identity")
    return finish(stream, c, absl::UnimplementedError("compressed messages are not supported"));
  if (const std::string_view timeout = header("grpc-timeout"); !timeout.empty()) {
    const auto t = parse_timeout(timeout);
    if (!t) return finish(stream, c, absl::InvalidArgumentError("grpc-timeout is not a duration"));
    c.call->deadline = c.call->arrived + *t;
  }
  if (end) finish(stream, c, absl::InvalidArgumentError("the message is missing"));
}

absl::Status GrpcSession::take(Call& c, std::string_view data) {
  GrpcCall& call = *c.call;
  c.bytes_in += static_cast<int64_t>(data.size());
  if (c.prefix.size() < kPrefix) {
    const std::string_view part = data.substr(0, kPrefix - c.prefix.size());
    c.prefix += part;
    data.remove_prefix(part.size());
    if (c.prefix.size() < kPrefix) return absl::OkStatus();
    for (size_t i = 1; i < kPrefix; ++i) c.length = c.length << 8 | static_cast<unsigned char>(c.prefix[i]);
    if (c.prefix[0] != 0) return absl::UnimplementedError("compressed messages are not supported");
    if (const int64_t most = shared_.service.max_message_bytes(call.method); c.length > most)
      return absl::ResourceExhaustedError(
          concat("the message has ", c.length, " bytes, and this method takes at most ", most));
  }
  const auto size = static_cast<int64_t>(call.message.size()), more = static_cast<int64_t>(data.size());
  if (size + more > c.length) return absl::InvalidArgumentError("there is more than one message");
  // Memory for the bytes that came, not for the length that the client announced. Small messages are free, so that
  // health checks are answered when no memory is left.
  if (c.length > kFreeBytes && size + more > call.message_memory.bytes()) {
    const int64_t room = std::min(c.length, std::max({size + more, 2 * size, kFirstBytes}));
    if (absl::Status s = call.message_memory.resize(room); !s.ok()) return s;
    call.message.reserve(static_cast<size_t>(room));
  }
  call.message += data;
  return absl::OkStatus();
}

void GrpcSession::on_data(uint32_t stream, std::string_view data, bool end) {
  const auto at = calls_.find(stream);
  if (at == calls_.end() || at->second.running || at->second.answered) return;
  Call& c = at->second;
  absl::Status s;
  try {
    s = take(c, data);
  } catch (...) {
    s = current_exception_status();
  }
  if (s.ok() && !end) return;
  if (s.ok() && (c.prefix.size() < kPrefix || static_cast<int64_t>(c.call->message.size()) < c.length))
    s = absl::InvalidArgumentError("the message ends early");
  if (!s.ok()) return finish(stream, c, s);
  c.running = true;
  c.call->respond = [post = post_, stream](absl::AnyInvocable<absl::StatusOr<std::string>()> make) {
    post(stream, std::move(make));
  };
  c.call->running.emplace(shared_.running);
  const GrpcCallPtr call = c.call;
  shared_.service.run(call);
}

bool GrpcSession::on_reset(uint32_t stream) {
  const auto at = calls_.find(stream);
  if (at == calls_.end()) return false;
  const Call& c = at->second;
  const bool abandoned = c.running && !c.answered;
  if (!c.answered) {
    c.call->cancelled->store(true);
    log(c, absl::CancelledError("the client has gone"), 0);
  }
  calls_.erase(at);
  return abandoned;
}

void GrpcSession::on_sent(uint32_t stream) {
  active_ = Clock::now();
  calls_.erase(stream);
}

void GrpcSession::answer(uint32_t stream, absl::AnyInvocable<absl::StatusOr<std::string>()> make) {
  const auto at = calls_.find(stream);
  if (at == calls_.end()) return connection_.release(stream);
  if (at->second.answered) return;
  Call& c = at->second;
  absl::StatusOr<std::string> answer;
  try {
    answer = make();
    c.call->memory.release();
    if (answer.ok() && static_cast<int64_t>(answer->size()) > kFreeBytes) {
      if (absl::Status s = c.answer_memory.resize(static_cast<int64_t>(answer->size())); !s.ok()) answer = s;
    }
  } catch (...) {
    answer = current_exception_status();
  }
  make = nullptr;
  finish(stream, c, std::move(answer));
}

// `c` may be destroyed afterwards.
void GrpcSession::finish(uint32_t stream, Call& c, absl::StatusOr<std::string> answer) {
  c.answered = true;
  c.moved_at = Clock::now();
  c.send_until = c.moved_at + send_limit(shared_.options.request_timeout, answer.ok() ? answer->size() : 0);
  log(c, answer.status(), answer.ok() ? static_cast<int64_t>(answer->size()) : 0);
  c.call->message = {};
  c.call->message_memory.release();
  c.call.reset();
  http2::Headers head = {{":status", "200"},
                         {"content-type", "application/grpc"},
                         {"grpc-accept-encoding", "identity"},
                         {"x-request-id", c.id}};
  if (!answer.ok()) {
    head.emplace_back("grpc-status", concat(static_cast<int>(answer.status().code())));
    head.emplace_back("grpc-message", percent_encode(std::string(answer.status().message())));
    return connection_.respond(stream, head, "", {});
  }
  char prefix[kPrefix] = {};
  for (size_t i = 1; i < kPrefix; ++i) prefix[i] = static_cast<char>(answer->size() >> (8 * (4 - i)) & 0xff);
  answer->insert(0, prefix, kPrefix);
  connection_.respond(stream, head, *std::move(answer), {{"grpc-status", "0"}});
}

bool GrpcSession::check(Clock::time_point now) {
  const GrpcServerOptions& o = shared_.options;
  if (const int64_t frames = connection_.frames(); frames != frames_ || !connection_.in_frame()) {
    frames_ = frames;
    frame_since_ = now;
  }
  if (now - frame_since_ > o.header_timeout) return false;
  std::vector<uint32_t> late, stuck;
  for (auto& [stream, c] : calls_) {
    if (c.answered && connection_.sent(stream) > c.sent) {
      c.sent = connection_.sent(stream);
      c.moved_at = now;
    }
    if (!c.running && !c.answered && now - c.call->arrived > o.request_timeout) late.push_back(stream);
    if (c.answered && (now - c.moved_at > o.request_timeout || now > c.send_until)) stuck.push_back(stream);
  }
  for (const uint32_t stream : late)
    finish(stream, calls_.at(stream), absl::DeadlineExceededError("the request took too long to arrive"));
  for (const uint32_t stream : stuck) {
    connection_.reset(stream, http2::ErrorCode::kCancel);
    calls_.erase(stream);
  }
  return !calls_.empty() || now - active_ <= o.idle_timeout;
}

void GrpcSession::log(const Call& c, const absl::Status& status, int64_t bytes_out) {
  if (!shared_.options.log) return;
  const GrpcCall& call = *c.call;
  // The thread that runs a call writes these until it is answered.
  const bool settled = c.answered || !c.running;
  const Model* model = settled ? call.model.get() : nullptr;
  const Job::Timing timing = settled ? call.timing : Job::Timing{};
  const auto code = static_cast<size_t>(status.code());
  shared_.options.log->write({.request_id = c.id,
                              .method = "GRPC",
                              .path = c.path,
                              .peer = peer_,
                              .model = model ? model->name : "",
                              .error = std::string(status.message()),
                              .code = std::string(code < std::size(kCodes) ? kCodes[code] : "UNKNOWN"),
                              .version = model ? model->version : 0,
                              .bytes_in = c.bytes_in,
                              .bytes_out = bytes_out,
                              .batch = timing.batch,
                              .total_ms = static_cast<double>(nanoseconds(Clock::now() - call.arrived)) * 1e-6,
                              .queue_ms = static_cast<double>(timing.queue_ns) * 1e-6,
                              .compute_ms = static_cast<double>(timing.compute_ns) * 1e-6});
}

}  // namespace hearth::serve
