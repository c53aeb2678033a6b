// How the results along one dimension are weighted sums of the elements along it: interpolation.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace hearth::cpu {

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

// How neighbours are weighted.
struct TapOptions {
  bool cubic = false;          // four neighbours, by Keys' cubic; otherwise two, by a line
  bool align_corners = false;  // the first and the last results are the first and the last elements
  bool antialias = false;      // widens the filter where the result is smaller, as PIL does
  std::optional<double> step;  // the distance of results in elements; from / to if none is given
};
// Positions are at the elements' centres, unless corners are aligned. from and to are at least 1, and the last result
// lies within the elements: step (to - 1) is at most `from`.
Taps interpolated(int64_t from, int64_t to, const TapOptions& options);
// The transposed sum: what an element's gradient sees of the results'.
Taps transposed(const Taps& taps);

}  // namespace hearth::cpu
