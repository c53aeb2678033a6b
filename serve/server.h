// Server: an HTTP server for the models of a directory or of this program.
//
//   serve::ServerOptions options;
//   options.repository.directory = "models";
//   auto server = serve::Server::start(options);
//   ...
//   (*server)->drain();
//
// The program hearth-serve is this class with flags. Kinds, decoders and ops that a program links (HEARTH_SERVABLE,
// HEARTH_DECODER, HEARTH_OP) work like Hearth's own.
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

/// Options of Server::start(). The server itself sets `memory`, `admit`, `essential` and `complete` of `http` and
/// `admin`, and `memory` of `api`: one budget of http.max_pending_bytes holds for all of its ports.
struct ServerOptions {
  /// Where the models are and how they are served. Not used if the program brings its own models.
  RepositoryOptions repository;
  /// The port of inference, metrics and the page.
  HttpServerOptions http{.address = "0.0.0.0", .port = 8000};
  /// The port of administration, which also offers inference.
  HttpServerOptions admin{.address = "127.0.0.1", .port = 8002};
  /// Whether to listen on the port of administration at all.
  bool serve_admin = true;
  /// Allows administration without tokens on an address that is not loopback.
  bool admin_without_token = false;
  /// Tokens, hosts, timeouts and limits of requests.
  HttpApiOptions api;
  /// The access log: a file or a device, or "-" for standard error. Empty: no log.
  std::string access_log;
};

/// A running server. It listens from start() until drain() or the destructor. Thread-safe.
class Server {
 public:
  /// Loads the models of options.repository and listens. Returns when the models are loaded and the ports accept
  /// connections. An error names the option, directory, file or port that is wrong. A model that cannot be loaded is
  /// not an error: models().index() gives the reason.
  static absl::StatusOr<std::unique_ptr<Server>> start(const ServerOptions& options);
  /// The same with models of this program (Repository::of) in place of options.repository.
  static absl::StatusOr<std::unique_ptr<Server>> start(const ServerOptions& options,
                                                       std::unique_ptr<Repository> models);
  /// Drops the requests that are not answered yet; call drain() before to answer them.
  ~Server();

  /// The port of inference that it listens on.
  int port() const { return http_->port(); }
  /// The port of administration that it listens on; 0 without administration.
  int admin_port() const { return admin_ ? admin_->port() : 0; }
  /// The models, for other front ends and for this program's own use.
  Repository& models() { return *models_; }
  /// The memory limit of all requests. Other front ends (gRPC) share it.
  const std::shared_ptr<MemoryBudget>& memory() const { return memory_; }
  /// The access log, which belongs to the server; null if there is none. Other front ends share it.
  AccessLog* access_log() { return log_.get(); }

  /// Replaces the tokens, opens the access log again (for log rotation) and reads the certificates again, for new
  /// connections. The error names a file that could not be opened or read: the certificate or log in use then stays in
  /// use, and the rest is replaced all the same.
  absl::Status reload(const Tokens& tokens);

  /// Ends serving in good order. Reports not ready, stops accepting connections, answers the requests that were
  /// accepted or that come within `grace` on open connections, and closes those. Returns false if some requests of the
  /// inference port were not answered within `limit`; the port of administration gets one more second.
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
