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

// Result i is the sum of weight[k] * input[first[i] + k - start[i]] over k from start[i] to start[i + 1] - 1.
struct Taps {
  int64_t from = 0;
  std::vector<int64_t> first, start;
  std::vector<double> weight;

  int64_t to() const { return static_cast<int64_t>(first.size()); }
  int64_t count(int64_t i) const { return start[static_cast<size_t>(i) + 1] - start[static_cast<size_t>(i)]; }
  // The inputs that some result sees: [lowest(), highest()).
  int64_t lowest() const;
  int64_t highest() const;
};

// Bilinear or bicubic, pixel centres at half. antialias widens the filter where the image shrinks, as PIL does.
Taps interpolated(int64_t from, int64_t to, Interpolation interpolation, bool antialias);
// The transposed sum: what an input's gradient sees of the results'.
Taps transposed(const Taps& taps);

// For each input the results that it is: of input i result[start[i]] to result[start[i + 1] - 1].
struct Seen {
  std::vector<int64_t> start, result;
};
Seen seen(const Places& places);

}  // namespace hearth::vision
