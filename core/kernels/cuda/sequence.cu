#include "core/kernels/sequence.h"

#include "core/kernels/cuda/grid.cuh"
#include "core/op/attrs/reduce.h"

namespace hearth::cuda {
namespace {

// Unsigned, which may wrap around where a graph asks for more than 63 bits hold.
HEARTH_KERNEL void whole_steps(DType type, void* to, int64_t n, uint64_t start, uint64_t step) {
  for_each_item(n, [&](int64_t i) {
    write<int64_t>(type, to, i, static_cast<int64_t>(start + static_cast<uint64_t>(i) * step));
  });
}
HEARTH_KERNEL void steps(DType type, void* to, int64_t n, double start, double step) {
  for_each_item(n, [&](int64_t i) { write<double>(type, to, i, start + static_cast<double>(i) * step); });
}
// From the nearer end, so that both are met exactly.
HEARTH_KERNEL void between(DType type, void* to, int64_t n, double start, double end, double step) {
  for_each_item(n, [&](int64_t i) {
    write<double>(
        type, to, i,
        i < (n + 1) / 2 ? start + step * static_cast<double>(i) : end - step * static_cast<double>(n - 1 - i));
  });
}

}  // namespace

void arange(OpCall& c) {
  const Tensor& out = c.out[0];
  const int64_t n = out.numel();
  if (n == 0) return;
  const Scalar start = c.scalar(0), step = c.scalar(1);
  if (start.kind() != DTypeKind::kFloat && step.kind() != DTypeKind::kFloat) {
    return launch(over(c, n), whole_steps, out.dtype(), out.impl()->data(), n,
                  static_cast<uint64_t>(start.to<int64_t>()), static_cast<uint64_t>(step.to<int64_t>()));
  }
  launch(over(c, n), steps, out.dtype(), out.impl()->data(), n, start.to<double>(), step.to<double>());
}

void linspace(OpCall& c) {
  const Tensor& out = c.out[0];
  const int64_t n = out.numel();
  if (n == 0) return;
  const double start = c.scalar(0).to<double>(), end = c.scalar(1).to<double>();
  launch(over(c, n), between, out.dtype(), out.impl()->data(), n, start, end,
         n > 1 ? (end - start) / static_cast<double>(n - 1) : 0.0);
}

void size(OpCall& c) {
  const Tensor& x = c.input(0);
  const int d = wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name);
  launch(over(c, 1), whole_steps, c.out[0].dtype(), c.out[0].impl()->data(), int64_t{1},
         static_cast<uint64_t>(x.shape()[d]), uint64_t{0});
}

}  // namespace hearth::cuda
