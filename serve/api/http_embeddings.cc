// The part of HttpApi that makes vectors of texts: POST /v1/embeddings.
#include <utility>

#include "core/base/error.h"
#include "serve/api/http_call_internal.h"
#include "serve/api/status.h"
#include "serve/base/error_status.h"
#include "serve/base/free_bytes.h"
#include "serve/base/quote.h"
#include "serve/openai/embeddings.h"
#include "serve/openai/error.h"

namespace hearth::serve {
namespace {

HttpResponse openai_failure(const absl::Status& s) {
  HttpResponse r = failure(s);
  r.body = openai_error_json(r.status, s);
  r.error.clear();  // it has its shape already
  return r;
}

}  // namespace

void HttpApi::embeddings(const CallPtr& call) {
  EmbeddingsRequest request;
  Value input;
  const auto read = [&]() -> absl::Status {
    auto parsed = parse_embeddings(call->request.body, &call->memory);
    if (!parsed.ok()) return parsed.status();
    request = *std::move(parsed);
    absl::StatusOr<ModelPtr> model = absl::NotFoundError(concat("there is no model ", quote(request.model)));
    if (is_model_name(request.model)) model = models_.find(request.model);
    if (!model.ok()) return with_param(model.status(), "model", "model_not_found");
    call->model = *std::move(model);
    const Servable& servable = *call->model->servable;
    const auto limits = servable.text_embedding();
    if (!limits) {
      return with_param(
          absl::InvalidArgumentError(concat("the model ", quote(request.model), " makes no vectors of texts")),
          "model");
    }
    if (absl::Status s = check_dimensions(request, servable.signature().outputs[0].shape[1].size); !s.ok()) return s;
    auto value = embeddings_input(request, *limits, &call->memory);
    if (!value.ok()) return value.status();
    input = *std::move(value);
    return absl::OkStatus();
  };
  absl::Status s;
  try {
    s = read();
  } catch (...) {
    s = current_exception_status();
  }
  if (!s.ok()) {
    if (call->model) {
      call->model->stats->failed(absl::IsResourceExhausted(s) ? Failure::kRejected : Failure::kOther,
                                 nanoseconds(Clock::now() - call->request.arrived));
    }
    return respond(call, [s] { return openai_failure(s); });
  }
  free_bytes(call->request.body);
  call->request.memory.release();
  submit(call, {std::move(input)}, [call, request = std::move(request)](const std::vector<Value>& out) {
    if (absl::Status memory = call->memory.resize(call->memory.bytes() + embeddings_json_bytes(request, out));
        !memory.ok())
      return failure(memory);
    auto body = embeddings_json(request, out);
    return body.ok() ? json_answer(*std::move(body)) : openai_failure(body.status());
  });
}

}  // namespace hearth::serve
