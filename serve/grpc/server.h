// GrpcServer: the Open Inference Protocol over gRPC, for the same models as HTTP.
//
// It speaks gRPC's wire format over serve/http2. The memory that a client can make the server hold is limited. A call
// with a wrong token or too large a message is refused before the message is read. Messages, their decoded form,
// tensors and answers share one budget. Compressed messages are refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "serve/base/access_log.h"
#include "serve/base/memory_budget.h"
#include "serve/repository/repository.h"

namespace hearth::serve {

/// Options of GrpcServer::start().
struct GrpcServerOptions {
  /// The IP address to listen on.
  std::string address = "127.0.0.1";
  /// The port to listen on; 0 takes any that is free.
  int port = 0;
  /// Bearer tokens, of which all methods but ServerLive and ServerReady need one. Empty: no token is needed.
  std::vector<std::string> tokens;
  /// Whether this port lists, loads and unloads models: RepositoryIndex, RepositoryModelLoad, RepositoryModelUnload.
  bool administration = false;
  /// The longest that a request may take, from its arrival to its deadline, unless its parameter "timeout" says
  /// otherwise. A client's own deadline (grpc-timeout) can only be earlier.
  std::chrono::milliseconds default_timeout{30'000};
  /// The most bytes of a ModelInfer message; no message has more than 2^31 - 1. Messages of other methods have at most
  /// 64 KiB.
  int64_t max_message_bytes = int64_t{64} << 20;
  /// The PEM file of the certificate and its chain. Empty, as private_key must be then: no TLS.
  std::string certificate;
  /// The PEM file of the certificate's private key.
  std::string private_key;
  /// The threads, 1 to 256, that decode pictures and parse large messages.
  int workers = 1;
  /// The most connections at the same time. More are accepted and closed at once.
  int64_t max_connections = 1000;
  /// The most calls of one connection at the same time, 1 to 10,000. More are refused.
  int max_streams = 100;
  /// How long a connection without calls is kept.
  std::chrono::milliseconds idle_timeout{300'000};
  /// The time for each of the handshake, a frame and a header block to arrive.
  std::chrono::milliseconds header_timeout{10'000};
  /// The time for a message to arrive, and for another part of an answer to be sent. A whole answer has ten times as
  /// long, and once more for each MiB.
  std::chrono::milliseconds request_timeout{60'000};
  /// A memory budget, which HTTP may share. Null: requests may hold as much as they want.
  std::shared_ptr<MemoryBudget> memory = nullptr;
  /// The access log, which must outlive the server; null for none.
  AccessLog* log = nullptr;
};

/// A server that listens from start() until drain() or the destructor. Thread-safe.
class GrpcServer {
 public:
  /// Listens. `models` must outlive the server. kInvalidArgument for an option that is not valid or an unusable
  /// certificate; the error of a certificate's file that cannot be read; kUnavailable if the port is not available;
  /// kResourceExhausted if the system refuses a thread.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> start(const GrpcServerOptions& options, Repository& models);
  /// Ends all connections and cancels their calls, as drain() with a limit of 0. Returns when no model runs a call any
  /// more.
  ~GrpcServer();

  /// The port that it listens on.
  int port() const;
  /// The number of open connections.
  int64_t connections() const;
  /// Replaces the tokens, for calls that begin from now on.
  void set_tokens(std::vector<std::string> tokens);
  /// Reads certificate and key again, for connections accepted from now on. On an error the old ones stay in use. Does
  /// nothing without TLS.
  absl::Status reload_tls();
  /// Reports not ready and accepts nothing new from now on; waits for the calls that run, and cancels those that are
  /// left after `limit`.
  void drain(std::chrono::milliseconds limit);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::serve
