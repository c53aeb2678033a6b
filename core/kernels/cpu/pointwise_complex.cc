// Elementwise ops of complex numbers: plain loops, in which the compiler finds vectors.
#include "core/kernels/cpu/pointwise_complex.h"

#include <complex>

#include "core/kernels/complex_functors.h"
#include "core/kernels/iterate/pointwise.h"
#include "core/kernels/pointwise.h"

namespace hearth::cpu {
namespace {

using namespace complex_functors;

template <class F, class T, size_t... K>
void loop(void* out, const void* const* in, int64_t n, std::index_sequence<K...>) {
  using C = std::complex<T>;
  C* const to = static_cast<C*>(out);
  const C* const from[] = {static_cast<const C*>(in[K])...};
  for (int64_t i = 0; i < n; ++i) to[i] = F()(from[K][i]...);
}
template <class F, class T, int kArity>
void body(void* out, const void* const* in, int64_t n) {
  loop<F, T>(out, in, n, std::make_index_sequence<kArity>());
}
template <class F, int kArity>
void run_complex(OpCall& c) {
  run_pointwise(c, {.c64 = body<F, float, kArity>, .c128 = body<F, double, kArity>});
}

}  // namespace

namespace complex {

void add(OpCall& c) { run_complex<Add, 2>(c); }
void sub(OpCall& c) { run_complex<Sub, 2>(c); }
void mul(OpCall& c) { run_complex<Mul, 2>(c); }
void div(OpCall& c) { run_complex<Div, 2>(c); }
void neg(OpCall& c) { run_complex<Neg, 1>(c); }
void abs(OpCall& c) { run_complex<Abs, 1>(c); }
void square(OpCall& c) { run_complex<Square, 1>(c); }
void exp(OpCall& c) { run_complex<Exp, 1>(c); }
void where(OpCall& c) { run_complex<Where, 3>(c); }
void eq(OpCall& c) { run_complex<Eq, 2>(c); }
void ne(OpCall& c) { run_complex<Ne, 2>(c); }

}  // namespace complex

void conj(OpCall& c) { run_complex<Conj, 1>(c); }
void angle(OpCall& c) { run_complex<Angle, 1>(c); }
void abs_square(OpCall& c) { run_complex<AbsSquare, 1>(c); }
void make_complex(OpCall& c) { run_complex<MakeComplex, 2>(c); }

}  // namespace hearth::cpu
