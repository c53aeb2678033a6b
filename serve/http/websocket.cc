#include "serve/http/websocket.h"

#include <openssl/evp.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "core/base/error.h"
#include "serve/base/free_bytes.h"

namespace hearth::serve {
namespace {

constexpr size_t kMaxControl = 125;  // bytes of a control frame
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

uint64_t big_endian(std::string_view bytes) {
  uint64_t n = 0;
  for (const char c : bytes) n = n << 8 | static_cast<unsigned char>(c);
  return n;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// Whether one of the elements of a header with commas is this token.
bool has_token(const HttpRequest& r, std::string_view name, std::string_view token) {
  for (const auto& [k, v] : r.headers) {
    if (!equal_ignoring_case(k, name)) continue;
    for (const absl::string_view part : absl::StrSplit(v, ',')) {
      const absl::string_view trimmed = absl::StripAsciiWhitespace(part);
      if (equal_ignoring_case({trimmed.data(), trimmed.size()}, token)) return true;
    }
  }
  return false;
}

// 16 bytes in base64.
bool is_key(const std::string& key) {
  std::string bytes;
  return key.size() == 24 && absl::Base64Unescape(key, &bytes) && bytes.size() == 16;
}

}  // namespace

void WebSocketReader::put(std::string_view bytes) {
  if (failure_ || closed_) return;
  in_.erase(0, at_);
  at_ = 0;
  in_.append(bytes);
}

// Frees what is done.
void WebSocketReader::drop_done() {
  if (at_ == 0) return;
  in_.erase(0, at_);
  in_.shrink_to_fit();
  at_ = 0;
}

void WebSocketReader::fail(WebSocketClose code, std::string why) {
  failure_ = code;
  why_ = std::move(why);
  free_bytes(in_);
  at_ = 0;
  free_bytes(message_.payload);
}

std::optional<WebSocketReader::Head> WebSocketReader::head() {
  const std::string_view in = std::string_view(in_).substr(at_);
  if (in.size() < 2) return {};
  const auto first = static_cast<unsigned char>(in[0]), second = static_cast<unsigned char>(in[1]);
  Head h{.last = (first & 0x80) != 0, .opcode = static_cast<uint8_t>(first & 0x0f)};
  const bool control = h.opcode >= 8;
  const auto wrong = [&](const char* why) -> std::optional<Head> {
    fail(WebSocketClose::kProtocolError, why);
    return {};
  };
  if ((first & 0x70) != 0) return wrong("a reserved bit is set");
  if (h.opcode > 10 || (h.opcode > 2 && !control)) return wrong("an unknown kind of frame");
  if ((second & 0x80) == 0) return wrong("a client's frame is not masked");
  const size_t length = second & 0x7f, more = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (control && (length > kMaxControl || !h.last)) return wrong("a control frame is too long or in parts");
  if (!control && (h.opcode == 0) != begun_)
    return wrong(begun_ ? "a message begins before the last one has ended" : "a message goes on that has not begun");
  h.size = 2 + more + 4;
  if (in.size() < h.size) return {};
  const uint64_t payload = more > 0 ? big_endian(in.substr(2, more)) : length;
  if (more > 0 && (payload < (more == 2 ? 126U : 65536U) || payload >> 63 != 0))
    return wrong("a frame's length is not in its shortest form");
  if (!control && payload > max_message_bytes_ - message_.payload.size()) {
    fail(WebSocketClose::kTooLarge, concat("a message is larger than ", max_message_bytes_, " bytes"));
    return {};
  }
  h.payload = static_cast<size_t>(payload);
  h.mask = in.substr(h.size - 4, 4);
  return h;
}

std::optional<WebSocketMessage> WebSocketReader::next() {
  while (!failure_ && !closed_) {
    const std::optional<Head> h = head();
    if (!h || in_.size() - at_ - h->size < h->payload) break;
    if (std::optional<WebSocketMessage> m = take(*h)) {
      if (at_ == in_.size()) drop_done();
      return m;
    }
  }
  drop_done();
  return {};
}

// A frame that is complete; nothing if its message is not, or if it is wrong.
std::optional<WebSocketMessage> WebSocketReader::take(const Head& h) {
  std::string payload = in_.substr(at_ + h.size, h.payload);
  for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ h.mask[i % 4]);
  at_ += h.size + h.payload;
  if (h.opcode >= 8) {
    const auto opcode = static_cast<WebSocketOpcode>(h.opcode);
    if (opcode == WebSocketOpcode::kClose) {
      if (!check_close(payload)) return {};
      closed_ = true;
    }
    return WebSocketMessage{opcode, std::move(payload)};
  }
  if (h.opcode != 0) message_.opcode = static_cast<WebSocketOpcode>(h.opcode);
  if (message_.payload.empty()) message_.payload = std::move(payload);
  else message_.payload += payload;
  begun_ = !h.last;
  if (begun_) return {};
  if (message_.opcode == WebSocketOpcode::kText && !is_utf8(message_.payload)) {
    fail(WebSocketClose::kNotUtf8, "a text is not UTF-8");
    return {};
  }
  return std::exchange(message_, {});
}

bool WebSocketReader::check_close(std::string_view payload) {
  if (payload.empty()) return true;
  const uint64_t code = payload.size() >= 2 ? big_endian(payload.substr(0, 2)) : 0;
  const bool known =
      (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) || (code >= 3000 && code <= 4999);
  if (!known) fail(WebSocketClose::kProtocolError, "a close frame has no valid code");
  else if (!is_utf8(payload.substr(2))) fail(WebSocketClose::kNotUtf8, "a close frame's reason is not UTF-8");
  return !failure_;
}

std::string websocket_frame(WebSocketOpcode opcode, std::string_view payload) {
  std::string frame(1, static_cast<char>(0x80 | static_cast<int>(opcode)));
  const size_t n = payload.size();
  const int bytes = n < 126 ? 0 : n < 65536 ? 2 : 8;
  frame += static_cast<char>(bytes == 0 ? n : bytes == 2 ? 126 : 127);
  for (int i = bytes - 1; i >= 0; --i) frame += static_cast<char>(static_cast<uint64_t>(n) >> (8 * i) & 255);
  return frame.append(payload);
}

std::string websocket_close(WebSocketClose code, std::string_view reason) {
  reason = reason.substr(0, kMaxControl - 2);
  while (!is_utf8(reason)) reason.remove_suffix(1);
  const auto n = static_cast<uint16_t>(code);
  return websocket_frame(WebSocketOpcode::kClose,
                         std::string{static_cast<char>(n >> 8), static_cast<char>(n & 255)}.append(reason));
}

std::string websocket_accept(std::string_view key) {
  const std::string text = concat(key, kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    throw Error(ErrorKind::kInternal, "OpenSSL has no SHA-1");
  return absl::Base64Escape({reinterpret_cast<const char*>(digest.data()), size});
}

std::optional<HttpResponse> refuse_websocket(const HttpRequest& r) {
  const std::string *version = r.header("Sec-WebSocket-Version"), *key = r.header("Sec-WebSocket-Key"),
                    *origin = r.header("Origin"), *host = r.header("Host");
  if (r.method != "GET" || !has_token(r, "Upgrade", "websocket") || !has_token(r, "Connection", "upgrade") ||
      !version || *version != "13") {
    HttpResponse refused = failure(426, "this address is a WebSocket's, of version 13");
    refused.headers.emplace_back("Connection", "Upgrade");
    refused.headers.emplace_back("Upgrade", "websocket");
    refused.headers.emplace_back("Sec-WebSocket-Version", "13");
    return refused;
  }
  if (!key || !is_key(*key)) return failure(400, "Sec-WebSocket-Key must be 16 bytes in base64");
  if (!r.body.empty()) return failure(400, "a request for a WebSocket has no body");
  // Other than fetch(), browsers let pages of every origin open WebSockets and read them.
  if (origin && (!host || !absl::EndsWith(*origin, concat("://", *host))))
    return failure(403, "a page of another origin may not do this");
  return {};
}

HttpResponse open_websocket(const HttpRequest& r, std::shared_ptr<WebSocketHandler> handler) {
  HttpResponse response{.status = 101,
                        .headers = {{"Upgrade", "websocket"},
                                    {"Connection", "Upgrade"},
                                    {"Sec-WebSocket-Accept", websocket_accept(*r.header("Sec-WebSocket-Key"))}}};
  response.socket = std::move(handler);
  return response;
}

}  // namespace hearth::serve
