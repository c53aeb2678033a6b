#include "serve/api/http_api.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/version.h"
#include "serve/api/http_call_internal.h"
#include "serve/api/metrics.h"
#include "serve/api/model_json.h"
#include "serve/api/page.h"
#include "serve/api/status.h"
#include "serve/base/bearer.h"
#include "serve/base/error_status.h"
#include "serve/base/json_writer.h"
#include "serve/http/compression.h"
#include "serve/http/rules.h"
#include "serve/oip/repository_request.h"
#include "serve/openai/error.h"

namespace hearth::serve {
namespace {

constexpr size_t kLargeBody = 256 << 10;           // parsed by the workers, so that a connection's thread stays free
constexpr size_t kLargeAnswer = 32 << 10;          // tensors that the workers write
constexpr size_t kStatisticsBytes = 8 << 10;       // of a version in /metrics or the statistics, roughly
constexpr size_t kWorthCompressing = 256;          // shorter answers are not compressed
constexpr std::string_view kOpenAiPaths = "/v1/";  // whose errors have OpenAI's shape
constexpr size_t kWaitingWork = 256, kWaitingLoads = 64;

std::string methods_of(const RouteInfo& r) {
  return std::string_view(r.method) == "GET" ? "GET, HEAD, OPTIONS" : concat(r.method, ", OPTIONS");
}

std::string server_metadata() {
  return concat(
      R"({"name":"hearth","version":")", version(),
      R"(","extensions":["binary_tensor_data","classification","model_configuration","model_repository","statistics"]})");
}

void compress_if_asked(const HttpRequest& request, HttpResponse& r) {
  const std::string* accepted = request.header("Accept-Encoding");
  if (!accepted || r.body.size() < kWorthCompressing || r.status != 200) return;
  const std::optional<Compression> how = accepted_compression(*accepted);
  if (!how) return;
  r.body = compress(r.body, *how);
  r.headers.emplace_back("Content-Encoding", *how == Compression::kGzip ? "gzip" : "deflate");
  r.headers.emplace_back("Vary", "Accept-Encoding");
}

}  // namespace

HttpApi::HttpApi(Repository& models, const HttpApiOptions& options, AccessLog* log)
    : models_(models),
      options_(options),
      log_(log),
      tokens_(std::make_shared<const Tokens>(options.tokens)),
      workers_(options.workers, kWaitingWork),
      loaders_(1, kWaitingLoads) {}

HttpHandler HttpApi::inference() {
  return [this](HttpRequest r, Respond respond) { handle(std::move(r), std::move(respond), false); };
}
HttpHandler HttpApi::administration() {
  return [this](HttpRequest r, Respond respond) { handle(std::move(r), std::move(respond), true); };
}

std::string HttpApi::request_id(const HttpRequest& request) const {
  const std::string* given = request.header("X-Request-Id");
  return ids_.id(given ? std::string_view(*given) : std::string_view());
}

std::shared_ptr<const Tokens> HttpApi::tokens() const {
  const MutexLock lock(mutex_);
  return tokens_;
}

void HttpApi::set_tokens(Tokens tokens) {
  auto fresh = std::make_shared<const Tokens>(std::move(tokens));
  const MutexLock lock(mutex_);
  tokens_.swap(fresh);
}

void HttpApi::handle(HttpRequest request, Respond respond, bool admin) {
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->bytes_in = static_cast<int64_t>(call->request.body.size());
  call->memory = Reservation(options_.memory);
  call->id = request_id(call->request);
  call->respond = std::move(respond);
  bool later = false;
  HttpResponse r;
  try {
    r = route(call, admin, later);
  } catch (...) {
    if (later) return;  // the call was handed on before the exception
    r = failure(current_exception_status());
  }
  if (!later) this->respond(call, [r = std::move(r)]() mutable { return std::move(r); });
}

void HttpApi::respond(const CallPtr& call, absl::AnyInvocable<HttpResponse()> make, size_t bytes) {
  if (bytes <= kLargeAnswer)
    return call->respond([this, call, make = std::move(make)]() mutable { return make_answer(*call, make); });
  workers_.run_always([this, call, make = std::move(make)]() mutable {
    call->respond([r = make_answer(*call, make)]() mutable { return std::move(r); });
  });
}

HttpResponse HttpApi::make_answer(Call& call, absl::AnyInvocable<HttpResponse()>& make) const {
  HttpResponse r;
  try {
    r = make();
    make = nullptr;  // frees the outputs that it holds
    call.memory.release();
    compress_if_asked(call.request, r);
    if (call.model) {  // health checks are answered when no memory is left
      r.memory = Reservation(options_.memory);
      if (absl::Status s = r.memory.resize(static_cast<int64_t>(r.body.size())); !s.ok()) r = failure(s);
    }
  } catch (...) {
    r = failure(current_exception_status());
  }
  if (!r.error.empty() && call.request.path().starts_with(kOpenAiPaths))
    r.body = openai_error_json(r.status, absl::UnknownError(r.error));
  r.headers.emplace_back("X-Request-Id", call.id);
  if (log_) {
    log_->write({.request_id = call.id,
                 .method = call.request.method,
                 .path = std::string(call.request.path()),
                 .peer = call.request.peer,
                 .model = call.model ? call.model->name : "",
                 .error = r.status >= 400 ? r.body : "",
                 .version = call.model ? call.model->version : 0,
                 .bytes_in = call.bytes_in,
                 .bytes_out = static_cast<int64_t>(r.body.size()),
                 .batch = call.timing.batch,
                 .status = r.status,
                 .total_ms = static_cast<double>(nanoseconds(Clock::now() - call.request.arrived)) * 1e-6,
                 .queue_ms = static_cast<double>(call.timing.queue_ns) * 1e-6,
                 .compute_ms = static_cast<double>(call.timing.compute_ns) * 1e-6});
  }
  return r;
}

