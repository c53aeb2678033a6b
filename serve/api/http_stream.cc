// The part of HttpApi that answers sound as it arrives, over a WebSocket.
#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "serve/api/http_call_internal.h"
#include "serve/api/model_json.h"
#include "serve/api/status.h"
#include "serve/base/error_status.h"
#include "serve/base/json_writer.h"
#include "serve/http/websocket.h"
#include "serve/model/sample_stream.h"
#include "serve/model/signature.h"

namespace hearth::serve {
namespace {

// {"end":true}, with white space or without.
bool is_end(std::string_view text) {
  std::string dense;
  for (const char c : text.substr(0, 64)) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') dense += c;
  }
  return text.size() <= 64 && dense == R"({"end":true})";
}

// Little-endian samples of one channel as f32 [1, n]. What is left of the last one stays in `bytes`.
Tensor samples_of(std::string& bytes, bool floats) {
  const size_t size = floats ? 4 : 2, n = bytes.size() / size;
  const Shape shape{1, static_cast<int64_t>(n)};
  Tensor samples;
  if (floats) {
    std::vector<float> values(n);
    if (n > 0) std::memcpy(values.data(), bytes.data(), n * size);
    samples = from_values(values, shape);
  } else {
    std::vector<int16_t> values(n);
    if (n > 0) std::memcpy(values.data(), bytes.data(), n * size);
    samples = from_values(values, shape).to(f32) / 32768.0;
  }
  bytes.erase(0, n * size);
  bytes.shrink_to_fit();
  return samples;
}

WebSocketReply end_with(WebSocketClose close, std::string why) { return {.close = close, .reason = std::move(why)}; }

WebSocketReply end_with(const absl::Status& s) {
  const bool busy = absl::IsResourceExhausted(s) || absl::IsDeadlineExceeded(s) || absl::IsUnavailable(s);
  const bool client = absl::IsInvalidArgument(s);
  return end_with(busy     ? WebSocketClose::kTryAgain
                  : client ? WebSocketClose::kPolicy
                           : WebSocketClose::kServerError,
                  std::string(s.message()));
}

}  // namespace

// One connection's sound. One message at a time is worked on, so that nothing here needs a lock.
class HttpApi::Stream final : public WebSocketHandler, public std::enable_shared_from_this<Stream> {
 public:
  Stream(HttpApi& api, const Call& call, std::unique_ptr<SampleStream> sound, bool floats, int64_t top)
      : api_(api),
        model_(call.model),
        cancelled_(call.request.cancelled),
        sound_(std::move(sound)),
        floats_(floats),
        top_(top),
        held_(api.options_.memory),
        memory_(api.options_.memory) {}

  void message(WebSocketMessage m, Reply reply) override {
    reply_ = std::move(reply);
    arrived_ = Clock::now();
    last_ = m.opcode == WebSocketOpcode::kText;
    if (last_ && !is_end(m.payload))
      return answer(end_with(WebSocketClose::kUnsupported, R"(the only text that is taken is {"end":true})"));
    if (!last_) bytes_ += m.payload;
    // Of each connection one message waits at most.
    api_.workers_.run_always([self = shared_from_this()] {
      try {
        self->work();
      } catch (...) {
        self->fail(current_exception_status());
      }
    });
  }

 private:
  // Once for each message: what fails afterwards is not told.
  void answer(WebSocketReply r) {
    if (Reply reply = std::exchange(reply_, nullptr)) reply(std::move(r));
  }

  void fail(const absl::Status& s) {
    memory_.release();
    model_->stats->failed(absl::IsResourceExhausted(s) ? Failure::kRejected : Failure::kOther,
                          nanoseconds(Clock::now() - arrived_));
    answer(end_with(s));
  }

