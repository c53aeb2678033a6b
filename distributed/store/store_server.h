// The server of a store that ranks on several hosts use: one process has it, gRPC carries it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "distributed/store/store_security.h"

namespace hearth::distributed {

/// Serves a store from this process's memory while it lives. Keys, values and waiting calls together take 256 MiB at
/// most, and what is on its way as much.
class StoreServer {
 public:
  /// Listens on address:port; port 0 takes a free one. kUnavailable if it cannot; kInvalidArgument for a token that
  /// cannot be sent; kNotFound and the like for a file of `security` that cannot be read.
  static absl::StatusOr<std::unique_ptr<StoreServer>> start(const std::string& address, int port,
                                                            const StoreSecurity& security);
  ~StoreServer();
  StoreServer(const StoreServer&) = delete;
  StoreServer& operator=(const StoreServer&) = delete;
  /// The port that it listens on.
  int port() const;
  /// All keys that begin with `prefix`, and their values.
  std::map<std::string, std::string> entries(const std::string& prefix) const;

 private:
  class Impl;
  explicit StoreServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::distributed
