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
#include "serve/model/value.h"
#include "serve/oip/infer_request.h"
#include "serve/repository/repository.h"
#include "serve/schedule/job.h"

namespace hearth::serve {

/// The methods of inference.GRPCInferenceService.
enum class GrpcMethod : uint8_t {
  kServerLive,             ///< Whether the server runs.
  kServerReady,            ///< Whether the server is ready for requests.
  kModelReady,             ///< Whether a model is ready for requests.
  kServerMetadata,         ///< The server's name and extensions.
  kModelMetadata,          ///< A model's versions, inputs and outputs.
  kModelConfig,            ///< A model's batching and instances.
  kModelInfer,             ///< Runs a model.
  kModelStatistics,        ///< Statistics of models.
  kRepositoryIndex,        ///< Lists the versions in the repository.
  kRepositoryModelLoad,    ///< Loads a model.
  kRepositoryModelUnload,  ///< Unloads a model.
};
/// The method of a path "/inference.GRPCInferenceService/ServerLive"; nothing if there is none.
std::optional<GrpcMethod> parse_grpc_method(std::string_view path);

/// A call on its way through the server.
struct GrpcCall {
  /// Answers the call: call it once, from any thread, with a function that makes the answer's message. The function
  /// runs in the connection's thread.
  using Respond = absl::AnyInvocable<void(absl::AnyInvocable<absl::StatusOr<std::string>()>)>;

  /// Counts the call as running; the server waits for it. Destroyed last.
  std::optional<Counted> running;
  /// The method that is called.
  GrpcMethod method = GrpcMethod::kServerLive;
  /// The request's message, encoded. That of ModelInfer is dropped once it is decoded.
  std::string message;
  /// The memory of `message`.
  Reservation message_memory;
  /// When the call's headers came.
  Clock::time_point arrived = Clock::now();
  /// The client's deadline (grpc-timeout).
  Clock::time_point deadline = Clock::time_point::max();
  /// Becomes true when the client has gone. Not null once the session has made the call.
  Cancelled cancelled;
  /// Answers the call.
  Respond respond;

  /// Of ModelInfer: the model that runs.
  ModelPtr model;
  /// Of ModelInfer: what the client asks of the model.
  InferRequest infer;
  /// The memory of the decoded message, and of tensors.
  Reservation memory;
  /// Of ModelInfer: how long the model took, once it has run.
  Job::Timing timing;
};
/// A call, shared by the session and by whoever works on it.
using GrpcCallPtr = std::shared_ptr<GrpcCall>;

/// The protocol's methods, for the calls of all connections. Thread-safe. Must outlive every call that it was given.
class GrpcService {
 public:
  /// `options` and `models` must outlive it. Throws Error if the system refuses a thread.
  GrpcService(const GrpcServerOptions& options, Repository& models);

  /// Whether a call may go on, before its message is read: kUnauthenticated, kPermissionDenied or OK. `authorization`
  /// is the header of that name.
  absl::Status admit(GrpcMethod method, std::string_view authorization) const;
  /// The most bytes of a message that a method takes.
  int64_t max_message_bytes(GrpcMethod method) const;
  /// Runs a call whose message is complete, now or in another thread; it calls call->respond once.
  void run(const GrpcCallPtr& call);
  /// From now on the server and its models are reported as not ready. Calls are still answered.
  void drain() { draining_ = true; }
  /// Replaces the tokens, for calls that begin from now on.
  void set_tokens(std::vector<std::string> tokens);

 private:
  absl::StatusOr<std::string> answer(const GrpcCall& call);
  void infer(const GrpcCallPtr& call);
  absl::Status submit(const GrpcCallPtr& call, std::vector<Value> inputs);
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
