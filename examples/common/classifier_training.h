// Training of a classifier, epoch by epoch, with live progress, curves and checkpoints.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/data/dataset.h"
#include "core/data/loader.h"
#include "core/io/tensorboard.h"
#include "core/nn/module.h"
#include "core/optim/adam.h"
#include "core/optim/scheduler.h"
#include "examples/common/chart.h"
#include "examples/common/progress.h"
#include "examples/common/training_state.h"

namespace hearth::examples {

struct ClassifierOptions {
  std::string out;   // the directory of the checkpoint
  std::string plan;  // the flags that must be the same for a checkpoint to fit
  std::string what;  // what an example is: "images"
  int64_t epochs = 1, batch = 64, workers = 0, checkpoint_steps = 200;
  double lr = 1e-3, weight_decay = 0.01, label_smoothing = 0;
  uint64_t seed = 1;
  Device device = kCpu;

  std::string checkpoint() const { return out + "/checkpoint"; }
};

// Curves of a training.
struct ClassifierHistory {
  std::vector<double> step_loss, learning_rate;                                            // one for each step
  std::vector<double> training_loss, training_accuracy, held_out_loss, held_out_accuracy;  // one for each epoch

  std::vector<std::pair<const char*, std::vector<double>*>> curves() {
    return {{"step loss", &step_loss},         {"learning rate", &learning_rate},
            {"training loss", &training_loss}, {"training accuracy", &training_accuracy},
            {"held-out loss", &held_out_loss}, {"held-out accuracy", &held_out_accuracy}};
  }
  // Loss, accuracy and learning rate, for a report.
  std::vector<Chart> charts(int64_t epochs) const;
};

struct Evaluation {
  double loss = 0, accuracy = 0;
  Tensor probabilities, labels;  // [n, classes], [n]
};

// Everything that one run of training consists of; a checkpoint holds what changes.
class ClassifierTraining {
 public:
  using Forward = std::function<Tensor(const Tensor&)>;

  // `forward` calls the net: examples [n, ...] to scores [n, classes]. The data sets' examples have "input" and
  // "target".
  ClassifierTraining(ClassifierOptions options, nn::ModuleBase& net, Forward forward, const data::DatasetPtr& train,
                     data::DatasetPtr held_out);

  // Goes on from the checkpoint: before train().
  absl::Status restore();
  // Trains to the end of the last epoch, after `introduction`. kCancelled if interrupted.
  absl::Status train(io::EventWriter& events, const std::string& introduction);
  // In evaluation mode, and without gradients.
  Evaluation evaluate(const data::DatasetPtr& examples);
  const ClassifierHistory& history() const { return history_; }
  int64_t steps() const { return schedule_.current_step(); }
  // After train(), whose lines it has shown.
  Progress& progress() { return *progress_; }

 private:
  struct Standing;

  int64_t trained() const { return steps() * options_.batch; }
  int64_t total() const { return options_.epochs * examples_; }
  Standing standing(int64_t epoch, int64_t batches) const;
  TrainingState state();
  absl::Status save();
  absl::Status epoch(io::EventWriter& events);
  absl::Status end_epoch(const Standing& done, io::EventWriter& events);
  void step(const Tensor& x, const Tensor& y);

  ClassifierOptions options_;
  nn::ModuleBase& net_;
  Forward forward_;
  data::DatasetPtr held_out_;
  data::DataLoader loader_;
  int64_t examples_;  // of an epoch
  optim::AdamW optimizer_;
  optim::OneCycleLR schedule_;
  bool restored_ = false;
  double loss_ = 0;    // summed over this epoch's batches
  int64_t right_ = 0;  // of this epoch's examples
  ClassifierHistory history_;
  std::unique_ptr<Progress> progress_;
};

}  // namespace hearth::examples
