// HttpServer: HTTP/1.1 over TCP, with or without TLS.
//
// Each connection belongs to one of a few threads. Requests that come while another of the same connection is being
// answered wait. What breaks the protocol gets 400, what is too large 413 or 431, what comes too slowly 408, each with
// a JSON body {"error": ...}; then the connection ends. A client that ends its sending still gets its answers.
//
// When there are as many connections as it takes, the one that has been idle for longest makes room for a new one.
// Where none is idle, or one address has more than its share, a few more are taken for requests that are `essential`.
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
  int64_t max_connections = 10'000;      // fewer if the system lets us open few files
  int64_t max_connections_per_peer = 0;  // of an IPv4 address or an IPv6 /64; 0: half of max_connections
  int64_t max_header_bytes = 16 << 10;   // from the request line to the empty line
  int64_t max_body_bytes = int64_t{64} << 20;
  // What all requests may hold of memory; further ones get 503. A budget that others share; null: one of its own.
  int64_t max_pending_bytes = int64_t{1} << 30;
  std::shared_ptr<MemoryBudget> memory = nullptr;
  // Asked when a header is there and the body not yet: an answer refuses the request before more of it is read.
  std::function<std::optional<HttpResponse>(const HttpRequest& head)> admit = nullptr;
  // Whether a request is answered even on a connection beyond the limits.
  std::function<bool(const HttpRequest& head)> essential = nullptr;
  // Called with each answer that is not the handler's, before it is sent: the head as far as it is known.
  std::function<void(const HttpRequest& head, HttpResponse& answer)> complete = nullptr;
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
  // Reads certificate and key anew for connections that come from now on. If that fails, the old ones stay.
  absl::Status reload_tls();

  // Stops accepting. Connections get an answer to what they have sent, or send within `grace`, with
  // "Connection: close"; true when all have ended, false if some had not by `limit`.
  bool drain(std::chrono::milliseconds grace, std::chrono::milliseconds limit);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::serve
