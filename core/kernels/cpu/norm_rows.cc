#include "core/kernels/cpu/norm_rows.h"

#include <algorithm>
#include <cmath>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/norm_rows.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

// Sum of f(x[i]) over a row: four chains of lanes, in double beyond 1024 elements.
template <class T, class F>
HWY_INLINE double sum_row(int64_t n, F f) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += 1024) {
    const int64_t end = std::min<int64_t>(begin + 1024, n);
    Vec<T> a, b;
    int64_t i = begin;
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      a = a + f(i, Vec<T>());
      b = b + f(i + lanes, Vec<T>());
    }
    for (; i + lanes <= end; i += lanes) a = a + f(i, Vec<T>());
    total += static_cast<double>(sum_of_lanes(a + b));
    for (; i < end; ++i) total += static_cast<double>(f(i, T()));
  }
  return total;
}

template <class T>
double row_mean(const T* x, int64_t n) {
  return sum_row<T>(n,
                    [&](int64_t i, auto like) {
                      if constexpr (std::is_arithmetic_v<decltype(like)>) return x[i];
                      else return Vec<T>::load(x + i);
                    }) /
         static_cast<double>(n);
}

// 1 / sqrt(var + eps)
template <class T>
T row_rstd(const T* x, int64_t n, T mean, double eps) {
  const double var = sum_row<T>(n,
                                [&](int64_t i, auto like) {
                                  if constexpr (std::is_arithmetic_v<decltype(like)>) {
                                    const T d = x[i] - mean;
                                    return d * d;
                                  } else {
                                    const Vec<T> d = Vec<T>::load(x + i) - Vec<T>(mean);
                                    return d * d;
                                  }
                                }) /
                     static_cast<double>(n);
  return static_cast<T>(1 / std::sqrt(var + eps));
}

template <class T>
void row_statistics(const T* x, int64_t n, double eps, T* mean, T* rstd) {
  *mean = static_cast<T>(row_mean(x, n));
  *rstd = row_rstd(x, n, *mean, eps);
}

template <class T>
void layer_norm_row(const T* x, const T* w, const T* b, T* y, int64_t n, double eps, bool center, T* mean_out,
                    T* rstd_out) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  const T m = center ? static_cast<T>(row_mean(x, n)) : T(0);
  const T r = row_rstd(x, n, m, eps);
  *mean_out = m;
  *rstd_out = r;
  const Vec<T> vm(m), vr(r);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    Vec<T> v = (Vec<T>::load(x + i) - vm) * vr;
    if (w) v = v * Vec<T>::load(w + i);
    if (b) v = v + Vec<T>::load(b + i);
    v.store(y + i);
  }
  for (; i < n; ++i) {
    T v = (x[i] - m) * r;
    if (w) v *= w[i];
    if (b) v += b[i];
    y[i] = v;
  }
}

// Sums of g w and of g w xhat over a row.
template <class T>
void row_grad_sums(const T* g, const T* x, const T* w, int64_t n, T mean, T rstd, double* sum_g, double* sum_gx) {
  *sum_g = *sum_gx = 0;
  for (int64_t begin = 0; begin < n; begin += 1024) {
    const int64_t end = std::min<int64_t>(begin + 1024, n);
    T a = 0, b = 0;
    const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
    Vec<T> va, vb;
    int64_t i = begin;
    for (; i + lanes <= end; i += lanes) {
      Vec<T> gw = Vec<T>::load(g + i);
      if (w) gw = gw * Vec<T>::load(w + i);
      va = va + gw;
      vb = vb + gw * ((Vec<T>::load(x + i) - Vec<T>(mean)) * Vec<T>(rstd));
    }
    for (; i < end; ++i) {
      const T gw = w ? g[i] * w[i] : g[i];
      a += gw;
      b += gw * ((x[i] - mean) * rstd);
    }
    *sum_g += static_cast<double>(a + sum_of_lanes(va));
    *sum_gx += static_cast<double>(b + sum_of_lanes(vb));
  }
}

// dx of one row; adds to dw and db.
template <class T>
void layer_norm_grad_row(const T* g, const T* x, const T* w, T mean, T rstd, T* dx, T* dw, T* db, int64_t n,
                         bool center) {
  double sum_g = 0, sum_gx = 0;
  row_grad_sums(g, x, w, n, mean, rstd, &sum_g, &sum_gx);
  const T mg = center ? static_cast<T>(sum_g / static_cast<double>(n)) : T(0),
          mgx = static_cast<T>(sum_gx / static_cast<double>(n));
  for (int64_t i = 0; i < n; ++i) {
    const T xhat = (x[i] - mean) * rstd, gw = w ? g[i] * w[i] : g[i];
    if (dx) dx[i] = rstd * (gw - mg - xhat * mgx);
    if (dw) dw[i] += g[i] * xhat;
    if (db) db[i] += g[i];
  }
}

