// GrpcServer: the Open Inference Protocol over gRPC, beside HTTP and with the same models.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "serve/repository.h"

namespace hearth::serve {

struct GrpcServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;                                       // 0: any that is free
  std::vector<std::string> tokens;                    // bearer tokens; none: everybody may. Live and ready need none.
  bool administration = false;                        // whether models may be loaded and unloaded
  std::chrono::milliseconds default_timeout{30'000};  // of a request without a deadline
  int64_t max_message_bytes = int64_t{64} << 20;
  std::string certificate, private_key;  // PEM files; both or neither
};

// Thread-safe.
class GrpcServer {
 public:
  // `models` must outlive it.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> start(const GrpcServerOptions& options, Repository& models);
  // As drain() with no time.
  ~GrpcServer();

  int port() const;
  // Not ready from now on, and nothing new is accepted; calls that were are answered, or cancelled when `limit` is
  // over.
  void drain(std::chrono::milliseconds limit);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::serve
