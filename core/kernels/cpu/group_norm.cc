// Groups of channels with their own mean and variance: a row is a group of a sample, its lines are the channels.
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

struct Sizes {
  Sizes(const Tensor& x, int64_t groups)
      : samples(x.shape()[0]),
        groups(groups),
        channels(x.shape()[1]),
        part(channels / groups),
        line(x.numel() / std::max<int64_t>(samples * channels, 1)),
        row(part * line) {}
  int64_t samples, groups, channels;
  int64_t part;  // channels of a group
  int64_t line;  // elements of a channel
  int64_t row;   // elements of a group
};

template <class T>
T weight_of(const T* w, int64_t channel) {
  return w ? w[channel] : T(1);
}

}  // namespace

void group_norm(OpCall& c) {
  const auto& a = c.attrs_as<GroupNormAttrs>();
  const Sizes s(c.input(0), a.groups);
  with_norm_rows(c.dtype, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const DenseReader<T> in(c.input(0));
    const DenseWriter<T> out(c.out[0]);
    const DenseValues<T> w(c.in[1]), b(c.in[2]);
    T *mean = values_of<T>(c.out[1]), *rstd = values_of<T>(c.out[2]);
    parallel_for(s.samples * s.groups, 1, [&](int64_t begin, int64_t end) {
      std::vector<T> buffer(in.converts() || out.converts() ? static_cast<size_t>(s.row) : 0);
      for (int64_t i = begin; i < end; ++i) {
        const T* x = in.read(i * s.row, s.row, buffer.data());
        T* const y = out.place(i * s.row, buffer.data());
        rows.statistics(x, s.row, a.eps, mean + i, rstd + i);
        for (int64_t k = 0; k < s.part; ++k) {
          const int64_t channel = i % s.groups * s.part + k;
          rows.line(x + k * s.line, y + k * s.line, s.line, mean[i], rstd[i] * weight_of(w.data(), channel),
                    b.data() ? b.data()[channel] : T(0));
        }
        out.write(i * s.row, s.row, y);
      }
    });
  });
}

void group_norm_grad(OpCall& c) {
  const auto& a = c.attrs_as<GroupNormAttrs>();
  const Sizes s(c.input(1), a.groups);
  with_norm_rows(c.dtype, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const DenseReader<T> gradient(c.input(0)), in(c.input(1));
    const DenseWriter<T> out(c.out[0]);
    const DenseValues<T> w(c.in[2]), means(c.in[3]), rstds(c.in[4]);
    // Of each sample and channel.
    std::vector<double> sums_g(static_cast<size_t>(s.samples * s.channels)), sums_gx(sums_g.size());
    parallel_for(s.samples * s.groups, 1, [&](int64_t begin, int64_t end) {
      std::vector<T> buffer(gradient.converts() || in.converts() || out.converts() ? static_cast<size_t>(2 * s.row)
                                                                                   : 0);
      for (int64_t i = begin; i < end; ++i) {
        const T* g = gradient.read(i * s.row, s.row, buffer.data());
        T* const second = buffer.empty() ? nullptr : buffer.data() + s.row;
        const T* x = in.read(i * s.row, s.row, second);
        T* const dx = out.place(i * s.row, second);
        const T mean = means.data()[i], rstd = rstds.data()[i];
        double sum_g = 0, sum_gx = 0;
        for (int64_t k = 0; k < s.part; ++k) {
          const auto at = static_cast<size_t>(i * s.part + k);
          rows.line_grad_sums(g + k * s.line, x + k * s.line, s.line, mean, rstd, &sums_g[at], &sums_gx[at]);
          const auto weight = static_cast<double>(weight_of(w.data(), i % s.groups * s.part + k));
          sum_g += weight * sums_g[at];
          sum_gx += weight * sums_gx[at];
        }
        const auto n = static_cast<double>(s.row), r = static_cast<double>(rstd);
        for (int64_t k = 0; k < s.part; ++k) {
          rows.line_grad(g + k * s.line, x + k * s.line, dx + k * s.line, s.line, mean,
                         rstd * weight_of(w.data(), i % s.groups * s.part + k), static_cast<T>(r * sum_g / n),
                         static_cast<T>(r * r * sum_gx / n));
        }
        out.write(i * s.row, s.row, dx);
      }
    });
    std::vector<T> dw(static_cast<size_t>(s.channels)), db(dw.size());
    for (size_t k = 0; k < dw.size(); ++k) {
      double sw = 0, sb = 0;
      for (size_t at = k; at < sums_g.size(); at += dw.size()) {
        sw += sums_gx[at];
        sb += sums_g[at];
      }
      dw[k] = static_cast<T>(sw);
      db[k] = static_cast<T>(sb);
    }
    write_all(c.out[1], dw);
    write_all(c.out[2], db);
  });
}

}  // namespace hearth::cpu
