// The row loops of pooling, compiled for each SIMD target. Images lie [h, w, c].
#pragma once

#include <cstdint>
#include <vector>

namespace hearth::cpu {

// Which positions of one axis meet which: those of `from` that position i of `to` sees are
// item[start[i]] ... item[start[i + 1] - 1], rising. Windows read results from inputs; turned round, inputs from
// results.
struct Axis {
  int64_t from = 0, to = 0;
  std::vector<int32_t> start{0}, item;
  std::vector<double> weight;  // of each item
};

template <class T>
struct PoolRows {
  // Each computes row `row` of the target, [w.to, c].
  // The greatest, and its place (row * width + column) in the image; -1 where a window sees nothing. NaN is greatest.
  void (*max)(const Axis& h, const Axis& w, const T* image, int64_t c, int64_t row, T* y, int32_t* place);
  // Sums the gradients of those results that have this pixel as their greatest.
  void (*max_grad)(const Axis& h, const Axis& w, const T* dy, const int32_t* place, int64_t c, int64_t row, T* dx);
  void (*sum)(const Axis& h, const Axis& w, const T* image, int64_t c, int64_t row, T* y);
};

}  // namespace hearth::cpu
