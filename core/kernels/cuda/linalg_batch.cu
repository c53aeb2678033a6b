#include "core/kernels/cuda/linalg_batch.h"

#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/complex.cuh"
#include "core/kernels/cuda/grid.cuh"

namespace hearth::cuda {
namespace {

// One block: it is the first matrix that is told of.
HEARTH_KERNEL void complain_kernel(int64_t count, bool batch, const int* flags, const int* infos, Complaint* complaint,
                                   const char* op, Describe describe) {
  const auto number = [&](int64_t b) { return flags && flags[b] != 0 ? flags[b] : infos[b]; };
  int64_t first = count;
  for (int64_t b = threadIdx.x; b < count && first == count; b += blockDim.x) {
    if (number(b) != 0) first = b;
  }
  first = block_reduce<Min>(first);
  if (threadIdx.x == 0 && first < count) complain(complaint, op, number(first), batch ? first : int64_t{-1}, describe);
}

template <class T>
HEARTH_KERNEL void clear_not_finite_kernel(T* a, int64_t count, int64_t rows, int64_t size, Part part, int* flags,
                                           int flag) {
  for (int64_t b = blockIdx.x; b < count; b += gridDim.x) {
    T* const matrix = a + b * size;
    int bad = 0;
    for (int64_t e = threadIdx.x; e < size; e += blockDim.x) {
      const int64_t i = e % rows, j = e / rows;
      const bool read = part == Part::kAll || (part == Part::kLower ? i >= j : i <= j);
      if (read && !Parts<T>::finite(matrix[e])) bad = 1;
    }
    bad = block_reduce<Max>(bad);
    if (bad == 0) continue;
    __syncthreads();  // the matrix has been read
    for (int64_t e = threadIdx.x; e < size; e += blockDim.x) matrix[e] = Parts<T>::number(0);
    if (threadIdx.x == 0 && flags[b] == 0) flags[b] = flag;
  }
}

template <class T>
HEARTH_KERNEL void addresses_kernel(Walk<1> walk, T* first, T** to) {
  for_each_item(walk.n, [&](int64_t b) {
    int64_t at[1];
    walk.place(b, at);
    to[b] = first + at[0];
  });
}

template <class T>
HEARTH_KERNEL void conjugate_kernel(T* p, int64_t n) {
  for_each_item(n, [&](int64_t i) { p[i] = Parts<T>::conj(p[i]); });
}

template <class T>
HEARTH_KERNEL void identity_kernel(T* to, int64_t elements, int64_t n) {
  for_each_item(elements, [&](int64_t i) { to[i] = Parts<T>::number(i % (n * n) % (n + 1) == 0 ? 1 : 0); });
}

std::string matrix_name(const Complaint& x) {
  return x.limit < 0 ? "the matrix" : concat("matrix ", static_cast<int64_t>(x.limit), " of the batch");
}

int64_t number_of(const Complaint& x) { return static_cast<int64_t>(x.value); }

Strides column_major_strides(const Shape& shape, int64_t rows, int64_t columns) {
  Shape room = shape;
  room[shape.rank() - 2] = columns;
  room[shape.rank() - 1] = rows;
  Strides strides = contiguous_strides(room);
  std::swap(strides[shape.rank() - 1], strides[shape.rank() - 2]);
  return strides;
}

}  // namespace

Tensor column_major(const Shape& shape, DType dtype, Device device, int64_t rows, int64_t columns) {
  rows = std::max(rows, shape[shape.rank() - 2]);
  columns = std::max(columns, shape[shape.rank() - 1]);
  Shape room = shape;
  room[shape.rank() - 2] = rows;
  room[shape.rank() - 1] = columns;
  return corner(hearth::detail::empty_strided(room, column_major_strides(room, rows, columns), dtype, device),
                shape[shape.rank() - 2], shape[shape.rank() - 1]);
}
Tensor corner(const Tensor& t, int64_t rows, int64_t columns) {
  Shape shape = t.shape();
  shape[t.dim() - 2] = rows;
  shape[t.dim() - 1] = columns;
  return hearth::detail::alias(t, Layout(shape, t.strides(), t.storage_offset()), true);
}
Tensor column_major_copy(const Tensor& t) {
  Tensor to = column_major(t.shape(), t.dtype(), t.device());
  copy_tensor(to, t);
  return to;
}
Tensor row_major_copy(const Tensor& t) {
  Tensor to = hearth::detail::empty(t.shape(), t.dtype(), t.device());
  copy_tensor(to, t);
  return to;
}
Tensor scratch(const OpCall& c, int64_t n, DType dtype) { return hearth::detail::empty({n}, dtype, c.device); }
void clear(const OpCall& c, void* p, size_t bytes) {
  if (bytes > 0) check(cudaMemsetAsync(p, 0, bytes, stream(c.device.index)), c.op.name);
}

std::string not_positive(const Complaint& x) {
  return concat(x.op, ": ", matrix_name(x), " is not positive definite: its leading minor of order ", number_of(x),
                " is not");
}
std::string singular(const Complaint& x) {
  return concat(x.op, ": ", matrix_name(x), " is singular: U(", number_of(x), ",", number_of(x), ") is zero");
}
std::string not_converged(const Complaint& x) {
  if (x.value == kNotFinite) return concat(x.op, ": ", matrix_name(x), " holds NaN or infinity");
  if (x.value == kSideNotFinite)
    return concat(x.op, ": the right-hand side of ", matrix_name(x), " holds NaN or infinity");
  return concat(x.op, ": ", matrix_name(x), ": the iteration did not converge (cuSOLVER's info is ", number_of(x), ")");
}
std::string not_full_rank(const Complaint& x) {
  if (x.value < 0) return not_converged(x);
  return concat(x.op, ": ", matrix_name(x), " does not have full rank, which the driver gels needs: element ",
                number_of(x), " of the diagonal of its triangular factor is zero");
}

void complain_of_infos(const OpCall& c, int64_t count, const int* flags, const int* infos, Describe describe) {
  if (count == 0) return;
  launch({.grid = 1, .block = kThreads, .stream = stream(c.device.index), .name = c.op.name}, complain_kernel, count,
         c.input(0).dim() > 2, flags, infos, complaint(c.device.index), c.op.name, describe);
}

template <class T>
Addresses<T>::Addresses(const OpCall& c, const Matrices<T>& m)
    : memory_(c.device.index, static_cast<size_t>(m.count()) * sizeof(T*)) {
  Walk<1> walk;
  for (int d = 0; d < m.lead(); ++d) {
    const int64_t stride[] = {m.layout().strides[d]};
    walk.add(m.layout().shape[d], stride);
  }
  launch(over(c, walk.n), addresses_kernel<T>, walk, m.at(0), get());
}

template <class T>
void clear_not_finite(const OpCall& c, T* a, int64_t count, int64_t rows, int64_t cols, Part part, int* flags,
                      int flag) {
  if (count == 0 || rows * cols == 0) return;
  launch(blocks_over(c, count, rows * cols), clear_not_finite_kernel<T>, a, count, rows, rows * cols, part, flags,
         flag);
}
template <class T>
void conjugate(const OpCall& c, T* p, int64_t n) {
  if (Parts<T>::kComplex && n > 0) launch(over(c, n), conjugate_kernel<T>, p, n);
}
template <class T>
void set_identity(const OpCall& c, T* to, int64_t count, int64_t n) {
  if (count * n > 0) launch(over(c, count * n * n), identity_kernel<T>, to, count * n * n, n);
}

#define HEARTH_NUMBERS(T)                                                                           \
  template class Addresses<T>;                                                                      \
  template void clear_not_finite<T>(const OpCall&, T*, int64_t, int64_t, int64_t, Part, int*, int); \
  template void conjugate<T>(const OpCall&, T*, int64_t);                                           \
  template void set_identity<T>(const OpCall&, T*, int64_t, int64_t);
HEARTH_NUMBERS(float)
HEARTH_NUMBERS(double)
HEARTH_NUMBERS(float2)
HEARTH_NUMBERS(double2)
#undef HEARTH_NUMBERS

}  // namespace hearth::cuda