// Completes a response of the HTTP server itself: to a malformed request, or to one that it refused before its body
// came.
void HttpApi::complete(const HttpRequest& request, HttpResponse& answer) const {
  Call call;
  call.request = {.method = request.method,
                  .target = request.target,
                  .headers = request.headers,
                  .peer = request.peer,
                  .arrived = request.arrived};
  call.id = request_id(request);
  absl::AnyInvocable<HttpResponse()> make = [&answer] { return std::move(answer); };
  answer = make_answer(call, make);
}

bool HttpApi::essential(const HttpRequest& request, bool admin) {
  const auto match = match_route(request.path());
  return match && (match->info->essential || (admin && match->info->access == Access::kAdministration));
}

std::optional<HttpResponse> HttpApi::admit(const HttpRequest& r, bool admin) const {
  const std::string* host = r.header("Host");
  if (host && (admin || !options_.allowed_hosts.empty()) && !is_known_host(*host, options_.allowed_hosts))
    return failure(421, concat("this server does not answer for the host \"", host->substr(0, 80),
                               "\"; --allowed_hosts adds hosts"));
  const auto match = match_route(r.path());
  const Access access = match ? match->info->access : Access::kInference;
  const std::shared_ptr<const Tokens> t = tokens();
  const std::string* header = r.header("Authorization");
  const auto has = [&](const std::vector<std::string>& some) { return header && is_bearer(*header, some); };
  const bool allowed = access == Access::kEverybody        ? true
                       : !admin                            ? t->inference.empty() || has(t->inference)
                       : t->admin.empty()                  ? t->inference.empty() || has(t->inference)
                       : access == Access::kAdministration ? has(t->admin)
                                                           : has(t->admin) || has(t->inference);
  if (allowed) return {};
  HttpResponse refused = failure(401, header ? "the bearer token is not valid here" : "a bearer token is needed");
  refused.headers.emplace_back("WWW-Authenticate", "Bearer");
  return refused;
}

HttpResponse HttpApi::route(const CallPtr& call, bool admin, bool& later) {
  const HttpRequest& r = call->request;
  if (std::optional<HttpResponse> refused = admit(r, admin)) return *std::move(refused);
  if (r.target == "*") return {.status = 204, .headers = {{"Allow", "GET, HEAD, POST, OPTIONS"}}};
  const std::optional<RouteMatch> match = match_route(r.path());
  if (!match) return failure(404, "nothing is at this address");
  const RouteInfo& info = *match->info;
  if (r.method == "OPTIONS") return {.status = 204, .headers = {{"Allow", methods_of(info)}}};
  if (r.method != info.method && !(r.method == "HEAD" && std::string_view(info.method) == "GET")) {
    HttpResponse wrong = failure(405, concat("this address takes ", methods_of(info)));
    wrong.headers.emplace_back("Allow", methods_of(info));
    return wrong;
  }
  const auto statistics = [&](absl::AnyInvocable<HttpResponse()> make) {
    later = true;
    respond(call, std::move(make), models_.stats().size() * kStatisticsBytes);
    return HttpResponse();
  };
  switch (info.route) {
    case Route::kPage:
      return {.content_type = "text/html; charset=utf-8",
              .headers = {{"Cache-Control", "no-cache"},
                          {"Content-Security-Policy", "default-src 'self' 'unsafe-inline' data: blob:"}},
              .body = std::string(kPage)};
    case Route::kHealthz:
      return {.content_type = "text/plain", .body = "ok\n"};
    case Route::kOpenApi:
      return json_answer(std::string(kOpenApi));
    case Route::kLive:
      return json_answer(R"({"live":true})");
    case Route::kReady: {
      const bool ready = !draining_ && models_.ready();
      return json_answer(concat("{\"ready\":", ready ? "true" : "false", "}"), ready ? 200 : 503);
    }
    case Route::kMetrics:
      return statistics([this, call] {
        const HttpServer* server = server_;
        const std::string* accept = call->request.header("Accept");
        const double open = accept ? accept_weight(*accept, "application/openmetrics-text") : 0;
        const bool open_metrics = accept && open > 0 && open >= accept_weight(*accept, "text/plain") &&
                                  accept->find("openmetrics") != std::string::npos;
        return HttpResponse{
            .content_type = open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                         : "text/plain; version=0.0.4; charset=utf-8",
            .headers = {{"Vary", "Accept"}},
            .body =
                metrics_text(models_, {server ? server->connections() : 0, log_ ? log_->dropped() : 0}, open_metrics)};
      });
    case Route::kServer:
      return json_answer(server_metadata());
    case Route::kAllStats:
      return statistics([this] { return json_answer(statistics_json(models_)); });
    case Route::kIndex:
    case Route::kLoad:
    case Route::kUnload:
      if (!admin) return failure(403, "the repository is administered on another port (--admin_port)");
      return route_repository(call, *match, later);
    case Route::kEmbeddings:
      later = true;
      with_body(call, false, [this, call] { embeddings(call); });
      return {};
    default:
      return route_model(call, *match, later);
  }
}

