#include "distributed/group/reduce.h"

#include <cmath>
#include <type_traits>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/tensor/dtype.h"

namespace hearth::distributed {
namespace {

constexpr int64_t kGrain = 1 << 16;

// What T is computed in. Integers wrap around, so they are added without sign.
template <class T>
using Computed = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float,
                                    std::conditional_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, uint64_t, T>>;
// What T is compared as.
template <class T>
using Compared = std::conditional_t<std::is_integral_v<T>, T, Computed<T>>;

template <class T>
bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(x);
  else return false;
}

template <class C, class T, class F>
void loop(void* to, const void* a, const void* b, int64_t n, F f) {
  T* t = static_cast<T*>(to);
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; ++i) t[i] = static_cast<T>(f(static_cast<C>(x[i]), static_cast<C>(y[i])));
}

template <class T>
void reduce(void* to, const void* a, const void* b, int64_t n, ReduceOp op) {
  using C = Computed<T>;
  using O = Compared<T>;
  switch (op) {
    case ReduceOp::kSum:
    case ReduceOp::kAvg:
      if constexpr (std::is_same_v<T, bool>) return loop<C, T>(to, a, b, n, [](C x, C y) { return x || y; });
      else return loop<C, T>(to, a, b, n, [](C x, C y) { return x + y; });
    case ReduceOp::kProduct:
      if constexpr (std::is_same_v<T, bool>) return loop<C, T>(to, a, b, n, [](C x, C y) { return x && y; });
      else return loop<C, T>(to, a, b, n, [](C x, C y) { return x * y; });
    // x if it is NaN: every comparison with it is false.
    case ReduceOp::kMin:
      return loop<O, T>(to, a, b, n, [](O x, O y) { return x <= y || is_nan(x) ? x : y; });
    case ReduceOp::kMax:
      return loop<O, T>(to, a, b, n, [](O x, O y) { return x >= y || is_nan(x) ? x : y; });
  }
}

}  // namespace

void reduce_into(void* to, const void* a, const void* b, int64_t n, DType dtype, ReduceOp op) {
  const auto w = static_cast<int64_t>(size_of(dtype));
  visit(dtype, [&]<class T>() {
    parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
      const auto at = [&](auto* p) { return p + begin * w; };
      reduce<T>(at(static_cast<char*>(to)), at(static_cast<const char*>(a)), at(static_cast<const char*>(b)),
                end - begin, op);
    });
  });
}

void divide(void* p, int64_t n, DType dtype, int by) {
  HEARTH_CHECK(is_floating_point(dtype), "avg: dtype ", dtype, " is not supported; it takes ", kFloatTypes);
  visit(dtype, [&]<class T>() {
    using C = std::conditional_t<std::is_same_v<T, double>, double, float>;
    parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
      T* t = static_cast<T*>(p);
      const C d = static_cast<C>(by);
      for (int64_t i = begin; i < end; ++i) t[i] = static_cast<T>(static_cast<C>(t[i]) / d);
    });
  });
}

}  // namespace hearth::distributed
