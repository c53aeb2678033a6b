// HttpServer: HTTP/1.1 over TCP, with or without TLS.
//
// Each connection belongs to one of a few threads and answers one request at a time: pipelined requests wait. A
// malformed request gets 400, one that is too large 413 or 431, one that arrives too slowly 408, each with a JSON body
// {"error": ...}; then the connection ends. A client that half-closes the connection still gets its answers; while one
// is made, it gets 100 Continue, or a pong over a WebSocket, which finds out whether it is still there.
//
// A response can make a WebSocket of its connection (serve/http/websocket.h). Its handler gets one message at a time;
// the next one is read when the reply to it has been sent, so that a connection holds one message at most (while its
// parts are joined, twice), and what a read brings. What the handler keeps is the handler's to count.
//
// When all connections are in use, the one that has been idle for longest is closed for a new one, a WebSocket without
// a close frame; it is idle between two messages, not within one. If none is idle, or one address has more than its
// share, a few more are accepted, on which only `essential` requests are answered.
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

/// Options of HttpServer::start(). Its functions are called in the connections' threads, several at the same time.
struct HttpServerOptions {
  /// The IP address to listen on.
  std::string address = "127.0.0.1";
  /// The port to listen on; 0 takes any that is free.
  int port = 0;
  /// The threads that read requests and write responses, 1 to 256.
  int threads = 1;
  /// The most connections at the same time; fewer if the system's limit of open files is low.
  int64_t max_connections = 10'000;
  /// The most connections of one client: an IPv4 address or an IPv6 /64 network. 0: half of max_connections.
  int64_t max_connections_per_peer = 0;
  /// The most bytes of a request from the request line to the empty line; a larger one gets 431.
  int64_t max_header_bytes = 16 << 10;
  /// The most bytes of a request's body, before decompression; a larger one gets 413.
  int64_t max_body_bytes = int64_t{64} << 20;
  /// The most bytes of a message to a WebSocket; a larger one ends the connection.
  int64_t max_message_bytes = int64_t{1} << 20;
  /// The bytes of memory that all requests together may hold, if `memory` is null; more get 503.
  int64_t max_pending_bytes = int64_t{1} << 30;
  /// A memory budget that others share. Null: the server makes one of max_pending_bytes.
  std::shared_ptr<MemoryBudget> memory = nullptr;
  /// Called when the head is complete and the body is not: a response refuses the request before more of it is read.
  std::function<std::optional<HttpResponse>(const HttpRequest& head)> admit = nullptr;
  /// Whether to answer a request even on a connection beyond the limits. Null: none is answered there.
  std::function<bool(const HttpRequest& head)> essential = nullptr;
  /// Called with each response that the handler did not make, before it is sent. The head may be incomplete.
  std::function<void(const HttpRequest& head, HttpResponse& answer)> complete = nullptr;
  /// How long a connection may wait for the next request, or a WebSocket for the next message that is not empty, before
  /// it is closed.
  std::chrono::milliseconds idle_timeout{60'000};
  /// The time for the TLS handshake, and from a request's first byte to the end of its header.
  std::chrono::milliseconds header_timeout{10'000};
  /// The time from a request's first byte to its last, and the time to send a response.
  std::chrono::milliseconds request_timeout{60'000};
  /// The PEM file of the certificate and its chain. Empty, as private_key must be then: no TLS.
  std::string certificate;
  /// The PEM file of the certificate's private key.
  std::string private_key;
};

/// A server that listens from start() until drain() or the destructor. Thread-safe.
class HttpServer {
 public:
  /// Listens, and calls `handler` for each request. kInvalidArgument for an address, a port or a number of threads that
  /// is not valid, or for an unusable certificate; the error of a certificate's file that cannot be read; kUnavailable
  /// if the port is not available; kResourceExhausted if the system refuses a thread.
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, HttpHandler handler);
  /// Ends all connections at once, without the answers that are not sent yet. Returns when the handler has called
  /// `respond` for all requests that it was given.
  ~HttpServer();

  /// The port that it listens on.
  int port() const;
  /// The number of open connections.
  int64_t connections() const;
  /// Reads certificate and key again, for connections accepted from now on. On an error the old ones stay in use. Does
  /// nothing without TLS.
  absl::Status reload_tls();

  /// Stops accepting connections, answers the requests that were sent or come within `grace`, with "Connection: close",
  /// and waits for the connections to end. Returns false if some had not ended after `limit`.
  bool drain(std::chrono::milliseconds grace, std::chrono::milliseconds limit);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::serve
