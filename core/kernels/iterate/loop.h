// The common iteration space of several strided operands.
#pragma once

#include <cstdint>

#include "core/tensor/layout.h"

namespace hearth::cpu {

// Dimensions of size above 1, outermost first in the order of the first operand's memory, neighbours merged where every
// operand allows it. Strides are in elements; 0 where an operand is stretched.
template <int kOperands>
struct Loop {
  int rank = 0;
  int64_t size[kMaxRank];
  int64_t stride[kOperands][kMaxRank];

  // `shape` is the iteration's; each layout broadcasts to it. A null layout stands for a number.
  void build(const Shape& shape, const Layout* const* layouts, int n) {
    int order[kMaxRank];
    int count = 0;
    for (int d = 0; d < shape.rank(); ++d) {
      if (shape[d] != 1) order[count++] = d;
    }
    const auto stride_of = [&](int k, int d) -> int64_t {
      const Layout* l = layouts[k];
      if (!l) return 0;
      const int own = d - (shape.rank() - l->rank());
      return own < 0 || l->shape[own] == 1 ? 0 : l->strides[own];
    };
    // Insertion sort by falling stride of operand 0, ties by the others: at most eight dimensions.
    const auto before = [&](int a, int b) {
      for (int k = 0; k < n; ++k) {
        const int64_t x = stride_of(k, a), y = stride_of(k, b);
        if (x != y) return x > y;
      }
      return a < b;
    };
    for (int i = 1; i < count; ++i) {
      for (int j = i; j > 0 && before(order[j], order[j - 1]); --j) {
        const int t = order[j];
        order[j] = order[j - 1];
        order[j - 1] = t;
      }
    }
    rank = 0;
    for (int i = 0; i < count; ++i) {
      const int d = order[i];
      bool merge = rank > 0;
      for (int k = 0; k < n && merge; ++k) merge = stride[k][rank - 1] == stride_of(k, d) * shape[d];
      if (!merge) size[rank++] = 1;
      size[rank - 1] *= shape[d];
      for (int k = 0; k < n; ++k) stride[k][rank - 1] = stride_of(k, d);
    }
  }
  // True if operand k's elements lie one after the other in iteration order.
  bool linear(int k) const {
    int64_t step = 1;
    for (int d = rank; d-- > 0;) {
      if (stride[k][d] != step) return false;
      step *= size[d];
    }
    return true;
  }
  bool constant(int k) const {
    for (int d = 0; d < rank; ++d) {
      if (stride[k][d] != 0) return false;
    }
    return true;
  }
};

}  // namespace hearth::cpu
