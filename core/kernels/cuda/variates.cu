// Numbers that are drawn by rejection, a thread for each: the CPU's numbers, in f64.
#include "core/kernels/variates.h"

#include "core/kernels/cuda/draw.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/gamma_slope.h"
#include "core/kernels/variate_functions.h"
#include "core/op/attrs/gamma_sample.h"

namespace hearth::cuda {
namespace {

using variates::ElementWords;

// Result and operands, of one dtype, in row-major order. Where there is but one operand it stands twice.
struct Elements {
  Walk<3> walk;
  DType dtype;
  const void *x, *y;
  void* to;
  explicit Elements(const OpCall& c) : dtype(c.out[0].dtype()) {
    const Tensor &out = c.out[0], &first = c.input(0), &last = c.input(c.inputs() - 1);
    for (int d = 0; d < out.dim(); ++d)
      walk.add(out.shape()[d], {out.strides()[d], first.strides()[d], last.strides()[d]});
    x = first.impl()->data();
    y = last.impl()->data();
    to = out.impl()->data();
  }
};

// to[i] = f(i, x[i], y[i])
template <class F>
HEARTH_DEVICE void each(const Elements& e, F f) {
  for_each_item(e.walk.n, [&](int64_t i) {
    int64_t at[3];
    e.walk.place(i, at);
    write<double>(e.dtype, e.to, at[0], f(i, read<double>(e.dtype, e.x, at[1]), read<double>(e.dtype, e.y, at[2])));
  });
}

template <class F>
HEARTH_KERNEL void draw_kernel(Elements e, Draw draw, F f) {
  const GeneratorState s = draw.now();
  each(e, [&](int64_t i, double x, double y) {
    ElementWords words(s, i);
    return f(words, x, y);
  });
}

HEARTH_KERNEL void slope_kernel(Elements e, special::GaussRule rule, bool log) {
  each(e, [&](int64_t, double a, double g) { return special::gamma_slope(rule, a, g, log); });
}

// ---- What is drawn.

struct Gamma {
  bool log;
  variates::Range range;
  HEARTH_DEVICE double operator()(ElementWords& words, double a, double) const {
    return variates::gamma(words, a, log, range);
  }
};
struct Poisson {
  HEARTH_DEVICE double operator()(ElementWords& words, double rate, double) const {
    return variates::poisson(words, rate);
  }
};
struct Binomial {
  HEARTH_DEVICE double operator()(ElementWords& words, double n, double p) const {
    return variates::binomial(words, n, p);
  }
};

template <class F>
void draw_each(const OpCall& c, F f) {
  const int64_t n = c.out[0].numel();
  if (n > 0) launch(over(c, n), draw_kernel<F>, Elements(c), draw(c, 4 * static_cast<uint64_t>(n)), f);
}

}  // namespace

void standard_gamma(OpCall& c) {
  draw_each(c, Gamma{c.attrs_as<GammaSampleAttrs>().log, variates::range_of(c.out[0].dtype())});
}
void standard_gamma_grad(OpCall& c) {
  static const special::GaussRule rule = special::gauss_rule();
  const int64_t n = c.out[0].numel();
  if (n > 0) launch(over(c, n), slope_kernel, Elements(c), rule, c.attrs_as<GammaSampleAttrs>().log);
}
void poisson(OpCall& c) { draw_each(c, Poisson{}); }
void binomial(OpCall& c) { draw_each(c, Binomial{}); }

}  // namespace hearth::cuda
