// GrpcServer: the Open Inference Protocol over gRPC, for the same models as HTTP.
//
// gRPC's wire format over serve/http2. The memory that a client can make the server hold is limited: a call with a
// wrong token or too large a message is refused before the message is read, and messages, their decoded form, tensors
// and answers share one budget. Compressed messages are refused.
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

struct GrpcServerOptions {
  // An IP address and a port.
  std::string address = "127.0.0.1";
  int port = 0;                     // 0: any that is free
  std::vector<std::string> tokens;  // bearer tokens for all but ServerLive and ServerReady; empty: none
  bool administration = false;      // whether models may be loaded and unloaded
  std::chrono::milliseconds default_timeout{30'000};  // of a request without a deadline
  int64_t max_message_bytes = int64_t{64} << 20;
  std::string certificate, private_key;              // PEM files; both or neither
  int workers = 1;                                   // threads that decode pictures and parse large messages
  int64_t max_connections = 1000;                    // more are closed
  int max_streams = 100;                             // calls of one connection at the same time
  std::chrono::milliseconds idle_timeout{300'000};   // of a connection without calls
  std::chrono::milliseconds header_timeout{10'000};  // for a handshake, a frame, a header block
  // For a message to arrive, and for another part of an answer to be sent. A whole answer has ten times as long, and
  // once more for each MiB.
  std::chrono::milliseconds request_timeout{60'000};
  std::shared_ptr<MemoryBudget> memory = nullptr;  // null: requests may hold as much as they want
  AccessLog* log = nullptr;                        // outlives the server; may be null
};

/// Thread-safe.
class GrpcServer {
 public:
  /// Listens. `models` must outlive the server. kInvalidArgument for an option out of range, the error of a certificate
  /// that cannot be used, kUnavailable if the port cannot be had, kResourceExhausted if the system refuses a thread.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> start(const GrpcServerOptions& options, Repository& models);
  /// drain() without time. Returns when no model runs a call any more.
  ~GrpcServer();

  /// The port that it listens on.
  int port() const;
  /// The connections that are open.
  int64_t connections() const;
  /// Replaces the tokens.
  void set_tokens(std::vector<std::string> tokens);
  /// Reads certificate and key again, for connections accepted from now on. On an error the old ones stay in use.
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
