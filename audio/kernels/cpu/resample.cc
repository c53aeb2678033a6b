#include "audio/kernels/resample.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "audio/ops/attrs.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/fft_scratch.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "audio/kernels/cpu/resample.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/vec-inl.h"

#ifndef HEARTH_AUDIO_RESAMPLE_ONCE
#define HEARTH_AUDIO_RESAMPLE_ONCE
namespace hearth::audio::cpu {

// A filter's rows, and where the signal's samples for them begin.
template <class T>
struct Phases {
  const T* taps;          // [to, width], rows `row` apart
  const int64_t* starts;  // [to]
  int64_t to, from, width, row;
};

template <class T>
using ResampleFn = void (*)(const Phases<T>&, const T* x, int64_t n, T* y, int64_t first, int64_t count);

}  // namespace hearth::audio::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace hearth::audio::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How many rows are taken at once: each sum waits for its own.
constexpr int kTogether = 4;
constexpr int64_t kWide = 4096;  // taps from which each is made alone

// Of four registers the sum of each one's lanes.
template <class T>
struct Sums {
  T of[kTogether];
};
#if HWY_TARGET == HWY_SCALAR
template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE Sums<T> sums_of(D d, const V* v) {
  return {hn::GetLane(v[0]), hn::GetLane(v[1]), hn::GetLane(v[2]), hn::GetLane(v[3])};
}
#else
// Blocks of 128 bits added to one.
template <class D, class V>
HWY_INLINE auto one_block(D d, V v) {
  if constexpr (hn::MaxLanes(D()) * sizeof(hn::TFromD<D>) <= 16) {
    return v;
  } else {
    const hn::Half<D> half;
    return one_block(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}
// Of each block the sums of a's and of b's neighbours, in turn.
template <class D, class V>
HWY_INLINE V in_turn(D d, V a, V b) {
  return hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
}
template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE Sums<T> sums_of(D d, const V* v) {
  Sums<T> sums;
  const V low = in_turn(d, v[0], v[1]), high = in_turn(d, v[2], v[3]);
  if constexpr (sizeof(T) == 8) {
    hn::StoreU(one_block(d, low), hn::Full128<T>(), sums.of);
    hn::StoreU(one_block(d, high), hn::Full128<T>(), sums.of + 2);
  } else {
    const hn::Repartition<double, D> pairs;
    const auto a = hn::BitCast(pairs, low), b = hn::BitCast(pairs, high);
    const V all =
        hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, a, b)), hn::BitCast(d, hn::InterleaveUpper(pairs, a, b)));
    hn::StoreU(one_block(d, all), hn::Full128<T>(), sums.of);
  }
  return sums;
}
#endif

// Rows of a filter times windows, which lie at windows[r] and `from` samples further, for each of `blocks`. A sum is
// made in the same order wherever its window stands: a signal in parts gives the same bits. What is beyond the width is
// not read.
template <int rows, int blocks, class T>
HWY_INLINE void products(const Phases<T>& p, const T* const* windows, const T* taps, T* y) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t n = p.width;
  hn::Vec<hn::ScalableTag<T>> sums[blocks][kTogether];
  for (auto& block : sums)
    for (auto& sum : block) sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int r = 0; r < rows; ++r) {
      const auto w = hn::LoadU(d, taps + r * p.row + i);
      for (int b = 0; b < blocks; ++b)
        sums[b][r] = hn::MulAdd(hn::LoadU(d, windows[r] + b * p.from + i), w, sums[b][r]);
    }
  }
  if (i < n) {
    const auto rest = hn::FirstN(d, static_cast<size_t>(n - i));
    for (int r = 0; r < rows; ++r) {
      const auto w = hn::MaskedLoad(rest, d, taps + r * p.row + i);
      for (int b = 0; b < blocks; ++b)
        sums[b][r] = hn::MulAdd(hn::MaskedLoad(rest, d, windows[r] + b * p.from + i), w, sums[b][r]);
    }
  }
  for (int b = 0; b < blocks; ++b) {
    const Sums<T> made = sums_of(d, sums[b]);
    std::copy_n(made.of, rows, y + b * p.to);
  }
}

// Results of a line, one after the other.
template <class T>
class Line {
 public:
  Line(const Phases<T>& p, const T* x, int64_t n, T* y, int64_t first)
      : p_(p), x_(x), n_(n), y_(y), block_(first / p.to * p.from), row_(first % p.to) {}

  void make(int64_t count) {
    for (; count >= 2 * p_.to; count -= 2 * p_.to) {
      // Each row twice.
      const int64_t left = p_.to - row_, before = row_;
      run<2>(left);
      run<2>(before);
      y_ += p_.to;
      block_ += p_.from;
    }
    while (count > 0) {
      const int64_t size = std::min(count, p_.to - row_);
      run<1>(size);
      count -= size;
    }
  }

