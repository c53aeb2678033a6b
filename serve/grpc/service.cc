#include "serve/grpc/service.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/parallel.h"
#include "core/version.h"
#include "serve/base/bearer.h"
#include "serve/base/error_status.h"
#include "serve/base/free_bytes.h"
#include "serve/grpc/inference.pb.h"
#include "serve/grpc/tensors.h"
#include "serve/model/datatype.h"
#include "serve/model/decoder.h"
#include "serve/model/signature.h"
#include "serve/oip/infer_response.h"

namespace hearth::serve {
namespace {

using Port = graph::Signature::Port;

constexpr int64_t kSmallMessage = 64 << 10;     // of all methods but ModelInfer
constexpr size_t kLargeMessage = 256 << 10;     // parsed by the workers
constexpr size_t kLargestMessage = 0x7FFFFFFF;  // that protobuf reads and writes
constexpr size_t kWaitingWork = 256, kWaitingLoads = 64;

constexpr std::array<std::string_view, 11> kMethods = {
    "ServerLive", "ServerReady",     "ModelReady",      "ServerMetadata",      "ModelMetadata",        "ModelConfig",
    "ModelInfer", "ModelStatistics", "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"};

bool administers(GrpcMethod m) { return m >= GrpcMethod::kRepositoryIndex; }

template <class Message>
absl::StatusOr<Message> parse(const std::string& text) {
  Message m;
  if (!m.ParseFromString(text))
    return absl::InvalidArgumentError(concat("malformed message: not a ", Message::descriptor()->name()));
  return m;
}

absl::StatusOr<ModelPtr> find(const Repository& models, const std::string& name, const std::string& version) {
  if (version.empty()) return models.find(name);
  const auto v = parse_version(version);
  if (!v)
    return absl::InvalidArgumentError(
        concat("\"", version.substr(0, 40), "\" is not a version: a whole number from 1 on"));
  return models.find(name, *v);
}

uint64_t count(const std::atomic<int64_t>& v) { return static_cast<uint64_t>(v.load(std::memory_order_relaxed)); }

void put(inference::StatisticDuration* to, const std::atomic<int64_t>& n, const std::atomic<int64_t>& ns) {
  to->set_count(count(n));
  to->set_ns(count(ns));
}

std::string server_metadata() {
  inference::ServerMetadataResponse r;
  r.set_name("hearth");
  r.set_version(version());
  for (const char* e : {"classification", "model_configuration", "model_repository", "statistics"}) r.add_extensions(e);
  return r.SerializeAsString();
}

std::string model_metadata(const Repository& models, const Model& model) {
  const graph::Signature& s = model.servable->signature();
  inference::ModelMetadataResponse r;
  r.set_name(model.name);
  for (const ModelPtr& m : models.models()) {
    if (m->name == model.name) r.add_versions(std::to_string(m->version));
  }
  r.set_platform("hearth_" + s.kind);
  const auto put_ports = [](const std::vector<Port>& ports, auto* list) {
    for (const Port& p : ports) {
      auto* t = list->Add();
      t->set_name(p.name);
      t->set_datatype(oip_datatype(p));
      for (const auto& e : p.shape) t->add_shape(e.size);
    }
  };
  put_ports(s.inputs, r.mutable_inputs());
  put_ports(s.outputs, r.mutable_outputs());
  return r.SerializeAsString();
}

std::string model_config(const Model& model) {
  const graph::Signature& s = model.servable->signature();
  const SchedulerOptions& o = model.scheduler->options();
  const bool batched = is_batched(s);
  inference::ModelConfigResponse r;
  auto* c = r.mutable_config();
  c->set_name(model.name);
  c->set_platform("hearth_" + s.kind);
  c->set_backend("hearth");
  c->set_max_batch_size(batched ? static_cast<int32_t>(o.max_batch_size) : 0);
  const auto put_ports = [&](const std::vector<Port>& ports, auto* list) {
    for (const Port& p : ports) {
      auto* t = list->Add();
      t->set_name(p.name);
      inference::DataType type = inference::TYPE_INVALID;
      inference::DataType_Parse(config_datatype(p), &type);
      t->set_data_type(type);
      for (size_t d = batched ? 1 : 0; d < p.shape.size(); ++d) t->add_dims(p.shape[d].size);
    }
  };
  put_ports(s.inputs, c->mutable_input());
  put_ports(s.outputs, c->mutable_output());
  auto* group = c->add_instance_group();
  group->set_kind(inference::ModelInstanceGroup::KIND_CPU);
  group->set_count(o.instances);
  auto* batching = c->mutable_dynamic_batching();
  batching->set_max_queue_delay_microseconds(static_cast<uint64_t>(o.max_queue_delay.count()));
  batching->set_priority_levels(2);
  batching->mutable_default_queue_policy()->set_max_queue_size(static_cast<uint32_t>(o.max_queue_size));
  return r.SerializeAsString();
}

std::string statistics(const Repository& models, const inference::ModelStatisticsRequest& q) {
  inference::ModelStatisticsResponse r;
  for (const auto& [which, stats] : models.stats()) {
    if ((!q.name().empty() && which.first != q.name()) ||
        (!q.version().empty() && std::to_string(which.second) != q.version()))
      continue;
    auto* m = r.add_model_stats();
    m->set_name(which.first);
    m->set_version(std::to_string(which.second));
    m->set_last_inference(count(stats->last_inference_ms));
    m->set_inference_count(count(stats->inferences));
    m->set_execution_count(count(stats->executions));
    auto* i = m->mutable_inference_stats();
    put(i->mutable_success(), stats->success.count, stats->success.ns);
    put(i->mutable_fail(), stats->fail.count, stats->fail.ns);
    put(i->mutable_queue(), stats->queue.count, stats->queue.ns);
    put(i->mutable_compute_input(), stats->compute_input.count, stats->compute_input.ns);
    put(i->mutable_compute_infer(), stats->compute_infer.count, stats->compute_infer.ns);
    put(i->mutable_compute_output(), stats->compute_output.count, stats->compute_output.ns);
    for (int64_t n = 1; n <= ModelStats::kBatchSizes; ++n) {
      const auto& b = stats->batches[static_cast<size_t>(n)];
      if (count(b.count) == 0) continue;
      auto* batch = m->add_batch_stats();
      batch->set_batch_size(static_cast<uint64_t>(n));
      put(batch->mutable_compute_input(), b.count, b.input_ns);
      put(batch->mutable_compute_infer(), b.count, b.infer_ns);
      put(batch->mutable_compute_output(), b.count, b.output_ns);
    }
  }
  return r.SerializeAsString();
}

std::string repository_index(const Repository& models, const inference::RepositoryIndexRequest& q) {
  inference::RepositoryIndexResponse r;
  for (const IndexEntry& e : models.index()) {
    if (q.ready() && e.state != VersionState::kReady) continue;
    auto* m = r.add_models();
    m->set_name(e.name);
    if (e.version > 0) m->set_version(std::to_string(e.version));
    m->set_state(kVersionStateNames[static_cast<size_t>(e.state)]);
    m->set_reason(e.reason);
  }
  return r.SerializeAsString();
}

// Loads or unloads.
absl::StatusOr<std::string> administer(Repository& models, GrpcMethod method, const std::string& message) {
  absl::Status s;
  if (method == GrpcMethod::kRepositoryModelLoad) {
    const auto q = parse<inference::RepositoryModelLoadRequest>(message);
    if (!q.ok()) return q.status();
    if (!q->parameters().empty()) return unknown_parameter(q->parameters().begin()->first, "the request");
    s = models.load(q->model_name());
  } else {
    const auto q = parse<inference::RepositoryModelUnloadRequest>(message);
    if (!q.ok()) return q.status();
    for (const auto& [key, _] : q->parameters()) {
      // No model depends on another.
      if (key != "unload_dependents") return unknown_parameter(key, "the request");
    }
    s = models.unload(q->model_name());
  }
  if (!s.ok()) return s;
  return std::string();
}

}  // namespace

std::optional<GrpcMethod> parse_grpc_method(std::string_view path) {
  constexpr std::string_view kService = "/inference.GRPCInferenceService/";
  if (!path.starts_with(kService)) return {};
  const auto at = std::find(kMethods.begin(), kMethods.end(), path.substr(kService.size()));
  if (at == kMethods.end()) return {};
  return static_cast<GrpcMethod>(at - kMethods.begin());
}

GrpcService::GrpcService(const GrpcServerOptions& options, Repository& models)
    : options_(options),
      models_(models),
      tokens_(std::make_shared<const std::vector<std::string>>(options.tokens)),
      workers_(options.workers, kWaitingWork),
      loaders_(1, kWaitingLoads) {}

void GrpcService::set_tokens(std::vector<std::string> tokens) {
  auto fresh = std::make_shared<const std::vector<std::string>>(std::move(tokens));
  const MutexLock lock(mutex_);
  tokens_.swap(fresh);
}

absl::Status GrpcService::admit(GrpcMethod method, std::string_view authorization) const {
  if (method == GrpcMethod::kServerLive || method == GrpcMethod::kServerReady) return absl::OkStatus();
  std::shared_ptr<const std::vector<std::string>> tokens;
  {
    const MutexLock lock(mutex_);
    tokens = tokens_;
  }
  if (!tokens->empty() && !is_bearer(authorization, *tokens))
    return absl::UnauthenticatedError("a valid bearer token is needed");
  if (administers(method) && !options_.administration)
    return absl::PermissionDeniedError(
        "the repository is administered on another port (--admin_port, --grpc_admin_port)");
  return absl::OkStatus();
}

int64_t GrpcService::max_message_bytes(GrpcMethod method) const {
  const int64_t most = method == GrpcMethod::kModelInfer ? int64_t{kLargestMessage} : kSmallMessage;
  return std::min(options_.max_message_bytes, most);
}

void GrpcService::later(WorkQueue& queue, const GrpcCallPtr& call, absl::AnyInvocable<void()> work) {
  const bool accepted = queue.run([call, work = std::move(work)]() mutable {
    try {
      work();
    } catch (...) {
      call->respond([s = current_exception_status()] { return s; });
    }
  });
  if (!accepted)
    call->respond([] { return absl::ResourceExhaustedError("too many files, large requests or loads are waiting"); });
}

void GrpcService::run(const GrpcCallPtr& call) {
  if (call->method == GrpcMethod::kModelInfer) {
    if (call->message.size() > kLargeMessage) return later(workers_, call, [this, call] { infer(call); });
    return infer(call);
  }
  if (call->method == GrpcMethod::kRepositoryModelLoad || call->method == GrpcMethod::kRepositoryModelUnload) {
    return later(loaders_, call, [this, call] {
      auto answer = administer(models_, call->method, call->message);
      call->respond([answer = std::move(answer)] { return answer; });
    });
  }
  call->respond([this, call] { return answer(*call); });
}

// The methods that are answered at once.
absl::StatusOr<std::string> GrpcService::answer(const GrpcCall& call) {
  switch (call.method) {
    case GrpcMethod::kServerLive: {
      inference::ServerLiveResponse r;
      r.set_live(true);
      return r.SerializeAsString();
    }
    case GrpcMethod::kServerReady: {
      inference::ServerReadyResponse r;
      r.set_ready(!draining_ && models_.ready());
      return r.SerializeAsString();
    }
    case GrpcMethod::kModelReady: {
      const auto q = parse<inference::ModelReadyRequest>(call.message);
      if (!q.ok()) return q.status();
      inference::ModelReadyResponse r;
      r.set_ready(!draining_ && find(models_, q->name(), q->version()).ok());
      return r.SerializeAsString();
    }
    case GrpcMethod::kServerMetadata:
      return server_metadata();
    case GrpcMethod::kModelMetadata: {
      const auto q = parse<inference::ModelMetadataRequest>(call.message);
      if (!q.ok()) return q.status();
      const auto model = find(models_, q->name(), q->version());
      if (!model.ok()) return model.status();
      return model_metadata(models_, **model);
    }
    case GrpcMethod::kModelConfig: {
      const auto q = parse<inference::ModelConfigRequest>(call.message);
      if (!q.ok()) return q.status();
      const auto model = find(models_, q->name(), q->version());
      if (!model.ok()) return model.status();
      return model_config(**model);
    }
    case GrpcMethod::kModelStatistics: {
      const auto q = parse<inference::ModelStatisticsRequest>(call.message);
      if (!q.ok()) return q.status();
      return statistics(models_, *q);
    }
    case GrpcMethod::kRepositoryIndex: {
      const auto q = parse<inference::RepositoryIndexRequest>(call.message);
      if (!q.ok()) return q.status();
      return repository_index(models_, *q);
    }
    default:
      return absl::InternalError("a method without an answer");
  }
}

void GrpcService::infer(const GrpcCallPtr& call) {
  absl::Status s;
  try {
    s = [&]() -> absl::Status {
      if (absl::Status r = call->memory.resize(unpacked_bytes(call->message)); !r.ok()) return r;
      const auto q = parse<inference::ModelInferRequest>(call->message);
      if (!q.ok()) return q.status();
      call->message = {};
      call->message_memory.release();
      auto model = find(models_, q->model_name(), q->model_version());
      if (!model.ok()) return model.status();
      call->model = *std::move(model);
      auto request = read_request(*q, call->model->servable->signature(), call->memory);
      if (!request.ok()) {
        call->model->stats->failed(Failure::kOther, nanoseconds(Clock::now() - call->arrived));
        return request.status();
      }
      call->infer = *std::move(request);
      return absl::OkStatus();
    }();
    if (std::optional<std::string> given = std::exchange(call->infer.file, {}); s.ok() && given) {
      return later(workers_, call, [this, call, file = *std::move(given)]() mutable {
        auto inputs = inputs_from_file(*call->model->servable, file);
        absl::Status read = inputs.status();
        free_bytes(file);
        if (read.ok()) read = submit(call, *std::move(inputs));
        else call->model->stats->failed(Failure::kOther, nanoseconds(Clock::now() - call->arrived));
        if (!read.ok()) call->respond([read] { return read; });
      });
    }
    if (s.ok()) s = submit(call, std::exchange(call->infer.inputs, {}));
  } catch (...) {
    s = current_exception_status();
  }
  if (!s.ok()) call->respond([s] { return s; });
}

// On an error the caller must answer the call.
absl::Status GrpcService::submit(const GrpcCallPtr& call, std::vector<Value> inputs) {
  const graph::Signature& signature = call->model->servable->signature();
  if (absl::Status s = call->memory.resize(bytes_of(inputs) + output_bytes(signature, inputs)); !s.ok()) {
    call->model->stats->failed(Failure::kRejected, nanoseconds(Clock::now() - call->arrived));
    return s;
  }
  Job job;
  job.inputs = std::move(inputs);
  job.urgent = call->infer.urgent;
  job.arrived = call->arrived;
  job.deadline =
      std::min(call->deadline, call->arrived + Clock::duration(call->infer.timeout.value_or(options_.default_timeout)));
  job.cancelled = call->cancelled;
  job.memory = &call->memory;
  job.done = [call](absl::StatusOr<std::vector<Value>> out, const Job::Timing& timing) {
    call->timing = timing;
    call->respond([call, out = std::move(out)]() -> absl::StatusOr<std::string> {
      if (!out.ok()) return out.status();
      const Clock::time_point start = Clock::now();
      // The message and its serialized form.
      const graph::Signature& signature = call->model->servable->signature();
      if (absl::Status s = call->memory.resize(call->memory.bytes() + response_bytes(call->infer, signature, *out));
          !s.ok())
        return s;
      inference::ModelInferResponse r;
      r.set_model_name(call->model->name);
      r.set_model_version(std::to_string(call->model->version));
      if (absl::Status s = write_response(call->infer, signature, *out, r); !s.ok()) return s;
      if (const size_t bytes = r.ByteSizeLong(); bytes > kLargestMessage)
        return absl::ResourceExhaustedError(
            concat("the answer has ", bytes, " bytes, but a message has at most ", kLargestMessage));
      std::string text = r.SerializeAsString();
      call->model->stats->compute_output.add(nanoseconds(Clock::now() - start));
      return text;
    });
  };
  return call->model->scheduler->submit(std::move(job));
}

}  // namespace hearth::serve
