// GrpcService: what the protocol's methods do. serve/grpc/server.h moves their messages over the network.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "serve/base/cancelled.h"
#include "serve/base/clock.h"
#include "serve/base/counted.h"
#include "serve/base/memory_budget.h"
#include "serve/base/work_queue.h"
#include "serve/grpc/server.h"
#include "serve/oip/infer_request.h"
#include "serve/repository/repository.h"
#include "serve/schedule/job.h"

namespace hearth::serve {

/// The methods of inference.GRPCInferenceService.
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
/// The method of a path "/inference.GRPCInferenceService/ServerLive"; nothing if there is none.
std::optional<GrpcMethod> parse_grpc_method(std::string_view path);

/// A call on its way through the server.
struct GrpcCall {
  /// Answers the call: call it once, from any thread, with a function that makes the answer's message. The function
  /// runs in the connection's thread.
  using Respond = absl::AnyInvocable<void(absl::AnyInvocable<absl::StatusOr<std::string>()>)>;

  std::optional<Counted> running;  // destroyed last: the server waits for it
  GrpcMethod method = GrpcMethod::kServerLive;
  std::string message;
  Reservation message_memory;
  Clock::time_point arrived = Clock::now(), deadline = Clock::time_point::max();
  Cancelled cancelled;
  Respond respond;

  ModelPtr model;
  InferRequest infer;
  Reservation memory;  // of the decoded message, and of tensors
  Job::Timing timing;
};
using GrpcCallPtr = std::shared_ptr<GrpcCall>;

/// Thread-safe. Must outlive every call that it was given.
class GrpcService {
 public:
  /// `options` and `models` must outlive it. Throws Error if the system refuses a thread.
  GrpcService(const GrpcServerOptions& options, Repository& models);

  /// Whether a call may go on, before its message is read: kUnauthenticated, kPermissionDenied or OK. `authorization`
  /// is the header of that name.
  absl::Status admit(GrpcMethod method, std::string_view authorization) const;
  /// The largest message that a method takes.
  int64_t max_message_bytes(GrpcMethod method) const;
  /// Runs a call whose message is complete; it calls call->respond once.
  void run(const GrpcCallPtr& call);
  /// ServerReady and ModelReady say no from now on.
  void drain() { draining_ = true; }
  /// Replaces the tokens.
  void set_tokens(std::vector<std::string> tokens);

 private:
  absl::StatusOr<std::string> answer(const GrpcCall& call);
  void infer(const GrpcCallPtr& call);
  absl::Status submit(const GrpcCallPtr& call, std::vector<Tensor> inputs);
  void later(WorkQueue& queue, const GrpcCallPtr& call, absl::AnyInvocable<void()> work);

  const GrpcServerOptions& options_;
  Repository& models_;
  std::atomic<bool> draining_{false};
  mutable Mutex mutex_;
  std::shared_ptr<const std::vector<std::string>> tokens_ ABSL_GUARDED_BY(mutex_);
  WorkQueue workers_;  // for slow work: pictures and large messages
  WorkQueue loaders_;  // loads and unloads, one at a time
};

}  // namespace hearth::serve
