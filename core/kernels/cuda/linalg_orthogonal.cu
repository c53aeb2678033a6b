// QR factorisation.
#include "core/kernels/cuda/complex.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/linalg_batch.h"
#include "core/kernels/cuda/solver.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cuda {
namespace {

// Row-major [rows, cols] from the upper triangles of column-major matrices with `ld` rows, `distance` apart.
template <class T>
HEARTH_KERNEL void take_upper_kernel(const T* from, int64_t ld, int64_t distance, T* to, int64_t elements, int64_t rows,
                                     int64_t cols) {
  for_each_item(elements, [&](int64_t e) {
    const int64_t b = e / (rows * cols), i = e % (rows * cols) / cols, j = e % cols;
    to[e] = j < i ? Parts<T>::number(0) : from[b * distance + j * ld + i];
  });
}

template <class T>
void qr_all(OpCall& c) {
  const auto& attrs = c.attrs_as<QrAttrs>();
  const Tensor &a = c.input(0), &r = c.out[1];
  const int m = solver_size(c, a.size(-2)), n = solver_size(c, a.size(-1)), k = std::min(m, n);
  const int q_cols = !attrs.q ? 0 : attrs.complete ? m : k, width = std::max(n, q_cols);
  const int64_t count = Matrices<T>(a).count(), distance = int64_t{m} * width;
  if (k == 0) {
    // R has no elements, and Q, if it has any, nothing to turn.
    if (q_cols > 0) set_identity(c, data_of<T>(c.out[0]), count, m);
    return;
  }
  if (count == 0) return;
  const Tensor work = column_major(a.shape(), a.dtype(), a.device(), m, width);
  copy_tensor(work, a);
  const Tensor tau = scratch(c, count * k, a.dtype()), unused = scratch(c, 1, DType::kI32);
  T *const p = data_of<T>(work), *const t = data_of<T>(tau);
  int* const info = data_of<int>(unused);
  const Solver solver(c);
  int lwork = solver.size("geqrf", [&](auto h, int* size) { return Lib<T>::geqrf_size(h, m, n, p, m, size); });
  if (q_cols > 0) {
    lwork = std::max(lwork, solver.size("orgqr", [&](auto h, int* size) {
      return Lib<T>::orgqr_size(h, m, q_cols, k, p, m, t, size);
    }));
  }
  const Workspace workspace(c.device.index, static_cast<size_t>(lwork) * sizeof(T));
  auto* const space = static_cast<T*>(workspace.get());
  for (int64_t b = 0; b < count; ++b) {
    solver.run("geqrf",
               [&](auto h) { return Lib<T>::geqrf(h, m, n, p + b * distance, m, t + b * k, space, lwork, info); });
  }
  launch(over(c, r.numel()), take_upper_kernel<T>, p, m, distance, data_of<T>(r), r.numel(), r.size(-2), n);
  if (q_cols == 0) return;
  for (int64_t b = 0; b < count; ++b) {
    solver.run("orgqr", [&](auto h) {
      return Lib<T>::orgqr(h, m, q_cols, k, p + b * distance, m, t + b * k, space, lwork, info);
    });
  }
  copy_tensor(c.out[0], corner(work, m, q_cols));
}

}  // namespace

void linalg_qr(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { qr_all<T>(c); });
}

}  // namespace hearth::cuda
