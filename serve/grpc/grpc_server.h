// GrpcServer: the Open Inference Protocol over gRPC, beside HTTP and with the same models.
//
// gRPC's wire format over HTTP/2 as serve/http2 has it. What a client can make the server hold is counted: a call is
// refused before its message is read if its token or its size is wrong, and messages, what they unpack to, tensors and
// answers come out of one budget. Compressed messages are refused, as by every server that offers no compression.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "serve/access_log.h"
#include "serve/memory_budget.h"
#include "serve/repository.h"

namespace hearth::serve {

struct GrpcServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;                                       // 0: any that is free
  std::vector<std::string> tokens;                    // bearer tokens; none: everybody may. Live and ready need none.
  bool administration = false;                        // whether models may be loaded and unloaded
  std::chrono::milliseconds default_timeout{30'000};  // of a request without a deadline
  int64_t max_message_bytes = int64_t{64} << 20;
  std::string certificate, private_key;               // PEM files; both or neither
  int workers = 1;                                    // threads that decode pictures and read large messages
  int64_t max_connections = 1000;                     // further ones are closed
  int max_streams = 100;                              // calls of a connection at the same time
  std::chrono::milliseconds idle_timeout{300'000};    // of a connection without calls
  std::chrono::milliseconds header_timeout{10'000};   // for a handshake, a frame, a header block
  std::chrono::milliseconds request_timeout{60'000};  // for a message to arrive, and for an answer to move on
  std::shared_ptr<MemoryBudget> memory = nullptr;     // null: requests may hold as much as they want
  AccessLog* log = nullptr;                           // outlives the server; may be null
};

// Thread-safe.
class GrpcServer {
 public:
  // `models` must outlive it.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> start(const GrpcServerOptions& options, Repository& models);
  // As drain() with no time. Returns when no call is left in the models.
  ~GrpcServer();

  int port() const;
  int64_t connections() const;
  // Takes these tokens from now on.
  void set_tokens(std::vector<std::string> tokens);
  // Reads certificate and key anew for connections that come from now on. If that fails, the old ones stay.
  absl::Status reload_tls();
  // Not ready from now on, and nothing new is accepted; calls that were are answered, or cancelled when `limit` is
  // over.
  void drain(std::chrono::milliseconds limit);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::serve
