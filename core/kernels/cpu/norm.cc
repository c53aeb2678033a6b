#include "core/kernels/norm.h"
#include "core/kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/norm_rows.h"
#include "core/kernels/cpu/result.h"
#include "core/op/attrs/norm.h"
#include "core/op/attrs/reduce.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/norm.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <class T>
HWY_INLINE T sum_of_lanes(Vec<T> v) {
  HWY_ALIGN T x[kMaxLanes<T>];
  v.store(x);
  T s = 0;
  for (size_t i = 0; i < Vec<T>::lanes(); ++i) s += x[i];
  return s;
}

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
HWY_INLINE T scalar_exp(T x) {
  return static_cast<T>(std::exp(static_cast<double>(x)));
}

template <class T, bool kLog>
void softmax_row(const T* x, T* y, int64_t n) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  T top = -kInf<T>;
  int64_t i = 0;
  if (n >= lanes) {
    Vec<T> m(-kInf<T>);
    for (; i + lanes <= n; i += lanes) m = max(m, Vec<T>::load(x + i));
    HWY_ALIGN T parts[kMaxLanes<T>];
    m.store(parts);
    for (int64_t k = 0; k < lanes; ++k) top = parts[k] > top || parts[k] != parts[k] ? parts[k] : top;
  }
  for (; i < n; ++i) top = x[i] > top || x[i] != x[i] ? x[i] : top;
  const Vec<T> shift(top);
  double total = 0;
  i = 0;
  Vec<T> s;
  for (; i + lanes <= n; i += lanes) {
    const Vec<T> e = exp(Vec<T>::load(x + i) - shift);
    if constexpr (!kLog) e.store(y + i);
    s = s + e;
    if ((i & 1023) == 0) {
      total += static_cast<double>(sum_of_lanes(s));
      s = Vec<T>();
    }
  }
  total += static_cast<double>(sum_of_lanes(s));
  for (; i < n; ++i) {
    const T e = scalar_exp(x[i] - top);
    if constexpr (!kLog) y[i] = e;
    total += static_cast<double>(e);
  }
  if constexpr (kLog) {
    const T log_total = static_cast<T>(std::log(total));
    const Vec<T> l(log_total);
    for (i = 0; i + lanes <= n; i += lanes) (Vec<T>::load(x + i) - shift - l).store(y + i);
    for (; i < n; ++i) y[i] = x[i] - top - log_total;
  } else {
    const T scale = static_cast<T>(1 / total);
    const Vec<T> v(scale);
    for (i = 0; i + lanes <= n; i += lanes) (Vec<T>::load(y + i) * v).store(y + i);
    for (; i < n; ++i) y[i] *= scale;
  }
}

template <class T>
void layer_norm_row(const T* x, const T* w, const T* b, T* y, int64_t n, double eps, bool center, T* mean_out,
                    T* rstd_out) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  const double count = static_cast<double>(n);
  double mean = 0;
  if (center) {
    mean = sum_row<T>(n,
                      [&](int64_t i, auto like) {
                        if constexpr (std::is_arithmetic_v<decltype(like)>) return x[i];
                        else return Vec<T>::load(x + i);
                      }) /
           count;
  }
  const T m = static_cast<T>(mean);
  const double var = sum_row<T>(n,
                                [&](int64_t i, auto like) {
                                  if constexpr (std::is_arithmetic_v<decltype(like)>) {
                                    const T d = x[i] - m;
                                    return d * d;
                                  } else {
                                    const Vec<T> d = Vec<T>::load(x + i) - Vec<T>(m);
                                    return d * d;
                                  }
                                }) /
                     count;
  const T r = static_cast<T>(1 / std::sqrt(var + eps));
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

