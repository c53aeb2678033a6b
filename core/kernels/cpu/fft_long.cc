// Bailey's four steps ("FFTs in external or hierarchical memory", 1990): with n = n1 n2, the columns of [n1, n2] are
// transformed, times twiddles, and then the rows; the result is read by columns.
#include "core/kernels/cpu/fft_long.h"

#include <algorithm>

#include "core/base/parallel.h"
#include "core/kernels/cpu/fft_lanes.h"
#include "core/kernels/cpu/fft_scratch.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // pairs for which a second thread is worth waking

// `lanes` columns of [rows, columns], beginning with `first`, as a block. Lanes without a column become 0.
template <class T>
void load_columns(const FftLanes<T>& f, const T* from, int64_t rows, int64_t columns, int64_t first, T* re, T* im) {
  const int64_t count = std::min(f.lanes, columns - first);
  if (count == f.lanes) return f.split(from + 2 * first, 2 * columns, re, im, rows);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t l = 0; l < f.lanes; ++l) {
      const T* p = from + 2 * (i * columns + first + l);
      re[i * f.lanes + l] = l < count ? p[0] : 0;
      im[i * f.lanes + l] = l < count ? p[1] : 0;
    }
  }
}

template <class T>
void four_steps(const FftPlan<T>& plan, const T* from, T* to, bool inverse, T factor) {
  const FftLanes<T>& f = fft_lanes<T>();
  const int64_t n1 = plan.n1, n2 = plan.n2, lanes = f.lanes;
  const FftPlan<T>&first = *plan.first, &second = *plan.second;
  const FftScratch<T> middle(2 * plan.n);
  T* const turned = middle.data();  // [n2, n1]
  const auto blocks = [lanes](int64_t n) { return 2 * n * lanes; };
  const auto groups = [lanes](int64_t n) { return (n + lanes - 1) / lanes; };
  const auto grain = [lanes](int64_t n) { return std::max<int64_t>(kGrain / (n * lanes), 1); };
  parallel_for(groups(n2), grain(n1), [&](int64_t begin, int64_t end) {
    const FftScratch<T> scratch(2 * blocks(n1));
    for (int64_t g = begin; g < end; ++g) {
      const int64_t column = g * lanes, count = std::min(lanes, n2 - column);
      T *a = scratch.data(), *b = a + blocks(n1), *re = a, *im = a + n1 * lanes;
      if (inverse) std::swap(re, im);
      load_columns(f, from, n1, n2, column, re, im);
      T* const r = f.transform(first, a, b);
      f.twist(plan, r, column);
      T* const rows = turned + 2 * column * n1;
      if (count == lanes) {
        f.store_rows(r, r + n1 * lanes, rows, 2 * n1, n1, 1);
        continue;
      }
      for (int64_t l = 0; l < count; ++l) {
        for (int64_t k = 0; k < n1; ++k) {
          rows[2 * (l * n1 + k)] = r[k * lanes + l];
          rows[2 * (l * n1 + k) + 1] = r[(n1 + k) * lanes + l];
        }
      }
    }
  });
  parallel_for(groups(n1), grain(n2), [&](int64_t begin, int64_t end) {
    const FftScratch<T> scratch(2 * blocks(n2));
    for (int64_t g = begin; g < end; ++g) {
      const int64_t column = g * lanes, count = std::min(lanes, n1 - column);
      T *a = scratch.data(), *b = a + blocks(n2);
      load_columns(f, turned, n2, n1, column, a, a + n2 * lanes);
      T* const r = f.transform(second, a, b);
      const T *re = r, *im = r + n2 * lanes;
      if (inverse) std::swap(re, im);
      if (count == lanes) {
        f.join(re, im, to + 2 * column, 2 * n1, n2, factor);
        continue;
      }
      for (int64_t i = 0; i < n2; ++i) {
        for (int64_t l = 0; l < count; ++l) {
          T* p = to + 2 * (i * n1 + column + l);
          p[0] = re[i * lanes + l] * factor;
          p[1] = im[i * lanes + l] * factor;
        }
      }
    }
  });
}

}  // namespace

template <class T>
void fft_long(const FftPlan<T>& plan, const T* from, T* to, bool inverse, T factor) {
  if (!plan.convolves()) return four_steps(plan, from, to, inverse, factor);
  // An inverse transform is the conjugate of the forward one of the conjugate.
  const int64_t n = plan.n, m = plan.padded;
  const T sign = inverse ? -1 : 1;
  const FftScratch<T> padded(2 * m);
  T* const p = padded.data();
  const auto multiply = [sign](const T* a, T* out, const T* b, int64_t count, T f, bool before, bool after) {
    parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T re = a[2 * i], im = before ? sign * a[2 * i + 1] : a[2 * i + 1], wr = b[2 * i], wi = b[2 * i + 1];
        const T x = (re * wr - im * wi) * f, y = (re * wi + im * wr) * f;
        out[2 * i] = x;
        out[2 * i + 1] = after ? sign * y : y;
      }
    });
  };
  multiply(from, p, plan.chirp.data(), n, 1, true, false);
  std::fill(p + 2 * n, p + 2 * m, T(0));
  four_steps(*plan.convolution, p, p, false, T(1));
  multiply(p, p, plan.spectrum.data(), m, 1, false, false);
  four_steps(*plan.convolution, p, p, true, T(1));
  multiply(p, to, plan.chirp.data(), n, factor, false, true);
}

template void fft_long(const FftPlan<float>&, const float*, float*, bool, float);
template void fft_long(const FftPlan<double>&, const double*, double*, bool, double);

}  // namespace hearth::cpu
