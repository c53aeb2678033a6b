// What the tests of optimizers share.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/view.h"
#include "core/optim/optim.h"

namespace hearth {

// sin(0.37 i + s), as tools/golden/optim.py has it.
inline Tensor wave(const Shape& shape, double s) {
  return sin(arange(shape.numel()).to(f64) * 0.37 + s).view(shape).detach();
}

using MakeOptimizer = std::function<std::unique_ptr<optim::Optimizer>(const optim::Parameters&)>;

template <class O>
MakeOptimizer making(const typename O::Options& o) {
  return [o](const optim::Parameters& p) { return std::make_unique<O>(p, o); };
}

// The same values, with elements between them that belong to nobody.
inline Tensor with_gaps(const Tensor& t) {
  Shape wide = t.shape();
  wide[wide.rank() - 1] *= 2;
  Tensor memory = full(wide, 7, {.dtype = t.dtype()});
  Tensor view = memory.slice(t.dim() - 1, 0, wide.back(), 2).detach();
  view.copy_(t);
  return view;
}
// The same values, the first dimension fastest in memory.
inline Tensor turned(const Tensor& t) { return t.t().clone(MemoryFormat::kContiguous).t().detach(); }

}  // namespace hearth
