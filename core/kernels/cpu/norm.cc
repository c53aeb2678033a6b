#include "core/kernels/norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/channels_last.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/norm_rows.h"
#include "core/kernels/cpu/result.h"
#include "core/op/attrs/norm.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/norm.cc"
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
constexpr NormRows<T> kNormRows{layer_norm_row<T>, layer_norm_grad_row<T>, channel_sums<T>,
                                channel_scale<T>,  channel_grad_sums<T>,   channel_grad<T>};

const void* norm_rows(bool is_double) {
  return is_double ? static_cast<const void*>(&kNormRows<double>) : static_cast<const void*>(&kNormRows<float>);
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(norm_rows);

namespace {

// f(rows of the compute type, T{}): f64's, or f32's for f32, f16 and bf16.
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
T* data(const Tensor& t) {
  return static_cast<T*>(t.impl()->data());
}

constexpr int64_t kGrain = 16384;
int64_t row_grain(int64_t n) { return std::max<int64_t>(kGrain / std::max<int64_t>(n, 1), 1); }

// Writes all elements of a small result.
template <class T>
void store(const Tensor& to, const std::vector<T>& values) {
  const DenseWriter<T> out(to);
  T* place = out.place(0, const_cast<T*>(values.data()));
  if (place != values.data()) std::copy(values.begin(), values.end(), place);
  out.write(0, static_cast<int64_t>(values.size()), values.data());
}

}  // namespace

void layer_norm(OpCall& c) {
  const auto& a = c.attrs_as<LayerNormAttrs>();
  const Tensor& x = c.input(0);
  const int64_t rows_n = c.out[1].numel(), n = rows_n ? x.numel() / rows_n : 0;
  with_rows(c, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const DenseReader<T> in(x);
    const DenseWriter<T> out(c.out[0]);
    const DenseValues<T> w(c.in[1]), b(c.in[2]);
    T *mean = data<T>(c.out[1]), *rstd = data<T>(c.out[2]);
    parallel_for(rows_n, row_grain(n), [&](int64_t begin, int64_t end) {
      std::vector<T> buffer(in.converts() || out.converts() ? static_cast<size_t>(n) : 0);
      for (int64_t i = begin; i < end; ++i) {
        T* const to = out.place(i * n, buffer.data());
        rows.layer(in.read(i * n, n, buffer.data()), w.data(), b.data(), to, n, a.eps, a.center, mean + i, rstd + i);
        out.write(i * n, n, to);
      }
    });
  });
}

void layer_norm_grad(OpCall& c) {
  const auto& a = c.attrs_as<LayerNormAttrs>();
  const int64_t rows_n = c.input(3).numel(), n = c.out[1].numel();
  with_rows(c, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const DenseReader<T> gradient(c.input(0)), in(c.input(1));
    const DenseWriter<T> out(c.out[0]);
    const DenseValues<T> w(c.in[2]);
    const DenseValues<T> means(c.in[3]), rstds(c.in[4]);
    const T *mean = means.data(), *rstd = rstds.data();
    // Weight gradients of fixed groups of rows, summed in their order.
    const int64_t group = std::max<int64_t>((rows_n + 15) / 16, 1), groups = (rows_n + group - 1) / group;
    std::vector<T> part(static_cast<size_t>(2 * groups * n));
    parallel_for(groups, 1, [&](int64_t begin, int64_t end) {
      std::vector<T> buffer(static_cast<size_t>(2 * n));
      T *first = buffer.data(), *second = first + n;
      for (int64_t k = begin; k < end; ++k) {
        T *dw = part.data() + 2 * k * n, *db = dw + n;
        for (int64_t i = k * group; i < std::min(rows_n, (k + 1) * group); ++i) {
          T* const to = out.place(i * n, second);
          rows.layer_grad(gradient.read(i * n, n, first), in.read(i * n, n, second), w.data(), mean[i], rstd[i], to, dw,
                          db, n, a.center);
          out.write(i * n, n, to);
        }
      }
    });
    std::vector<T> dw(static_cast<size_t>(n)), db(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      double sw = 0, sb = 0;
      for (int64_t k = 0; k < groups; ++k) {
        sw += static_cast<double>(part[static_cast<size_t>(2 * k * n + i)]);
        sb += static_cast<double>(part[static_cast<size_t>((2 * k + 1) * n + i)]);
      }
      dw[static_cast<size_t>(i)] = static_cast<T>(sw);
      db[static_cast<size_t>(i)] = static_cast<T>(sb);
    }
    store(c.out[1], dw);
    store(c.out[2], db);
  });
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
  with_rows(c, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const auto n = static_cast<size_t>(ch);
    const Tensor image = channels_last(x, dtype_of<T>);
    Result result(c, 0, dtype_of<T>);
    const DenseValues<T> weight(c.in[1]), bias(c.in[2]), running_mean(c.in[3]), running_var(c.in[4]);
    const T *p = data<T>(image), *w = weight.data(), *b = bias.data();
    T *y = data<T>(result.tensor()), *mean = data<T>(c.out[1]), *rstd = data<T>(c.out[2]);
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
      const T *rm = running_mean.data(), *rv = running_var.data();
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
    result.done();
  });
}

void batch_norm_grad(OpCall& c) {
  const auto& a = c.attrs_as<BatchNormAttrs>();
  const Tensor& x = c.input(1);
  const int64_t ch = c.input(3).numel(), m = ch ? x.numel() / ch : 0;
  with_rows(c, [&](const auto& rows, auto zero) {
    using T = decltype(zero);
    const auto n = static_cast<size_t>(ch);
    const Tensor gradient = channels_last(c.input(0), dtype_of<T>), image = channels_last(x, dtype_of<T>);
    Result result(c, 0, dtype_of<T>);
    const DenseValues<T> weight(c.in[2]), means(c.in[3]), rstds(c.in[4]);
    const T *g = data<T>(gradient), *p = data<T>(image), *w = weight.data(), *mean = means.data(), *rstd = rstds.data();
    T* dx = data<T>(result.tensor());
    std::vector<T> dw(n), db(n);
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
    result.done();
    store(c.out[1], dw);
    store(c.out[2], db);
  });
}

}  // namespace hearth::cpu
#endif
