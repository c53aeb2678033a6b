#include "serve/http_api.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "core/ops/softmax.h"
#include "serve/compression.h"
#include "serve/error_status.h"
#include "serve/http_rules.h"
#include "serve/json_writer.h"
#include "serve/metrics.h"
#include "serve/oip.h"
#include "serve/page.h"

namespace hearth::serve {
namespace {

// Bodies beyond this are read by the workers, so that a connection's thread is free for others.
constexpr size_t kLargeBody = 256 << 10;
// Tensors beyond this are written by them.
constexpr size_t kLargeAnswer = 32 << 10;
constexpr size_t kStatisticsBytes = 8 << 10;  // of a version in /metrics or the statistics, roughly
constexpr size_t kWaitingWork = 256, kWaitingLoads = 64;

HttpResponse json_answer(std::string body, int status = 200) { return {.status = status, .body = std::move(body)}; }

int http_status(const absl::Status& s) {
  switch (s.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kDataLoss:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    case absl::StatusCode::kCancelled:
      return 499;
    default:
      return 500;
  }
}

// Of a file that could not be read.
int file_status(const absl::Status& s) {
  return absl::IsUnimplemented(s) ? 415 : absl::IsResourceExhausted(s) ? 413 : http_status(s);
}

using serve::failure;
HttpResponse failure(const absl::Status& s) { return failure(http_status(s), std::string(s.message())); }

std::string methods_of(const RouteInfo& r) {
  return std::string_view(r.method) == "GET" ? "GET, HEAD, OPTIONS" : concat(r.method, ", OPTIONS");
}

constexpr std::string_view kServerMetadata =
    R"({"name":"hearth","version":"0.1","extensions":["binary_tensor_data","classification","model_configuration","model_repository","statistics"]})";

std::string metadata_json(const Repository& models, const Model& model) {
  std::string out;
  JsonWriter json(out);
  const graph::Signature& s = model.servable->signature();
  json.begin_object().field("name", model.name).key("versions").begin_array();
  for (const ModelPtr& m : models.models()) {
    if (m->name == model.name) json.value(concat(m->version));
  }
  json.end_array().field("platform", concat("hearth_", s.kind));
  json.key("inputs").raw(ports_json(s.inputs)).key("outputs").raw(ports_json(s.outputs));
  if (!s.description.empty()) json.field("description", s.description);
  if (!s.labels.empty()) {
    json.key("labels").begin_array();
    for (const std::string& l : s.labels) json.value(l);
    json.end_array();
  }
  if (!s.preprocess_input.empty()) {
    json.key("file_input").begin_object();
    for (const auto& [k, v] : s.preprocess_input) json.field(k, v);
    json.end_object();
  }
  json.end_object();
  return out;
}

std::string config_json(const Model& model) {
  std::string out;
  JsonWriter json(out);
  const SchedulerOptions& o = model.scheduler->options();
  const graph::Signature& s = model.servable->signature();
  const bool batched = is_batched(s);
  json.begin_object().field("name", model.name).field("platform", concat("hearth_", s.kind)).field("backend", "hearth");
  json.field("max_batch_size", batched ? o.max_batch_size : int64_t{0});
  const auto ports = [&](const char* key, const std::vector<graph::Signature::Port>& all) {
    json.key(key).begin_array();
    for (const auto& p : all) {
      json.begin_object()
          .field("name", p.name)
          .field("data_type", concat("TYPE_", oip_datatype(p.dtype)))
          .key("dims")
          .begin_array();
      for (size_t d = batched ? 1 : 0; d < p.shape.size(); ++d) json.value(p.shape[d].size);
      json.end_array().end_object();
    }
    json.end_array();
  };
  ports("input", s.inputs);
  ports("output", s.outputs);
  json.key("instance_group")
      .begin_array()
      .begin_object()
      .field("kind", "KIND_CPU")
      .field("count", o.instances)
      .end_object()
      .end_array();
  json.key("dynamic_batching").begin_object();
  json.field("max_queue_delay_microseconds", static_cast<int64_t>(o.max_queue_delay.count()))
      .field("priority_levels", 2);
  json.key("default_queue_policy").begin_object().field("max_queue_size", o.max_queue_size).end_object();
  json.end_object().end_object();
  return out;
}

// The labels with the highest scores of the first output's only row.
absl::StatusOr<std::string> predictions_json(const Model& model, const std::vector<Tensor>& outputs, int64_t top) {
  const graph::Signature& s = model.servable->signature();
  const Tensor& scores = outputs[0];
  if (!scores.is_floating_point() || scores.dim() != 2 || scores.size(0) != 1)
    return absl::FailedPreconditionError("the model's first output is no row of scores; send its inputs as tensors");
  const auto as = s.metadata.find("scores");
  const Tensor probabilities = as != s.metadata.end() && as->second == "probabilities" ? scores : softmax(scores, -1);
  const std::vector<double> p = probabilities.to(f64).to_vector<double>();
  if (!std::all_of(p.begin(), p.end(), [](double v) { return std::isfinite(v); }))
    return absl::InternalError("the model's scores are no finite numbers");
  std::vector<size_t> order(p.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("model_name", model.name).field("model_version", concat(model.version));
  json.key("predictions").begin_array();
  for (size_t k = 0; k < std::min(order.size(), static_cast<size_t>(top)); ++k) {
    const size_t i = order[k];
    json.begin_object().field("label", i < s.labels.size() ? s.labels[i] : concat("class ", i));
    json.field("class", static_cast<int64_t>(i)).field("probability", static_cast<float>(p[i])).end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace

// Answers shorter than this stay as they are.
constexpr size_t kWorthCompressing = 256;

void compress_if_asked(const HttpRequest& request, HttpResponse& r) {
  const std::string* accepted = request.header("Accept-Encoding");
  if (!accepted || r.body.size() < kWorthCompressing || r.status != 200) return;
  if (absl::StrContains(*accepted, "q=0")) return;  // whoever weighs codings can do without
  const bool gzip = absl::StrContains(*accepted, "gzip"), deflate = absl::StrContains(*accepted, "deflate");
  if (!gzip && !deflate) return;
  r.body = compress(r.body, gzip ? Compression::kGzip : Compression::kDeflate);
  r.headers.emplace_back("Content-Encoding", gzip ? "gzip" : "deflate");
  r.headers.emplace_back("Vary", "Accept-Encoding");
}

// A request on its way through the server.
struct HttpApi::Call {
  HttpRequest request;
  Respond respond;
  std::string id;
  ModelPtr model;
  InferRequest infer;
  Job::Timing timing;
  Reservation memory = {};  // of tensors
  int64_t bytes_in = 0;     // of the body, which goes as soon as there are tensors
};

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
  const std::lock_guard lock(mutex_);
  return tokens_;
}

void HttpApi::set_tokens(Tokens tokens) {
  auto fresh = std::make_shared<const Tokens>(std::move(tokens));
  const std::lock_guard lock(mutex_);
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
    if (later) return;  // whoever was to answer has it
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
    make = nullptr;  // with the outputs that it holds
    call.memory.release();
    compress_if_asked(call.request, r);
    if (call.model) {  // whether the server is well can always be asked
      r.memory = Reservation(options_.memory);
      if (absl::Status s = r.memory.resize(static_cast<int64_t>(r.body.size())); !s.ok()) r = failure(s);
    }
  } catch (...) {
    r = failure(current_exception_status());
  }
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

// What the server itself answers: a request that is refused before its body is read, or that is none.
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
                               "\"; --allowed_hosts names those that it does"));
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
  if (!match) return failure(404, "there is nothing at this address");
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
      return json_answer(std::string(kServerMetadata));
    case Route::kAllStats:
      return statistics([this] { return json_answer(statistics_json(models_)); });
    case Route::kIndex:
    case Route::kLoad:
    case Route::kUnload:
      if (!admin) return failure(403, "the repository is administered on the server's other port (--admin_port)");
      return route_repository(call, *match, later);
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
    default:
      later = true;
      call->model = *std::move(model);
      return route_run(call, match.info->route == Route::kPredict);
  }
}

