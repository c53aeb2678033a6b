#include "core/kernels/variates.h"

#include <algorithm>
#include <cmath>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/gamma_slope.h"
#include "core/kernels/variate_functions.h"
#include "core/op/attrs/gamma_sample.h"
#include "core/op/op_call.h"
#include "core/tensor/generator.h"

namespace hearth::cpu {
namespace {

using variates::ElementWords;

constexpr int64_t kPiece = 256;

// out = f(i, x[i], y[i]) in f64; y is x where there is but one operand.
template <class F>
void each(OpCall& c, F f) {
  const Tensor& out = c.out[0];
  const int64_t n = out.numel();
  if (n == 0) return;
  const Tensor result = out.layout().contiguous ? out : detail::empty(out.shape(), out.dtype(), kCpu, c.op.name);
  const DenseReader<double> first(c.input(0)), last(c.input(c.inputs() - 1));
  const DenseWriter<double> writer(result);
  parallel_for((n + kPiece - 1) / kPiece, 4, [&](int64_t begin, int64_t end) {
    double x[kPiece], y[kPiece], z[kPiece];
    for (int64_t k = begin; k < end; ++k) {
      const int64_t start = k * kPiece, count = std::min(kPiece, n - start);
      const double* const a = first.read(start, count, x);
      const double* const b = last.read(start, count, y);
      double* const to = writer.place(start, z);
      for (int64_t i = 0; i < count; ++i) to[i] = f(start + i, a[i], b[i]);
      writer.write(start, count, to);
    }
  });
  if (!out.layout().contiguous) copy_tensor(out, result);
}

// The same, with random words.
template <class F>
void draw_each(OpCall& c, F f) {
  if (c.out[0].numel() == 0) return;
  const GeneratorState s = c.generator->take(4 * static_cast<uint64_t>(c.out[0].numel()));
  each(c, [&](int64_t i, double x, double y) {
    ElementWords words(s, i);
    return f(words, x, y);
  });
}

}  // namespace

void standard_gamma(OpCall& c) {
  const bool log = c.attrs_as<GammaSampleAttrs>().log;
  const variates::Range range = variates::range_of(c.out[0].dtype());
  draw_each(c, [=](ElementWords& words, double a, double) { return variates::gamma(words, a, log, range); });
}

void standard_gamma_grad(OpCall& c) {
  static const special::GaussRule rule = special::gauss_rule();
  const bool log = c.attrs_as<GammaSampleAttrs>().log;
  each(c, [=](int64_t, double a, double g) { return special::gamma_slope(rule, a, g, log); });
}

void poisson(OpCall& c) {
  draw_each(c, [](ElementWords& words, double rate, double) { return variates::poisson(words, rate); });
}

void binomial(OpCall& c) {
  draw_each(c, [](ElementWords& words, double n, double p) { return variates::binomial(words, n, p); });
}

}  // namespace hearth::cpu
