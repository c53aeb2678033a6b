#include "core/kernels/cpu/optim.h"

#include <algorithm>
#include <cmath>

#include "core/base/parallel.h"
#include "core/kernels/cpu/convert.h"
#include "core/op/attrs/optim.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/optim.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <class T>
void sgd_loop(T* __restrict__ p, const T* __restrict__ g, T* __restrict__ m, int64_t n, const SgdAttrs& a) {
  const T lr = static_cast<T>(a.lr), wd = static_cast<T>(a.weight_decay), mu = static_cast<T>(a.momentum);
  const T take = static_cast<T>(a.first ? 1 : 1 - a.dampening), keep = a.first ? T(0) : mu,
          sign = a.maximize ? T(-1) : T(1);
  if (!m) {
    for (int64_t i = 0; i < n; ++i) p[i] -= lr * (sign * g[i] + wd * p[i]);
    return;
  }
  const T own = a.nesterov ? T(1) : T(0), of_buffer = a.nesterov ? mu : T(1);
  for (int64_t i = 0; i < n; ++i) {
    const T d = sign * g[i] + wd * p[i];
    m[i] = keep * m[i] + take * d;
    p[i] -= lr * (own * d + of_buffer * m[i]);
  }
}

template <class T>
void adam_loop(T* __restrict__ p, const T* __restrict__ g, T* __restrict__ m, T* __restrict__ v, T* __restrict__ top,
               int64_t n, const AdamAttrs& a) {
  const double c1 = 1 - std::pow(a.beta1, static_cast<double>(a.step)),
               c2 = 1 - std::pow(a.beta2, static_cast<double>(a.step));
  const T b1 = static_cast<T>(a.beta1), b2 = static_cast<T>(a.beta2), o1 = static_cast<T>(1 - a.beta1),
          o2 = static_cast<T>(1 - a.beta2);
  const T rate = static_cast<T>(a.lr / c1), root = static_cast<T>(1 / std::sqrt(c2)), eps = static_cast<T>(a.eps);
  const T coupled = static_cast<T>(a.decoupled ? 0 : a.weight_decay),
          shrink = static_cast<T>(a.decoupled ? 1 - a.lr * a.weight_decay : 1);
  const T sign = a.maximize ? T(-1) : T(1);
  if (top) {
    for (int64_t i = 0; i < n; ++i) {
      const T d = sign * g[i] + coupled * p[i];
      m[i] = b1 * m[i] + o1 * d;
      v[i] = b2 * v[i] + o2 * d * d;
      top[i] = top[i] > v[i] ? top[i] : v[i];
      p[i] = shrink * p[i] - rate * m[i] / (std::sqrt(top[i]) * root + eps);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const T d = sign * g[i] + coupled * p[i];
    m[i] = b1 * m[i] + o1 * d;
    v[i] = b2 * v[i] + o2 * d * d;
    p[i] = shrink * p[i] - rate * m[i] / (std::sqrt(v[i]) * root + eps);
  }
}

void sgd_f32(float* p, const float* g, float* m, int64_t n, const SgdAttrs& a) { sgd_loop(p, g, m, n, a); }
void sgd_f64(double* p, const double* g, double* m, int64_t n, const SgdAttrs& a) { sgd_loop(p, g, m, n, a); }
void adam_f32(float* p, const float* g, float* m, float* v, float* top, int64_t n, const AdamAttrs& a) {
  adam_loop(p, g, m, v, top, n, a);
}
void adam_f64(double* p, const double* g, double* m, double* v, double* top, int64_t n, const AdamAttrs& a) {
  adam_loop(p, g, m, v, top, n, a);
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(sgd_f32);
HWY_EXPORT(sgd_f64);
HWY_EXPORT(adam_f32);
HWY_EXPORT(adam_f64);

namespace {

constexpr int64_t kGrain = 32768;
constexpr int64_t kBlock = 1024;

// f(p, g, first, n) over the elements of parameter and gradient as T. Those of f16 and bf16 are converted to f32 block
// by block, and the parameter back.
template <class T, class F>
void for_elements(OpCall& c, F f) {
  const Tensor &p = c.out[0], &g = c.input(1);
  if (p.dtype() == dtype_of<T>) {
    parallel_for(p.numel(), kGrain, [&](int64_t b, int64_t e) {
      f(static_cast<T*>(p.impl()->data()) + b, static_cast<const T*>(g.raw_data()) + b, b, e - b);
    });
    return;
  }
  const ConvertFn widen = convert_fn(p.dtype(), dtype_of<T>), narrow = convert_fn(dtype_of<T>, p.dtype());
  const auto item = static_cast<int64_t>(p.itemsize());
  parallel_for(p.numel(), kGrain, [&](int64_t b, int64_t e) {
    T own[kBlock], grad[kBlock];
    for (int64_t at = b; at < e; at += kBlock) {
      const int64_t n = std::min(kBlock, e - at);
      char* const memory = static_cast<char*>(p.impl()->data()) + at * item;
      widen(memory, own, n);
      widen(static_cast<const char*>(g.raw_data()) + at * item, grad, n);
      f(own, grad, at, n);
      narrow(own, memory, n);
    }
  });
}

template <class T>
T* state(const OpCall& c, int i) {
  return c.is_tensor(i) ? static_cast<T*>(c.input(i).impl()->data()) : nullptr;
}

}  // namespace

void sgd_step(OpCall& c) {
  const auto& a = c.attrs_as<SgdAttrs>();
  const auto go = [&]<class T>(auto f, T) {
    T* m = state<T>(c, 2);
    for_elements<T>(c, [&](T* p, const T* g, int64_t b, int64_t n) { f(p, g, m ? m + b : nullptr, n, a); });
  };
  if (c.dtype == DType::kF64) go(HWY_DYNAMIC_DISPATCH(sgd_f64), double{});
  else go(HWY_DYNAMIC_DISPATCH(sgd_f32), float{});
  if (c.is_tensor(2)) c.input(2).impl()->storage->bump_version();
}

void adam_step(OpCall& c) {
  const auto& a = c.attrs_as<AdamAttrs>();
  const auto go = [&]<class T>(auto f, T) {
    T *m = state<T>(c, 2), *v = state<T>(c, 3), *top = state<T>(c, 4);
    for_elements<T>(
        c, [&](T* p, const T* g, int64_t b, int64_t n) { f(p, g, m + b, v + b, top ? top + b : nullptr, n, a); });
  };
  if (c.dtype == DType::kF64) go(HWY_DYNAMIC_DISPATCH(adam_f64), double{});
  else go(HWY_DYNAMIC_DISPATCH(adam_f32), float{});
  for (int i = 2; i < c.inputs(); ++i) {
    if (c.is_tensor(i)) c.input(i).impl()->storage->bump_version();
  }
}

}  // namespace hearth::cpu
#endif
