#include "serve/http/session_internal.h"

#include <poll.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "core/base/error.h"
#include "serve/base/free_bytes.h"

namespace hearth::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr size_t kReadBytes = 16 << 10;
constexpr milliseconds kLinger{2000}, kRestricted{2000};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

HttpSession::HttpSession(HttpShared& shared, std::shared_ptr<HttpWorker> worker, tcp::socket socket,
                         std::shared_ptr<TlsContext> tls, std::unique_ptr<HttpPlace> place)
    : place_(std::move(place)), shared_(shared), worker_(std::move(worker)) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  stream_ = make_stream(std::move(socket), std::move(tls));
  worker_->sessions.insert(this);
}

HttpSession::~HttpSession() {
  set_idle(false);
  worker_->sessions.erase(this);
  stream_.reset();
}

std::shared_ptr<HttpSession> HttpSession::make(HttpShared& shared, const std::shared_ptr<HttpWorker>& worker,
                                               tcp::socket socket, std::shared_ptr<TlsContext> tls,
                                               std::unique_ptr<HttpPlace> place) {
  return {new HttpSession(shared, worker, std::move(socket), std::move(tls), std::move(place)),
          [worker](HttpSession* s) { asio::post(worker->io, [s] { delete s; }); }};
}

void HttpSession::set_idle(bool on) {
  if (on != std::exchange(idle_, on)) worker_->idle.fetch_add(on ? 1 : -1);
}

void HttpSession::start() {
  state_ = State::kHandshake;
  since_ = Clock::now();
  deadline_ = since_ + shared_.options.header_timeout;
  set_idle(true);
  stream_->handshake([self = shared_from_this()](error_code e, size_t) {
    if (!e) self->next_request();
  });
}

bool HttpSession::is_drained(Clock::time_point now) const {
  return shared_.draining && now.time_since_epoch().count() >= shared_.drain_grace_ends.load();
}

// Whether one of these events has come, or an error, or the end of both directions.
bool HttpSession::has_event(int16_t events) {
  pollfd p{stream_->socket().native_handle(), events, 0};
  return poll(&p, 1, 0) > 0;
}

void HttpSession::check(Clock::time_point now) {
  if (interim_ && now >= interim_deadline_) return close();  // the client does not read
  if (is_drained(now) && state_ == State::kIdle) return close();
  if (is_drained(now) && state_ == State::kSocket) return next_message();
  // In kAnswering the client has ended its sending. If it has closed the connection altogether, its system has answered
  // our interim response with a reset.
  if (state_ == State::kAnswering && ended_ && has_event(0)) gone();
  if (state_ == State::kSocketBusy) check_socket();
  if (now < deadline_) return;
  switch (state_) {
    case State::kReading:
      reject(failure(408, "the request took too long to arrive"));
      break;
    case State::kAnswering:
    case State::kSocketBusy:
      break;  // the request's own deadline ends it
    case State::kSocket:
      next_message();
      break;
    case State::kHandshake:
    case State::kIdle:
    case State::kWriting:
    case State::kLingering:
    case State::kSocketWriting:
      close();
  }
}

void HttpSession::close() {
  set_idle(false);
  error_code ignored;
  stream_->socket().close(ignored);
  gone();
}

void HttpSession::gone() {
  if (cancelled_) cancelled_->store(true);
}

void HttpSession::next_request() {
  reader_ = std::make_unique<HttpReader>(shared_.options.max_header_bytes, shared_.options.max_body_bytes);
  continued_ = admitted_ = is_head_ = false;
  state_ = State::kIdle;
  since_ = Clock::now();
  deadline_ = since_ + shared_.options.idle_timeout;
  if (place_->limit() != HttpPlace::Limit::kNone) deadline_ = std::min(deadline_, since_ + kRestricted);
  set_idle(true);
  if (!pending_.empty()) return parse(pending_, true);
  if (ended_) return;  // the last reference ends the connection
  read();
}

void HttpSession::read() {
  if (reading_ || ended_) return;
  if (in_.empty()) in_.resize(kReadBytes);
  reading_ = true;
  stream_->read_some(asio::buffer(in_), [self = shared_from_this()](error_code e, size_t n) {
    self->reading_ = false;
    self->have_read(e, n);
  });
}

