#include <algorithm>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/norm_rows.h"
#include "core/kernels/norm.h"
#include "core/op/attrs/norm.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kGrain = 16384;
int64_t row_grain(int64_t n) { return std::max<int64_t>(kGrain / std::max<int64_t>(n, 1), 1); }

}  // namespace

void layer_norm(OpCall& c) {
  const auto& a = c.attrs_as<LayerNormAttrs>();
  const Tensor& x = c.input(0);
  const int64_t rows_n = c.out[1].numel(), n = rows_n ? x.numel() / rows_n : 0;
  with_norm_rows(c.dtype, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const DenseReader<T> in(x);
    const DenseWriter<T> out(c.out[0]);
    const DenseValues<T> w(c.in[1]), b(c.in[2]);
    T *mean = values_of<T>(c.out[1]), *rstd = values_of<T>(c.out[2]);
    parallel_for(rows_n, row_grain(n), [&](int64_t begin, int64_t end) {
      std::vector<T> buffer(in.converts() || out.converts() ? static_cast<size_t>(n) : 0);
      for (int64_t i = begin; i < end; ++i) {
        T* const to = out.place(i * n, buffer.data());
        rows.layer(in.read(i * n, n, buffer.data()), w.data(), b.data(), to, n, a.eps, a.center, mean + i, rstd + i);
        out.write(i * n, n, to);
      }
    });
  });
}

void layer_norm_grad(OpCall& c) {
  const auto& a = c.attrs_as<LayerNormAttrs>();
  const int64_t rows_n = c.input(3).numel(), n = c.out[1].numel();
  with_norm_rows(c.dtype, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const DenseReader<T> gradient(c.input(0)), in(c.input(1));
    const DenseWriter<T> out(c.out[0]);
    const DenseValues<T> w(c.in[2]);
    const DenseValues<T> means(c.in[3]), rstds(c.in[4]);
    const T *mean = means.data(), *rstd = rstds.data();
    // Weight gradients of fixed groups of rows, summed in their order.
    const int64_t group = std::max<int64_t>((rows_n + 15) / 16, 1), groups = (rows_n + group - 1) / group;
    std::vector<T> part(static_cast<size_t>(2 * groups * n));
    parallel_for(groups, 1, [&](int64_t begin, int64_t end) {
      std::vector<T> buffer(static_cast<size_t>(2 * n));
      T *first = buffer.data(), *second = first + n;
      for (int64_t k = begin; k < end; ++k) {
        T *dw = part.data() + 2 * k * n, *db = dw + n;
        for (int64_t i = k * group; i < std::min(rows_n, (k + 1) * group); ++i) {
          T* const to = out.place(i * n, second);
          rows.layer_grad(gradient.read(i * n, n, first), in.read(i * n, n, second), w.data(), mean[i], rstd[i], to, dw,
                          db, n, a.center);
          out.write(i * n, n, to);
        }
      }
    });
    std::vector<T> dw(static_cast<size_t>(n)), db(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      double sw = 0, sb = 0;
      for (int64_t k = 0; k < groups; ++k) {
        sw += static_cast<double>(part[static_cast<size_t>(2 * k * n + i)]);
        sb += static_cast<double>(part[static_cast<size_t>((2 * k + 1) * n + i)]);
      }
      dw[static_cast<size_t>(i)] = static_cast<T>(sw);
      db[static_cast<size_t>(i)] = static_cast<T>(sb);
    }
    write_all(c.out[1], dw);
    write_all(c.out[2], db);
  });
}

}  // namespace hearth::cpu
