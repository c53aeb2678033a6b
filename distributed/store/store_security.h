// How the server and the clients of a job's store know one another.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace hearth::distributed {

/// A shared secret, and TLS.
struct StoreSecurity {
  /// Callers show this token; without the same one they are refused. Empty: everybody is let in. Without TLS it can be
  /// read by whoever sees the network's traffic. Printable ASCII characters, without a space at either end.
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

/// What HEARTH_JOB_TOKEN (the token), HEARTH_TLS_CA, HEARTH_TLS_CERTIFICATE and HEARTH_TLS_KEY (the files) say.
StoreSecurity security_from_environment();

/// kInvalidArgument for a token that no header of a request can carry, such as one with the newline of a file's end.
absl::Status check_token(const std::string& token);

}  // namespace hearth::distributed
