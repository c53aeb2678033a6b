// HttpApi: what the server's addresses mean. docs/serving.md lists them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serve/access_log.h"
#include "serve/http.h"
#include "serve/http_server.h"
#include "serve/repository.h"
#include "serve/request_id.h"
#include "serve/routes.h"
#include "serve/work_queue.h"

namespace hearth::serve {

// Bearer tokens. On the port of administration either sort infers; what is administration wants one of `admin`, or of
// `inference` where there is none of those.
struct Tokens {
  std::vector<std::string> inference;  // none: everybody may
  std::vector<std::string> admin;
};

struct HttpApiOptions {
  Tokens tokens;
  // Names that Host may have on the port of administration beside loopback names and IP addresses, so that no page can
  // get there by a DNS name of its own; where there is one, on the port of inference too. "*": any.
  std::vector<std::string> allowed_hosts;
  std::chrono::milliseconds default_timeout{30'000};  // of a request that names none
  int workers = 1;                                    // threads that decode pictures
  int64_t max_body_bytes = int64_t{64} << 20;         // of a compressed body when it is unpacked
  std::shared_ptr<MemoryBudget> memory = nullptr;     // null: requests may hold as much as they want
};

// Thread-safe. Outlives every request it has been given.
class HttpApi {
 public:
  HttpApi(Repository& models, const HttpApiOptions& options, AccessLog* log);

  // For the port of inference, and for that of administration, which offers everything.
  HttpHandler inference();
  HttpHandler administration();

  // Refuses a request of a wrong host or without a valid token; for HttpServerOptions::admit. admin: on the port of
  // administration.
  std::optional<HttpResponse> admit(const HttpRequest& request, bool admin) const;
  // For HttpServerOptions::essential and complete.
  static bool essential(const HttpRequest& request, bool admin);
  void complete(const HttpRequest& request, HttpResponse& answer) const;

  // Instead of those that it has.
  void set_tokens(Tokens tokens);

  // From now on "ready" says no.
  void drain() { draining_ = true; }
  // Whose connections the metrics count.
  void count_connections_of(const HttpServer* server) { server_ = server; }

 private:
  struct Call;
  using CallPtr = std::shared_ptr<Call>;

  void handle(HttpRequest request, Respond respond, bool admin);
  // These answer at once, or not at all if `later` is true afterwards.
  HttpResponse route(const CallPtr& call, bool admin, bool& later);
  HttpResponse route_model(const CallPtr& call, const RouteMatch& match, bool& later);
  HttpResponse route_run(const CallPtr& call, bool predicts);
  HttpResponse route_repository(const CallPtr& call, const RouteMatch& match, bool& later);
  // Every answer goes by here. `bytes`: about how much it takes to make it; much is made by the workers, so that the
  // connection's thread is free for others.
  void respond(const CallPtr& call, absl::AnyInvocable<HttpResponse()> make, size_t bytes = 0);
  HttpResponse make_answer(Call& call, absl::AnyInvocable<HttpResponse()>& make) const;
  bool unpack(const CallPtr& call);
  void infer(const CallPtr& call);
  void infer_file(const CallPtr& call, std::string file);
  // false: too much waits already. Whatever the work throws is the call's answer.
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
  mutable std::mutex mutex_;
  std::shared_ptr<const Tokens> tokens_;  // guarded by mutex_
  mutable RequestIds ids_;
  WorkQueue workers_;
  WorkQueue loaders_;  // loading takes long, and one at a time
};

}  // namespace hearth::serve