// Infers or predicts; answers the call.
HttpResponse HttpApi::route_run(const CallPtr& call, bool predicts) {
  const std::string* type = call->request.header("Content-Type");
  const std::string* encoding = call->request.header("Content-Encoding");
  const bool packed = encoding && !equal_ignoring_case(*encoding, "identity");
  if (packed && !equal_ignoring_case(*encoding, "gzip") && !equal_ignoring_case(*encoding, "deflate")) {
    respond(call, [] { return failure(415, "a body may be compressed with gzip or deflate only"); });
    return {};
  }
  const bool file = predicts || (type && absl::StartsWithIgnoreCase(*type, "image/"));
  if (!file && !packed && call->request.body.size() <= kLargeBody) {
    infer(call);
    return {};
  }
  const bool accepted = in_worker(call, [this, call, file, packed] {
    if (packed && !unpack(call)) return;
    file ? predict(call) : infer(call);
  });
  if (!accepted) respond(call, [] { return failure(503, "the server has too many files and large requests to read"); });
  return {};
}

HttpResponse HttpApi::route_repository(const CallPtr& call, const RouteMatch& match, bool& later) {
  // A page of another origin that somebody has open beside this server has no business here.
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
  if (!accepted) respond(call, [] { return failure(503, "too many loads wait already"); });
  return {};
}

