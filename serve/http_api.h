// HttpApi: what the server's addresses mean. docs/serving.md lists them.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serve/access_log.h"
#include "serve/http.h"
#include "serve/http_server.h"
#include "serve/repository.h"
#include "serve/request_id.h"
#include "serve/work_queue.h"

namespace hearth::serve {

struct HttpApiOptions {
  std::vector<std::string> tokens;                    // bearer tokens for inference; none: everybody may
  std::vector<std::string> admin_tokens;              // for administration
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

  // Refuses a request without a valid token; for HttpServerOptions::admit.
  std::optional<HttpResponse> admit(const HttpRequest& request, bool admin) const;

  // From now on "ready" says no.
  void drain() { draining_ = true; }
  // Whose connections the metrics count.
  void count_connections_of(const HttpServer* server) { server_ = server; }

 private:
  struct Call;
  using CallPtr = std::shared_ptr<Call>;

  void handle(HttpRequest request, Respond respond, bool admin);
  HttpResponse route(const CallPtr& call, bool admin, bool& later);
  HttpResponse route_model(const CallPtr& call, std::vector<std::string_view> parts, bool& later);
  HttpResponse route_repository(const CallPtr& call, const std::vector<std::string_view>& parts, bool& later);
  bool unpack(const CallPtr& call);
  void infer(const CallPtr& call);
  void infer_file(const CallPtr& call);
  // false: too much waits already. Whatever the work throws is the call's answer.
  bool in_worker(const CallPtr& call, absl::AnyInvocable<void()> work);
  void submit_infer(const CallPtr& call, std::vector<Tensor> inputs);
  absl::StatusOr<std::vector<Tensor>> decode(const CallPtr& call, std::string_view file) const;
  void predict(const CallPtr& call);
  void submit(const CallPtr& call, std::vector<Tensor> inputs,
              absl::AnyInvocable<HttpResponse(const std::vector<Tensor>&)> write);
  bool allowed(const HttpRequest& request, const std::vector<std::string>& tokens) const;

  Repository& models_;
  const HttpApiOptions options_;
  AccessLog* log_;
  std::atomic<bool> draining_{false};
  std::atomic<const HttpServer*> server_{nullptr};
  RequestIds ids_;
  WorkQueue workers_;
  WorkQueue loaders_;  // loading takes long, and one at a time
};

}  // namespace hearth::serve