 private:
  // `size` rows, at most those that are left.
  template <int blocks>
  void run(int64_t size) {
    int64_t done = 0;
    for (; p_.width < kWide && done + kTogether <= size; done += kTogether) some<kTogether, blocks>();
    for (; done < size; ++done) some<1, blocks>();
    if (row_ == p_.to) {
      row_ = 0;
      block_ += p_.from;
    }
  }
  template <int rows, int blocks>
  HWY_INLINE void some() {
    const T* windows[rows];
    const int64_t* const starts = p_.starts + row_;
    const T* const taps = p_.taps + row_ * p_.row;
    // Windows lie one after the other.
    if (block_ + starts[0] >= 0 && block_ + (blocks - 1) * p_.from + starts[rows - 1] + p_.width <= n_) [[likely]] {
      for (int r = 0; r < rows; ++r) windows[r] = x_ + (block_ + starts[r]);
      products<rows, blocks>(p_, windows, taps, y_);
    } else {
      for (int b = 0; b < blocks; ++b) {
        for (int r = 0; r < rows; ++r) windows[r] = window(block_ + b * p_.from + starts[r], r);
        products<rows, 1>(p_, windows, taps, y_ + b * p_.to);
      }
    }
    row_ += rows;
    y_ += rows;
  }
  // Window r, from `at` on: where there are no samples, they are 0.
  HWY_NOINLINE const T* window(int64_t at, int r) {
    if (at >= 0 && at + p_.width <= n_) return x_ + at;
    edges_.resize(static_cast<size_t>(p_.width < kWide ? kTogether * p_.width : p_.width));
    T* const edge = edges_.data() + r * p_.width;
    std::fill_n(edge, p_.width, T(0));
    for (int64_t k = std::max<int64_t>(0, -at); k < p_.width && at + k < n_; ++k) edge[k] = x_[at + k];
    return edge;
  }

  const Phases<T>& p_;
  const T* x_;
  int64_t n_;
  T* y_;
  int64_t block_, row_;  // what is made next
  std::vector<T> edges_;
};

template <class T>
void resample_line(const Phases<T>& p, const T* x, int64_t n, T* y, int64_t first, int64_t count) {
  Line<T>(p, x, n, y, first).make(count);
}

const void* resample_fn(bool is_double) {
  static constexpr ResampleFn<double> kDouble = resample_line<double>;
  static constexpr ResampleFn<float> kFloat = resample_line<float>;
  return is_double ? static_cast<const void*>(&kDouble) : static_cast<const void*>(&kFloat);
}

}  // namespace hearth::audio::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::audio::cpu {
HWY_EXPORT(resample_fn);

namespace {

constexpr int64_t kPiece = 8192;     // samples of a line's result that one thread makes at once
constexpr int64_t kSmall = 1 << 20;  // numbers of a filter up to which it is laid out anew
constexpr int64_t kRows = 32;        // then it has at least so many rows, some more than once

// Phases and what they point at. Of a small filter the rows begin at multiples of a register, and are there
// several times if they are few.
template <class T>
struct Filter {
  Filter(const T* taps, int64_t to, int64_t width, const ResampleAttrs& a)
      : phases{taps, nullptr, to, a.from, width, width} {
    constexpr int64_t kNumbers = 64 / static_cast<int64_t>(sizeof(T));  // of the largest register
    const int64_t row = (width + kNumbers - 1) / kNumbers * kNumbers;
    const bool small = to <= kSmall / row && a.from <= kSmall;
    const int64_t times = small ? std::max<int64_t>(kRows / to, 1) : 1;
    for (int64_t r = 0; r < to * times; ++r) starts.push_back(floor_div(r * a.from + a.shift, to));
    if (small) {
      memory.emplace(to * times * row);
      for (int64_t r = 0; r < to * times; ++r) std::copy_n(taps + r % to * width, width, memory->data() + r * row);
      phases = {memory->data(), nullptr, to * times, a.from * times, width, row};
    }
    phases.starts = starts.data();
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  Phases<T> phases;
  std::vector<int64_t> starts;
  std::optional<hearth::cpu::FftScratch<T>> memory;
};

template <class T>
void run(OpCall& c) {
  const auto& a = c.attrs_as<ResampleAttrs>();
  const Tensor &x = c.input(0), &y = c.out[0];
  const int64_t n = x.size(-1), m = y.size(-1), lines = m ? y.numel() / m : 0;
  if (y.numel() == 0) return;
  const hearth::cpu::DenseValues<T> taps(c.in[1]), signal(c.in[0]);
  const Filter<T> filter(taps.data(), c.input(1).size(0), c.input(1).size(1), a);
  const auto line = *static_cast<const ResampleFn<T>*>(HWY_DYNAMIC_DISPATCH(resample_fn)(sizeof(T) == 8));
  const hearth::cpu::DenseWriter<T> out(y);
  const int64_t pieces = (m + kPiece - 1) / kPiece;
  parallel_for(lines * pieces, 1, [&](int64_t begin, int64_t end) {
    T buffer[kPiece];
    for (int64_t i = begin; i < end; ++i) {
      const int64_t l = i / pieces, first = i % pieces * kPiece, count = std::min(kPiece, m - first);
      T* const place = out.place(l * m + first, buffer);
      line(filter.phases, signal.data() + l * n, n, place, first, count);
      out.write(l * m + first, count, place);
    }
  });
}

}  // namespace

void resample(OpCall& c) { c.dtype == DType::kF64 ? run<double>(c) : run<float>(c); }

}  // namespace hearth::audio::cpu
#endif
