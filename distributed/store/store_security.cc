#include "distributed/store/store_security.h"

#include <algorithm>
#include <cstdlib>

namespace hearth::distributed {
namespace {

std::string variable(const char* name) {
  const char* v = std::getenv(name);
  return v ? v : "";
}

}  // namespace

StoreSecurity security_from_environment() {
  return {.token = variable("HEARTH_JOB_TOKEN"),
          .ca_file = variable("HEARTH_TLS_CA"),
          .certificate_file = variable("HEARTH_TLS_CERTIFICATE"),
          .key_file = variable("HEARTH_TLS_KEY")};
}

absl::Status check_token(const std::string& token) {
  const bool printable = std::ranges::all_of(token, [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (printable && (token.empty() || (token.front() != ' ' && token.back() != ' '))) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "store: the token (HEARTH_JOB_TOKEN) must consist of printable ASCII characters, without a newline, and without "
      "a space at either end");
}

}  // namespace hearth::distributed
