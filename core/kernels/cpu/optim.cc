#include "core/kernels/optim.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/convert.h"
#include "core/kernels/cpu/copy_tensor.h"
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
    for (int64_t i = 0; i < n; ++i) p[i] -= lr * (wd != 0 ? sign * g[i] + wd * p[i] : sign * g[i]);
    return;
  }
  const T own = a.nesterov ? T(1) : T(0), of_buffer = a.nesterov ? mu : T(1);
  for (int64_t i = 0; i < n; ++i) {
    const T d = wd != 0 ? sign * g[i] + wd * p[i] : sign * g[i];
    m[i] = keep * m[i] + take * d;
    p[i] -= lr * (own * d + of_buffer * m[i]);
  }
}

// c1 and c2: what the moments' averages add up to so far, 1 - beta^step.
template <class T>
void adam_loop(T* __restrict__ p, const T* __restrict__ g, T* __restrict__ m, T* __restrict__ v, T* __restrict__ top,
               int64_t n, const AdamAttrs& a, double c1, double c2) {
  const T b1 = static_cast<T>(a.beta1), b2 = static_cast<T>(a.beta2), o1 = static_cast<T>(1 - a.beta1),
          o2 = static_cast<T>(1 - a.beta2);
  const T rate = static_cast<T>(a.lr / c1), root = static_cast<T>(1 / std::sqrt(c2)), eps = static_cast<T>(a.eps);
  const T coupled = static_cast<T>(a.decoupled ? 0 : a.weight_decay),
          shrink = static_cast<T>(a.decoupled ? 1 - a.lr * a.weight_decay : 1);
  const T sign = a.maximize ? T(-1) : T(1);
  if (top) {
    for (int64_t i = 0; i < n; ++i) {
      const T d = coupled != 0 ? sign * g[i] + coupled * p[i] : sign * g[i];
      m[i] = b1 * m[i] + o1 * d;
      v[i] = b2 * v[i] + o2 * d * d;
      top[i] = top[i] > v[i] ? top[i] : v[i];
      p[i] = shrink * p[i] - rate * m[i] / (std::sqrt(top[i]) * root + eps);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const T d = coupled != 0 ? sign * g[i] + coupled * p[i] : sign * g[i];
    m[i] = b1 * m[i] + o1 * d;
    v[i] = b2 * v[i] + o2 * d * d;
    p[i] = shrink * p[i] - rate * m[i] / (std::sqrt(v[i]) * root + eps);
  }
}

template <class T, bool kMomentum, bool kCentered>
void rmsprop_loop(T* __restrict__ p, const T* __restrict__ g, T* __restrict__ s, T* __restrict__ m,
                  T* __restrict__ mean, int64_t n, const RmspropAttrs& a) {
  const T alpha = static_cast<T>(a.alpha), rest = static_cast<T>(1 - a.alpha), eps = static_cast<T>(a.eps);
  const T mu = static_cast<T>(a.momentum), down = static_cast<T>(-a.lr), wd = static_cast<T>(a.weight_decay);
  const T sign = a.maximize ? T(-1) : T(1);
  // As lerp does: exact at both ends.
  const bool near = std::abs(rest) < T(0.5);
  const T step = near ? rest : T(1) - rest;
  for (int64_t i = 0; i < n; ++i) {
    const T d = wd != 0 ? sign * g[i] + wd * p[i] : sign * g[i];
    s[i] = alpha * s[i] + rest * d * d;
    T square = s[i];
    if constexpr (kCentered) {
      mean[i] = near ? mean[i] + step * (d - mean[i]) : d - (d - mean[i]) * step;
      square -= mean[i] * mean[i];
    }
    const T deviation = std::sqrt(square) + eps;
    if constexpr (kMomentum) {
      m[i] = mu * m[i] + d / deviation;
      p[i] += down * m[i];
    } else {
      p[i] += down * d / deviation;
    }
  }
}

template <class T>
void rmsprop_any(T* p, const T* g, T* s, T* m, T* mean, int64_t n, const RmspropAttrs& a) {
  if (m && mean) rmsprop_loop<T, true, true>(p, g, s, m, mean, n, a);
  else if (m) rmsprop_loop<T, true, false>(p, g, s, m, mean, n, a);
  else if (mean) rmsprop_loop<T, false, true>(p, g, s, m, mean, n, a);
  else rmsprop_loop<T, false, false>(p, g, s, m, mean, n, a);
}

// Joins f of all elements. Lanes have a number of their own, so that every target gives the same bits.
template <class T, class F, class J>
double join_all(const T* x, int64_t n, F f, J join) {
  constexpr int kLanes = 32;
  double lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int k = 0; k < kLanes; ++k) lane[k] = join(lane[k], f(static_cast<double>(x[i + k])));
  }
  for (int k = 0; i < n; ++i, ++k) lane[k] = join(lane[k], f(static_cast<double>(x[i])));
  for (int w = kLanes / 2; w > 0; w /= 2) {
    for (int k = 0; k < w; ++k) lane[k] = join(lane[k], lane[k + w]);
  }
  return lane[0];
}

