#include "vision/kernels/cpu/resample.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "vision/kernels/cpu/resample.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef HEARTH_VISION_RESAMPLE_ONCE
#define HEARTH_VISION_RESAMPLE_ONCE
namespace hearth::vision::cpu {

constexpr int64_t kLanes = 16;  // rows that are summed side by side
#ifdef HEARTH_ASAN
constexpr size_t kRegisterBytes = 32;  // GCC 12's AddressSanitizer aligns its stack to no more
#else
constexpr size_t kRegisterBytes = 64;
#endif

// Taps with their weights in the type of the sums.
template <class W>
struct Line {
  const int64_t *first, *start;
  int64_t to, lowest, highest;
  const W* weight;
};

}  // namespace hearth::vision::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace hearth::vision::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kFixedBits = 22;  // Pillow's: 8 bits of pixel and a weight below 2 fill an i32

// What a sum starts with, and the pixel that it ends as.
template <class W>
HWY_INLINE W initial() {
  if constexpr (std::is_same_v<W, int32_t>) return 1 << (kFixedBits - 1);
  else return W(0);
}
template <class Out, class W>
HWY_INLINE Out finished(W sum) {
  if constexpr (std::is_same_v<W, int32_t>) {
    const int32_t v = sum >> kFixedBits;
    return static_cast<Out>(v < 0 ? 0 : v > 255 ? 255 : v);
  } else if constexpr (std::is_same_v<Out, uint8_t>) {
    // Adding 1.5 * 2^23 leaves no bits for a fraction: the sum is rounded to even.
    const float clamped = sum > 0.0f ? (sum < 255.0f ? sum : 255.0f) : 0.0f;
    return static_cast<Out>(static_cast<int32_t>((clamped + 12582912.0f) - 12582912.0f));
  } else {
    return sum;
  }
}

// to[c * kLanes + r] = from(r)[c] for kLanes rows and columns.
template <class T, class From>
HWY_INLINE void turn(From from, T* HWY_RESTRICT to) {
  for (int64_t c = 0; c < kLanes; ++c) {
    for (int64_t r = 0; r < kLanes; ++r) to[c * kLanes + r] = from(r)[c];
  }
}
#if HWY_TARGET != HWY_SCALAR
template <class From>
HWY_INLINE void turn(From from, uint8_t* HWY_RESTRICT to) {
  static_assert(kLanes == 16);
  const hn::FixedTag<uint8_t, 16> d;
  using V = hn::Vec<decltype(d)>;
  V a[16], b[16];
  for (int64_t r = 0; r < 16; ++r) a[r] = hn::LoadU(d, from(r));
  // Each round shuffles the two halves of all bytes into one another; four times that is the transpose.
  const auto round = [&](const V(&x)[16], V(&y)[16]) HWY_ATTR {
    for (int i = 0; i < 8; ++i) {
      y[2 * i] = hn::InterleaveLower(d, x[i], x[i + 8]);
      y[2 * i + 1] = hn::InterleaveUpper(d, x[i], x[i + 8]);
    }
  };
  round(a, b);
  round(b, a);
  round(a, b);
  round(b, a);
  for (int64_t c = 0; c < 16; ++c) hn::StoreU(a[c], d, to + c * 16);
}
#endif

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const hn::TFromD<D>* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const uint8_t* p) {
  const hn::Rebind<int32_t, D> di;
  const auto v = hn::PromoteTo(di, hn::LoadU(hn::Rebind<uint8_t, D>(), p));
  if constexpr (std::is_same_v<hn::TFromD<D>, float>) return hn::ConvertTo(d, v);
  else return v;
}
// Stores what finished() gives for each lane.
template <class D>
HWY_INLINE void store_finished(D d, hn::Vec<D> sum, hn::TFromD<D>* p) {
  hn::StoreU(sum, d, p);
}
template <class D>
HWY_INLINE void store_finished(D, hn::Vec<D> sum, uint8_t* p) {
  const hn::Rebind<uint8_t, D> d8;
  hn::StoreU(hn::DemoteTo(d8, hn::ShiftRight<kFixedBits>(sum)), d8, p);  // which saturates
}

