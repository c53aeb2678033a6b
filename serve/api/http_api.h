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
#include "serve/api/routes.h"
#include "serve/base/access_log.h"
#include "serve/base/memory_budget.h"
#include "serve/base/request_id.h"
#include "serve/base/work_queue.h"
#include "serve/http/message.h"
#include "serve/http/server.h"
#include "serve/model/value.h"
#include "serve/repository/repository.h"

namespace hearth::serve {

/// Bearer tokens. If both lists are empty, no token is needed.
struct Tokens {
  /// The tokens for inference. If empty, inference on its own port needs no token.
  std::vector<std::string> inference;
  /// The tokens for administration, which takes those of `inference` if this is empty. If it is not empty, inference on
  /// the port of administration takes tokens of either list.
  std::vector<std::string> admin;
};

/// Options of HttpApi.
struct HttpApiOptions {
  /// The bearer tokens that are valid.
  Tokens tokens;
  /// Names that the Host header may have on the port of administration besides loopback names and IP addresses, against
  /// DNS rebinding. If there are any, they hold on the port of inference too; else that port takes every host. "*"
  /// allows all.
  std::vector<std::string> allowed_hosts;
  /// The time from the arrival of a request without the parameter "timeout" to its deadline.
  std::chrono::milliseconds default_timeout{30'000};
  /// The threads, at least 1, that decode pictures, unpack and parse large bodies, and write large answers.
  int workers = 1;
  /// The most bytes of a body after decompression; a request with more gets 413.
  int64_t max_body_bytes = int64_t{64} << 20;
  /// The memory of all requests; null for no limit.
  std::shared_ptr<MemoryBudget> memory = nullptr;
};

/// The server's HTTP interface, without the network. Thread-safe. Must outlive every request that it was given.
class HttpApi {
 public:
  /// `models` and `log`, which may be null, must outlive it. Throws Error if the system refuses a thread.
  HttpApi(Repository& models, const HttpApiOptions& options, AccessLog* log);

  /// The handler for the port of inference.
  HttpHandler inference();
  /// The handler for the port of administration, which offers inference too.
  HttpHandler administration();

  /// The response that refuses a request to a wrong host (421) or without a valid token (401), else nothing. For
  /// HttpServerOptions::admit; it needs only the head. `admin`: on the port of administration.
  std::optional<HttpResponse> admit(const HttpRequest& request, bool admin) const;
  /// Whether to answer a request even when all connections are in use: health checks, and on the port of administration
  /// (`admin`) what administers. For HttpServerOptions::essential.
  static bool essential(const HttpRequest& request, bool admin);
  /// Adds headers to a response of the HTTP server itself and writes it to the access log. For
  /// HttpServerOptions::complete.
  void complete(const HttpRequest& request, HttpResponse& answer) const;

  /// Replaces the tokens, for requests whose tokens are checked from now on.
  void set_tokens(Tokens tokens);

  /// From now on the server and its models are reported as not ready. Requests are still answered.
  void drain() { draining_ = true; }
  /// Sets the server whose open connections the metrics report; null for none. It must outlive this object's requests.
  void count_connections_of(const HttpServer* server) { server_ = server; }

 private:
  struct Call;
  class Stream;
  using CallPtr = std::shared_ptr<Call>;

  void handle(HttpRequest request, Respond respond, bool admin);
  // These return the response. If they set `later`, the return value means nothing and the call is answered by
  // respond().
  HttpResponse route(const CallPtr& call, bool admin, bool& later);
  HttpResponse route_model(const CallPtr& call, const RouteMatch& match, bool& later);
  HttpResponse route_run(const CallPtr& call, bool predicts);
  HttpResponse route_stream(const CallPtr& call);
  HttpResponse route_repository(const CallPtr& call, const RouteMatch& match, bool& later);
  // All responses of calls are sent here. `bytes`: roughly the bytes that `make` writes. The workers make large
  // responses, so that the connection's thread stays free.
  void respond(const CallPtr& call, absl::AnyInvocable<HttpResponse()> make, size_t bytes = 0);
  HttpResponse make_answer(Call& call, absl::AnyInvocable<HttpResponse()>& make) const;
  // Calls `work` when the body is unpacked: in a worker if that or the work (`slow`) takes long. It must answer the
  // call.
  void with_body(const CallPtr& call, bool slow, absl::AnyInvocable<void()> work);
  bool unpack(const CallPtr& call);
  void infer(const CallPtr& call);
  // Answers, and counts the request as failed if its model is known.
  void refuse(const CallPtr& call, int status, std::string why);
  void infer_file(const CallPtr& call, std::string file);
  // Runs work in a worker; an exception is the call's answer. false: the queue is full.
  bool in_worker(const CallPtr& call, absl::AnyInvocable<void()> work);
  void submit_infer(const CallPtr& call, std::vector<Value> inputs);
  absl::StatusOr<std::vector<Value>> decode(const CallPtr& call, std::string_view file) const;
  void predict(const CallPtr& call);
  void embeddings(const CallPtr& call);
  void submit(const CallPtr& call, std::vector<Value> inputs,
              absl::AnyInvocable<HttpResponse(const std::vector<Value>&)> write);
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
