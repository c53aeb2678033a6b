// A WebSocket's client side, for frames that a well-behaved one would never send too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/serve/client.h"

namespace hearth::serve::testing {

// A masked frame with this first byte: 0x80 for the last of a message, plus the opcode.
inline std::string client_frame(int first, std::string_view payload) {
  std::string f(1, static_cast<char>(first));
  const size_t n = payload.size();
  const int bytes = n < 126 ? 0 : n < 65536 ? 2 : 8;
  f += static_cast<char>(0x80 | (bytes == 0 ? n : bytes == 2 ? 126 : 127));
  for (int i = bytes - 1; i >= 0; --i) f += static_cast<char>(n >> (8 * i) & 255);
  constexpr std::string_view kMask = "\x12\x34\x56\x78";
  f += kMask;
  for (size_t i = 0; i < n; ++i) f += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return f;
}

struct ServerFrame {
  int opcode = 0;
  std::string payload;
  // Of a close frame.
  int code() const {
    return payload.size() < 2 ? 0
                              : static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
  }
};

// A connection that has become a WebSocket.
class WebSocketClient {
 public:
  explicit WebSocketClient(int port, const std::string& path, const std::string& headers = "") : client_(port) {
    client_.send(concat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", headers,
                        "\r\n"));
    answer = client_.read();
  }
  bool send(int first, std::string_view payload) { return client_.send(client_frame(first, payload)); }
  bool send_bytes(std::string_view bytes) { return client_.send(bytes); }
  // The next frame; nothing if the connection ends before.
  std::optional<ServerFrame> read() {
    for (;;) {
      const std::string_view in = client_.data();
      if (in.size() >= 2) {
        size_t length = static_cast<unsigned char>(in[1]), head = 2;
        if (length >= 126) {
          const size_t bytes = length == 126 ? 2 : 8;
          length = 0;
          for (size_t i = 2; i < 2 + bytes && i < in.size(); ++i)
            length = length << 8 | static_cast<unsigned char>(in[i]);
          head += bytes;
        }
        if (in.size() >= head + length) {
          ServerFrame f{in[0] & 15, std::string(in.substr(head, length))};
          client_.drop(head + length);
          return f;
        }
      }
      if (!client_.wait_for_more()) return {};
    }
  }
  // The answer to a message.
  std::string ask(int first, std::string_view payload) {
    send(first, payload);
    const auto f = read();
    return f ? f->payload : "";
  }
  // The code of the close frame that comes next, whatever comes before; 0 if none comes.
  int closed() {
    while (const auto f = read()) {
      if (f->opcode == 8) return f->code();
    }
    return 0;
  }
  bool ended() { return client_.ended(); }
  void end_sending() { client_.end_sending(); }

  Answer answer;

 private:
  Client client_;
};

}  // namespace hearth::serve::testing