// Sums along up to kLanes rows at once. They are laid beside each other in `beside`, so that a register holds one
// column of all of them: each sum adds the same numbers in the same order as if it were alone.
template <class In, class W, class Out>
void sum_rows(const In* in, int64_t stride, int64_t rows, const Line<W>& line, In* HWY_RESTRICT beside, Out* out,
              int64_t out_stride) {
  // Where there are fewer rows the last one stands for those that are missing.
  const auto row = [&](int64_t r) { return in + std::min(r, rows - 1) * stride; };
  int64_t x = line.lowest;
  for (; x + kLanes <= line.highest; x += kLanes)
    turn([&](int64_t r) { return row(r) + x; }, beside + (x - line.lowest) * kLanes);
  for (; x < line.highest; ++x) {
    for (int64_t r = 0; r < kLanes; ++r) beside[(x - line.lowest) * kLanes + r] = row(r)[x];
  }
  Out done[kLanes * kLanes], turned[kLanes * kLanes];
  for (int64_t o = 0; o < line.to; ++o) {
    const int64_t column = o % kLanes;
    // Left to itself GCC makes scalar code of this loop.
    const hn::CappedTag<W, kRegisterBytes / sizeof(W)> d;
    for (int64_t l = 0; l < kLanes; l += static_cast<int64_t>(hn::Lanes(d))) {
      const In* HWY_RESTRICT v = beside + (line.first[o] - line.lowest) * kLanes + l;
      auto sum = hn::Set(d, initial<W>());
      for (int64_t k = line.start[o]; k < line.start[o + 1]; ++k, v += kLanes)
        sum = hn::Add(sum, hn::Mul(hn::Set(d, line.weight[k]), load(d, v)));
      store_finished(d, sum, done + column * kLanes + l);
    }
    if (column == kLanes - 1) {
      turn([&](int64_t c) { return done + c * kLanes; }, turned);
      for (int64_t l = 0; l < rows; ++l)
        std::memcpy(out + l * out_stride + o - column, turned + l * kLanes, kLanes * sizeof(Out));
    } else if (o == line.to - 1) {
      for (int64_t l = 0; l < rows; ++l) {
        for (int64_t c = 0; c <= column; ++c) out[l * out_stride + o - column + c] = done[c * kLanes + l];
      }
    }
  }
}

// Sums of whole rows: one row of the result.
template <class In, class W, class Out>
void sum_column(const In* HWY_RESTRICT in, int64_t width, const W* HWY_RESTRICT weight, int64_t count,
                Out* HWY_RESTRICT out) {
  constexpr int64_t kBlock = 64;
  int64_t x = 0;
  for (; x + kBlock <= width; x += kBlock) {
    W sum[kBlock];
    for (int64_t l = 0; l < kBlock; ++l) sum[l] = initial<W>();
    for (int64_t k = 0; k < count; ++k) {
      const W w = weight[k];
      const In* HWY_RESTRICT v = in + k * width + x;
      for (int64_t l = 0; l < kBlock; ++l) sum[l] += w * static_cast<W>(v[l]);
    }
    for (int64_t l = 0; l < kBlock; ++l) out[x + l] = finished<Out>(sum[l]);
  }
  for (; x < width; ++x) {
    W sum = initial<W>();
    for (int64_t k = 0; k < count; ++k) sum += weight[k] * static_cast<W>(in[k * width + x]);
    out[x] = finished<Out>(sum);
  }
}

void rows_f32(const float* in, int64_t stride, int64_t rows, const Line<float>& line, float* beside, float* out,
              int64_t out_stride) {
  sum_rows(in, stride, rows, line, beside, out, out_stride);
}
void rows_f64(const double* in, int64_t stride, int64_t rows, const Line<double>& line, double* beside, double* out,
              int64_t out_stride) {
  sum_rows(in, stride, rows, line, beside, out, out_stride);
}
void rows_fixed(const uint8_t* in, int64_t stride, int64_t rows, const Line<int32_t>& line, uint8_t* beside,
                uint8_t* out, int64_t out_stride) {
  sum_rows(in, stride, rows, line, beside, out, out_stride);
}
void rows_rounded(const uint8_t* in, int64_t stride, int64_t rows, const Line<float>& line, uint8_t* beside, float* out,
                  int64_t out_stride) {
  sum_rows(in, stride, rows, line, beside, out, out_stride);
}
void column_f32(const float* in, int64_t width, const float* weight, int64_t count, float* out) {
  sum_column(in, width, weight, count, out);
}
void column_f64(const double* in, int64_t width, const double* weight, int64_t count, double* out) {
  sum_column(in, width, weight, count, out);
}
void column_fixed(const uint8_t* in, int64_t width, const int32_t* weight, int64_t count, uint8_t* out) {
  sum_column(in, width, weight, count, out);
}
void column_rounded(const float* in, int64_t width, const float* weight, int64_t count, uint8_t* out) {
  sum_column(in, width, weight, count, out);
}

}  // namespace hearth::vision::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::vision::cpu {
HWY_EXPORT(rows_f32);
HWY_EXPORT(rows_f64);
HWY_EXPORT(rows_fixed);
HWY_EXPORT(rows_rounded);
HWY_EXPORT(column_f32);
HWY_EXPORT(column_f64);
HWY_EXPORT(column_fixed);
HWY_EXPORT(column_rounded);

namespace {

constexpr int64_t kGrain = 1 << 16;  // multiplications

template <class W>
std::vector<W> weights(const Taps& t) {
  std::vector<W> out(t.weight.size());
  for (size_t i = 0; i < out.size(); ++i) {
    if constexpr (std::is_same_v<W, int32_t>) {
      const double w = t.weight[i] * (1 << 22);
      out[i] = static_cast<int32_t>(w < 0 ? w - 0.5 : w + 0.5);
    } else {
      out[i] = static_cast<W>(t.weight[i]);
    }
  }
  return out;
}

int64_t grain(int64_t cost) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(cost, 1)); }

