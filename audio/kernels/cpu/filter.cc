#include "audio/kernels/filter.h"

#include <algorithm>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/op/op_call.h"

namespace hearth::audio::cpu {
namespace {

using hearth::cpu::DenseReader;
using hearth::cpu::DenseValues;
using hearth::cpu::DenseWriter;

// Samples that are converted at once.
constexpr int64_t kBlock = 1024;

// The direct form II transposed: state[k] is what the samples so far add to the output k + 1 samples ahead. It is kept
// in f64: poles near the unit circle multiply what is rounded there.
template <class T>
void filter(const T* x, T* y, int64_t n, const double* a, const double* b, double* state, int64_t order) {
  if (order == 2) {
    double s0 = state[0], s1 = state[1];
    for (int64_t i = 0; i < n; ++i) {
      const double in = x[i], out = b[0] * in + s0;
      s0 = (b[1] * in + s1) - a[1] * out;
      s1 = b[2] * in - a[2] * out;
      y[i] = static_cast<T>(out);
    }
    state[0] = s0;
    state[1] = s1;
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const double in = x[i], out = b[0] * in + (order > 0 ? state[0] : 0.0);
    for (int64_t k = 1; k < order; ++k) state[k - 1] = (b[k] * in + state[k]) - a[k] * out;
    if (order > 0) state[order - 1] = b[order] * in - a[order] * out;
    y[i] = static_cast<T>(out);
  }
}

}  // namespace

void lfilter(OpCall& c) {
  const Tensor &x = c.input(0), &y = c.out[0], &end = c.out[1];
  const int64_t filters = c.input(1).size(0), order = c.input(1).size(1) - 1;
  const DenseValues<double> a(c.in[1]), b(c.in[2]), state(c.in[3]);
  double* const last = hearth::cpu::values_of<double>(end);
  const int64_t lines = end.numel() / std::max<int64_t>(order, 1), n = x.size(-1);
  if (state.data()) std::copy_n(state.data(), end.numel(), last);
  else std::fill_n(last, end.numel(), 0.0);
  if (x.numel() == 0) return;
  const int64_t all = order > 0 ? lines : x.numel() / n;
  const auto run = [&]<class T>(T) {
    const DenseReader<T> in(x);
    const DenseWriter<T> out(y);
    parallel_for(all, std::max<int64_t>(16384 / n, 1), [&](int64_t first, int64_t stop) {
      T from[kBlock], to[kBlock];
      for (int64_t line = first; line < stop; ++line) {
        const int64_t f = line % filters * (order + 1);
        for (int64_t i = 0; i < n; i += kBlock) {
          const int64_t m = std::min(kBlock, n - i), at = line * n + i;
          T* const place = out.place(at, to);
          filter(in.read(at, m, from), place, m, a.data() + f, b.data() + f, last + line * order, order);
          out.write(at, m, place);
        }
      }
    });
  };
  if (x.dtype() == f64) run(double{});
  else run(float{});
}

}  // namespace hearth::audio::cpu
