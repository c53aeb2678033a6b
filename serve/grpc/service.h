// GrpcService: what the methods of the protocol do. grpc_server.h moves their messages over the network.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "serve/counted.h"
#include "serve/grpc/grpc_server.h"
#include "serve/memory_budget.h"
#include "serve/oip.h"
#include "serve/repository.h"
#include "serve/work_queue.h"

namespace hearth::serve {

enum class GrpcMethod : uint8_t {
  kServerLive,
  kServerReady,
  kModelReady,
  kServerMetadata,
  kModelMetadata,
  kModelConfig,
  kModelInfer,
  kModelStatistics,
  kRepositoryIndex,
  kRepositoryModelLoad,
  kRepositoryModelUnload,
};
// Of "/inference.GRPCInferenceService/ServerLive".
std::optional<GrpcMethod> parse_grpc_method(std::string_view path);

// A call on its way through the server.
struct GrpcCall {
  // Takes what makes the answer's message, from any thread, once; the making runs in the connection's own.
  using Respond = absl::AnyInvocable<void(absl::AnyInvocable<absl::StatusOr<std::string>()>)>;

  std::optional<Counted> running;  // the last to go: the server waits for it
  GrpcMethod method = GrpcMethod::kServerLive;
  std::string message;
  Reservation message_memory;
  Clock::time_point arrived = Clock::now(), deadline = Clock::time_point::max();
  Cancelled cancelled;
  Respond respond;

  ModelPtr model;
  InferRequest infer;
  Reservation memory;  // of what the message unpacks to, and of tensors
  Job::Timing timing;
};
using GrpcCallPtr = std::shared_ptr<GrpcCall>;

// Thread-safe. Outlives every call that it has been given.
class GrpcService {
 public:
  GrpcService(const GrpcServerOptions& options, Repository& models);

  // Refuses a call before its message is read.
  absl::Status admit(GrpcMethod method, std::string_view authorization) const;
  int64_t max_message_bytes(GrpcMethod method) const;
  void run(const GrpcCallPtr& call);
  void drain() { draining_ = true; }
  // Instead of those that it has.
  void set_tokens(std::vector<std::string> tokens);

 private:
  absl::StatusOr<std::string> answer(const GrpcCall& call);
  void infer(const GrpcCallPtr& call);
  absl::Status submit(const GrpcCallPtr& call, std::vector<Tensor> inputs);
  void later(WorkQueue& queue, const GrpcCallPtr& call, absl::AnyInvocable<void()> work);

  const GrpcServerOptions& options_;
  Repository& models_;
  std::atomic<bool> draining_{false};
  mutable std::mutex mutex_;
  std::shared_ptr<const std::vector<std::string>> tokens_;  // guarded by mutex_
  WorkQueue workers_;                                       // for what takes long: pictures, large messages
  WorkQueue loaders_;
};

}  // namespace hearth::serve
