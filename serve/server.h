// Server: an HTTP server for the models of a directory or of this program.
//
//   serve::ServerOptions options;
//   options.repository.directory = "models";
//   auto server = serve::Server::start(options);
//   ...
//   (*server)->drain();
//
// hearth-serve is this with flags. The kinds, decoders and ops that a program links (HEARTH_SERVABLE, HEARTH_DECODER,
// HEARTH_OP) work as Hearth's own.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "serve/api/http_api.h"
#include "serve/http/server.h"
#include "serve/repository/repository.h"

namespace hearth::serve {

struct ServerOptions {
  RepositoryOptions repository;
  HttpServerOptions http{.address = "0.0.0.0", .port = 8000};
  HttpServerOptions admin{.address = "127.0.0.1", .port = 8002};
  bool serve_admin = true;
  // Allows administration without tokens on an address that is not loopback.
  bool admin_without_token = false;
  HttpApiOptions api;
  std::string access_log;  // a file or a device, or "-" for standard error; empty: none
};

/// Thread-safe.
class Server {
 public:
  /// Loads the models of options.repository and listens. An error names the option, directory, file or port that is
  /// wrong; a model that cannot be loaded is no error.
  static absl::StatusOr<std::unique_ptr<Server>> start(const ServerOptions& options);
  /// The same with models of this program (Repository::of) in place of options.repository.
  static absl::StatusOr<std::unique_ptr<Server>> start(const ServerOptions& options,
                                                       std::unique_ptr<Repository> models);
  /// Drops the requests that are not answered yet; call drain() before to answer them.
  ~Server();

  /// The ports that it listens on; admin_port() is 0 without administration.
  int port() const { return http_->port(); }
  int admin_port() const { return admin_ ? admin_->port() : 0; }
  /// The models, for other front ends and for this program's own use.
  Repository& models() { return *models_; }
  /// The limit of the requests' memory, and the log, which may be null: other front ends (gRPC) share them.
  const std::shared_ptr<MemoryBudget>& memory() const { return memory_; }
  AccessLog* access_log() { return log_.get(); }

  /// Replaces the tokens, opens the access log again and reads the certificates again. The error names a file that
  /// could not be read; what it concerns stays as it was.
  absl::Status reload(const Tokens& tokens);

  /// Reports not ready, stops accepting, answers the requests that were accepted or come within `grace` on open
  /// connections, and closes those. false: some were not answered within `limit`.
  bool drain(std::chrono::milliseconds grace = std::chrono::milliseconds(300),
             std::chrono::milliseconds limit = std::chrono::milliseconds(30'000));

 private:
  Server() = default;

  // Each is used by those below, which are destroyed first.
  std::shared_ptr<MemoryBudget> memory_;
  std::unique_ptr<Repository> models_;
  std::unique_ptr<AccessLog> log_;
  std::unique_ptr<HttpApi> api_;
  std::unique_ptr<HttpServer> admin_, http_;
};

}  // namespace hearth::serve
