// What the server and the clients of a store share: the token's header, files, addresses.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace hearth::distributed {

// The header that carries the token.
constexpr const char* kTokenHeader = "hearth-token";

// A PEM file's text; none for no path.
absl::StatusOr<std::string> read_pem(const std::string& path);

// "host:port"; an IPv6 address stands in brackets.
std::string address_of(const std::string& host, int port);

}  // namespace hearth::distributed
