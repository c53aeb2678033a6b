#include "core/kernels/reduce.h"

#include "core/kernels/cpu/complex_parts.h"

#include <limits>

#include "core/kernels/cpu/convert.h"
#include "core/kernels/iterate/reduce.h"
#include "core/op/attrs/reduce.h"
#include "core/op/attrs/shape.h"
#include "core/tensor/tensor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/reduce.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

struct Sum {
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    return a + b;
  }
  template <class A>
  static constexpr A init = 0;
};
struct Prod {
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    return a * b;
  }
  template <class A>
  static constexpr A init = 1;
};
struct Max {
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    if constexpr (std::is_arithmetic_v<V>) return a != a ? a : b != b ? b : a > b ? a : b;
    else return max(a, b);
  }
  template <class A>
  static constexpr A init = std::is_integral_v<A> ? std::numeric_limits<A>::min() : -std::numeric_limits<A>::infinity();
};
struct Min {
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    if constexpr (std::is_arithmetic_v<V>) return a != a ? a : b != b ? b : a < b ? a : b;
    else return min(a, b);
  }
  template <class A>
  static constexpr A init = std::is_integral_v<A> ? std::numeric_limits<A>::max() : std::numeric_limits<A>::infinity();
};

// Four chains of lanes, joined pairwise.
template <class R, class T, class A>
A row(const T* x, int64_t n) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  const T init = static_cast<T>(R::template init<A>);
  Vec<T> a(init), b(init), c(init), d(init);
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = R::join(a, Vec<T>::load(x + i));
    b = R::join(b, Vec<T>::load(x + i + lanes));
    c = R::join(c, Vec<T>::load(x + i + 2 * lanes));
    d = R::join(d, Vec<T>::load(x + i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) a = R::join(a, Vec<T>::load(x + i));
  a = R::join(R::join(a, b), R::join(c, d));
  HWY_ALIGN T parts[kMaxLanes<T>];
  a.store(parts);
  A result = R::template init<A>;
  for (int64_t k = 0; k < lanes; ++k) result = R::join(result, static_cast<A>(parts[k]));
  for (; i < n; ++i) result = R::join(result, static_cast<A>(x[i]));
  return result;
}

template <class R, class T>
void column(T* acc, const T* x, int64_t n) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) R::join(Vec<T>::load(acc + i), Vec<T>::load(x + i)).store(acc + i);
  for (; i < n; ++i) acc[i] = R::join(acc[i], x[i]);
}

template <class R, class A>
A combine(A a, A b) {
  return R::join(a, b);
}

template <class R>
ReduceBodies bodies() {
  return {{row<R, float, double>, column<R, float>, combine<R, double>, R::template init<double>, nullptr},
          {row<R, double, double>, column<R, double>, combine<R, double>, R::template init<double>, nullptr},
          {row<R, int64_t, int64_t>, column<R, int64_t>, combine<R, int64_t>, R::template init<int64_t>, nullptr}};
}

template <class T>
double square_row(const T* x, int64_t n) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  Vec<T> a, b, c, d;
  int64_t i = 0;
  const auto at = [x](int64_t k) HWY_ATTR {
    const Vec<T> v = Vec<T>::load(x + k);
    return v * v;
  };
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = a + at(i);
    b = b + at(i + lanes);
    c = c + at(i + 2 * lanes);
    d = d + at(i + 3 * lanes);
  }
  for (; i + lanes <= n; i += lanes) a = a + at(i);
  double result = static_cast<double>(sum_of_lanes((a + b) + (c + d)));
  for (; i < n; ++i) result += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return result;
}
template <class T>
void square_first(T* acc, const T* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) acc[i] = x[i] * x[i];
}
template <class T>
void square_column(T* acc, const T* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) acc[i] += x[i] * x[i];
}
template <class T>
constexpr ReduceBody<T, double> kSquares{square_row<T>, square_column<T>, combine<Sum, double>, 0, square_first<T>};

