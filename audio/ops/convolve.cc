#include "audio/ops/convolve.h"

#include <algorithm>
#include <utility>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/conv.h"
#include "core/ops/fft.h"
#include "core/ops/rearrange.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

void expect_signals(const char* op, const Tensor& x, const Tensor& y, DTypeSet types) {
  expect_defined(op, {x, y});
  expect_dtypes(op, x, types);
  HEARTH_CHECK(x.dtype() == y.dtype(), op, ": the operands must have one dtype, but have ", x.dtype(), " and ",
               y.dtype());
  HEARTH_CHECK(x.dim() >= 1 && y.dim() >= 1 && x.size(-1) >= 1 && y.size(-1) >= 1, op,
               ": the operands must have samples, but have shapes ", x.shape(), " and ", y.shape());
}

// The part of a full convolution of n and m samples that the mode names.
Tensor part(const Tensor& full, int64_t n, int64_t m, ConvolveMode mode) {
  if (mode == ConvolveMode::kFull) return full;
  const int64_t length = mode == ConvolveMode::kSame ? n : std::max(n, m) - std::min(n, m) + 1;
  const int64_t start = (n + m - 1 - length) / 2;
  return slice(full, -1, start, start + length);
}

// Leading dimensions broadcast, and the last ones as they are.
std::pair<Tensor, Tensor> together(const Tensor& x, const Tensor& y) {
  const auto leads = broadcast_tensors({{slice(x, -1, 0, 1), slice(y, -1, 0, 1)}});
  Shape xs = leads[0].shape(), ys = xs;
  xs[xs.size() - 1] = x.size(-1);
  ys[ys.size() - 1] = y.size(-1);
  return {expand(x, xs), expand(y, ys)};
}

}  // namespace

Tensor convolve(const Tensor& x, const Tensor& y, ConvolveMode mode) {
  const CalledAs called("convolve");
  expect_signals("convolve", x, y, kFloatTypes);
  const int64_t n = x.size(-1), m = y.size(-1);
  const auto [a, b] = together(x, y);
  Shape shape = a.shape();
  shape[shape.size() - 1] = n + m - 1;
  const int64_t lines = a.numel() / n;
  // One group for each pair.
  const Tensor full = conv1d(reshape(a, {1, lines, n}), flip(reshape(b, {lines, 1, m}), {-1}), std::nullopt,
                             {.padding = m - 1, .groups = lines});
  return part(reshape(full, shape), n, m, mode);
}

Tensor fftconvolve(const Tensor& x, const Tensor& y, ConvolveMode mode) {
  const CalledAs called("fftconvolve");
  expect_signals("fftconvolve", x, y, DTypeSet{f32, f64});
  const int64_t n = x.size(-1), m = y.size(-1), length = n + m - 1;
  return part(fft::irfft(fft::rfft(x, length) * fft::rfft(y, length), length), n, m, mode);
}

}  // namespace hearth::audio
