// The store of ranks on several hosts: one process serves it, gRPC carries it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "distributed/store/store.h"

namespace hearth::distributed {

/// How server and clients of a store know one another.
struct StoreSecurity {
  /// Callers show this token; without the same one they are refused. Empty: everybody is let in. Without TLS it can be
  /// read by whoever sees the network's traffic.
  std::string token = {};
  /// TLS, for which PEM files are given: what the client trusts, and what the server shows. All empty: no TLS.
  std::string ca_file = {};
  /// The server's certificate.
  std::string certificate_file = {};
  /// The server's private key.
  std::string key_file = {};
  /// Whether the connection is encrypted.
  bool tls() const { return !ca_file.empty() || !certificate_file.empty() || !key_file.empty(); }
};

/// Serves a store from this process's memory while it lives. Keys and values together take 256 MiB at most.
class StoreServer {
 public:
  /// Listens on address:port; port 0 takes a free one. kUnavailable if it cannot; kNotFound and the like for a file of
  /// `security` that cannot be read.
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

/// A client of the store at host:port. Waits until the server answers, for `timeout` at most: kUnavailable then.
/// kUnauthenticated for another token than the server's.
absl::StatusOr<std::shared_ptr<Store>> connect_store(const std::string& host, int port, const StoreSecurity& security,
                                                     std::chrono::milliseconds timeout);

}  // namespace hearth::distributed