ReduceBodies reduce_bodies(int which) {
  switch (which) {
    case 0:
      return bodies<Sum>();
    case 1:
      return bodies<Prod>();
    case 2:
      return bodies<Max>();
    case 4:
      return {kSquares<float>, kSquares<double>, {}};
    default:
      return bodies<Min>();
  }
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(reduce_bodies);

namespace {

enum Which { kSumBodies, kProdBodies, kMaxBodies, kMinBodies, kSquareBodies };

// The output with the reduced dimensions put back as 1.
Tensor with_ones(const Tensor& out, const Shape& in, const Dims& dims, bool keepdim) {
  if (keepdim) return out;
  Layout l = out.layout();
  Shape shape;
  Strides strides;
  int next = 0;
  for (int d = 0; d < in.rank(); ++d) {
    bool reduced = dims.empty();
    for (int64_t r : dims) reduced |= wrap_dim(r, in.rank(), "reduce") == d;
    shape.push_back(reduced ? 1 : in[d]);
    strides.push_back(reduced ? 0 : l.strides[next]);
    if (!reduced) ++next;
  }
  return detail::alias(out, Layout(shape, strides, l.offset), true);
}

// Of a complex reduction that is linear: its real and its imaginary parts, one after the other.
template <class F>
void by_parts(OpCall& c, F reduce) {
  for (int k : {0, 1}) {
    const Tensor in = part_of(c.input(0), k);
    const Operand operands[] = {in};
    OpCall part(c.op, operands, {});
    part.attrs = c.attrs;
    part.out[0] = part_of(c.out[0], k);
    part.dtype = in.dtype();
    part.device = c.device;
    reduce(part);
  }
}

void reduce_dims(OpCall& c, Which which, double factor = 1) {
  if (is_complex(c.dtype)) return by_parts(c, [&](OpCall& part) { reduce_dims(part, which, factor); });
  const auto& a = c.attrs_as<ReduceAttrs>();
  run_reduce(c, with_ones(c.out[0], c.input(0).shape(), a.dims, a.keepdim), HWY_DYNAMIC_DISPATCH(reduce_bodies)(which),
             factor);
}

}  // namespace

void sum(OpCall& c) { reduce_dims(c, kSumBodies); }
void prod(OpCall& c) { reduce_dims(c, kProdBodies); }
void amax(OpCall& c) { reduce_dims(c, kMaxBodies); }
void amin(OpCall& c) { reduce_dims(c, kMinBodies); }
void square_sum(OpCall& c) { reduce_dims(c, kSquareBodies); }
void any(OpCall& c) { reduce_dims(c, kSumBodies); }  // of 0 and 1: anything but 0 is true
void all(OpCall& c) { reduce_dims(c, kMinBodies); }

void mean(OpCall& c) {
  const int64_t n = c.input(0).numel(), m = c.out[0].numel();
  reduce_dims(c, kSumBodies,
              m == 0   ? 1
              : n == 0 ? std::numeric_limits<double>::quiet_NaN()
                       : static_cast<double>(m) / static_cast<double>(n));
}

void sum_to(OpCall& c) {
  if (is_complex(c.dtype)) return by_parts(c, [](OpCall& part) { sum_to(part); });
  // The target's dimensions stand at the end; those before it are summed away.
  const Shape& in = c.input(0).shape();
  const Layout& l = c.out[0].layout();
  Shape shape = Dims::filled(in.rank(), 1);
  Strides strides = Dims::filled(in.rank(), 0);
  const int shift = in.rank() - l.rank();
  for (int d = 0; d < l.rank(); ++d) {
    shape[d + shift] = l.shape[d];
    strides[d + shift] = l.strides[d];
  }
  run_reduce(c, detail::alias(c.out[0], Layout(shape, strides, l.offset), true),
             HWY_DYNAMIC_DISPATCH(reduce_bodies)(kSumBodies));
}

}  // namespace hearth::cpu
#endif