template <class T>
double powers(const T* x, int64_t n, double p) {
  const auto add = [](double a, double b) { return a + b; };
  if (p == 2)
    return join_all(
        x, n, [](double v) { return v * v; }, add);
  if (p == 1)
    return join_all(
        x, n, [](double v) { return std::abs(v); }, add);
  if (std::isinf(p)) {
    // A NaN stays: nothing is larger.
    const auto larger = [](double a, double b) { return b > a || b != b ? b : a; };
    return join_all(
        x, n, [](double v) { return std::abs(v); }, larger);
  }
  return join_all(
      x, n, [p](double v) { return std::pow(std::abs(v), p); }, add);
}

template <class T>
void scale_loop(T* x, int64_t n, double factor) {
  const T f = static_cast<T>(factor);
  for (int64_t i = 0; i < n; ++i) x[i] *= f;
}

void sgd_f32(float* p, const float* g, float* m, int64_t n, const SgdAttrs& a) { sgd_loop(p, g, m, n, a); }
void sgd_f64(double* p, const double* g, double* m, int64_t n, const SgdAttrs& a) { sgd_loop(p, g, m, n, a); }
void adam_f32(float* p, const float* g, float* m, float* v, float* top, int64_t n, const AdamAttrs& a, double c1,
              double c2) {
  adam_loop(p, g, m, v, top, n, a, c1, c2);
}
void adam_f64(double* p, const double* g, double* m, double* v, double* top, int64_t n, const AdamAttrs& a, double c1,
              double c2) {
  adam_loop(p, g, m, v, top, n, a, c1, c2);
}
void rmsprop_f32(float* p, const float* g, float* s, float* m, float* mean, int64_t n, const RmspropAttrs& a) {
  rmsprop_any(p, g, s, m, mean, n, a);
}
void rmsprop_f64(double* p, const double* g, double* s, double* m, double* mean, int64_t n, const RmspropAttrs& a) {
  rmsprop_any(p, g, s, m, mean, n, a);
}
double powers_f32(const float* x, int64_t n, double p) { return powers(x, n, p); }
double powers_f64(const double* x, int64_t n, double p) { return powers(x, n, p); }
void scale_f32(float* x, int64_t n, double factor) { scale_loop(x, n, factor); }
void scale_f64(double* x, int64_t n, double factor) { scale_loop(x, n, factor); }

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(sgd_f32);
HWY_EXPORT(sgd_f64);
HWY_EXPORT(adam_f32);
HWY_EXPORT(adam_f64);
HWY_EXPORT(rmsprop_f32);
HWY_EXPORT(rmsprop_f64);
HWY_EXPORT(powers_f32);
HWY_EXPORT(powers_f64);
HWY_EXPORT(scale_f32);
HWY_EXPORT(scale_f64);

namespace {

constexpr int64_t kGrain = 32768;
constexpr int64_t kBlock = 1024;
constexpr int kMaxStates = 3;

// Whether elements that lie densely under these strides lie the same way in t.
bool lies_so(const Layout& t, const Strides& strides) {
  for (int d = 0; d < t.rank(); ++d) {
    if (t.shape[d] > 1 && t.strides[d] != strides[d]) return false;
  }
  return true;
}

// The rows of a call as runs of memory: operands that do not lie densely in their parameter's order are copied into it,
// and back if they are written.
class Rows {
 public:
  struct Row {
    int index;
    int64_t begin, end;  // among the elements of all rows
    bool wide;           // computed in f64
    // Elements of dtypes other than the computing one are converted block by block.
    char *parameter, *gradient;
    int64_t parameter_size, gradient_size;
    ConvertFn widen_parameter, narrow_parameter, widen_gradient;
    void* state[kMaxStates];
  };