template <class T>
void line_scale(const T* x, T* y, int64_t n, T mean, T a, T b) {
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * a + b;
}

template <class T>
void line_grad_sums(const T* g, const T* x, int64_t n, T mean, T rstd, double* sum_g, double* sum_gx) {
  row_grad_sums<T>(g, x, nullptr, n, mean, rstd, sum_g, sum_gx);
}

template <class T>
void line_grad(const T* g, const T* x, T* dx, int64_t n, T mean, T a, T b, T k) {
  for (int64_t i = 0; i < n; ++i) dx[i] = a * g[i] - b - (x[i] - mean) * k;
}

// Rows of `c` channels.
template <class T>
void channel_sums(const T* x, int64_t rows, int64_t c, const T* mean, double* out) {
  // Sums of 16 rows in T, then in double: fixed by the shape alone.
  std::vector<T> part(static_cast<size_t>(c));
  for (int64_t r = 0; r < rows;) {
    std::fill(part.begin(), part.end(), T(0));
    T* p = part.data();
    for (const int64_t stop = std::min(rows, r + 16); r < stop; ++r) {
      const T* v = x + r * c;
      if (mean) {
        for (int64_t i = 0; i < c; ++i) {
          const T d = v[i] - mean[i];
          p[i] += d * d;
        }
      } else {
        for (int64_t i = 0; i < c; ++i) p[i] += v[i];
      }
    }
    for (int64_t i = 0; i < c; ++i) out[i] += static_cast<double>(p[i]);
  }
}

template <class T>
void channel_scale(const T* x, T* y, int64_t rows, int64_t c, const T* a, const T* b) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* v = x + r * c;
    T* o = y + r * c;
    for (int64_t i = 0; i < c; ++i) o[i] = v[i] * a[i] + b[i];
  }
}

// sums of g and of g * xhat
template <class T>
void channel_grad_sums(const T* g, const T* x, int64_t rows, int64_t c, const T* mean, const T* rstd, double* sum_g,
                       double* sum_gx) {
  std::vector<T> part(static_cast<size_t>(2 * c));
  for (int64_t r = 0; r < rows;) {
    std::fill(part.begin(), part.end(), T(0));
    T *p = part.data(), *q = p + c;
    for (const int64_t stop = std::min(rows, r + 16); r < stop; ++r) {
      const T *v = x + r * c, *d = g + r * c;
      for (int64_t i = 0; i < c; ++i) {
        p[i] += d[i];
        q[i] += d[i] * ((v[i] - mean[i]) * rstd[i]);
      }
    }
    for (int64_t i = 0; i < c; ++i) {
      sum_g[i] += static_cast<double>(p[i]);
      sum_gx[i] += static_cast<double>(q[i]);
    }
  }
}

// dx = a (g - b - (x - mean) k)
template <class T>
void channel_grad(const T* g, const T* x, T* dx, int64_t rows, int64_t c, const T* a, const T* b, const T* mean,
                  const T* k) {
  for (int64_t r = 0; r < rows; ++r) {
    const T *v = x + r * c, *d = g + r * c;
    T* o = dx + r * c;
    for (int64_t i = 0; i < c; ++i) o[i] = a[i] * (d[i] - b[i] - (v[i] - mean[i]) * k[i]);
  }
}

template <class T>
constexpr NormRows<T> kNormRows{.layer = layer_norm_row<T>,
                                .layer_grad = layer_norm_grad_row<T>,
                                .statistics = row_statistics<T>,
                                .line = line_scale<T>,
                                .line_grad_sums = line_grad_sums<T>,
                                .line_grad = line_grad<T>,
                                .sums = channel_sums<T>,
                                .scale = channel_scale<T>,
                                .grad_sums = channel_grad_sums<T>,
                                .grad = channel_grad<T>};

const NormRows<float>* float_rows() { return &kNormRows<float>; }
const NormRows<double>* double_rows() { return &kNormRows<double>; }

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(float_rows);
HWY_EXPORT(double_rows);

template <>
const NormRows<float>& norm_rows() {
  return *HWY_DYNAMIC_DISPATCH(float_rows)();
}
template <>
const NormRows<double>& norm_rows() {
  return *HWY_DYNAMIC_DISPATCH(double_rows)();
}

}  // namespace hearth::cpu
#endif
