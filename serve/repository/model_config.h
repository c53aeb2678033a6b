// config.json of a model's directory: options that differ from the server's.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "serve/schedule/scheduler.h"

namespace hearth::serve {

/// How a model is served.
struct ModelConfig {
  SchedulerOptions scheduler;  ///< Batching, instances and the queue.
  int versions = 1;            ///< How many of the newest versions answer, 1 to 1000.
  bool warmup = true;          ///< Whether to try a version before it answers requests (warm_up).
};

/// `defaults`, changed by `<model_directory>/config.json` if it exists: an object with any of "max_batch_size",
/// "max_queue_delay_microseconds", "instances", "threads_per_instance", "max_queue_size", "versions" and "warmup".
/// kInvalidArgument names the file and the entry that is wrong; otherwise the error of reading the file. The
/// scheduler's ranges are not checked here (Scheduler::checked).
absl::StatusOr<ModelConfig> read_model_config(const std::string& model_directory, const ModelConfig& defaults);

}  // namespace hearth::serve
