#include "core/kernels/distance.h"

#include <algorithm>
#include <cmath>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/op/attrs/distance.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kLanes = 8;

// term(|a - b|) of m pairs, put together by join in a fixed order.
template <class T, class Term, class Join>
T accumulated(const T* a, const T* b, int64_t m, Term term, Join join) {
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= m; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) lanes[k] = join(lanes[k], term(std::abs(a[i + k] - b[i + k])));
  }
  T all = 0;
  for (const T lane : lanes) all = join(all, lane);
  for (; i < m; ++i) all = join(all, term(std::abs(a[i] - b[i])));
  return all;
}

template <class T>
T greater(T a, T b) {
  return b > a || b != b ? b : a;
}

template <class T, class F>
void each_pair(const Tensor& x, const Tensor& y, const Tensor& out, F distance) {
  const int64_t rows = x.shape()[1], columns = y.shape()[1], m = x.shape()[2];
  const T *first = static_cast<const T*>(x.raw_data()), *second = static_cast<const T*>(y.raw_data());
  T* to = static_cast<T*>(out.impl()->data());
  if (out.numel() == 0) return;
  const int64_t grain = std::max<int64_t>(16384 / (columns * std::max<int64_t>(m, 1)), 1);
  parallel_for(x.shape()[0] * rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* others = second + r / rows * columns * m;
      for (int64_t k = 0; k < columns; ++k) to[r * columns + k] = distance(first + r * m, others + k * m, m);
    }
  });
}

template <class T>
void distances(OpCall& c) {
  const Tensor x = row_major(c.input(0)), y = row_major(c.input(1)), out = c.out[0];
  const double p = c.attrs_as<CdistAttrs>().p;
  const auto add = [](T a, T b) { return a + b; };
  const auto itself = [](T d) { return d; };
  if (p == 0) {
    const auto differ = [](T d) { return std::isnan(d) ? d : static_cast<T>(d != 0); };
    each_pair<T>(x, y, out, [&](const T* a, const T* b, int64_t m) { return accumulated(a, b, m, differ, add); });
  } else if (p == 1) {
    each_pair<T>(x, y, out, [&](const T* a, const T* b, int64_t m) { return accumulated(a, b, m, itself, add); });
  } else if (p == 2) {
    const auto square = [](T d) { return d * d; };
    each_pair<T>(x, y, out,
                 [&](const T* a, const T* b, int64_t m) { return std::sqrt(accumulated(a, b, m, square, add)); });
  } else if (std::isinf(p)) {
    each_pair<T>(x, y, out,
                 [&](const T* a, const T* b, int64_t m) { return accumulated(a, b, m, itself, greater<T>); });
  } else {
    const T power = static_cast<T>(p), root = static_cast<T>(1 / p);
    const auto raised = [power](T d) { return std::pow(d, power); };
    each_pair<T>(x, y, out,
                 [&](const T* a, const T* b, int64_t m) { return std::pow(accumulated(a, b, m, raised, add), root); });
  }
}

}  // namespace

void cdist(OpCall& c) {
  if (c.input(0).dtype() == DType::kF64) distances<double>(c);
  else distances<float>(c);
}

}  // namespace hearth::cpu
