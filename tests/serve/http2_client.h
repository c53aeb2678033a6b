// HTTP/2 frames by hand, for what a well-behaved client of gRPC would never send.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/serve/client.h"

namespace hearth::serve::testing {

inline std::string frame(int type, int flags, uint32_t stream, std::string_view payload) {
  std::string f;
  for (int shift = 16; shift >= 0; shift -= 8) f += static_cast<char>(payload.size() >> shift & 0xff);
  f += static_cast<char>(type);
  f += static_cast<char>(flags);
  for (int shift = 24; shift >= 0; shift -= 8) f += static_cast<char>(stream >> shift & 0xff);
  f += payload;
  return f;
}

// What a client says first.
inline std::string hello() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, ""); }

// As literals without Huffman's code.
inline std::string header(std::string_view name, std::string_view value) {
  std::string h(1, '\0');
  for (const std::string_view s : {name, value}) {
    h += static_cast<char>(s.size());
    h += s;
  }
  return h;
}

inline std::string call_headers(std::string_view method, std::string_view more = "") {
  std::string h = header(":method", "POST") + header(":scheme", "http");
  h += header(":path", "/inference.GRPCInferenceService/" + std::string(method));
  h += header("content-type", "application/grpc") + header("te", "trailers");
  return h.append(more);
}

inline std::string reset(uint32_t stream) { return frame(3, 0, stream, {"\0\0\0\x08", 4}); }

inline std::string message_prefix(bool compressed, uint32_t length) {
  std::string p(1, compressed ? '\1' : '\0');
  for (int shift = 24; shift >= 0; shift -= 8) p += static_cast<char>(length >> shift & 0xff);
  return p;
}

// The memory of this process that lies in RAM, in MiB.
inline int64_t resident_mb() {
  std::ifstream f("/proc/self/statm");
  int64_t pages = 0;
  f >> pages >> pages;
  return pages * 4096 >> 20;
}

}  // namespace hearth::serve::testing
