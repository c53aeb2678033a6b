// hearth-serve's command line: its flags, their checks, and the help.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "serve/grpc/server.h"
#include "serve/server.h"

namespace hearth::serve {

/// What the flags ask for.
struct CommandLine {
  ServerOptions server;
  std::optional<GrpcServerOptions> grpc, grpc_admin;
  std::chrono::milliseconds drain{0};  // the most time to answer requests before the program ends
};

/// kInvalidArgument names the flag that is out of range or contradicts another.
absl::StatusOr<CommandLine> read_flags();

/// The tokens in the files of --token_file and --admin_token_file, read now. The error names the flag.
absl::StatusOr<Tokens> read_tokens();

/// The tokens that a gRPC port accepts.
const std::vector<std::string>& grpc_tokens(const Tokens& tokens, bool administration);

/// The text of --help: an example, and every flag with its default.
std::string help_text();

}  // namespace hearth::serve
