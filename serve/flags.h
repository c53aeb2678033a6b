// hearth-serve's command line. Flags are read, checked and explained here.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "serve/grpc/grpc_server.h"
#include "serve/server.h"

namespace hearth::serve {

struct CommandLine {
  ServerOptions server;
  std::optional<GrpcServerOptions> grpc, grpc_admin;
  std::chrono::milliseconds drain{0};
};

// kInvalidArgument names the flag that is out of range, or contradicts another.
absl::StatusOr<CommandLine> read_flags();

// The files of --token_file and --admin_token_file, as they are now.
absl::StatusOr<Tokens> read_tokens();

// Those of them that a gRPC port takes.
const std::vector<std::string>& grpc_tokens(const Tokens& tokens, bool administration);

// What --help prints: an example and every flag with its default.
std::string help_text();

}  // namespace hearth::serve
