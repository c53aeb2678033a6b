#include "core/kernels/matmul.h"

#include "core/base/error.h"
#include "core/device/cuda/runtime.h"
#include "core/kernels/cpu/complex_parts.h"
#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/product.h"
#include "core/op/attrs/matmul.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/unrecorded.h"

namespace hearth::cuda {
namespace {

// The tensor, or a row-major copy if neither of its last two dimensions has stride 1, or if rows overlap.
Tensor usable(const Tensor& t) {
  const Layout& l = t.layout();
  const int r = l.rank();
  const int64_t row = l.strides[r - 2], column = l.strides[r - 1];
  const bool upright = (column == 1 || l.shape[r - 1] == 1) && (row >= l.shape[r - 1] || l.shape[r - 2] == 1);
  const bool turned = (row == 1 || l.shape[r - 2] == 1) && (column >= l.shape[r - 2] || l.shape[r - 1] == 1);
  return upright || turned ? t : row_major(t);
}

void fill_zero(const Tensor& t) {
  check(cudaMemsetAsync(t.impl()->data(), 0, t.nbytes(), stream(t.device().index)), "memset");
}

// out = a b, for each of their matrices; `add`: to what is in `out`, which is row-major.
void multiply_all(const OpCall& c, const Tensor& a, const Tensor& b, const Tensor& out, bool add = false) {
  const Layout &la = a.layout(), &lb = b.layout(), &lo = out.layout();
  const int rank = lo.rank(), ra = la.rank(), rb = lb.rank();
  Product p = {.m = lo.shape[rank - 2],
               .n = lo.shape[rank - 1],
               .k = la.shape[ra - 1],
               .a = {nullptr, la.strides[ra - 2], la.strides[ra - 1]},
               .b = {nullptr, lb.strides[rb - 2], lb.strides[rb - 1]},
               .out = nullptr,
               .add = add};
  if (p.k == 0) return fill_zero(out);
  // The innermost dimensions over which both operands advance evenly are one call.
  const auto stride = [&](const Layout& l, int d) {
    const int own = d - rank + l.rank();
    return own < 0 || l.shape[own] == 1 ? int64_t{0} : l.strides[own];
  };
  int first = rank - 2;  // of the dimensions of that call
  while (first > 0) {
    const int d = first - 1;
    if (lo.shape[d] != 1 && p.count > 1 &&
        (stride(la, d) != p.a.batch * p.count || stride(lb, d) != p.b.batch * p.count))
      break;
    if (lo.shape[d] != 1 && p.count == 1) {
      p.a.batch = stride(la, d);
      p.b.batch = stride(lb, d);
    }
    p.count *= lo.shape[d];
    first = d;
  }
  p.out_batch = p.m * p.n;
  int64_t calls = 1;
  for (int d = 0; d < first; ++d) calls *= lo.shape[d];
  const auto item = static_cast<int64_t>(out.itemsize());
  for (int64_t i = 0; i < calls; ++i) {
    int64_t at = 0, bt = 0, rest = i;
    for (int d = first; d-- > 0;) {
      at += rest % lo.shape[d] * stride(la, d);
      bt += rest % lo.shape[d] * stride(lb, d);
      rest /= lo.shape[d];
    }
    p.a.data = static_cast<const char*>(a.impl()->data()) + at * item;
    p.b.data = static_cast<const char*>(b.impl()->data()) + bt * item;
    p.out = static_cast<char*>(out.impl()->data()) + i * p.count * p.m * p.n * item;
    multiply(c, out.dtype(), p);
  }
}

// (a + bi)(c + di) as products of real matrices.
void multiply_complex(const OpCall& c) {
  const auto part = [&](int operand, int k) { return row_major(cpu::part_of(c.input(operand), k)); };
  const Tensor a[] = {part(0, 0), part(0, 1)}, b[] = {part(1, 0), part(1, 1)};
  const Unrecorded step;
  const Tensor minus = run(kMul, {a[1], Scalar(-1)});
  const auto sum = [&](int k, const Tensor& other_a, const Tensor& other_b) {
    const Tensor out = hearth::detail::empty(c.out[0].shape(), a[0].dtype(), c.device);
    multiply_all(c, a[0], b[k], out);
    multiply_all(c, other_a, other_b, out, true);
    copy_tensor(cpu::part_of(c.out[0], k), out);
  };
  sum(0, minus, b[1]);
  sum(1, a[1], b[0]);
}

}  // namespace

void matmul(OpCall& c) {
  if (c.out[0].numel() == 0) return;
  if (is_complex(c.dtype)) return multiply_complex(c);
  const Tensor out = place_for(c.out[0]);
  multiply_all(c, usable(c.input(0)), usable(c.input(1)), out);
  finish(c.out[0], out);
}

void linear(OpCall& c) {
  if (c.out[0].numel() == 0) return;
  const Tensor out = place_for(c.out[0]), x = row_major(c.input(0)), w = usable(c.input(1));
  Product p = {.m = out.numel() / w.shape()[0],
               .n = w.shape()[0],
               .k = w.shape()[1],
               .a = {x.impl()->data(), w.shape()[1], 1},
               .b = {w.impl()->data(), w.strides()[1], w.strides()[0]},
               .out = out.impl()->data()};
  Tensor bias = c.is_tensor(2) ? row_major_as(c.input(2), c.dtype) : Tensor();
  // cuBLASLt's kernels read it in pieces of 16 bytes.
  if (bias.defined() && reinterpret_cast<uintptr_t>(bias.impl()->data()) % 16 != 0) {
    const Tensor aligned = hearth::detail::empty(bias.shape(), bias.dtype(), bias.device());
    copy_tensor(aligned, bias);
    bias = aligned;
  }
  if (bias.defined()) p.bias = bias.impl()->data();
  if (p.k > 0) multiply(c, p);
  else if (bias.defined()) copy_tensor(out, bias);
  else fill_zero(out);
  finish(c.out[0], out);
}

void linear_weights(OpCall& c) {
  const Tensor x = row_major(c.input(0)), dy = row_major(c.input(1)), out = place_for(c.out[0]);
  const int64_t in = x.shape().back(), width = dy.shape().back();
  int64_t rows = 1;
  for (int d = 0; d + 1 < x.dim(); ++d) rows *= x.shape()[d];
  if (out.numel() > 0) {
    if (rows == 0) {
      fill_zero(out);
    } else {
      multiply(c, {.m = width,
                   .n = in,
                   .k = rows,
                   .a = {dy.impl()->data(), 1, width},
                   .b = {x.impl()->data(), in, 1},
                   .out = out.impl()->data()});
    }
    finish(c.out[0], out);
  }
  if (!c.attrs_as<LinearWeightsAttrs>().bias || width == 0) return;
  const Unrecorded step;
  const Layout flat(Shape{rows, width}, Strides{width, 1}, dy.storage_offset());
  copy_tensor(c.out[1], machinery::sum_to(hearth::detail::alias(dy, flat, true), Shape{1, width}));
}

}  // namespace hearth::cuda
