// Products of frames and a matrix, many frames at once: lane l of every register belongs to frame l.
//
// A group holds `lanes` frames of n numbers (core/kernels/cpu/fft_lanes.h): half(n) registers of those with even
// places, then as many of those with odd places. It is aligned to 64 bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels/cpu/fft_lanes.h"

namespace hearth::audio::cpu {

constexpr int64_t half(int64_t n) { return (n + 1) / 2; }
constexpr int64_t kMostGroups = 4;  // for which FrameSums makes sums at once

// Between a group and rows of n numbers, which lie `row` numbers apart in memory.
template <class T>
void load_group(const hearth::cpu::FftLanes<T>& f, const T* rows, int64_t row, int64_t n, T* group) {
  f.load_rows(rows, row, n / 2, group, group + half(n) * f.lanes);
  if (n % 2 == 0) return;
  for (int64_t l = 0; l < f.lanes; ++l) group[(half(n) - 1) * f.lanes + l] = rows[l * row + n - 1];
}
template <class T>
void store_group(const hearth::cpu::FftLanes<T>& f, const T* group, int64_t n, T* rows, int64_t row) {
  f.store_rows(group, group + half(n) * f.lanes, rows, row, n / 2, T(1));
  if (n % 2 == 0) return;
  for (int64_t l = 0; l < f.lanes; ++l) rows[l * row + n - 1] = group[(half(n) - 1) * f.lanes + l];
}

// A matrix [n, m] without the zeros at both ends of its columns, as a bank of filters has them.
template <class T>
class FrameSums {
 public:
  // The places of one parity at which a column is not left out.
  struct Range {
    int64_t first, count;  // registers of a group's half
    const T* weights;
  };

  FrameSums(const T* matrix, int64_t n, int64_t m);
  FrameSums(const FrameSums&) = delete;
  FrameSums& operator=(const FrameSums&) = delete;

  int64_t n() const { return n_; }
  int64_t m() const { return m_; }
  // Numbers of a group of frames, and of one of sums.
  int64_t group_in() const { return 2 * half(n_) * lanes_; }
  int64_t group_out() const { return 2 * half(m_) * lanes_; }
  // Even and odd places of column 0, of column 1, and so on.
  const std::vector<Range>& ranges() const { return ranges_; }

  // Frames times the matrix. `groups` is at most kMostGroups. Each sum is made in the same order whatever other frames
  // there are.
  void operator()(const T* frames, int64_t groups, T* sums) const;

 private:
  int64_t n_, m_, lanes_;
  std::vector<T> weights_;
  std::vector<Range> ranges_;
};

}  // namespace hearth::audio::cpu
