#include "audio/kernels/frame_product.h"

#include <algorithm>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "audio/kernels/cpu/frame_product.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/vec-inl.h"

#ifndef HEARTH_AUDIO_FRAME_PRODUCT_ONCE
#define HEARTH_AUDIO_FRAME_PRODUCT_ONCE
namespace hearth::audio::cpu {

// A matrix [n, m] without the zeros at both ends of its rows, as a bank of filters has them.
template <class T>
struct Rows {
  const T* values;
  int64_t n, m;
  std::vector<int64_t> begin, end;  // [n]: the columns of a row that are not left out
};

template <class T>
using FrameProductFn = void (*)(const Rows<T>&, const T* x, T* y);

}  // namespace hearth::audio::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace hearth::audio::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// y = x times the matrix. Each element is made in the same order whatever other frames there are.
template <class T>
void frame_product_line(const Rows<T>& rows, const T* x, T* y) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  std::fill_n(y, rows.m, T(0));
  for (int64_t k = 0; k < rows.n; ++k) {
    const T* const w = rows.values + k * rows.m;
    const int64_t end = rows.end[static_cast<size_t>(k)];
    int64_t i = rows.begin[static_cast<size_t>(k)];
    const auto value = hn::Set(d, x[k]);
    for (; i + lanes <= end; i += lanes)
      hn::StoreU(hn::MulAdd(value, hn::LoadU(d, w + i), hn::LoadU(d, y + i)), d, y + i);
    for (; i < end; ++i) y[i] += x[k] * w[i];
  }
}

const void* frame_product_fn(bool is_double) {
  static constexpr FrameProductFn<double> kDouble = frame_product_line<double>;
  static constexpr FrameProductFn<float> kFloat = frame_product_line<float>;
  return is_double ? static_cast<const void*>(&kDouble) : static_cast<const void*>(&kFloat);
}

}  // namespace hearth::audio::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::audio::cpu {
HWY_EXPORT(frame_product_fn);

namespace {

template <class T>
Rows<T> rows_of(const T* values, int64_t n, int64_t m) {
  Rows<T> rows{values, n, m, {}, {}};
  for (int64_t k = 0; k < n; ++k) {
    const T* const row = values + k * m;
    int64_t begin = 0, end = m;
    while (begin < end && row[begin] == T(0)) ++begin;
    while (end > begin && row[end - 1] == T(0)) --end;
    rows.begin.push_back(begin);
    rows.end.push_back(end);
  }
  return rows;
}

template <class T>
void run(OpCall& c) {
  const Tensor &matrix = c.input(1), &y = c.out[0];
  if (y.numel() == 0) return;
  const hearth::cpu::DenseValues<T> weights(c.in[1]);
  const hearth::cpu::DenseReader<T> in(c.input(0));
  const hearth::cpu::DenseWriter<T> out(y);
  const Rows<T> rows = rows_of(weights.data(), matrix.size(0), matrix.size(1));
  const auto line = *static_cast<const FrameProductFn<T>*>(HWY_DYNAMIC_DISPATCH(frame_product_fn)(sizeof(T) == 8));
  parallel_for(y.numel() / rows.m, std::max<int64_t>(16384 / (rows.n + rows.m), 1), [&](int64_t begin, int64_t end) {
    std::vector<T> from(static_cast<size_t>(rows.n)), to(static_cast<size_t>(rows.m));
    for (int64_t i = begin; i < end; ++i) {
      const T* const x = in.read(i * rows.n, rows.n, from.data());
      T* const place = out.place(i * rows.m, to.data());
      line(rows, x, place);
      out.write(i * rows.m, rows.m, place);
    }
  });
}

}  // namespace

void frame_product(OpCall& c) { c.dtype == DType::kF64 ? run<double>(c) : run<float>(c); }

}  // namespace hearth::audio::cpu
#endif