// dx of one row; adds to dw and db.
template <class T>
void layer_norm_grad_row(const T* g, const T* x, const T* w, T mean, T rstd, T* dx, T* dw, T* db, int64_t n,
                         bool center) {
  double sum_g = 0, sum_gx = 0;
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
    sum_g += static_cast<double>(a + sum_of_lanes(va));
    sum_gx += static_cast<double>(b + sum_of_lanes(vb));
  }
  const T mg = center ? static_cast<T>(sum_g / static_cast<double>(n)) : T(0),
          mgx = static_cast<T>(sum_gx / static_cast<double>(n));
  for (int64_t i = 0; i < n; ++i) {
    const T xhat = (x[i] - mean) * rstd, gw = w ? g[i] * w[i] : g[i];
    if (dx) dx[i] = rstd * (gw - mg - xhat * mgx);
    if (dw) dw[i] += g[i] * xhat;
    if (db) db[i] += g[i];
  }
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
constexpr NormRows<T> kNormRows{softmax_row<T, false>,  softmax_row<T, true>, layer_norm_row<T>,
                                layer_norm_grad_row<T>, channel_sums<T>,      channel_scale<T>,
                                channel_grad_sums<T>,   channel_grad<T>};

const void* norm_rows(bool is_double) {
  return is_double ? static_cast<const void*>(&kNormRows<double>) : static_cast<const void*>(&kNormRows<float>);
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(norm_rows);

namespace {

// f(rows of the compute type, T{}) for f32 or f64.
template <class F>
void with_rows(const OpCall& c, F f) {
  const void* rows = HWY_DYNAMIC_DISPATCH(norm_rows)(c.dtype == DType::kF64);
  if (c.dtype == DType::kF64) {
    f(*static_cast<const NormRows<double>*>(rows), double{});
  } else {
    f(*static_cast<const NormRows<float>*>(rows), float{});
  }
}

template <class T>
T* data_or_null(const Tensor& t) {
  return t.defined() ? static_cast<T*>(t.impl()->data()) : nullptr;
}
template <class T>
const T* operand(const OpCall& c, int i) {
  return c.is_tensor(i) ? static_cast<const T*>(c.input(i).raw_data()) : nullptr;
}

constexpr int64_t kGrain = 16384;
int64_t row_grain(int64_t n) { return std::max<int64_t>(kGrain / std::max<int64_t>(n, 1), 1); }

enum class Softmax { kPlain, kLog, kSafe };

// True if there is nothing but -infinity. The first number tells it nearly always.
template <class T>
bool masked(const T* x, int64_t n, int64_t step) {
  for (int64_t k = 0; k < n; ++k) {
    if (x[k * step] != -std::numeric_limits<T>::infinity()) return false;
  }
  return true;
}

template <Softmax kKind>
void any_softmax(OpCall& c) {
  const Tensor& x = c.input(0);
  if (x.numel() == 0) return;
  Result y(c, 0, c.dtype);
  const int d = x.dim() ? wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name) : 0;
  const int64_t n = x.dim() ? x.shape()[d] : 1, lines = x.numel() / n;
  int64_t after = 1;
  for (int k = d + 1; k < x.dim(); ++k) after *= x.shape()[k];
  with_rows(c, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const auto row = kKind == Softmax::kLog ? rows.log_softmax : rows.softmax;
    const T* from = operand<T>(c, 0);
    T* to = data_or_null<T>(y.tensor());
    parallel_for(lines, row_grain(n), [&](int64_t begin, int64_t end) {
      std::vector<T> line(after == 1 ? 0 : static_cast<size_t>(n));
      for (int64_t i = begin; i < end; ++i) {
        if constexpr (kKind == Softmax::kSafe) {
          const int64_t first = i / after * n * after + i % after;
          if (masked(from + first, n, after)) {
            for (int64_t k = 0; k < n; ++k) to[first + k * after] = T(0);
            continue;
          }
        }
        if (after == 1) {
          row(from + i * n, to + i * n, n);
          continue;
        }
        const int64_t at = i / after * n * after + i % after;
        for (int64_t k = 0; k < n; ++k) line[static_cast<size_t>(k)] = from[at + k * after];
        row(line.data(), line.data(), n);
        for (int64_t k = 0; k < n; ++k) to[at + k * after] = line[static_cast<size_t>(k)];
      }
    });
  });
  y.done();
}

}  // namespace

void softmax(OpCall& c) { any_softmax<Softmax::kPlain>(c); }
void log_softmax(OpCall& c) { any_softmax<Softmax::kLog>(c); }
void safe_softmax(OpCall& c) { any_softmax<Softmax::kSafe>(c); }

