// The part of HttpApi that runs models: infer and predict.
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "serve/api/http_call_internal.h"
#include "serve/api/model_json.h"
#include "serve/api/status.h"
#include "serve/base/error_status.h"
#include "serve/base/free_bytes.h"
#include "serve/http/compression.h"
#include "serve/model/decoder.h"
#include "serve/model/signature.h"
#include "serve/oip/infer_response.h"

namespace hearth::serve {

// Decompresses the body. false: it could not, and the call is answered.
bool HttpApi::unpack(const CallPtr& call) {
  Reservation unpacked(options_.memory);
  auto body = decompress(call->request.body, static_cast<size_t>(options_.max_body_bytes), &unpacked);
  if (!body.ok()) {
    const int status = absl::IsResourceExhausted(body.status()) ? 413 : http_status(body.status());
    refuse(call, status, concat("the request's body: ", std::string(body.status().message())));
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
      return refuse(call, 400, "Inference-Header-Content-Length is not a whole number");
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
  free_bytes(call->request.body);
  call->request.memory.release();
  std::optional<std::string> file = std::exchange(call->infer.file, {});
  if (!file) return submit_infer(call, std::exchange(call->infer.inputs, {}));
  if (!in_worker(call, [this, call, file = *std::move(file)]() mutable { infer_file(call, std::move(file)); }))
    refuse(call, 503, "too many files and large requests are waiting");
}

void HttpApi::refuse(const CallPtr& call, int status, std::string why) {
  if (call->model) {
    call->model->stats->failed(status == 503 ? Failure::kRejected : Failure::kOther,
                               nanoseconds(Clock::now() - call->request.arrived));
  }
  respond(call, [status, why = std::move(why)] { return failure(status, why); });
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
  free_bytes(file);
  submit_infer(call, *std::move(inputs));
}

void HttpApi::submit_infer(const CallPtr& call, std::vector<Value> inputs) {
  submit(call, std::move(inputs), [call](const std::vector<Value>& out) {
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

// Runs the model; `write` makes the answer from its outputs.
void HttpApi::submit(const CallPtr& call, std::vector<Value> inputs,
                     absl::AnyInvocable<HttpResponse(const std::vector<Value>&)> write) {
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
  job.done = [this, call, write = std::move(write)](absl::StatusOr<std::vector<Value>> out,
                                                    const Job::Timing& timing) mutable {
    call->timing = timing;
    size_t bytes = 0;
    if (out.ok()) bytes = static_cast<size_t>(bytes_of(*out));
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

absl::StatusOr<std::vector<Value>> HttpApi::decode(const CallPtr& call, std::string_view file) const {
  absl::StatusOr<std::vector<Value>> inputs;
  try {
    inputs = inputs_from_file(*call->model->servable, file);
  } catch (...) {
    inputs = current_exception_status();
    if (absl::IsResourceExhausted(inputs.status())) inputs = absl::UnavailableError(inputs.status().message());
  }
  if (!inputs.ok()) call->model->stats->failed(Failure::kOther, nanoseconds(Clock::now() - call->request.arrived));
  return inputs;
}

// The body is a file: the model's own preprocessing, the model, and the labels with the highest probabilities.
void HttpApi::predict(const CallPtr& call) {
  int64_t top = 5;
  if (const auto t = call->request.query("top"); t && (!absl::SimpleAtoi(*t, &top) || top < 1)) {
    return refuse(call, 400, "top must be a whole number of at least 1");
  }
  auto inputs = decode(call, call->request.body);
  if (!inputs.ok()) {
    return respond(call, [s = inputs.status()] { return failure(file_status(s), std::string(s.message())); });
  }
  free_bytes(call->request.body);
  call->request.memory.release();
  submit(call, *std::move(inputs), [call, top](const std::vector<Value>& out) {
    auto body = predictions_json(*call->model, out, top);
    return body.ok() ? json_answer(*std::move(body)) : failure(body.status());
  });
}

}  // namespace hearth::serve
