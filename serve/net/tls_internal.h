// A server's certificate and key, and what TLS it speaks.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace hearth::serve {

/// TLS as a server speaks it: TLS 1.3, and TLS 1.2 with the forward-secret AEAD cipher suites of RFC 9325.
/// Connections that began with it keep it alive.
class TlsContext {
 public:
  /// Reads the PEM files of a certificate with its chain and of its private key. `protocol` is the only ALPN protocol
  /// (RFC 7301) that is accepted, "http/1.1" or "h2"; a client that offers others only is refused, one that offers none
  /// is not. The error of a file that cannot be read, or kInvalidArgument; it names the files.
  static absl::StatusOr<std::shared_ptr<TlsContext>> load(const std::string& certificate,
                                                          const std::string& private_key, const std::string& protocol);

  boost::asio::ssl::context& asio() { return context_; }

 private:
  explicit TlsContext(std::string protocol) : protocol_(std::move(protocol)) {}

  const std::string protocol_;
  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_server};
};

}  // namespace hearth::serve