// Whether the body could be unpacked; else the call is answered.
bool HttpApi::unpack(const CallPtr& call) {
  Reservation unpacked(options_.memory);
  auto body = decompress(call->request.body, static_cast<size_t>(options_.max_body_bytes), &unpacked);
  if (!body.ok()) {
    const int status = absl::IsResourceExhausted(body.status()) ? 413 : http_status(body.status());
    respond(call, [status, what = concat("the request's body: ", std::string(body.status().message()))] {
      return failure(status, what);
    });
    return false;
  }
  call->request.body = *std::move(body);
  call->request.memory = std::move(unpacked);
  return true;
}

void HttpApi::infer(const CallPtr& call) {
  std::optional<int64_t> header_length;
  if (const std::string* h = call->request.header("Inference-Header-Content-Length")) {
    int64_t n = 0;
    if (!absl::SimpleAtoi(*h, &n)) {
      return respond(call, [] { return failure(400, "Inference-Header-Content-Length is no whole number"); });
    }
    header_length = n;
  }
  absl::StatusOr<InferRequest> parsed;
  try {
    parsed = parse_infer(call->request.body, header_length, call->model->servable->signature(), &call->memory);
  } catch (...) {
    parsed = current_exception_status();
  }
  if (!parsed.ok()) {
    call->model->stats->failed(Failure::kOther, nanoseconds(Clock::now() - call->request.arrived));
    return respond(call, [s = parsed.status()] { return failure(s); });
  }
  call->infer = *std::move(parsed);
  call->request.body = {};
  call->request.memory.release();
  std::optional<std::string> file = std::exchange(call->infer.file, {});
  if (!file) return submit_infer(call, std::exchange(call->infer.inputs, {}));
  if (!in_worker(call, [this, call, file = *std::move(file)]() mutable { infer_file(call, std::move(file)); }))
    respond(call, [] { return failure(503, "the server has too many files and large requests to read"); });
}

bool HttpApi::in_worker(const CallPtr& call, absl::AnyInvocable<void()> work) {
  return workers_.run([this, call, work = std::move(work)]() mutable {
    try {
      work();
    } catch (...) {
      respond(call, [s = current_exception_status()] { return failure(s); });
    }
  });
}

void HttpApi::infer_file(const CallPtr& call, std::string file) {
  auto inputs = decode(call, file);
  if (!inputs.ok()) {
    return respond(call, [s = inputs.status()] { return failure(file_status(s), std::string(s.message())); });
  }
  file = std::string();
  submit_infer(call, *std::move(inputs));
}