  void work() {
    const Tensor samples = samples_of(bytes_, floats_);
    if (last_ && !bytes_.empty()) return fail(absl::InvalidArgumentError("the sound ends within a sample"));
    if (samples.numel() > 0 && !isfinite(samples).all().item<bool>())
      return fail(absl::InvalidArgumentError("the sound has samples that are not numbers, or not finite"));
    auto inputs = sound_->feed(samples, last_);
    if (!inputs.ok()) return fail(inputs.status());
    if (inputs->empty()) {
      if (absl::Status s = answer_result(); !s.ok()) fail(s);
      return;
    }
    if (absl::Status s = memory_.resize(bytes_of(*inputs) + output_bytes(model_->servable->signature(), *inputs));
        !s.ok())
      return fail(s);
    Job job;
    job.inputs = *std::move(inputs);
    job.memory = &memory_;
    job.arrived = arrived_;
    job.deadline = arrived_ + api_.options_.default_timeout;
    job.cancelled = cancelled_;
    job.done = [self = shared_from_this()](absl::StatusOr<std::vector<Value>> out, const Job::Timing&) {
      try {
        if (absl::Status s = self->ran(std::move(out)); !s.ok()) self->counted(s);
      } catch (...) {
        self->counted(current_exception_status());
      }
    };
    if (absl::Status s = model_->scheduler->submit(std::move(job)); !s.ok()) counted(s);
  }

  // The same of a message that the scheduler has counted already, as refused, failed or answered.
  void counted(const absl::Status& s) {
    memory_.release();
    answer(end_with(s));
  }

  absl::Status ran(absl::StatusOr<std::vector<Value>> out) {
    if (!out.ok()) return out.status();
    if (absl::Status s = sound_->take(*out); !s.ok()) return s;
    if (!sound_->has_text()) {
      auto predictions = predictions_json(*model_, *out, top_);
      if (!predictions.ok()) return predictions.status();
      predictions_ = *std::move(predictions);
    }
    memory_.release();
    return answer_result();
  }

  absl::Status answer_result() {
    const size_t own = bytes_.capacity() + predictions_.capacity();
    if (absl::Status s = held_.resize(static_cast<int64_t>(own) + sound_->bytes()); !s.ok()) return s;
    std::string text;
    JsonWriter json(text);
    json.begin_object().field("seconds", sound_->seconds()).field("final", last_);
    if (sound_->has_text()) json.field("text", sound_->text());
    else if (!predictions_.empty()) json.key("result").raw(predictions_);
    json.end_object();
    WebSocketReply r{.text = std::move(text)};
    if (last_) r.close = WebSocketClose::kNormal;
    answer(std::move(r));
    return absl::OkStatus();
  }

  HttpApi& api_;
  const ModelPtr model_;
  const Cancelled cancelled_;
  const std::unique_ptr<SampleStream> sound_;
  const bool floats_;
  const int64_t top_;
  Reservation held_;    // what is kept between messages
  Reservation memory_;  // of the job that runs
  Reply reply_;
  Clock::time_point arrived_;
  bool last_ = false;
  std::string bytes_;        // of a sample that is not complete
  std::string predictions_;  // the last ones
};

HttpResponse HttpApi::route_stream(const CallPtr& call) {
  const HttpRequest& r = call->request;
  if (std::optional<HttpResponse> refused = refuse_websocket(r)) return *std::move(refused);
  int64_t rate = 0, top = 5;
  if (const auto text = r.query("rate"); text && (!absl::SimpleAtoi(*text, &rate) || rate < 1))
    return failure(400, "rate must be a whole number of samples a second");
  if (const auto text = r.query("top"); text && (!absl::SimpleAtoi(*text, &top) || top < 1))
    return failure(400, "top must be a whole number of at least 1");
  const std::string format = r.query("format").value_or("s16");
  if (format != "s16" && format != "f32") return failure(400, "format must be s16 or f32");
  auto sound = SampleStream::open(*call->model->servable, rate);
  if (!sound.ok()) return failure(file_status(sound.status()), std::string(sound.status().message()));
  return open_websocket(r, std::make_shared<Stream>(*this, *call, *std::move(sound), format == "f32", top));
}

}  // namespace hearth::serve