// The planes of an image tensor of rank 3 or 4 whose rows lie in one piece.
struct Planes {
  explicit Planes(const Tensor& t) {
    const Shape& s = t.shape();
    const int r = s.rank();
    channels = s[r - 3];
    count = channels * (r == 4 ? s[0] : 1);
    outer = r == 4 ? t.strides()[0] : 0;
    inner = t.strides()[r - 3];
    row = t.strides()[r - 2];
  }
  int64_t at(int64_t plane) const { return plane / channels * outer + plane % channels * inner; }
  int64_t channels, count, outer, inner, row;
};

// f(in, stride, rows, ...) over rows, then g(...) over columns; Middle is what lies between.
template <class In, class W, class Middle, class Out, class F, class G>
void run(const Tensor& x, const Taps& rows, const Taps& columns, const Tensor& y, DType middle, F f, G g) {
  const Planes planes(x);
  const std::vector<W> row_weights = weights<W>(rows), column_weights = weights<W>(columns);
  const Line<W> line{rows.first.data(), rows.start.data(), rows.to(),
                     rows.lowest(),     rows.highest(),    row_weights.data()};
  const int64_t top = columns.lowest(), height = columns.highest() - top, width = rows.to();
  const Tensor between = hearth::detail::empty({planes.count, height, width}, middle, kCpu, "vision::resize");
  auto* const mid = static_cast<Middle*>(between.impl()->data());
  const auto* const in = static_cast<const In*>(x.raw_data());
  auto* const out = static_cast<Out*>(y.impl()->data());

  const int64_t groups = (height + kLanes - 1) / kLanes;
  const int64_t span = line.highest - line.lowest;
  parallel_for(planes.count * groups, grain(kLanes * (span + static_cast<int64_t>(row_weights.size()))),
               [&](int64_t begin, int64_t end) {
                 const std::unique_ptr<In[]> beside(new In[static_cast<size_t>(span * kLanes)]);
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t plane = i / groups, first = i % groups * kLanes;
                   f(in + planes.at(plane) + (top + first) * planes.row, planes.row, std::min(kLanes, height - first),
                     line, beside.get(), mid + (plane * height + first) * width, width);
                 }
               });
  const int64_t per_row = static_cast<int64_t>(column_weights.size()) / columns.to() + 1;
  parallel_for(planes.count * columns.to(), grain(width * per_row), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t plane = i / columns.to(), o = i % columns.to();
      const auto at = static_cast<size_t>(o);
      g(mid + (plane * height + columns.first[at] - top) * width, width, column_weights.data() + columns.start[at],
        columns.count(o), out + i * width);
    }
  });
}

// The tensor itself if its rows lie in one piece and it is of the dtype; else a copy.
Tensor with_rows(const Tensor& x, DType dtype) {
  const int r = x.dim();
  if (x.dtype() == dtype && (x.strides()[r - 1] == 1 || x.shape()[r - 1] == 1)) return x;
  Tensor out = hearth::detail::empty(x.shape(), dtype, kCpu, "vision::resize");
  hearth::cpu::copy_tensor(out, x);
  return out;
}

}  // namespace

void resample(const Tensor& x, const Taps& rows, const Taps& columns, const Tensor& y) {
  if (y.numel() == 0) return;
  const DType type = compute_type(y.dtype());
  const Tensor in = with_rows(x, type);
  const Tensor out = y.dtype() == type ? y : hearth::detail::empty(y.shape(), type, kCpu, "vision::resize");
  if (type == DType::kF64)
    run<double, double, double, double>(in, rows, columns, out, type, HWY_DYNAMIC_DISPATCH(rows_f64),
                                        HWY_DYNAMIC_DISPATCH(column_f64));
  else
    run<float, float, float, float>(in, rows, columns, out, type, HWY_DYNAMIC_DISPATCH(rows_f32),
                                    HWY_DYNAMIC_DISPATCH(column_f32));
  if (out.impl() != y.impl()) hearth::cpu::copy_tensor(y, out);
}

void resample_u8(const Tensor& x, const Taps& rows, const Taps& columns, bool exact, const Tensor& y) {
  if (y.numel() == 0) return;
  const Tensor in = with_rows(x, DType::kU8);
  if (exact)
    run<uint8_t, int32_t, uint8_t, uint8_t>(in, rows, columns, y, DType::kU8, HWY_DYNAMIC_DISPATCH(rows_fixed),
                                            HWY_DYNAMIC_DISPATCH(column_fixed));
  else
    run<uint8_t, float, float, uint8_t>(in, rows, columns, y, DType::kF32, HWY_DYNAMIC_DISPATCH(rows_rounded),
                                        HWY_DYNAMIC_DISPATCH(column_rounded));
}

}  // namespace hearth::vision::cpu
#endif