void layer_norm(OpCall& c) {
  const auto& a = c.attrs_as<LayerNormAttrs>();
  const Tensor& x = c.input(0);
  const int64_t rows_n = c.out[1].numel(), n = rows_n ? x.numel() / rows_n : 0;
  Result result(c, 0, c.dtype);
  with_rows(c, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const T *p = operand<T>(c, 0), *w = operand<T>(c, 1), *b = operand<T>(c, 2);
    T *y = data_or_null<T>(result.tensor()), *mean = data_or_null<T>(c.out[1]), *rstd = data_or_null<T>(c.out[2]);
    parallel_for(rows_n, row_grain(n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        rows.layer(p + i * n, w, b, y + i * n, n, a.eps, a.center, mean + i, rstd + i);
    });
  });
  result.done();
}

void layer_norm_grad(OpCall& c) {
  const auto& a = c.attrs_as<LayerNormAttrs>();
  const int64_t rows_n = c.input(3).numel(), n = c.out[1].numel();
  Result result(c, 0, c.dtype);
  with_rows(c, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const T *g = operand<T>(c, 0), *p = operand<T>(c, 1), *w = operand<T>(c, 2), *mean = operand<T>(c, 3),
            *rstd = operand<T>(c, 4);
    T* dx = data_or_null<T>(result.tensor());
    // Weight gradients of fixed groups of rows, summed in their order.
    const int64_t group = std::max<int64_t>((rows_n + 15) / 16, 1), groups = (rows_n + group - 1) / group;
    std::vector<T> part(static_cast<size_t>(2 * groups * n));
    parallel_for(groups, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        T *dw = part.data() + 2 * k * n, *db = dw + n;
        for (int64_t i = k * group; i < std::min(rows_n, (k + 1) * group); ++i) {
          rows.layer_grad(g + i * n, p + i * n, w, mean[i], rstd[i], dx + i * n, dw, db, n, a.center);
        }
      }
    });
    T *dw = data_or_null<T>(c.out[1]), *db = data_or_null<T>(c.out[2]);
    for (int64_t i = 0; i < n; ++i) {
      double sw = 0, sb = 0;
      for (int64_t k = 0; k < groups; ++k) {
        sw += static_cast<double>(part[static_cast<size_t>(2 * k * n + i)]);
        sb += static_cast<double>(part[static_cast<size_t>((2 * k + 1) * n + i)]);
      }
      dw[i] = static_cast<T>(sw);
      db[i] = static_cast<T>(sb);
    }
  });
  result.done();
}

namespace {

// Rows of a channels-last batch, in fixed blocks; `f(block, first row, rows)`.
constexpr int64_t kRowBlocks = 32;
template <class F>
int64_t for_row_blocks(int64_t rows, F f) {
  const int64_t size = std::max<int64_t>((rows + kRowBlocks - 1) / kRowBlocks, 16), blocks = (rows + size - 1) / size;
  parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) f(b, b * size, std::min(size, rows - b * size));
  });
  return blocks;
}

std::vector<double> join(const std::vector<double>& parts, int64_t blocks, int64_t n) {
  std::vector<double> sum(static_cast<size_t>(n));
  for (int64_t b = 0; b < blocks; ++b) {
    for (int64_t i = 0; i < n; ++i) sum[static_cast<size_t>(i)] += parts[static_cast<size_t>(b * n + i)];
  }
  return sum;
}

}  // namespace

