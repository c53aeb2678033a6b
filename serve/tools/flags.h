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
  ServerOptions server;                         ///< The HTTP server and the models.
  std::optional<GrpcServerOptions> grpc;        ///< The gRPC port of inference; nothing without one.
  std::optional<GrpcServerOptions> grpc_admin;  ///< The gRPC port of administration; nothing without one.
  std::chrono::milliseconds drain{0};           ///< The most time to answer requests before the program ends.
};

/// Reads the flags, and the files of tokens that they name. kInvalidArgument names the flag that is out of range or
/// contradicts another; else the error of read_tokens().
absl::StatusOr<CommandLine> read_flags();

/// The tokens in the files of --token_file and --admin_token_file, read now. The
/// error names the flag: a file that cannot be read, or kInvalidArgument for one without a token.
absl::StatusOr<Tokens> read_tokens();

/// The tokens that a gRPC port accepts.
const std::vector<std::string>& grpc_tokens(const Tokens& tokens, bool administration);

/// The text of --help: an example, and every flag with its default.
std::string help_text();

}  // namespace hearth::serve
