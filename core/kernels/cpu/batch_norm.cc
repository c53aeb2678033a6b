#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/channels_last.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/norm_rows.h"
#include "core/kernels/cpu/result.h"
#include "core/kernels/norm.h"
#include "core/op/attrs/norm.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

// Rows of a channels-last batch, in fixed blocks; `f(block, first row, rows)`.
constexpr int64_t kRowBlocks = 32;
template <class F>
int64_t for_row_blocks(int64_t rows, F f) {
  const int64_t size = std::max<int64_t>((rows + kRowBlocks - 1) / kRowBlocks, 16), blocks = (rows + size - 1) / size;
  parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) f(b, b * size, std::min(size, rows - b * size));
  });
  return blocks;
}

std::vector<double> join(const std::vector<double>& parts, int64_t blocks, int64_t n) {
  std::vector<double> sum(static_cast<size_t>(n));
  for (int64_t b = 0; b < blocks; ++b) {
    for (int64_t i = 0; i < n; ++i) sum[static_cast<size_t>(i)] += parts[static_cast<size_t>(b * n + i)];
  }
  return sum;
}

}  // namespace

void batch_norm(OpCall& c) {
  const auto& a = c.attrs_as<BatchNormAttrs>();
  const Tensor& x = c.input(0);
  const int64_t ch = c.out[1].numel(), m = ch ? x.numel() / ch : 0;
  with_norm_rows(c.dtype, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const auto n = static_cast<size_t>(ch);
    const Tensor image = channels_last(x, dtype_of<T>);
    Result result(c, 0, dtype_of<T>);
    const DenseValues<T> weight(c.in[1]), bias(c.in[2]), running_mean(c.in[3]), running_var(c.in[4]);
    const T *p = values_of<T>(image), *w = weight.data(), *b = bias.data();
    T *y = values_of<T>(result.tensor()), *mean = values_of<T>(c.out[1]), *rstd = values_of<T>(c.out[2]);
    if (a.training && m == 0) {
      std::fill_n(mean, n, T(0));
      std::fill_n(rstd, n, T(1));
    } else if (a.training) {
      std::vector<double> parts(kRowBlocks * n);
      int64_t blocks = for_row_blocks(m, [&](int64_t k, int64_t first, int64_t count) {
        rows.sums(p + first * ch, count, ch, nullptr, parts.data() + k * ch);
      });
      std::vector<double> s = join(parts, blocks, ch);
      for (size_t i = 0; i < n; ++i) mean[i] = static_cast<T>(s[i] / static_cast<double>(m));
      std::fill(parts.begin(), parts.end(), 0.0);
      blocks = for_row_blocks(m, [&](int64_t k, int64_t first, int64_t count) {
        rows.sums(p + first * ch, count, ch, mean, parts.data() + k * ch);
      });
      s = join(parts, blocks, ch);
      for (size_t i = 0; i < n; ++i) rstd[i] = static_cast<T>(1 / std::sqrt(s[i] / static_cast<double>(m) + a.eps));
    } else {
      const T *rm = running_mean.data(), *rv = running_var.data();
      for (size_t i = 0; i < n; ++i) {
        mean[i] = rm[i];
        rstd[i] = static_cast<T>(1 / std::sqrt(static_cast<double>(rv[i]) + a.eps));
      }
    }
    std::vector<T> scale(n), shift(n);
    for (size_t i = 0; i < n; ++i) {
      scale[i] = rstd[i] * (w ? w[i] : T(1));
      shift[i] = (b ? b[i] : T(0)) - mean[i] * scale[i];
    }
    for_row_blocks(m, [&](int64_t, int64_t first, int64_t count) {
      rows.scale(p + first * ch, y + first * ch, count, ch, scale.data(), shift.data());
    });
    result.done();
  });
}

void batch_norm_grad(OpCall& c) {
  const auto& a = c.attrs_as<BatchNormAttrs>();
  const Tensor& x = c.input(1);
  const int64_t ch = c.input(3).numel(), m = ch ? x.numel() / ch : 0;
  with_norm_rows(c.dtype, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const auto n = static_cast<size_t>(ch);
    const Tensor gradient = channels_last(c.input(0), dtype_of<T>), image = channels_last(x, dtype_of<T>);
    Result result(c, 0, dtype_of<T>);
    const DenseValues<T> weight(c.in[2]), means(c.in[3]), rstds(c.in[4]);
    const T *g = values_of<T>(gradient), *p = values_of<T>(image), *w = weight.data(), *mean = means.data(),
            *rstd = rstds.data();
    T* dx = values_of<T>(result.tensor());
    std::vector<T> dw(n), db(n);
    std::vector<double> parts_g(kRowBlocks * n), parts_gx(kRowBlocks * n);
    const int64_t blocks = for_row_blocks(m, [&](int64_t k, int64_t first, int64_t count) {
      rows.grad_sums(g + first * ch, p + first * ch, count, ch, mean, rstd, parts_g.data() + k * ch,
                     parts_gx.data() + k * ch);
    });
    const std::vector<double> sum_g = join(parts_g, blocks, ch), sum_gx = join(parts_gx, blocks, ch);
    std::vector<T> scale(n), shift(n), slope(n);
    for (size_t i = 0; i < n; ++i) {
      dw[i] = static_cast<T>(sum_gx[i]);
      db[i] = static_cast<T>(sum_g[i]);
      scale[i] = rstd[i] * (w ? w[i] : T(1));
      // With fixed statistics the gradient is the scale alone.
      shift[i] = a.training ? static_cast<T>(sum_g[i] / static_cast<double>(m)) : T(0);
      slope[i] = a.training ? static_cast<T>(sum_gx[i] / static_cast<double>(m)) * rstd[i] : T(0);
    }
    for_row_blocks(m, [&](int64_t, int64_t first, int64_t count) {
      rows.grad(g + first * ch, p + first * ch, dx + first * ch, count, ch, scale.data(), shift.data(), mean,
                slope.data());
    });
    result.done();
    write_all(c.out[1], dw);
    write_all(c.out[2], db);
  });
}

}  // namespace hearth::cpu
