// How the results along one dimension of an image see the inputs along it.
#pragma once

#include <cstdint>
#include <vector>

#include "vision/ops/attrs.h"

namespace hearth::vision {

// Result i is input at[i], or nothing where that is -1.
struct Places {
  int64_t from = 0;
  std::vector<int64_t> at;
  // Results [begin, end) are inputs at[begin], at[begin] + 1, and so on.
  int64_t begin = 0, end = 0;

  int64_t to() const { return static_cast<int64_t>(at.size()); }
};

Places nearest(int64_t from, int64_t to, bool exact);
Places window(int64_t from, int64_t start, int64_t length);
Places padded(int64_t from, int64_t before, int64_t after, PadMode mode);

// For each input the results that it is: of input i result[start[i]] to result[start[i + 1] - 1].
struct Seen {
  std::vector<int64_t> start, result;
};
Seen seen(const Places& places);

}  // namespace hearth::vision
