// Lines: the elements of tensors along one dimension.
#pragma once

#include "core/kernels/cuda/grid.cuh"

namespace hearth::cuda {

// The lines of K tensors of one shape along dimension d.
template <int K>
struct Lines {
  int64_t n;        // elements of a line
  int64_t step[K];  // from one element to the next
  Walk<K> first;    // the lines' first elements
};

template <int K>
Lines<K> lines_of(const Shape& shape, int d, const Strides* const (&strides)[K]) {
  Lines<K> l = {};
  l.n = shape.rank() ? shape[d] : 1;
  for (int k = 0; k < K; ++k) l.step[k] = shape.rank() ? (*strides[k])[d] : 0;
  l.first.n = 1;
  for (int other = 0; other < shape.rank(); ++other) {
    if (other == d) continue;
    int64_t s[K];
    for (int k = 0; k < K; ++k) s[k] = (*strides[k])[other];
    l.first.add(shape[other], s);
  }
  return l;
}

}  // namespace hearth::cuda
