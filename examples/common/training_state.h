// What a training's checkpoint holds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "core/data/loader.h"
#include "core/io/checkpoint.h"
#include "core/nn/module.h"
#include "core/optim/optimizer.h"
#include "core/optim/scheduler.h"

namespace hearth::examples {

// The parts of a training that change, with the default generator, and the plan that must be the same for a checkpoint
// to fit: the flags as they would be written.
struct TrainingState {
  std::string path, plan;
  nn::ModuleBase& model;
  optim::Optimizer& optimizer;
  optim::Scheduler& schedule;
  data::DataLoader& loader;
  std::vector<std::pair<const char*, std::vector<double>*>> curves;

  // `more` puts what the program has besides.
  absl::Status save(absl::FunctionRef<void(io::Checkpoint&)> more) const;
  // `more` gets it, after the plan and before all else: what it refuses leaves the training as it was.
  // kInvalidArgument for another plan.
  absl::Status restore(absl::FunctionRef<absl::Status(const io::Checkpoint&)> more) const;
};

}  // namespace hearth::examples