HttpResponse HttpApi::route_model(const CallPtr& call, const RouteMatch& match, bool& later) {
  const std::optional<std::string> name = percent_decode(match.model);
  if (!name || !is_model_name(*name)) return failure(404, "there is no model of this name");
  const auto number = match.version.empty() ? std::optional<int64_t>(0) : parse_version(match.version);
  if (!number) return failure(404, "a version is a whole number from 1 on");
  const int64_t version = *number;
  auto model = models_.find(*name, version);
  if (match.info->route == Route::kModelReady) {
    std::string body;
    JsonWriter(body).begin_object().field("name", *name).field("ready", model.ok() && !draining_).end_object();
    return json_answer(std::move(body), model.ok() && !draining_ ? 200 : model.ok() ? 503 : 404);
  }
  if (!model.ok()) return failure(model.status());
  switch (match.info->route) {
    case Route::kModel:
      return json_answer(metadata_json(models_, **model));
    case Route::kConfig:
      return json_answer(config_json(**model));
    case Route::kStats:
      later = true;
      respond(
          call, [this, name, version] { return json_answer(statistics_json(models_, *name, version)); },
          kStatisticsBytes);
      return {};
    case Route::kStream:
      call->model = *std::move(model);
      return route_stream(call);
    default:
      later = true;
      call->model = *std::move(model);
      return route_run(call, match.info->route == Route::kPredict);
  }
}

// Answers the call, now or later.
HttpResponse HttpApi::route_run(const CallPtr& call, bool predicts) {
  const std::string* type = call->request.header("Content-Type");
  const bool file =
      predicts ||
      (type && (absl::StartsWithIgnoreCase(*type, "image/") || absl::StartsWithIgnoreCase(*type, "audio/")));
  with_body(call, file, [this, call, file] { file ? predict(call) : infer(call); });
  return {};
}

void HttpApi::with_body(const CallPtr& call, bool slow, absl::AnyInvocable<void()> work) {
  const std::string* encoding = call->request.header("Content-Encoding");
  const bool packed = encoding && !equal_ignoring_case(*encoding, "identity");
  if (packed && !equal_ignoring_case(*encoding, "gzip") && !equal_ignoring_case(*encoding, "deflate"))
    return refuse(call, 415, "a body may be compressed with gzip or deflate only");
  if (!slow && !packed && call->request.body.size() <= kLargeBody) return work();
  const bool accepted = in_worker(call, [this, call, packed, work = std::move(work)]() mutable {
    if (!packed || unpack(call)) work();
  });
  if (!accepted) refuse(call, 503, "too many files and large requests are waiting");
}

HttpResponse HttpApi::route_repository(const CallPtr& call, const RouteMatch& match, bool& later) {
  // Pages of another origin must not administer the server (cross-site request forgery).
  const std::string *origin = call->request.header("Origin"), *host = call->request.header("Host");
  if (origin && (!host || !absl::EndsWith(*origin, concat("://", *host))))
    return failure(403, "a page of another origin may not do this");
  if (match.info->route == Route::kIndex) {
    const auto only_ready = parse_repository_request(call->request.body, false);
    if (!only_ready.ok()) return failure(only_ready.status());
    std::string out;
    JsonWriter json(out);
    json.begin_array();
    for (const IndexEntry& e : models_.index()) {
      if (*only_ready && e.state != VersionState::kReady) continue;
      json.begin_object().field("name", e.name);
      if (e.version > 0) json.field("version", concat(e.version));
      json.field("state", kVersionStateNames[static_cast<size_t>(e.state)]).field("reason", e.reason).end_object();
    }
    json.end_array();
    return json_answer(std::move(out));
  }
  const std::optional<std::string> name = percent_decode(match.model);
  if (!name || !is_model_name(*name)) return failure(404, "there is no model of this name");
  const bool load = match.info->route == Route::kLoad;
  if (const auto checked = parse_repository_request(call->request.body, !load); !checked.ok())
    return failure(checked.status());
  later = true;
  const bool accepted = loaders_.run([this, call, name = *name, load] {
    absl::Status s;
    try {
      s = load ? models_.load(name) : models_.unload(name);
    } catch (...) {
      s = current_exception_status();
    }
    respond(call, [s] { return s.ok() ? json_answer("{}") : failure(s); });
  });
  if (!accepted) respond(call, [] { return failure(503, "too many loads are waiting"); });
  return {};
}

}  // namespace hearth::serve
