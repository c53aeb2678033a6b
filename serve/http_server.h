// HttpServer: HTTP/1.1 over TCP, with or without TLS.
//
// Each connection belongs to one of a few threads. Requests that come while another of the same connection is being
// answered wait. What breaks the protocol gets 400, what is too large 413 or 431, what comes too slowly 408, each with
// a JSON body {"error": ...}; then the connection ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "serve/http.h"

namespace hearth::serve {

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;  // 0: any that is free
  int threads = 1;
  int64_t max_connections = 10'000;  // of further ones some get 503, the rest are closed; less if files are few
  int64_t max_header_bytes = 16 << 10;
  int64_t max_body_bytes = int64_t{64} << 20;
  // What all requests may hold of memory; further ones get 503. A budget that others share; null: one of its own.
  int64_t max_pending_bytes = int64_t{1} << 30;
  std::shared_ptr<MemoryBudget> memory = nullptr;
  // Asked when a header is there and the body not yet: an answer refuses the request before more of it is read.
  std::function<std::optional<HttpResponse>(const HttpRequest& head)> admit = nullptr;
  std::chrono::milliseconds idle_timeout{60'000};     // between two requests
  std::chrono::milliseconds header_timeout{10'000};   // from a request's first byte to the end of its header
  std::chrono::milliseconds request_timeout{60'000};  // from a request's first byte to its last, and to write an answer
  // PEM files; both or neither.
  std::string certificate, private_key;
};

// Thread-safe.
class HttpServer {
 public:
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, HttpHandler handler);
  // Ends all connections at once.
  ~HttpServer();

  int port() const;
  int64_t connections() const;

  // Stops accepting. Connections get an answer to what they have sent, or send within `grace`, with
  // "Connection: close"; true when all have ended, false if some had not by `limit`.
  bool drain(std::chrono::milliseconds grace, std::chrono::milliseconds limit);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::serve