void HttpSession::have_read(error_code e, size_t n) {
  if (e) return have_end(e);
  const std::string_view data(in_.data(), n);
  switch (state_) {
    case State::kIdle:
    case State::kReading:
      if (pending_.empty()) return parse(data, false);
      pending_.append(data);
      return parse(pending_, true);
    case State::kAnswering:
    case State::kWriting:
      // Reading on notices when the client ends; the bytes belong to the next request.
      pending_.append(data);
      if (pending_.size() < kReadBytes) read();
      return;
    case State::kSocket:
      messages_->put(data);
      return next_message();
    case State::kSocketBusy:
    case State::kSocketWriting:
      return messages_->put(data);
    case State::kHandshake:
    case State::kLingering:
      return;
  }
}

void HttpSession::have_end(error_code e) {
  if (e == asio::error::operation_aborted) return;
  ended_ = true;
  const bool clean = e == asio::error::eof;
  if (state_ == State::kAnswering) {
    if (!clean) gone();
    else if (!old_) write_continue(false);
  } else if (state_ == State::kReading && clean) {
    reject(failure(400, "malformed HTTP request: it ends before it is complete"));
  } else if (state_ == State::kSocketBusy || state_ == State::kSocketWriting) {
    if (!clean) close();  // next_message() does, when it has answered what came before the end
  } else if (state_ == State::kSocket) {
    close();
  } else if (state_ == State::kIdle) {
    set_idle(false);  // the last reference ends the connection
  }
}

void HttpSession::parse(std::string_view data, bool is_pending) {
  size_t blank = 0;
  if (state_ == State::kIdle) {
    // Some clients send an empty line too many behind a body.
    while (data.substr(blank, 2) == "\r\n") blank += 2;
    if (blank < data.size()) {
      state_ = State::kReading;
      arrived_ = since_ = Clock::now();
      deadline_ = arrived_ + shared_.options.header_timeout;
      if (place_->limit() != HttpPlace::Limit::kNone) deadline_ = std::min(deadline_, arrived_ + kRestricted);
    }
  }
  const size_t taken = blank + reader_->put(data.substr(blank));
  if (is_pending) pending_.erase(0, taken);
  else pending_.assign(data.substr(taken));
  advance();
}

void HttpSession::advance() {
  if (std::optional<HttpResponse>& refused = reader_->refusal()) return reject(*std::move(refused));
  // The memory of the part of the body that has come.
  if (absl::Status s = body_memory_.resize(reader_->body_bytes()); !s.ok())
    return reject(failure(503, std::string(s.message())));
  if (reader_->has_head() && !admitted_) {
    admitted_ = true;
    set_idle(false);
    HttpRequest& head = reader_->head();
    head.peer = place_->peer();
    head.arrived = arrived_;
    is_head_ = head.method == "HEAD";
    if (place_->limit() != HttpPlace::Limit::kNone) {
      closing_ = true;
      if (!shared_.options.essential || !shared_.options.essential(head)) {
        return reject(place_->limit() == HttpPlace::Limit::kPeer
                          ? failure(429, "this address already has the connections that one address may have")
                          : failure(503, "the server already has the connections that it may have"));
      }
    }
    if (!reader_->is_done()) {
      deadline_ = arrived_ + shared_.options.request_timeout;
      if (shared_.options.admit) {
        if (std::optional<HttpResponse> refused = shared_.options.admit(head)) return reject(*std::move(refused));
      }
    }
  }
  if (reader_->is_done()) return dispatch();
  if (pending_.size() > static_cast<size_t>(shared_.options.max_header_bytes) + kReadBytes)
    return reject(failure(400, "malformed HTTP request: a chunk's head is too long"));
  if (ended_) return reject(failure(400, "malformed HTTP request: it ends before it is complete"));
  if (reader_->has_head() && !std::exchange(continued_, true) && reader_->version() >= 11 &&
      reader_->body_bytes() == 0 && reader_->head().header("Expect"))
    return write_continue(true);
  read();
}

// Refuses the request. It is the connection's last answer.
void HttpSession::reject(HttpResponse r) {
  if (held_) return;  // its answer waits for the interim response
  closing_ = true;
  HttpRequest& head = reader_->head();
  head.peer = place_->peer();
  head.arrived = arrived_;
  is_head_ = head.method == "HEAD";
  if (shared_.options.complete) shared_.options.complete(head, r);
  send(std::move(r));
}