  // `used` operands of each row are tensors of elements, or absent.
  Rows(const OpCall& c, int used) {
    const int row = c.op.row;
    int64_t total = 0;
    rows_.reserve(static_cast<size_t>(c.rows()));
    for (int r = 0; r < c.rows(); ++r) {
      const Tensor& p = c.input(r * row);
      if (p.numel() == 0) continue;
      const Strides strides = p.layout().dense ? p.strides() : Layout(p.shape()).strides;
      const auto memory = [&](int k) -> char* {
        if (k >= used || !c.is_tensor(r * row + k)) return nullptr;
        const Tensor& t = c.input(r * row + k);
        if (lies_so(t.layout(), strides)) return static_cast<char*>(t.impl()->data());
        const Tensor own = hearth::detail::empty_strided(t.shape(), strides, t.dtype(), t.device(), c.op.name);
        copy_tensor(own, t);
        copies_.push_back({t, own, c.writes(k)});
        return static_cast<char*>(own.impl()->data());
      };
      Row w{.index = r, .begin = total, .end = total += p.numel(), .wide = p.dtype() == DType::kF64};
      const DType computed = w.wide ? DType::kF64 : DType::kF32;
      w.parameter = memory(0);
      w.parameter_size = static_cast<int64_t>(p.itemsize());
      if (p.dtype() != computed) {
        w.widen_parameter = convert_fn(p.dtype(), computed);
        w.narrow_parameter = convert_fn(computed, p.dtype());
      }
      w.gradient = memory(1);
      if (w.gradient) {
        const DType g = c.input(r * row + 1).dtype();
        w.gradient_size = static_cast<int64_t>(size_of(g));
        if (g != computed) w.widen_gradient = convert_fn(g, computed);
      }
      for (int k = 0; k < kMaxStates; ++k) w.state[k] = memory(2 + k);
      rows_.push_back(w);
    }
  }

  // f(row, parameter, gradient, states, n) of runs of elements of all rows, in float or double; in parallel.
  template <class F>
  void update(F f) {
    if (rows_.empty()) return;
    parallel_for(rows_.back().end, kGrain, [&](int64_t begin, int64_t end) {
      auto r = std::upper_bound(rows_.begin(), rows_.end(), begin, [](int64_t at, const Row& w) { return at < w.end; });
      for (; r != rows_.end() && r->begin < end; ++r) {
        const int64_t b = std::max(begin, r->begin) - r->begin, e = std::min(end, r->end) - r->begin;
        if (r->wide) part<double>(*r, b, e, f);
        else part<float>(*r, b, e, f);
      }
    });
    for (const Copy& c : copies_) {
      if (c.written) copy_tensor(c.original, c.dense);
    }
  }

 private:
  struct Copy {
    Tensor original, dense;
    bool written;
  };

  template <class T, class F>
  static void part(const Row& r, int64_t begin, int64_t end, F& f) {
    const bool direct = !r.widen_parameter && !r.widen_gradient;
    const int64_t block = direct ? end - begin : kBlock;
    for (int64_t at = begin; at < end; at += block) {
      const int64_t n = std::min(block, end - at);
      T* states[kMaxStates];
      for (int k = 0; k < kMaxStates; ++k) states[k] = r.state[k] ? static_cast<T*>(r.state[k]) + at : nullptr;
      char* const parameter = r.parameter + at * r.parameter_size;
      char* const gradient = r.gradient ? r.gradient + at * r.gradient_size : nullptr;
      if (direct) {
        f(r.index, reinterpret_cast<T*>(parameter), reinterpret_cast<const T*>(gradient), states, n);
        continue;
      }
      T own[kBlock], grad[kBlock];
      T* p = reinterpret_cast<T*>(parameter);
      const T* g = reinterpret_cast<const T*>(gradient);
      if (r.widen_parameter) r.widen_parameter(parameter, p = own, n);
      if (r.widen_gradient) {
        r.widen_gradient(gradient, grad, n);
        g = grad;
      }
      f(r.index, p, g, states, n);
      if (r.narrow_parameter) r.narrow_parameter(own, parameter, n);
    }
  }

  std::vector<Row> rows_;
  std::vector<Copy> copies_;
};

}  // namespace

void sgd_step(OpCall& c) {
  const auto& a = c.attrs_as<SgdAttrs>();
  const auto narrow = HWY_DYNAMIC_DISPATCH(sgd_f32);
  const auto wide = HWY_DYNAMIC_DISPATCH(sgd_f64);
  Rows(c, c.op.row).update([&]<class T>(int, T* p, const T* g, T* const* s, int64_t n) {
    if constexpr (std::is_same_v<T, double>) wide(p, g, s[0], n, a);
    else narrow(p, g, s[0], n, a);
  });
}