void batch_norm(OpCall& c) {
  const auto& a = c.attrs_as<BatchNormAttrs>();
  const Tensor& x = c.input(0);
  const int64_t ch = c.out[1].numel(), m = ch ? x.numel() / ch : 0;
  Result result(c, 0, c.dtype, channels_last_strides(x.shape()));
  with_rows(c, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const auto n = static_cast<size_t>(ch);
    const T *p = operand<T>(c, 0), *w = operand<T>(c, 1), *b = operand<T>(c, 2);
    T *y = data_or_null<T>(result.tensor()), *mean = data_or_null<T>(c.out[1]), *rstd = data_or_null<T>(c.out[2]);
    if (a.training && m == 0) {
      std::fill_n(mean, n, T(0));
      std::fill_n(rstd, n, T(1));
    } else if (a.training) {
      std::vector<double> parts(kRowBlocks * n);
      int64_t blocks = for_row_blocks(m, [&](int64_t k, int64_t first, int64_t count) {
        rows.sums(p + first * ch, count, ch, nullptr, parts.data() + k * ch);
      });
      std::vector<double> s = join(parts, blocks, ch);
      for (size_t i = 0; i < n; ++i) mean[i] = static_cast<T>(s[i] / static_cast<double>(m));
      std::fill(parts.begin(), parts.end(), 0.0);
      blocks = for_row_blocks(m, [&](int64_t k, int64_t first, int64_t count) {
        rows.sums(p + first * ch, count, ch, mean, parts.data() + k * ch);
      });
      s = join(parts, blocks, ch);
      for (size_t i = 0; i < n; ++i) rstd[i] = static_cast<T>(1 / std::sqrt(s[i] / static_cast<double>(m) + a.eps));
    } else {
      const T *rm = operand<T>(c, 3), *rv = operand<T>(c, 4);
      for (size_t i = 0; i < n; ++i) {
        mean[i] = rm[i];
        rstd[i] = static_cast<T>(1 / std::sqrt(static_cast<double>(rv[i]) + a.eps));
      }
    }
    std::vector<T> scale(n), shift(n);
    for (size_t i = 0; i < n; ++i) {
      scale[i] = rstd[i] * (w ? w[i] : T(1));
      shift[i] = (b ? b[i] : T(0)) - mean[i] * scale[i];
    }
    for_row_blocks(m, [&](int64_t, int64_t first, int64_t count) {
      rows.scale(p + first * ch, y + first * ch, count, ch, scale.data(), shift.data());
    });
  });
  result.done();
}

void batch_norm_grad(OpCall& c) {
  const auto& a = c.attrs_as<BatchNormAttrs>();
  const Tensor& x = c.input(1);
  const int64_t ch = c.input(3).numel(), m = ch ? x.numel() / ch : 0;
  Result result(c, 0, c.dtype, channels_last_strides(x.shape()));
  with_rows(c, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const auto n = static_cast<size_t>(ch);
    const T *g = operand<T>(c, 0), *p = operand<T>(c, 1), *w = operand<T>(c, 2), *mean = operand<T>(c, 3),
            *rstd = operand<T>(c, 4);
    T *dx = data_or_null<T>(result.tensor()), *dw = data_or_null<T>(c.out[1]), *db = data_or_null<T>(c.out[2]);
    std::vector<double> parts_g(kRowBlocks * n), parts_gx(kRowBlocks * n);
    const int64_t blocks = for_row_blocks(m, [&](int64_t k, int64_t first, int64_t count) {
      rows.grad_sums(g + first * ch, p + first * ch, count, ch, mean, rstd, parts_g.data() + k * ch,
                     parts_gx.data() + k * ch);
    });
    const std::vector<double> sum_g = join(parts_g, blocks, ch), sum_gx = join(parts_gx, blocks, ch);
    std::vector<T> scale(n), shift(n), slope(n);
    for (size_t i = 0; i < n; ++i) {
      dw[i] = static_cast<T>(sum_gx[i]);
      db[i] = static_cast<T>(sum_g[i]);
      scale[i] = rstd[i] * (w ? w[i] : T(1));
      // With fixed statistics the gradient is the scale alone.
      shift[i] = a.training ? static_cast<T>(sum_g[i] / static_cast<double>(m)) : T(0);
      slope[i] = a.training ? static_cast<T>(sum_gx[i] / static_cast<double>(m)) * rstd[i] : T(0);
    }
    for_row_blocks(m, [&](int64_t, int64_t first, int64_t count) {
      rows.grad(g + first * ch, p + first * ch, dx + first * ch, count, ch, scale.data(), shift.data(), mean,
                slope.data());
    });
  });
  result.done();
}

}  // namespace hearth::cpu
#endif
