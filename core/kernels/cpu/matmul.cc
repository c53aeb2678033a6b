#include "core/kernels/matmul.h"

#include <type_traits>

#include "core/base/thread_state.h"
#include "core/kernels/cpu/complex_parts.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/gemm.h"
#include "core/op/attrs/matmul.h"
#include "core/op/machinery.h"
#include "core/op/op_call.h"
#include "core/op/run.h"
#include "core/op/unrecorded.h"

namespace hearth::cpu {
namespace {

// The leading dimensions of a product, each with its stride in A, B and C; 0 where an operand is broadcast.
struct Lead {
  int64_t size, a, b, c;
};

// The memory of no elements is null.
template <class T>
T* at(T* p, int64_t bytes) {
  using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
  return p ? static_cast<Byte*>(p) + bytes : nullptr;
}

// Runs g for every index of the leading dimensions; the last of them is the batch.
void run_batches(Gemm g, std::span<const Lead> lead) {
  const auto size = static_cast<int64_t>(size_of(g.dtype));
  if (lead.empty()) return gemm(g);
  if (lead.size() == 1) {
    g.batch = lead[0].size;
    g.a_batch = lead[0].a;
    g.b_batch = lead[0].b;
    g.c_batch = lead[0].c;
    return gemm(g);
  }
  for (int64_t i = 0; i < lead[0].size; ++i) {
    Gemm inner = g;
    inner.a = at(g.a, i * lead[0].a * size);
    inner.b = at(g.b, i * lead[0].b * size);
    inner.c = at(g.c, i * lead[0].c * size);
    run_batches(inner, lead.subspan(1));
  }
}

int64_t stride_or_zero(const Layout& l, int d) { return d < 0 || l.shape[d] == 1 ? 0 : l.strides[d]; }

// Weights that no gradient step will change before the next call are worth packing.
bool constant(const Tensor& weight) {
  return !thread_state.grad_enabled || thread_state.inference || !needs_grad(*weight.impl());
}

}  // namespace

namespace {
// (a + bi)(c + di) as products of real matrices.
void complex_matmul(OpCall& c) {
  const DType real = real_type(c.dtype);
  const Tensor a[] = {row_major(part_of(c.input(0), 0)), row_major(part_of(c.input(0), 1))};
  const Tensor b[] = {row_major(part_of(c.input(1), 0)), row_major(part_of(c.input(1), 1))};
  const auto product = [&](const Tensor& x, const Tensor& y) {
    const Operand in[] = {x, y};
    OpCall part(c.op, in, {});
    part.dtype = real;
    part.device = c.device;
    part.out[0] = hearth::detail::empty(c.out[0].shape(), real, c.device);
    matmul(part);
    return part.out[0];
  };
  const Unrecorded step;
  const auto sum = [](const OpDef& op, const Tensor& x, const Tensor& y) { return run(op, {x, y}); };
  Tensor minus = product(a[1], b[1]);
  run_into(kMul, minus, {minus, Scalar(-1)});
  copy_tensor(part_of(c.out[0], 0), sum(kAdd, product(a[0], b[0]), minus));
  copy_tensor(part_of(c.out[0], 1), sum(kAdd, product(a[0], b[1]), product(a[1], b[0])));
}
}  // namespace

void matmul(OpCall& c) {
  if (is_complex(c.dtype)) return complex_matmul(c);
  const Layout &a = c.input(0).layout(), &b = c.input(1).layout();
  const Layout& out = c.out[0].layout();
  const int rank = out.rank();
  Gemm g;
  g.dtype = c.dtype;
  g.m = out.shape[rank - 2];
  g.n = out.shape[rank - 1];
  g.k = a.shape[a.rank() - 1];
  g.a = c.input(0).raw_data();
  g.a_row = a.strides[a.rank() - 2];
  g.a_col = a.strides[a.rank() - 1];
  g.b = c.input(1).raw_data();
  g.b_row = b.strides[b.rank() - 2];
  g.b_col = b.strides[b.rank() - 1];
  g.c = c.out[0].impl()->data();
  g.c_row = g.n;
  if (out.numel > 0) {
    Lead lead[kMaxRank];
    size_t n = 0;
    for (int d = 0; d < rank - 2; ++d) {
      if (out.shape[d] == 1) continue;
      const Lead next{out.shape[d], stride_or_zero(a, d - rank + a.rank()), stride_or_zero(b, d - rank + b.rank()),
                      out.strides[d]};
      Lead* last = n ? &lead[n - 1] : nullptr;
      if (last && last->a == next.a * next.size && last->b == next.b * next.size && last->c == next.c * next.size) {
        *last = {last->size * next.size, next.a, next.b, next.c};
      } else {
        lead[n++] = next;
      }
    }
    run_batches(g, {lead, n});
  }
}

void linear(OpCall& c) {
  const Tensor &x = c.input(0), &w = c.input(1);
  const int64_t in = w.shape()[1], out = w.shape()[0];
  // Rows of x one stride apart are taken where they lie.
  const Layout& l = x.layout();
  int64_t row = l.rank() >= 2 ? l.strides[l.rank() - 2] : in;
  bool even = true;
  for (int d = l.rank() - 3; d >= 0; --d) even &= l.shape[d] == 1 || l.strides[d] == l.strides[d + 1] * l.shape[d + 1];
  Tensor rows = x;
  if (!even) {
    rows = hearth::detail::empty(x.shape(), x.dtype(), x.device());
    copy_tensor(rows, x);
    row = in;
  }
  Gemm g;
  g.dtype = c.dtype;
  g.m = c.out[0].numel() / std::max<int64_t>(out, 1);
  g.n = out;
  g.k = in;
  g.a = rows.raw_data();
  g.a_row = row;
  g.a_col = rows.layout().strides[l.rank() - 1];
  g.b = w.raw_data();
  g.b_row = w.strides()[1];
  g.b_col = w.strides()[0];
  g.c = c.out[0].impl()->data();
  g.c_row = out;
  Tensor bias;
  if (c.is_tensor(2)) {
    bias = c.input(2);
    if (!bias.layout().contiguous) {
      bias = hearth::detail::empty(bias.shape(), bias.dtype(), bias.device());
      copy_tensor(bias, c.input(2));
    }
    g.bias = bias.raw_data();
  }
  if (constant(w)) g.packed = packed_slot(*w.impl()->storage);
  gemm(g);
}

void linear_weights(OpCall& c) {
  const Tensor x = row_major(c.input(0)), dy = row_major(c.input(1));
  const int64_t in = x.shape().back(), out = dy.shape().back();
  int64_t rows = 1;
  for (int d = 0; d + 1 < x.dim(); ++d) rows *= x.shape()[d];
  Gemm g;
  g.dtype = c.dtype;
  g.m = out;
  g.n = in;
  g.k = rows;
  g.a = dy.raw_data();
  g.a_row = 1;
  g.a_col = out;
  g.b = x.raw_data();
  g.b_row = in;
  g.b_col = 1;
  g.c = c.out[0].impl()->data();
  g.c_row = in;
  gemm(g);
  if (!c.attrs_as<LinearWeightsAttrs>().bias) return;
  const Unrecorded step;
  copy_tensor(c.out[1], machinery::sum_to(hearth::detail::alias(
                                              dy, Layout(Shape{rows, out}, Strides{out, 1}, dy.storage_offset()), true),
                                          Shape{1, out}));
}

}  // namespace hearth::cpu
