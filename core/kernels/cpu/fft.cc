#include "core/kernels/fft.h"

#include <algorithm>
#include <array>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/fft_lanes.h"
#include "core/kernels/cpu/fft_long.h"
#include "core/kernels/cpu/fft_scratch.h"
#include "core/op/attrs/fft.h"
#include "core/op/op_call.h"

namespace hearth::cpu {

namespace {

constexpr int64_t kGrain = 1 << 14;        // numbers for which a second thread is worth waking
constexpr int64_t kCachedBlock = 2 << 20;  // bytes of two blocks beyond which a transform is cut in two
constexpr int64_t kLong = 1024;            // numbers from which one is cut as well

// A row-major array seen along one dimension: line t has its numbers `inner` apart, from at(t) on.
struct Lines {
  int64_t outer, n, inner;
  Lines(const Shape& shape, int d) : outer(1), n(shape[d]), inner(1) {
    for (int i = 0; i < d; ++i) outer *= shape[i];
    for (int i = d + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
  int64_t count() const { return outer * inner; }
  int64_t at(int64_t t) const { return t / inner * n * inner + t % inner; }
  // Lines [first, first + count) lie beside each other.
  bool adjacent(int64_t first, int64_t count) const { return inner > 1 && first % inner + count <= inner; }
};

// Groups of lines that are transformed together. They do not cross from one run of adjacent lines into the next where
// such a run fills a register.
struct Groups {
  const Lines& lines;
  int64_t lanes, per_run, runs;
  Groups(const Lines& l, int64_t n) : lines(l), lanes(n) {
    const bool split = l.inner >= n;
    runs = split ? l.outer : 1;
    per_run = ((split ? l.inner : l.count()) + n - 1) / n;
  }
  int64_t count() const { return runs * per_run; }
  void bounds(int64_t g, int64_t& first, int64_t& size) const {
    const int64_t run = lines.count() / runs;
    first = g / per_run * run + g % per_run * lanes;
    size = std::min(lanes, run - g % per_run * lanes);
  }
};

// ---- Between memory and blocks.

// Complex numbers of `size` lines as real parts and imaginary parts, [k][lane]. Lanes without a line become 0.
template <class T>
void load_lines(const FftLanes<T>& f, const T* from, const Lines& lines, int64_t first, int64_t size, T* re, T* im) {
  const int64_t n = lines.n, lanes = f.lanes, step = 2 * lines.inner;
  const T* const p = from + 2 * lines.at(first);
  if (size == lanes && lines.inner == 1) return f.load_rows(p, 2 * n, n, re, im);
  if (size == lanes && lines.adjacent(first, size)) return f.split(p, step, re, im, n);
  std::fill_n(re, n * lanes, T(0));
  std::fill_n(im, n * lanes, T(0));
  for (int64_t l = 0; l < size; ++l) {
    const T* line = from + 2 * lines.at(first + l);
    for (int64_t k = 0; k < n; ++k) {
      re[k * lanes + l] = line[k * step];
      im[k * lanes + l] = line[k * step + 1];
    }
  }
}
template <class T>
void store_lines(const FftLanes<T>& f, const T* re, const T* im, const Lines& lines, int64_t first, int64_t size, T* to,
                 T factor) {
  const int64_t n = lines.n, lanes = f.lanes, step = 2 * lines.inner;
  T* const p = to + 2 * lines.at(first);
  if (size == lanes && lines.inner == 1) return f.store_rows(re, im, p, 2 * n, n, factor);
  if (size == lanes && lines.adjacent(first, size)) return f.join(re, im, p, step, n, factor);
  for (int64_t l = 0; l < size; ++l) {
    T* line = to + 2 * lines.at(first + l);
    for (int64_t k = 0; k < n; ++k) {
      line[k * step] = re[k * lanes + l] * factor;
      line[k * step + 1] = im[k * lanes + l] * factor;
    }
  }
}
// Register k of real numbers: number k of each line.
template <class T>
void load_reals(const T* from, const Lines& lines, int64_t first, int64_t size, int64_t lanes, int64_t k, T* to) {
  if (lines.adjacent(first, size)) {
    std::copy_n(from + lines.at(first) + k * lines.inner, size, to);
  } else {
    for (int64_t l = 0; l < size; ++l) to[l] = from[lines.at(first + l) + k * lines.inner];
  }
  std::fill(to + size, to + lanes, T(0));
}
template <class T>
void store_reals(const T* from, const Lines& lines, int64_t first, int64_t size, int64_t k, T factor, T* to) {
  for (int64_t l = 0; l < size; ++l) to[lines.at(first + l) + k * lines.inner] = from[l] * factor;
}

// Every `step`th number of z as line t.
template <class T>
void store_line(const T* z, int64_t step, const Lines& lines, int64_t t, T* to) {
  T* const line = to + lines.at(t);
  for (int64_t k = 0; k < lines.n; ++k) line[k * lines.inner] = z[k * step];
}

template <class T>
bool cut_in_two(const FftPlan<T>& plan, int64_t lanes) {
  // By the length alone: a line has the same bits beside others as without them.
  const int64_t bytes = 4 * std::max(plan.n, plan.padded) * lanes * static_cast<int64_t>(sizeof(T));
  return cuts(plan) && (bytes > kCachedBlock || plan.n >= kLong);
}

// use(line, memory for `numbers` numbers) for lines that are cut; where there are several, each in one thread.
template <class T, class F>
void for_cut_lines(const Lines& lines, int64_t numbers, F use) {
  parallel_for(lines.count(), 1, [&](int64_t begin, int64_t end) {
    const FftScratch<T> scratch(numbers);
    for (int64_t t = begin; t < end; ++t) use(t, scratch.data());
  });
}

// use(group's first line, its size, block a, block b) for all groups. A block has 2 `numbers` registers.
template <class T, class F>
void for_groups(const Lines& lines, int64_t lanes, int64_t numbers, F use) {
  const Groups groups(lines, lanes);
  const int64_t block = 2 * numbers * lanes;
  parallel_for(groups.count(), std::max<int64_t>(kGrain / (lines.n * lanes), 1), [&](int64_t begin, int64_t end) {
    const FftScratch<T> scratch(2 * block);
    for (int64_t g = begin; g < end; ++g) {
      int64_t first, size;
      groups.bounds(g, first, size);
      use(first, size, scratch.data(), scratch.data() + block);
    }
  });
}

// ---- One dimension.

template <class T>
void c2c(const T* from, T* to, const Lines& lines, bool inverse, T factor) {
  const auto plan = fft_plan<T>(lines.n);
  const FftLanes<T>& f = fft_lanes<T>();
  const int64_t n = lines.n, lanes = f.lanes;
  if (cut_in_two(*plan, lanes)) {
    return for_cut_lines<T>(lines, lines.inner == 1 ? 0 : 2 * n, [&](int64_t t, T* p) {
      const int64_t at = 2 * lines.at(t), step = 2 * lines.inner;
      if (lines.inner == 1) return fft_long(*plan, from + at, to + at, inverse, factor);
      for (int64_t k = 0; k < n; ++k) std::copy_n(from + at + k * step, 2, p + 2 * k);
      fft_long(*plan, p, p, inverse, factor);
      for (int64_t k = 0; k < n; ++k) std::copy_n(p + 2 * k, 2, to + at + k * step);
    });
  }
  for_groups<T>(lines, lanes, std::max(n, plan->padded), [&](int64_t first, int64_t size, T* a, T* b) {
    T *re = a, *im = a + n * lanes;
    if (inverse) std::swap(re, im);
    load_lines(f, from, lines, first, size, re, im);
    T* const r = f.transform(*plan, a, b);
    T *out_re = r, *out_im = r + n * lanes;
    if (inverse) std::swap(out_re, out_im);
    store_lines(f, out_re, out_im, lines, first, size, to, factor);
  });
}

// Of real numbers the first n / 2 + 1 results; the others are their conjugates.
template <class T>
void r2c(const T* from, T* to, const Lines& in, const Lines& out, bool inverse, T factor) {
  const FftLanes<T>& f = fft_lanes<T>();
  const int64_t n = in.n, m = out.n, lanes = f.lanes;
  const bool even = n % 2 == 0;
  const int64_t h = even ? n / 2 : n;
  const auto plan = fft_plan<T>(h);
  const auto twiddles = even ? fft_real_twiddles<T>(n) : nullptr;
  if (cut_in_two(*plan, lanes)) {
    return for_cut_lines<T>(in, 2 * (h + 1), [&](int64_t t, T* z) {
      for (int64_t k = 0; k < n; ++k) {
        const T v = from[in.at(t) + k * in.inner];
        if (even) z[k] = v;
        else z[2 * k] = v, z[2 * k + 1] = 0;
      }
      fft_long(*plan, z, z, false, T(1));
      const auto put = [&](int64_t k, T re, T im) {
        T* p = to + 2 * (out.at(t) + k * out.inner);
        p[0] = re * factor;
        p[1] = (inverse ? -im : im) * factor;
      };
      if (!even) {
        for (int64_t k = 0; k < m; ++k) put(k, z[2 * k], z[2 * k + 1]);
        return;
      }
      const T* const w = twiddles->data();
      for (int64_t k = 0; k < m; ++k) {
        const T *a = z + 2 * (k % h), *b = z + 2 * ((h - k) % h);
        const T er = (a[0] + b[0]) / 2, ei = (a[1] - b[1]) / 2, dr = (a[1] + b[1]) / 2, di = (b[0] - a[0]) / 2;
        put(k, er + (dr * w[2 * k] - di * w[2 * k + 1]), ei + (dr * w[2 * k + 1] + di * w[2 * k]));
      }
    });
  }
  const bool rows = in.inner == 1 && even;
  Lines halves = in;
  halves.n = h;
  for_groups<T>(in, lanes, std::max(h + 1, plan->padded), [&](int64_t first, int64_t size, T* a, T* b) {
    T *re = a, *im = a + h * lanes;
    if (rows) {
      load_lines(f, from, halves, first, size, re, im);
    } else if (even) {
      for (int64_t k = 0; k < h; ++k) {
        load_reals(from, in, first, size, lanes, 2 * k, re + k * lanes);
        load_reals(from, in, first, size, lanes, 2 * k + 1, im + k * lanes);
      }
    } else {
      for (int64_t k = 0; k < n; ++k) load_reals(from, in, first, size, lanes, k, re + k * lanes);
      std::fill_n(im, n * lanes, T(0));
    }
    T* const r = f.transform(*plan, a, b);
    T *out_re = r, *out_im = r + h * lanes;
    if (even) {
      out_re = r == a ? b : a;
      out_im = out_re + m * lanes;
      f.untangle(r, twiddles->data(), out_re, out_im, h);
    }
    // The inverse transform of real numbers is the conjugate of the forward one.
    for (int64_t i = 0; inverse && i < m * lanes; ++i) out_im[i] = -out_im[i];
    store_lines(f, out_re, out_im, out, first, size, to, factor);
  });
}

// The other way: from n / 2 + 1 numbers, whose conjugates are the others, n real ones.
template <class T>
void c2r(const T* from, T* to, const Lines& in, const Lines& out, bool inverse, T factor) {
  const FftLanes<T>& f = fft_lanes<T>();
  const int64_t n = out.n, m = in.n, lanes = f.lanes;
  const bool even = n % 2 == 0;
  const int64_t h = even ? n / 2 : n;
  const auto plan = fft_plan<T>(h);
  const auto twiddles = even ? fft_real_twiddles<T>(n) : nullptr;
  if (cut_in_two(*plan, lanes)) {
    return for_cut_lines<T>(in, 2 * h, [&](int64_t t, T* z) {
      // The forward transform gives the real numbers of the conjugate.
      const auto get = [&](int64_t k) -> std::array<T, 2> {
        const T* p = from + 2 * (in.at(t) + k * in.inner);
        if (k == 0 || 2 * k == n) return {p[0], 0};
        return {p[0], inverse ? p[1] : -p[1]};
      };
      if (even) {
        const T* const w = twiddles->data();
        for (int64_t k = 0; k < h; ++k) {
          const auto a = get(k), b = get(h - k);
          const T er = a[0] + b[0], ei = a[1] - b[1], dr = a[0] - b[0], di = a[1] + b[1];
          const T wr = w[2 * k], wi = -w[2 * k + 1];
          const T re = dr * wr - di * wi, im = dr * wi + di * wr;
          z[2 * k] = er - im;
          z[2 * k + 1] = ei + re;
        }
      } else {
        for (int64_t k = 0; k < m; ++k) {
          const auto a = get(k);
          z[2 * k] = a[0];
          z[2 * k + 1] = a[1];
          if (k == 0) continue;
          z[2 * (n - k)] = a[0];
          z[2 * (n - k) + 1] = -a[1];
        }
      }
      fft_long(*plan, z, z, true, factor);
      store_line(z, even ? 1 : 2, out, t, to);
    });
  }
  const bool rows = out.inner == 1 && even;
  Lines halves = out;
  halves.n = h;
  for_groups<T>(in, lanes, std::max(h + 1, plan->padded), [&](int64_t first, int64_t size, T* a, T* b) {
    T *in_re = b, *in_im = b + m * lanes;
    load_lines(f, from, in, first, size, in_re, in_im);
    for (int64_t i = 0; !inverse && i < m * lanes; ++i) in_im[i] = -in_im[i];
    if (even) {
      f.tangle(in_re, in_im, twiddles->data(), a, h);
    } else {
      // Exchanged: imaginary parts first.
      T *im = a, *re = a + n * lanes;
      for (int64_t k = 0; k < m; ++k) {
        for (int64_t l = 0; l < lanes; ++l) {
          const T x = in_re[k * lanes + l], y = k == 0 ? 0 : in_im[k * lanes + l];
          re[k * lanes + l] = x;
          im[k * lanes + l] = y;
          if (k == 0) continue;
          re[(n - k) * lanes + l] = x;
          im[(n - k) * lanes + l] = -y;
        }
      }
    }
    T* const r = f.transform(*plan, a, b);
    T *im = r, *re = r + h * lanes;
    if (rows) {
      store_lines(f, re, im, halves, first, size, to, factor);
    } else if (even) {
      for (int64_t k = 0; k < h; ++k) {
        store_reals(re + k * lanes, out, first, size, 2 * k, factor, to);
        store_reals(im + k * lanes, out, first, size, 2 * k + 1, factor, to);
      }
    } else {
      for (int64_t k = 0; k < n; ++k) store_reals(re + k * lanes, out, first, size, k, factor, to);
    }
  });
}

// ---- Any number of dimensions.

// Row-major, and where pairs of it are taken for one number of twice the size, aligned to that.
Tensor ready(const Tensor& x) {
  const Tensor t = row_major(x);
  const auto size = t.is_complex() ? t.itemsize() : 2 * t.itemsize();
  if (reinterpret_cast<uintptr_t>(t.raw_data()) % size == 0) return t;
  Tensor to = hearth::detail::empty(t.shape(), t.dtype(), t.device());
  copy_tensor(to, t);
  return to;
}
template <class T>
T* numbers(const Tensor& t) {
  return static_cast<T*>(t.impl()->data());
}

// dims but the last `skip`, one after the other. The first takes `from`, the others what came before.
template <class T>
void c2c_dims(const T* from, const Tensor& to, const Dims& dims, int skip, bool inverse, T factor) {
  for (int i = dims.rank() - skip; i-- > 0;) {
    const Lines lines(to.shape(), static_cast<int>(dims[i]));
    c2c(from, numbers<T>(to), lines, inverse, factor);
    from = numbers<T>(to);
    factor = 1;
  }
}

template <class F>
void by_precision(const Tensor& t, F f) {
  real_type(t.dtype()) == DType::kF64 ? f(double{}) : f(float{});
}

}  // namespace

void fft_c2c(OpCall& c) {
  const auto& a = c.attrs_as<FftAttrs>();
  if (c.out[0].numel() == 0) return;
  const Tensor x = ready(c.input(0));
  by_precision(x,
               [&]<class T>(T) { c2c_dims(numbers<T>(x), c.out[0], a.dims, 0, a.inverse, static_cast<T>(a.factor)); });
}

void fft_r2c(OpCall& c) {
  const auto& a = c.attrs_as<FftAttrs>();
  const Tensor& out = c.out[0];
  if (out.numel() == 0) return;
  const Tensor x = ready(c.input(0));
  const auto last = static_cast<int>(a.dims.back());
  by_precision(x, [&]<class T>(T) {
    const T factor = static_cast<T>(a.factor);
    r2c(numbers<T>(x), numbers<T>(out), Lines(x.shape(), last), Lines(out.shape(), last), a.inverse, factor);
    c2c_dims(numbers<T>(out), out, a.dims, 1, a.inverse, T(1));
  });
}

void fft_c2r(OpCall& c) {
  const auto& a = c.attrs_as<FftAttrs>();
  const Tensor& out = c.out[0];
  if (out.numel() == 0) return;
  Tensor x = ready(c.input(0));
  const auto last = static_cast<int>(a.dims.back());
  by_precision(x, [&]<class T>(T) {
    if (a.dims.rank() > 1) {
      const Tensor middle = hearth::detail::empty(x.shape(), x.dtype(), x.device());
      c2c_dims(numbers<T>(x), middle, a.dims, 1, a.inverse, T(1));
      x = middle;
    }
    const T factor = static_cast<T>(a.factor);
    c2r(numbers<T>(x), numbers<T>(out), Lines(x.shape(), last), Lines(out.shape(), last), a.inverse, factor);
  });
}

}  // namespace hearth::cpu
