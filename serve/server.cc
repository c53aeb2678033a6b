#include "serve/server.h"

#include <utility>

#include "core/base/error.h"
#include "serve/http/rules.h"

namespace hearth::serve {

absl::StatusOr<std::unique_ptr<Server>> Server::start(const ServerOptions& options) {
  auto models = Repository::open(options.repository);
  if (!models.ok()) return models.status();
  return start(options, *std::move(models));
}

absl::StatusOr<std::unique_ptr<Server>> Server::start(const ServerOptions& options,
                                                      std::unique_ptr<Repository> models) {
  if (options.serve_admin && !options.admin_without_token && !is_loopback(options.admin.address) &&
      options.api.tokens.admin.empty() && options.api.tokens.inference.empty()) {
    return absl::InvalidArgumentError(concat("administration on ", options.admin.address,
                                             ", which is not a loopback address, needs tokens (--admin_token_file), or "
                                             "everybody who reaches it could unload "
                                             "models; --admin_without_token allows that"));
  }
  std::unique_ptr<Server> s(new Server);
  s->models_ = std::move(models);
  if (!options.access_log.empty()) {
    auto log = AccessLog::open(options.access_log);
    if (!log.ok()) return log.status();
    s->log_ = *std::move(log);
  }
  s->memory_ = std::make_shared<MemoryBudget>(options.http.max_pending_bytes);
  HttpApiOptions with_memory = options.api;
  with_memory.memory = s->memory_;
  try {
    s->api_ = std::make_unique<HttpApi>(*s->models_, with_memory, s->log_.get());
  } catch (const Error& refused) {  // a thread
    return absl::ResourceExhaustedError(refused.what());
  }
  const auto with_admission = [api = s->api_.get(), &s](HttpServerOptions o, bool admin) {
    o.memory = s->memory_;
    o.admit = [api, admin](const HttpRequest& head) { return api->admit(head, admin); };
    o.essential = [admin](const HttpRequest& head) { return HttpApi::essential(head, admin); };
    o.complete = [api](const HttpRequest& head, HttpResponse& answer) { api->complete(head, answer); };
    return o;
  };
  if (options.serve_admin) {
    auto admin = HttpServer::start(with_admission(options.admin, true), s->api_->administration());
    if (!admin.ok()) return admin.status();
    s->admin_ = *std::move(admin);
  }
  auto http = HttpServer::start(with_admission(options.http, false), s->api_->inference());
  if (!http.ok()) return http.status();
  s->http_ = *std::move(http);
  s->api_->count_connections_of(s->http_.get());
  return s;
}

absl::Status Server::reload(const Tokens& tokens) {
  api_->set_tokens(tokens);
  absl::Status s = http_->reload_tls();
  if (admin_) s.Update(admin_->reload_tls());
  if (log_) s.Update(log_->reopen());
  return s;
}

Server::~Server() {
  admin_.reset();
  http_.reset();
}

bool Server::drain(std::chrono::milliseconds grace, std::chrono::milliseconds limit) {
  api_->drain();
  const bool all = http_->drain(grace, limit);
  if (admin_) admin_->drain(std::chrono::milliseconds(0), std::chrono::milliseconds(1000));
  return all;
}

}  // namespace hearth::serve
