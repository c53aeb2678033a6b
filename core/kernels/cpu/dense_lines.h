// The lines of a tensor along one dimension, one after the other as dense arrays of the type that a kernel computes in.
#pragma once

#include <algorithm>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"

namespace hearth::cpu {

// f(line, from, to) for each line of x along dimension d, on several cores: `from` holds the line's n elements, and
// what f leaves in `to`, which may be `from`, becomes the same line of y (row-major, of x's shape). Without y `to` is
// null. Lines are numbered in row-major order of the other dimensions. x has at least one element.
template <class T, class F>
void for_dense_lines(const Tensor& x, const Tensor* y, int d, F f) {
  const int64_t n = x.dim() ? x.shape()[d] : 1, lines = x.numel() / n;
  int64_t after = 1;  // elements between neighbours of a line
  for (int k = d + 1; k < x.dim(); ++k) after *= x.shape()[k];
  const int64_t grain = std::max<int64_t>(16384 / n, 1);
  const DenseReader<T> in(x);
  const DenseWriter<T> out(y ? *y : x);
  if (after == 1) {
    parallel_for(lines, grain, [&](int64_t begin, int64_t end) {
      std::vector<T> buffer(in.converts() ? static_cast<size_t>(n) : 0);
      for (int64_t i = begin; i < end; ++i) {
        T* const to = y ? out.place(i * n, buffer.data()) : nullptr;
        f(i, in.read(i * n, n, buffer.data()), to);
        if (y) out.write(i * n, n, to);
      }
    });
    return;
  }
  // Lines whose elements lie apart: neighbouring lines are read and written together, a cache line at a time.
  constexpr int64_t kWidth = 16;
  const int64_t groups = (after + kWidth - 1) / kWidth, widest = std::min(kWidth, after);
  parallel_for(lines / after * groups, std::max<int64_t>(grain / kWidth, 1), [&](int64_t begin, int64_t end) {
    std::vector<T> group(static_cast<size_t>(n * widest));
    T part[kWidth];
    for (int64_t g = begin; g < end; ++g) {
      const int64_t outer = g / groups, column = g % groups * kWidth, first = outer * n * after + column,
                    width = std::min(kWidth, after - column);
      for (int64_t k = 0; k < n; ++k) {
        const T* from = in.read(first + k * after, width, part);
        for (int64_t j = 0; j < width; ++j) group[static_cast<size_t>(j * n + k)] = from[j];
      }
      for (int64_t j = 0; j < width; ++j) {
        T* const line = group.data() + j * n;
        f(outer * after + column + j, static_cast<const T*>(line), y ? line : nullptr);
      }
      for (int64_t k = 0; y && k < n; ++k) {
        T* const to = out.place(first + k * after, part);
        for (int64_t j = 0; j < width; ++j) to[j] = group[static_cast<size_t>(j * n + k)];
        out.write(first + k * after, width, to);
      }
    }
  });
}

}  // namespace hearth::cpu