void HttpApi::submit_infer(const CallPtr& call, std::vector<Tensor> inputs) {
  submit(call, std::move(inputs), [call](const std::vector<Tensor>& out) {
    if (absl::Status s = call->memory.resize(call->memory.bytes() +
                                             response_bytes(call->infer, call->model->servable->signature(), out));
        !s.ok())
      return failure(s);
    auto r = write_infer(call->model->name, call->model->version, call->infer, call->model->servable->signature(), out);
    if (!r.ok()) return failure(422, std::string(r.status().message()));
    HttpResponse response{.body = std::move(r->body)};
    if (r->json_length > 0) {
      response.content_type = "application/octet-stream";
      response.headers.emplace_back("Inference-Header-Content-Length", concat(r->json_length));
    }
    return response;
  });
}

// Lets the model run, and `write` make the answer of its outputs.
void HttpApi::submit(const CallPtr& call, std::vector<Tensor> inputs,
                     absl::AnyInvocable<HttpResponse(const std::vector<Tensor>&)> write) {
  const int64_t bytes = bytes_of(inputs) + output_bytes(call->model->servable->signature(), inputs);
  if (absl::Status s = call->memory.resize(bytes); !s.ok()) {
    call->model->stats->failed(Failure::kRejected, nanoseconds(Clock::now() - call->request.arrived));
    return respond(call, [s] { return failure(s); });
  }
  Job job;
  job.inputs = std::move(inputs);
  job.memory = &call->memory;
  job.urgent = call->infer.urgent;
  job.arrived = call->request.arrived;
  job.deadline = call->request.arrived + call->infer.timeout.value_or(options_.default_timeout);
  job.cancelled = call->request.cancelled;
  job.done = [this, call, write = std::move(write)](absl::StatusOr<std::vector<Tensor>> out,
                                                    const Job::Timing& timing) mutable {
    call->timing = timing;
    size_t bytes = 0;
    if (out.ok()) {
      for (const Tensor& t : *out) bytes += t.nbytes();
    }
    respond(
        call,
        [call, write = std::move(write), out = std::move(out)]() mutable -> HttpResponse {
          if (!out.ok()) return failure(out.status());
          const Clock::time_point start = Clock::now();
          HttpResponse r = write(*out);
          call->model->stats->compute_output.add(nanoseconds(Clock::now() - start));
          return r;
        },
        bytes);
  };
  if (absl::Status s = call->model->scheduler->submit(std::move(job)); !s.ok())
    respond(call, [s] { return failure(s); });
}

absl::StatusOr<std::vector<Tensor>> HttpApi::decode(const CallPtr& call, std::string_view file) const {
  absl::StatusOr<std::vector<Tensor>> inputs;
  try {
    inputs = inputs_from_file(*call->model->servable, file);
    if (inputs.ok()) {
      if (absl::Status s = check_inputs(call->model->servable->signature(), *inputs); !s.ok())
        inputs = absl::InternalError(concat("the model's preprocessing does not fit it: ", std::string(s.message())));
    }
  } catch (...) {
    inputs = current_exception_status();
    if (absl::IsResourceExhausted(inputs.status())) inputs = absl::UnavailableError(inputs.status().message());
  }
  if (!inputs.ok()) call->model->stats->failed(Failure::kOther, nanoseconds(Clock::now() - call->request.arrived));
  return inputs;
}

// A file as it is: through the model's own preprocessing to labels with probabilities.
void HttpApi::predict(const CallPtr& call) {
  int64_t top = 5;
  if (const auto t = call->request.query("top"); t && (!absl::SimpleAtoi(*t, &top) || top < 1)) {
    return respond(call, [] { return failure(400, "top must be a whole number of at least 1"); });
  }
  auto inputs = decode(call, call->request.body);
  if (!inputs.ok()) {
    return respond(call, [s = inputs.status()] { return failure(file_status(s), std::string(s.message())); });
  }
  call->request.body = {};
  call->request.memory.release();
  submit(call, *std::move(inputs), [call, top](const std::vector<Tensor>& out) {
    auto body = predictions_json(*call->model, out, top);
    return body.ok() ? json_answer(*std::move(body)) : failure(body.status());
  });
}

}  // namespace hearth::serve
