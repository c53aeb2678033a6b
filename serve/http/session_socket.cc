// What an HttpSession does once its connection is a WebSocket. In kSocket it waits for a message, in kSocketBusy its
// handler has one, in kSocketWriting it writes; in these two nothing is read.
#include <poll.h>

#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "serve/base/free_bytes.h"
#include "serve/http/session_internal.h"

namespace hearth::serve {

namespace asio = boost::asio;
using boost::system::error_code;

void HttpSession::open_socket(const HttpResponse& r) {
  state_ = State::kSocketWriting;
  deadline_ = Clock::now() + shared_.options.request_timeout;
  socket_ = r.socket;
  messages_.emplace(static_cast<size_t>(shared_.options.max_message_bytes));
  messages_->put(pending_);  // before all that is read from now on
  free_bytes(pending_);
  reader_.reset();
  head_text_ = "HTTP/1.1 101 Switching Protocols\r\n";
  for (const auto& [k, v] : r.headers) head_text_.append(k).append(": ").append(v).append("\r\n");
  head_text_ += "\r\n";
  stream_->write({asio::buffer(head_text_), asio::const_buffer()}, [self = shared_from_this()](error_code e, size_t) {
    if (e) return self->close();
    self->wait_anew();
    self->next_message();
  });
}

// Control frames and empty messages do not put the deadline off.
void HttpSession::wait_anew() {
  since_ = Clock::now();
  message_deadline_ = since_ + shared_.options.idle_timeout;
}

// Called after every frame that is written, so that a client that is never idle cannot go on for ever.
void HttpSession::next_message() {
  if (!stream_->socket().is_open()) return;
  const Clock::time_point now = Clock::now();
  if (is_drained(now)) return close_socket(WebSocketClose::kGoingAway, "the server stops");
  if (now >= message_deadline_) return close_socket(WebSocketClose::kGoingAway, "no message came in time");
  while (std::optional<WebSocketMessage> m = messages_->next()) {
    switch (m->opcode) {
      case WebSocketOpcode::kPong:
        continue;
      case WebSocketOpcode::kPing:
        return write_frames(websocket_frame(WebSocketOpcode::kPong, m->payload), false);
      case WebSocketOpcode::kClose:
        return write_frames(websocket_frame(WebSocketOpcode::kClose, m->payload), true);
      default:
        return give(*std::move(m));
    }
  }
  if (messages_->failure()) return close_socket(*messages_->failure(), messages_->why());
  if (ended_) return close();
  if (!body_memory_.resize(static_cast<int64_t>(messages_->bytes())).ok())
    return close_socket(WebSocketClose::kTryAgain, "the server holds as much as it may");
  state_ = State::kSocket;
  deadline_ = message_deadline_;
  set_idle(!messages_->is_within());
  read();
}

void HttpSession::give(WebSocketMessage message) {
  state_ = State::kSocketBusy;
  deadline_ = Clock::time_point::max();
  set_idle(false);
  puts_off_ = !message.payload.empty();
  try {
    socket_->message(std::move(message), [self = shared_from_this()](WebSocketReply r) {
      asio::post(self->worker_->io, [self, r = std::move(r)]() mutable { self->reply(std::move(r)); });
    });
  } catch (const std::exception& e) {
    socket_ = nullptr;  // it may hold the reply, which holds this session
    close_socket(WebSocketClose::kServerError, e.what());
  }
}

// Whether the client of the message that the handler has is still there. If it has ended its sending, it may wait for
// the answer. A pong, which clients ignore, tells: if it has closed the connection altogether, its system answers with
// a reset.
void HttpSession::check_socket() {
  static const std::string pong = websocket_frame(WebSocketOpcode::kPong, "");
  if (has_event(0)) return close();
  if (probed_ || !has_event(POLLRDHUP)) return;
  probed_ = true;
  write_interim(pong, false);
}

void HttpSession::reply(WebSocketReply r) {
  if (state_ != State::kSocketBusy || !stream_->socket().is_open()) return;
  if (interim_) {
    held_reply_ = std::move(r);
    return;
  }
  std::string frames;
  if (r.text) frames = websocket_frame(WebSocketOpcode::kText, *r.text);
  if (r.close) frames += websocket_close(*r.close, r.reason);
  if (puts_off_) wait_anew();
  if (frames.empty()) return next_message();
  write_frames(std::move(frames), r.close.has_value());
}

void HttpSession::close_socket(WebSocketClose code, std::string_view reason) {
  write_frames(websocket_close(code, reason), true);
}

void HttpSession::write_frames(std::string frames, bool last) {
  state_ = last ? State::kWriting : State::kSocketWriting;
  set_idle(false);
  deadline_ = Clock::now() + shared_.options.request_timeout;
  body_ = std::move(frames);
  stream_->write({asio::buffer(body_), asio::const_buffer()}, [self = shared_from_this(), last](error_code e, size_t) {
    free_bytes(self->body_);
    if (e) return self->close();
    if (!last) return self->next_message();
    self->gone();  // whatever the handler still does is for nobody
    self->linger();
  });
}

}  // namespace hearth::serve