void adam_step(OpCall& c) {
  const auto& a = c.attrs_as<AdamAttrs>();
  const double c1 = 1 - std::pow(a.beta1, static_cast<double>(a.step)),
               c2 = 1 - std::pow(a.beta2, static_cast<double>(a.step));
  const auto narrow = HWY_DYNAMIC_DISPATCH(adam_f32);
  const auto wide = HWY_DYNAMIC_DISPATCH(adam_f64);
  Rows(c, c.op.row).update([&]<class T>(int, T* p, const T* g, T* const* s, int64_t n) {
    if constexpr (std::is_same_v<T, double>) wide(p, g, s[0], s[1], s[2], n, a, c1, c2);
    else narrow(p, g, s[0], s[1], s[2], n, a, c1, c2);
  });
}

void rmsprop_step(OpCall& c) {
  const auto& a = c.attrs_as<RmspropAttrs>();
  const auto narrow = HWY_DYNAMIC_DISPATCH(rmsprop_f32);
  const auto wide = HWY_DYNAMIC_DISPATCH(rmsprop_f64);
  Rows(c, c.op.row).update([&]<class T>(int, T* p, const T* g, T* const* s, int64_t n) {
    if constexpr (std::is_same_v<T, double>) wide(p, g, s[0], s[1], s[2], n, a);
    else narrow(p, g, s[0], s[1], s[2], n, a);
  });
}

void power_sum(OpCall& c) {
  const double p = c.attrs_as<PowerSumAttrs>().p;
  const auto narrow = HWY_DYNAMIC_DISPATCH(powers_f32);
  const auto wide = HWY_DYNAMIC_DISPATCH(powers_f64);
  constexpr int64_t kChunk = 8192;
  struct Chunk {
    const char* at;
    int64_t n;
    DType dtype;
    double sum;
  };
  std::vector<Chunk> chunks;
  std::vector<Tensor> copies;
  for (int i = 0; i < c.inputs(); ++i) {
    const Tensor* t = &c.input(i);
    if (!t->layout().dense) {
      copies.push_back(hearth::detail::empty(t->shape(), t->dtype(), t->device(), c.op.name));
      copy_tensor(copies.back(), *t);
      t = &copies.back();
    }
    const char* const memory = static_cast<const char*>(t->raw_data());
    for (int64_t b = 0; b < t->numel(); b += kChunk) {
      chunks.push_back(
          {memory + b * static_cast<int64_t>(t->itemsize()), std::min(kChunk, t->numel() - b), t->dtype(), 0});
    }
  }
  parallel_for(static_cast<int64_t>(chunks.size()), 4, [&](int64_t begin, int64_t end) {
    float block[kChunk];
    for (int64_t i = begin; i < end; ++i) {
      Chunk& k = chunks[static_cast<size_t>(i)];
      if (k.dtype == DType::kF64) {
        k.sum = wide(reinterpret_cast<const double*>(k.at), k.n, p);
        continue;
      }
      const float* x = reinterpret_cast<const float*>(k.at);
      if (k.dtype != DType::kF32) {
        convert_fn(k.dtype, DType::kF32)(k.at, block, k.n);
        x = block;
      }
      k.sum = narrow(x, k.n, p);
    }
  });
  double sum = 0;
  for (const Chunk& k : chunks) {
    if (std::isinf(p)) sum = k.sum > sum || std::isnan(k.sum) ? k.sum : sum;
    else sum += k.sum;
  }
  *static_cast<double*>(c.out[0].impl()->data()) = sum;
}

void scale_each(OpCall& c) {
  const auto narrow = HWY_DYNAMIC_DISPATCH(scale_f32);
  const auto wide = HWY_DYNAMIC_DISPATCH(scale_f64);
  std::vector<double> factors;
  bool all_one = true;
  for (int r = 0; r < c.rows(); ++r) {
    const Tensor& f = c.input(r * c.op.row + 1);
    factors.push_back(f.dtype() == DType::kF64 ? *static_cast<const double*>(f.raw_data())
                                               : *static_cast<const float*>(f.raw_data()));
    all_one &= factors.back() == 1;
  }
  if (all_one) return;
  Rows(c, 1).update([&]<class T>(int row, T* x, const T*, T* const*, int64_t n) {
    const double f = factors[static_cast<size_t>(row)];
    if constexpr (std::is_same_v<T, double>) wide(x, n, f);
    else narrow(x, n, f);
  });
}

}  // namespace hearth::cpu
#endif
