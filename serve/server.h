// Server: models of a directory, or of this program, behind HTTP.
//
//   serve::ServerOptions options;
//   options.repository.directory = "models";
//   auto server = serve::Server::start(options);
//   ...
//   (*server)->drain();
//
// hearth-serve is this with flags. Kinds, decoders and ops that a program links in (HEARTH_SERVABLE, HEARTH_DECODER,
// HEARTH_OP) are served as Hearth's own.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "serve/http_api.h"
#include "serve/http_server.h"
#include "serve/repository.h"

namespace hearth::serve {

struct ServerOptions {
  RepositoryOptions repository;
  HttpServerOptions http{.address = "0.0.0.0", .port = 8000};
  HttpServerOptions admin{.address = "127.0.0.1", .port = 8002};
  bool serve_admin = true;
  // Otherwise administration on an address that is not loopback is refused unless there are tokens.
  bool admin_without_token = false;
  HttpApiOptions api;
  std::string access_log;  // a file, or "-" for standard error; empty: none
};

// Thread-safe.
class Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> start(const ServerOptions& options);
  // With models that live in this program.
  static absl::StatusOr<std::unique_ptr<Server>> start(const ServerOptions& options,
                                                       std::unique_ptr<Repository> models);
  // Drops what is not answered yet; drain() first to answer it.
  ~Server();

  int port() const { return http_->port(); }
  int admin_port() const { return admin_ ? admin_->port() : 0; }
  Repository& models() { return *models_; }
  // What front ends beside this one share with it: what requests may hold of memory, and the log, which may be null.
  const std::shared_ptr<MemoryBudget>& memory() const { return memory_; }
  AccessLog* access_log() { return log_.get(); }

  // What an operator may change while it runs: takes these tokens from now on, opens the access log anew, and reads
  // certificates anew. What cannot be read stays as it was, and is named.
  absl::Status reload(const Tokens& tokens);

  // Says that it is not ready, stops accepting, answers everything that was accepted or comes within `grace` on open
  // connections, and closes those. false: something was left when `limit` was over.
  bool drain(std::chrono::milliseconds grace = std::chrono::milliseconds(300),
             std::chrono::milliseconds limit = std::chrono::milliseconds(30'000));

 private:
  Server() = default;

  // Each is used by those below it, which are destroyed first.
  std::shared_ptr<MemoryBudget> memory_;
  std::unique_ptr<Repository> models_;
  std::unique_ptr<AccessLog> log_;
  std::unique_ptr<HttpApi> api_;
  std::unique_ptr<HttpServer> admin_, http_;
};

}  // namespace hearth::serve
