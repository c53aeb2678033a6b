// HttpServer: HTTP/1.1 over TCP, with or without TLS.
//
// Each connection belongs to one of a few threads and answers one request at a time: pipelined requests wait. A
// malformed request gets 400, one that is too large 413 or 431, one that arrives too slowly 408, each with a JSON body
// {"error": ...}; then the connection ends. A client that half-closes the connection still gets its answers.
//
// When all connections are in use, the one that has been idle for longest is closed for a new one. If none is idle, or
// one address has more than its share, a few more are accepted, on which only `essential` requests are answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "serve/http/message.h"

namespace hearth::serve {

struct HttpServerOptions {
  // An IP address and a port.
  std::string address = "127.0.0.1";
  int port = 0;  // 0: any that is free
  int threads = 1;
  int64_t max_connections = 10'000;      // fewer if the system's limit of open files is low
  int64_t max_connections_per_peer = 0;  // of an IPv4 address or an IPv6 /64; 0: half of max_connections
  int64_t max_header_bytes = 16 << 10;   // from the request line to the empty line
  int64_t max_body_bytes = int64_t{64} << 20;
  // The memory that all requests together may hold; more get 503. `memory` is a budget that others share; null: a
  // budget of max_pending_bytes.
  int64_t max_pending_bytes = int64_t{1} << 30;
  std::shared_ptr<MemoryBudget> memory = nullptr;
  // Called when the head is complete and the body is not: a response refuses the request before more of it is read.
  std::function<std::optional<HttpResponse>(const HttpRequest& head)> admit = nullptr;
  // Whether to answer a request even on a connection beyond the limits.
  std::function<bool(const HttpRequest& head)> essential = nullptr;
  // Called with each response that the handler did not make, before it is sent. The head may be incomplete.
  std::function<void(const HttpRequest& head, HttpResponse& answer)> complete = nullptr;
  std::chrono::milliseconds idle_timeout{60'000};     // between two requests
  std::chrono::milliseconds header_timeout{10'000};   // from a request's first byte to the end of its header
  std::chrono::milliseconds request_timeout{60'000};  // from a request's first byte to its last; and to send an answer
  // PEM files; both or neither.
  std::string certificate, private_key;
};

/// Thread-safe.
class HttpServer {
 public:
  /// Listens, and calls `handler` for each request. kInvalidArgument for an option out of range or an unusable
  /// certificate, kUnavailable if the port cannot be had, kResourceExhausted if the system refuses a thread.
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, HttpHandler handler);
  /// Ends all connections at once. Returns when the handler has answered all requests that it was given.
  ~HttpServer();

  /// The port that it listens on.
  int port() const;
  /// The connections that are open.
  int64_t connections() const;
  /// Reads certificate and key again, for connections accepted from now on. On an error the old ones stay in use.
  absl::Status reload_tls();

  /// Stops accepting, answers the requests that were sent or come within `grace`, with "Connection: close", and waits
  /// for the connections to end. false: some had not ended after `limit`.
  bool drain(std::chrono::milliseconds grace, std::chrono::milliseconds limit);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::serve
