/// Scattering with sums, products, means and extremes.
#pragma once

#include <cstdint>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// How scatter_reduce() puts elements for one place together.
enum class ScatterMode : uint8_t {
  kSum,   ///< Their sum. PyTorch: reduce="sum". Of halves in f32, rounded once.
  kProd,  ///< Their product. The gradient is right also beside zeros, its own gradient where no factor is 0.
  kMean,  ///< Their mean; of integers rounded downwards.
  kAmax,  ///< The greatest; NaN if one is. Equal ones share the gradient.
  kAmin,  ///< The smallest; NaN if one is. Equal ones share the gradient.
};

/// A copy of x in which each element of `source` is put together with x at the place along dimension d that `index`
/// says for it. Places that no index names keep their element of x; where one does, the element of x counts only if
/// `include_self`. Index and source as in scatter(): of as many dimensions as x, the index nowhere larger than the
/// source, nor than x but along d. Every dtype but bool. Throws Error for an index out of range.
Tensor scatter_reduce(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source, ScatterMode reduce,
                      bool include_self = true);
/// scatter_reduce() of slices: slice i of `source` along d goes to place index[i]. The index is 1-D; the source has x's
/// shape, but along d the size of the index.
Tensor index_reduce(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source, ScatterMode reduce,
                    bool include_self = true);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.

/// (x, index, source) -> products or extremes, with ScatterReduceAttrs.
extern constinit const OpDef kScatterReduce;

}  // namespace hearth
