#include "serve/grpc/grpc_server.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/io/file.h"
#include "core/ops/create.h"
#include "serve/grpc/inference.grpc.pb.h"
#include "serve/oip.h"

namespace hearth::serve {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using Port = graph::Signature::Port;

constexpr int kStreams = 1024, kIdleMs = 300'000;

// The codes of gRPC are Abseil's.
grpc::Status grpc_status(const absl::Status& s) {
  return {static_cast<grpc::StatusCode>(s.code()), std::string(s.message())};
}

absl::StatusOr<ModelPtr> find(const Repository& models, const std::string& name, const std::string& version) {
  if (version.empty()) return models.find(name);
  const auto v = parse_version(version);
  if (!v)
    return absl::InvalidArgumentError(
        concat("\"", version.substr(0, 40), "\" is no version: a whole number from 1 on"));
  return models.find(name, *v);
}

template <class T, class List>
absl::Status copy_list(const List& from, Tensor& to, const std::string& name) {
  if (from.size() != to.numel())
    return absl::InvalidArgumentError(
        concat("input \"", name, "\": contents have ", from.size(), " elements, but the shape says ", to.numel()));
  T* out = to.mutable_data<T>();
  if (!out) return absl::OkStatus();  // there are none
  for (const auto v : from) {
    const T t = static_cast<T>(v);
    if (std::is_integral_v<T> && static_cast<int64_t>(t) != static_cast<int64_t>(v))
      return absl::InvalidArgumentError(
          concat("input \"", name, "\": ", static_cast<int64_t>(v), " does not fit its datatype"));
    *out++ = t;
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> read_tensor(const inference::ModelInferRequest::InferInputTensor& in, const Port& port,
                                   const std::string* raw) {
  const auto dtype = parse_oip_datatype(in.datatype());
  if (!dtype)
    return absl::InvalidArgumentError(concat("input \"", port.name, "\": the datatype \"", in.datatype().substr(0, 40),
                                             "\" is none that this server takes"));
  if (in.shape_size() > kMaxRank)
    return absl::InvalidArgumentError(
        concat("input \"", port.name, "\": at most ", kMaxRank, " dimensions are possible"));
  Shape shape;
  int64_t n = 1;
  for (const int64_t size : in.shape()) {
    if (size < 0 || __builtin_mul_overflow(n, size, &n) || n > int64_t{1} << 40)
      return absl::InvalidArgumentError(concat("input \"", port.name, "\": the shape is negative or too large"));
    shape.push_back(size);
  }
  if (absl::Status s = check_input(port, *dtype, shape); !s.ok()) return s;
  const int64_t bytes = n * static_cast<int64_t>(size_of(*dtype));
  if (raw) {
    if (in.has_contents()) return absl::InvalidArgumentError("raw_input_contents and contents cannot be mixed");
    if (static_cast<int64_t>(raw->size()) != bytes) {
      return absl::InvalidArgumentError(concat("input \"", port.name, "\": its raw contents have ", raw->size(),
                                               " bytes, but shape and datatype say ", bytes));
    }
    Tensor t = empty(shape, {.dtype = *dtype});
    if (*dtype == DType::kBool) {
      for (size_t i = 0; i < raw->size(); ++i) t.mutable_data<bool>()[i] = (*raw)[i] != 0;
    } else if (bytes > 0) {
      std::memcpy(t.mutable_raw_data(), raw->data(), raw->size());
    }
    return t;
  }
  const auto& c = in.contents();
  // Before memory is taken: the message must hold as many.
  const int64_t there = std::max({c.bool_contents_size(), c.int_contents_size(), c.int64_contents_size(),
                                  c.uint_contents_size(), c.fp32_contents_size(), c.fp64_contents_size()});
  if (there != n)
    return absl::InvalidArgumentError(
        concat("input \"", port.name, "\": contents have ", there, " elements, but the shape says ", n));
  Tensor t = empty(shape, {.dtype = *dtype});
  absl::Status s;
  switch (*dtype) {
    case DType::kBool:
      s = copy_list<bool>(c.bool_contents(), t, port.name);
      break;
    case DType::kU8:
      s = copy_list<uint8_t>(c.uint_contents(), t, port.name);
      break;
    case DType::kI8:
      s = copy_list<int8_t>(c.int_contents(), t, port.name);
      break;
    case DType::kI16:
      s = copy_list<int16_t>(c.int_contents(), t, port.name);
      break;
    case DType::kI32:
      s = copy_list<int32_t>(c.int_contents(), t, port.name);
      break;
    case DType::kI64:
      s = copy_list<int64_t>(c.int64_contents(), t, port.name);
      break;
    case DType::kF32:
      s = copy_list<float>(c.fp32_contents(), t, port.name);
      break;
    case DType::kF64:
      s = copy_list<double>(c.fp64_contents(), t, port.name);
      break;
    default:
      s = absl::InvalidArgumentError(
          concat("input \"", port.name, "\": ", in.datatype(), " must be sent as raw contents"));
  }
  if (!s.ok()) return s;
  return t;
}

// The inputs as tensors, each held against the signature.
absl::Status read_inputs(const inference::ModelInferRequest& r, const graph::Signature& s,
                         std::vector<Tensor>& inputs) {
  inputs.resize(s.inputs.size());
  if (r.raw_input_contents_size() > 0 && r.raw_input_contents_size() != r.inputs_size())
    return absl::InvalidArgumentError(
        concat("there are ", r.inputs_size(), " inputs, but ", r.raw_input_contents_size(), " raw_input_contents"));
  for (int i = 0; i < r.inputs_size(); ++i) {
    const auto& in = r.inputs(i);
    const auto port =
        std::find_if(s.inputs.begin(), s.inputs.end(), [&](const Port& p) { return p.name == in.name(); });
    if (port == s.inputs.end())
      return absl::InvalidArgumentError(concat("the model has no input \"", in.name().substr(0, 80), "\""));
    Tensor& t = inputs[static_cast<size_t>(port - s.inputs.begin())];
    if (t.defined()) return absl::InvalidArgumentError(concat("input \"", port->name, "\" stands twice"));
    auto value = read_tensor(in, *port, r.raw_input_contents_size() > 0 ? &r.raw_input_contents(i) : nullptr);
    if (!value.ok()) return value.status();
    t = *std::move(value);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) return absl::InvalidArgumentError(concat("input \"", s.inputs[i].name, "\" is missing"));
  }
  return check_inputs(s, inputs);
}

// Whether the only input is a file as it is, for the model's own preprocessing.
bool brings_file(const inference::ModelInferRequest& r, const graph::Signature& s) {
  return r.inputs_size() == 1 && r.inputs(0).datatype() == "BYTES" && !s.preprocess_input.empty();
}

// A BYTES tensor of one element: raw contents begin with its length.
absl::StatusOr<std::string_view> file_of(const inference::ModelInferRequest& r) {
  const auto& in = r.inputs(0);
  const bool one = std::all_of(in.shape().begin(), in.shape().end(), [](int64_t size) { return size == 1; });
  if (one && r.raw_input_contents_size() == 1 && !in.has_contents()) {
    const std::string& raw = r.raw_input_contents(0);
    uint32_t length = 0;
    if (raw.size() >= sizeof length) {
      std::memcpy(&length, raw.data(), sizeof length);
      if (length == raw.size() - sizeof length) return std::string_view(raw).substr(sizeof length);
    }
  } else if (one && r.raw_input_contents_size() == 0 && in.contents().bytes_contents_size() == 1) {
    return in.contents().bytes_contents(0);
  }
  return absl::InvalidArgumentError(
      "a file is a BYTES tensor of one element, whose raw contents begin with its length");
}

absl::StatusOr<InferRequest> read_request(const inference::ModelInferRequest& r, const Servable& model) {
  const graph::Signature& s = model.signature();
  InferRequest request;
  request.id = r.id();
  if (brings_file(r, s)) {
    const auto file = file_of(r);
    if (!file.ok()) return file.status();
    const ThreadWidth one(1);
    auto inputs = inputs_from_file(model, *file);
    if (!inputs.ok()) return inputs.status();
    request.inputs = *std::move(inputs);
    if (absl::Status status = check_inputs(s, request.inputs); !status.ok()) return status;
  } else if (absl::Status status = read_inputs(r, s, request.inputs); !status.ok()) {
    return status;
  }
  for (const auto& out : r.outputs()) {
    const auto port =
        std::find_if(s.outputs.begin(), s.outputs.end(), [&](const Port& p) { return p.name == out.name(); });
    if (port == s.outputs.end())
      return absl::InvalidArgumentError(concat("the model has no output \"", out.name().substr(0, 80), "\""));
    if (out.parameters().contains("classification"))
      return absl::InvalidArgumentError(
          concat("output \"", out.name(), "\": the parameter \"classification\" is not supported"));
    const auto index = static_cast<size_t>(port - s.outputs.begin());
    for (const auto& o : request.outputs) {
      if (o.index == index) return absl::InvalidArgumentError(concat("output \"", out.name(), "\" stands twice"));
    }
    request.outputs.push_back({index, true});
  }
  if (r.outputs().empty()) {
    for (size_t i = 0; i < s.outputs.size(); ++i) request.outputs.push_back({i, true});
  }
  const auto whole = [&](const char* key) -> int64_t {
    const auto at = r.parameters().find(key);
    if (at == r.parameters().end()) return 0;
    if (at->second.has_uint64_param())
      return static_cast<int64_t>(std::min<uint64_t>(at->second.uint64_param(), INT64_MAX));
    return at->second.int64_param();
  };
  request.urgent = whole("priority") == 1;
  if (const int64_t us = whole("timeout"); us > 0)
    request.timeout = std::chrono::microseconds(std::min(us, int64_t{86'400'000'000}));
  return request;
}

// A call of ModelInfer: lives until gRPC has done with it.
class InferCall final : public ServerUnaryReactor {
 public:
  InferCall(CallbackServerContext* context, const inference::ModelInferRequest* r,
            inference::ModelInferResponse* response, const Repository& models, std::chrono::milliseconds timeout)
      : response_(response), cancelled_(std::make_shared<std::atomic<bool>>(false)) {
    try {
      if (absl::Status s = begin(context, *r, models, timeout); !s.ok()) Finish(grpc_status(s));
    } catch (const std::exception& e) {
      Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, e.what()});
    }
  }
  void OnDone() override { delete this; }
  void OnCancel() override { cancelled_->store(true); }

 private:
  absl::Status begin(CallbackServerContext* context, const inference::ModelInferRequest& r, const Repository& models,
                     std::chrono::milliseconds timeout) {
    auto model = find(models, r.model_name(), r.model_version());
    if (!model.ok()) return model.status();
    model_ = *std::move(model);
    auto request = read_request(r, *model_->servable);
    if (!request.ok()) {
      model_->stats->failed(Failure::kOther, 0);
      return request.status();
    }
    request_ = *std::move(request);
    Job job;
    job.inputs = std::move(request_.inputs);
    job.urgent = request_.urgent;
    job.deadline = job.arrived + (request_.timeout ? Clock::duration(*request_.timeout) : Clock::duration(timeout));
    const auto left = context->deadline() - std::chrono::system_clock::now();
    if (left < std::chrono::hours(24))
      job.deadline = std::min(job.deadline, job.arrived + std::chrono::duration_cast<Clock::duration>(left));
    job.cancelled = cancelled_;
    // done() may come before submit() returns, and Finish() may end this object.
    const ModelPtr keep = model_;
    job.done = [this](absl::StatusOr<std::vector<Tensor>> out, const Job::Timing&) { answer(std::move(out)); };
    return keep->scheduler->submit(std::move(job));
  }

  void answer(absl::StatusOr<std::vector<Tensor>> out) {
    if (!out.ok()) return Finish(grpc_status(out.status()));
    const Clock::time_point start = Clock::now();
    const graph::Signature& s = model_->servable->signature();
    response_->set_model_name(model_->name);
    response_->set_model_version(std::to_string(model_->version));
    response_->set_id(request_.id);
    for (const auto& o : request_.outputs) {
      const Tensor t = (*out)[o.index].contiguous();
      auto* output = response_->add_outputs();
      output->set_name(s.outputs[o.index].name);
      output->set_datatype(oip_datatype(t.dtype()));
      for (int d = 0; d < t.dim(); ++d) output->add_shape(t.shape()[d]);
      response_->add_raw_output_contents(t.raw_data(), t.nbytes());
    }
    model_->stats->compute_output.add(nanoseconds(Clock::now() - start));
    Finish(grpc::Status::OK);
  }

  inference::ModelInferResponse* response_;
  Cancelled cancelled_;
  ModelPtr model_;
  InferRequest request_;
};

class Service final : public inference::GRPCInferenceService::CallbackService {
 public:
  Service(const GrpcServerOptions& options, Repository& models) : options_(options), models_(models) {}
  std::atomic<bool> draining{false};

  ServerUnaryReactor* ServerLive(CallbackServerContext* c, const inference::ServerLiveRequest*,
                                 inference::ServerLiveResponse* r) override {
    r->set_live(true);
    return done(c);
  }
  ServerUnaryReactor* ServerReady(CallbackServerContext* c, const inference::ServerReadyRequest*,
                                  inference::ServerReadyResponse* r) override {
    r->set_ready(!draining && models_.ready());
    return done(c);
  }
  ServerUnaryReactor* ModelReady(CallbackServerContext* c, const inference::ModelReadyRequest* q,
                                 inference::ModelReadyResponse* r) override {
    if (!allowed(c)) return refused(c);
    r->set_ready(!draining && find(models_, q->name(), q->version()).ok());
    return done(c);
  }
  ServerUnaryReactor* ServerMetadata(CallbackServerContext* c, const inference::ServerMetadataRequest*,
                                     inference::ServerMetadataResponse* r) override {
    if (!allowed(c)) return refused(c);
    r->set_name("hearth");
    r->set_version("0.1");
    for (const char* e : {"model_repository", "statistics"}) r->add_extensions(e);
    return done(c);
  }
  ServerUnaryReactor* ModelMetadata(CallbackServerContext* c, const inference::ModelMetadataRequest* q,
                                    inference::ModelMetadataResponse* r) override {
    if (!allowed(c)) return refused(c);
    const auto model = find(models_, q->name(), q->version());
    if (!model.ok()) return done(c, grpc_status(model.status()));
    const graph::Signature& s = (*model)->servable->signature();
    r->set_name((*model)->name);
    for (const ModelPtr& m : models_.models()) {
      if (m->name == (*model)->name) r->add_versions(std::to_string(m->version));
    }
    r->set_platform("hearth_" + s.kind);
    const auto put = [](const std::vector<Port>& ports, auto* list) {
      for (const Port& p : ports) {
        auto* t = list->Add();
        t->set_name(p.name);
        t->set_datatype(oip_datatype(p.dtype));
        for (const auto& e : p.shape) t->add_shape(e.size);
      }
    };
    put(s.inputs, r->mutable_inputs());
    put(s.outputs, r->mutable_outputs());
    return done(c);
  }
  ServerUnaryReactor* ModelInfer(CallbackServerContext* c, const inference::ModelInferRequest* q,
                                 inference::ModelInferResponse* r) override {
    if (!allowed(c)) return refused(c);
    return new InferCall(c, q, r, models_, options_.default_timeout);
  }
  ServerUnaryReactor* ModelStatistics(CallbackServerContext* c, const inference::ModelStatisticsRequest* q,
                                      inference::ModelStatisticsResponse* r) override {
    if (!allowed(c)) return refused(c);
    for (const auto& [which, stats] : models_.stats()) {
      if ((!q->name().empty() && which.first != q->name()) ||
          (!q->version().empty() && std::to_string(which.second) != q->version()))
        continue;
      auto* m = r->add_model_stats();
      m->set_name(which.first);
      m->set_version(std::to_string(which.second));
      m->set_last_inference(count(stats->last_inference_ms));
      m->set_inference_count(count(stats->inferences));
      m->set_execution_count(count(stats->executions));
      auto* i = m->mutable_inference_stats();
      const auto put = [](inference::StatisticDuration* to, const std::atomic<int64_t>& n,
                          const std::atomic<int64_t>& ns) {
        to->set_count(count(n));
        to->set_ns(count(ns));
      };
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
    return done(c);
  }
  ServerUnaryReactor* RepositoryIndex(CallbackServerContext* c, const inference::RepositoryIndexRequest* q,
                                      inference::RepositoryIndexResponse* r) override {
    if (!allowed(c)) return refused(c);
    if (!options_.administration) return elsewhere(c);
    for (const IndexEntry& e : models_.index()) {
      if (q->ready() && e.state != VersionState::kReady) continue;
      auto* m = r->add_models();
      m->set_name(e.name);
      if (e.version > 0) m->set_version(std::to_string(e.version));
      m->set_state(kVersionStateNames[static_cast<size_t>(e.state)]);
      m->set_reason(e.reason);
    }
    return done(c);
  }
  ServerUnaryReactor* RepositoryModelLoad(CallbackServerContext* c, const inference::RepositoryModelLoadRequest* q,
                                          inference::RepositoryModelLoadResponse*) override {
    if (!allowed(c)) return refused(c);
    return options_.administration ? done(c, grpc_status(models_.load(q->model_name()))) : elsewhere(c);
  }
  ServerUnaryReactor* RepositoryModelUnload(CallbackServerContext* c, const inference::RepositoryModelUnloadRequest* q,
                                            inference::RepositoryModelUnloadResponse*) override {
    if (!allowed(c)) return refused(c);
    return options_.administration ? done(c, grpc_status(models_.unload(q->model_name()))) : elsewhere(c);
  }

 private:
  static uint64_t count(const std::atomic<int64_t>& v) {
    return static_cast<uint64_t>(v.load(std::memory_order_relaxed));
  }
  static ServerUnaryReactor* done(CallbackServerContext* c, const grpc::Status& s = grpc::Status::OK) {
    ServerUnaryReactor* reactor = c->DefaultReactor();
    reactor->Finish(s);
    return reactor;
  }
  bool allowed(const CallbackServerContext* c) const {
    if (options_.tokens.empty()) return true;
    const auto header = c->client_metadata().find("authorization");
    return header != c->client_metadata().end() &&
           is_bearer({header->second.data(), header->second.size()}, options_.tokens);
  }
  static ServerUnaryReactor* refused(CallbackServerContext* c) {
    return done(c, {grpc::StatusCode::UNAUTHENTICATED, "a valid bearer token is needed"});
  }
  static ServerUnaryReactor* elsewhere(CallbackServerContext* c) {
    return done(c, {grpc::StatusCode::PERMISSION_DENIED,
                    "the repository is administered on another port (--admin_port, --grpc_admin_port)"});
  }

  const GrpcServerOptions options_;
  Repository& models_;
};

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(const GrpcServerOptions& options, Repository& models) : service(options, models) {}
  Service service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() { drain(std::chrono::milliseconds(0)); }

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::start(const GrpcServerOptions& options, Repository& models) {
  if (options.certificate.empty() != options.private_key.empty())
    return absl::InvalidArgumentError("TLS needs both a certificate and its private key");
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (!options.certificate.empty()) {
    const auto certificate = io::read_file(options.certificate, 1 << 20),
               key = io::read_file(options.private_key, 1 << 20);
    if (!certificate.ok()) return certificate.status();
    if (!key.ok()) return key.status();
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({*key, *certificate});
    credentials = grpc::SslServerCredentials(tls);
  }
  auto impl = std::make_unique<Impl>(options, models);
  grpc::ServerBuilder builder;
  const bool v6 = options.address.find(':') != std::string::npos;
  builder.AddListeningPort(
      v6 ? concat("[", options.address, "]:", options.port) : concat(options.address, ":", options.port), credentials,
      &impl->port);
  builder.SetMaxReceiveMessageSize(static_cast<int>(std::min<int64_t>(options.max_message_bytes, INT32_MAX)));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreams);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs);
  builder.RegisterService(&impl->service);
  impl->server = builder.BuildAndStart();
  if (!impl->server || impl->port == 0)
    return absl::UnavailableError(concat("cannot listen for gRPC on ", options.address, " port ", options.port));
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

int GrpcServer::port() const { return impl_->port; }

void GrpcServer::drain(std::chrono::milliseconds limit) {
  impl_->service.draining = true;
  impl_->server->Shutdown(std::chrono::system_clock::now() + limit);
  impl_->server->Wait();
}

}  // namespace hearth::serve
