// What the ranks of a run have traced, read back.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::fashion {

// Times are seconds since the first rank began.
struct Exchange {
  std::string call;
  double begin = 0, end = 0;
  double hidden_until = 0;  // from here to the end the rank did nothing but wait
};
struct Step {
  int64_t number = 0;
  double loss = 0;
  // The beginning, and the ends of: waiting for data, forward, backward, the optimizer.
  std::array<double, 5> times{};
  double communication = 0, hidden = 0;  // seconds
  std::vector<Exchange> exchanges;       // of some steps
};
// A rank in one attempt at the job.
struct RankRun {
  int attempt = 0, rank = 0, ranks = 0;
  double start = 0, end = 0;
  std::vector<Step> steps;
  std::vector<int64_t> saved;  // steps after which a checkpoint was begun
  double accuracy = -1;        // negative: the job was not done
};

// Of all files of a directory, by attempt and rank. A line that a killed process has not finished is left out.
absl::StatusOr<std::vector<RankRun>> read_run(const std::string& directory);

}  // namespace hearth::fashion
