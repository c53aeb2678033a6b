#include "vision/kernels/cpu/axis.h"

#include <algorithm>

namespace hearth::vision {
namespace {

void find_run(Places& p) {
  const int64_t n = p.to();
  // The longest run of neighbours: all that a crop takes and the middle of a padding.
  for (int64_t i = 0; i < n;) {
    int64_t j = i + 1;
    if (p.at[static_cast<size_t>(i)] >= 0) {
      while (j < n && p.at[static_cast<size_t>(j)] == p.at[static_cast<size_t>(j) - 1] + 1) ++j;
      if (j - i > p.end - p.begin) {
        p.begin = i;
        p.end = j;
      }
    }
    i = j;
  }
}

}  // namespace

Places nearest(int64_t from, int64_t to, bool exact) {
  Places p;
  p.from = from;
  // In f32, as PyTorch: where i * from / to is whole, the rounding of `scale` decides.
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  for (int64_t i = 0; i < to; ++i) {
    const float x = (static_cast<float>(i) + (exact ? 0.5f : 0.0f)) * scale;
    p.at.push_back(std::min(static_cast<int64_t>(x), from - 1));
  }
  find_run(p);
  return p;
}

Places window(int64_t from, int64_t start, int64_t length) {
  Places p;
  p.from = from;
  for (int64_t i = start; i < start + length; ++i) p.at.push_back(i >= 0 && i < from ? i : -1);
  find_run(p);
  return p;
}

Places padded(int64_t from, int64_t before, int64_t after, PadMode mode) {
  Places p;
  p.from = from;
  for (int64_t i = -before; i < from + after; ++i) {
    int64_t at = i;
    if (i < 0 || i >= from) {
      at = -1;
      switch (mode) {
        case PadMode::kConstant:
          break;
        case PadMode::kReflect:
          at = i < 0 ? -i : 2 * from - 2 - i;
          break;
        case PadMode::kReplicate:
          at = i < 0 ? 0 : from - 1;
          break;
        case PadMode::kSymmetric:
          at = i < 0 ? -1 - i : 2 * from - 1 - i;
          break;
      }
    }
    p.at.push_back(at);
  }
  find_run(p);
  return p;
}

Seen seen(const Places& p) {
  Seen s;
  s.start.assign(static_cast<size_t>(p.from) + 1, 0);
  for (int64_t i : p.at) {
    if (i >= 0) ++s.start[static_cast<size_t>(i) + 1];
  }
  for (size_t i = 1; i < s.start.size(); ++i) s.start[i] += s.start[i - 1];
  s.result.resize(static_cast<size_t>(s.start.back()));
  std::vector<int64_t> next(s.start.begin(), s.start.end() - 1);
  for (int64_t o = 0; o < p.to(); ++o) {
    const int64_t i = p.at[static_cast<size_t>(o)];
    if (i >= 0) s.result[static_cast<size_t>(next[static_cast<size_t>(i)]++)] = o;
  }
  return s;
}

}  // namespace hearth::vision