void HttpSession::dispatch() {
  state_ = State::kAnswering;
  deadline_ = Clock::time_point::max();
  keep_alive_ = reader_->keep_alive() && !closing_;
  old_ = reader_->version() < 11;
  HttpRequest r = std::move(reader_->head());
  // RFC 9110, section 7.8: of an HTTP/1.0 request it is ignored.
  if (old_) std::erase_if(r.headers, [](const auto& h) { return equal_ignoring_case(h.first, "Upgrade"); });
  r.body = reader_->take_body();
  r.memory = std::exchange(body_memory_, Reservation(shared_.options.memory));
  r.cancelled = cancelled_ = std::make_shared<std::atomic<bool>>(false);
  if (!ended_) read();
  else if (!old_) write_continue(false);
  shared_.handler(std::move(r), [self = shared_from_this()](absl::AnyInvocable<HttpResponse()> make) {
    asio::post(self->worker_->io, [self, make = std::move(make)]() mutable { self->send(make()); });
  });
}

// 100 Continue, for which a client with "Expect: 100-continue" waits. It is also sent to a client that has ended its
// sending while the model runs: if that client has closed the connection, its system answers with a reset, which
// check() sees.
void HttpSession::write_continue(bool then_read) { write_interim(kContinue, then_read); }

// Writes what is no answer. An answer that comes meanwhile waits for it. The bytes outlive the session.
void HttpSession::write_interim(std::string_view bytes, bool then_read) {
  if (interim_) return;
  interim_ = true;
  interim_deadline_ = Clock::now() + shared_.options.request_timeout;
  stream_->write({asio::buffer(bytes), asio::const_buffer()},
                 [self = shared_from_this(), then_read](error_code e, size_t) {
                   self->interim_ = false;
                   if (e) self->gone();
                   if (std::optional<HttpResponse> r = std::exchange(self->held_, std::nullopt)) {
                     self->send(*std::move(r));
                   } else if (std::optional<WebSocketReply> w = std::exchange(self->held_reply_, std::nullopt)) {
                     self->reply(*std::move(w));
                   } else if (then_read && !e) {
                     self->read();
                   }
                 });
}

void HttpSession::send(HttpResponse r) {
  if (state_ == State::kWriting || state_ == State::kLingering || !stream_->socket().is_open()) return;
  if (interim_) {
    if (!held_) held_ = std::move(r);
    return;
  }
  body_memory_.release();
  set_idle(false);
  if (r.socket) return open_socket(r);
  if (shared_.draining) closing_ = true;
  const bool keep = keep_alive_ && !closing_ && !(ended_ && pending_.empty());
  state_ = State::kWriting;
  deadline_ = Clock::now() + shared_.options.request_timeout;
  head_text_.clear();
  head_text_ += concat("HTTP/1.1 ", r.status, " ", http_reason(r.status), "\r\n");
  if (r.status != 204) {
    head_text_ += concat("Content-Type: ", r.content_type, "\r\nContent-Length: ", r.body.size(), "\r\n");
  }
  for (const auto& [k, v] : r.headers) head_text_ += concat(k, ": ", v, "\r\n");
  head_text_ += !keep ? "Connection: close\r\n\r\n" : old_ ? "Connection: keep-alive\r\n\r\n" : "\r\n";
  body_ = std::move(r.body);
  answer_memory_ = std::move(r.memory);
  if (is_head_) body_.clear();
  stream_->write({asio::buffer(head_text_), asio::buffer(body_)},
                 [self = shared_from_this(), keep](error_code e, size_t) {
                   if (e) return;
                   free_bytes(self->body_);
                   self->answer_memory_.release();
                   if (keep) self->next_request();
                   else self->linger();
                 });
}

// Reads and drops what still comes, until the client closes or the time is over. Closing a socket with unread bytes
// would reset the connection, and the client could lose the answer.
void HttpSession::linger() {
  state_ = State::kLingering;
  deadline_ = Clock::now() + kLinger;
  stream_->shutdown([self = shared_from_this()](error_code, size_t) { self->discard(); });
}

void HttpSession::discard() {
  if (in_.empty()) in_.resize(kReadBytes);
  stream_->socket().async_read_some(asio::buffer(in_), [self = shared_from_this()](error_code e, size_t) {
    if (!e) self->discard();
  });
}

}  // namespace hearth::serve
