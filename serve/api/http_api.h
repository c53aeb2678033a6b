// HttpApi: the server's HTTP interface, from requests to models. docs/serving.md lists its addresses.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "core/tensor/tensor.h"
#include "serve/api/routes.h"
#include "serve/base/access_log.h"
#include "serve/base/memory_budget.h"
#include "serve/base/request_id.h"
#include "serve/base/work_queue.h"
#include "serve/http/message.h"
#include "serve/http/server.h"
#include "serve/repository/repository.h"

namespace hearth::serve {

/// Bearer tokens. On the port of administration, inference takes tokens of either list; administration takes those of
/// `admin`, or those of `inference` if `admin` is empty.
struct Tokens {
  std::vector<std::string> inference;  // empty: no token is needed
  std::vector<std::string> admin;
};

struct HttpApiOptions {
  Tokens tokens;
  // Names that Host may have on the port of administration besides loopback names and IP addresses, against DNS
  // rebinding. If there are any, they hold on the port of inference too. "*" allows all.
  std::vector<std::string> allowed_hosts;
  std::chrono::milliseconds default_timeout{30'000};  // of a request without the parameter "timeout"
  int workers = 1;                                    // threads that decode pictures
  int64_t max_body_bytes = int64_t{64} << 20;         // of a body after decompression
  std::shared_ptr<MemoryBudget> memory = nullptr;     // of all requests; null: no limit
};

/// Thread-safe. Must outlive every request that it was given.
class HttpApi {
 public:
  /// `models` and `log`, which may be null, must outlive it. Throws Error if the system refuses a thread.
  HttpApi(Repository& models, const HttpApiOptions& options, AccessLog* log);

  /// The handler for the port of inference.
  HttpHandler inference();
  /// The handler for the port of administration, which offers inference too.
  HttpHandler administration();

  /// The response that refuses a request with a wrong host or without a valid token, else nothing; for
  /// HttpServerOptions::admit. admin: on the port of administration.
  std::optional<HttpResponse> admit(const HttpRequest& request, bool admin) const;
  /// Whether to answer a request when all connections are in use; for HttpServerOptions::essential.
  static bool essential(const HttpRequest& request, bool admin);
  /// Adds headers to a response of the HTTP server itself and logs it; for HttpServerOptions::complete.
  void complete(const HttpRequest& request, HttpResponse& answer) const;

  /// Replaces the tokens.
  void set_tokens(Tokens tokens);

  /// "ready" says no from now on.
  void drain() { draining_ = true; }
  /// The server whose connections the metrics count.
  void count_connections_of(const HttpServer* server) { server_ = server; }

 private:
  struct Call;
  using CallPtr = std::shared_ptr<Call>;

  void handle(HttpRequest request, Respond respond, bool admin);
  // These return the response. If they set `later`, the return value means nothing and the call is answered by
  // respond().
  HttpResponse route(const CallPtr& call, bool admin, bool& later);
  HttpResponse route_model(const CallPtr& call, const RouteMatch& match, bool& later);
  HttpResponse route_run(const CallPtr& call, bool predicts);
  HttpResponse route_repository(const CallPtr& call, const RouteMatch& match, bool& later);
  // All responses of calls are sent here. `bytes`: roughly the bytes that `make` writes. The workers make large
  // responses, so that the connection's thread stays free.
  void respond(const CallPtr& call, absl::AnyInvocable<HttpResponse()> make, size_t bytes = 0);
  HttpResponse make_answer(Call& call, absl::AnyInvocable<HttpResponse()>& make) const;
  bool unpack(const CallPtr& call);
  void infer(const CallPtr& call);
  void infer_file(const CallPtr& call, std::string file);
  // Runs work in a worker; an exception is the call's answer. false: the queue is full.
  bool in_worker(const CallPtr& call, absl::AnyInvocable<void()> work);
  void submit_infer(const CallPtr& call, std::vector<Tensor> inputs);
  absl::StatusOr<std::vector<Tensor>> decode(const CallPtr& call, std::string_view file) const;
  void predict(const CallPtr& call);
  void submit(const CallPtr& call, std::vector<Tensor> inputs,
              absl::AnyInvocable<HttpResponse(const std::vector<Tensor>&)> write);
  std::shared_ptr<const Tokens> tokens() const;
  std::string request_id(const HttpRequest& request) const;

  Repository& models_;
  const HttpApiOptions options_;
  AccessLog* log_;
  std::atomic<bool> draining_{false};
  std::atomic<const HttpServer*> server_{nullptr};
  mutable Mutex mutex_;
  std::shared_ptr<const Tokens> tokens_ ABSL_GUARDED_BY(mutex_);
  mutable RequestIds ids_;
  WorkQueue workers_;
  WorkQueue loaders_;  // loads and unloads, one at a time
};

}  // namespace hearth::serve
