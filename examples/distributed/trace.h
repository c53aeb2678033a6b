// Trace: what one rank does in a run, step by step, as lines of JSON. //examples/distributed:page draws it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

#include "distributed/distributed.h"

namespace hearth::fashion {

class Trace {
 public:
  // The file is DIRECTORY/ATTEMPT.RANK.jsonl, where the first attempt of a job is 0. Without a directory it does
  // nothing.
  Trace(const std::string& directory, const distributed::ProcessGroup& group,
        const distributed::DistributedDataParallel& parallel);

  // Before the first step of an epoch.
  void begin();
  // A part of a step has ended. They are: waiting for data, forward, backward, the optimizer.
  void mark();
  // A step has ended, with this rank's loss.
  void end(int64_t step, double loss);
  // All ranks save a checkpoint after this step.
  void saved(int64_t step);
  // The job is done.
  void accuracy(double value);
  // Whether it writes.
  bool on() const { return out_.is_open(); }

 private:
  const distributed::ProcessGroup& group_;
  const distributed::DistributedDataParallel& parallel_;
  std::ofstream out_;
  std::array<double, 5> times_{};  // of Recorder::now(): the step's beginning and its parts' ends
  size_t marks_ = 0;
};

}  // namespace hearth::fashion
