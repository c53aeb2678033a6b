#include "core/ops/stft.h"

#include <algorithm>
#include <cmath>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/fft.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

Tensor zeros_beside(const Tensor& x, int64_t n) {
  Shape shape = x.shape();
  shape[x.dim() - 1] = n;
  return machinery::full(shape, 0, x.dtype(), x.device());
}

struct Frame {
  int64_t hop, width;
  Tensor window;  // [n_fft]
};

template <class Options>
Frame frame_of(const char* op, const Tensor& x, int64_t n_fft, const Options& o) {
  HEARTH_CHECK(n_fft >= 1, op, ": n_fft must be at least 1, but is ", n_fft);
  Frame f{o.hop_length.value_or(n_fft / 4), o.win_length.value_or(n_fft), {}};
  HEARTH_CHECK(f.hop >= 1, op, ": hop_length must be at least 1, but is ", f.hop);
  HEARTH_CHECK(f.width >= 1 && f.width <= n_fft, op, ": win_length must be from 1 to n_fft = ", n_fft, ", but is ",
               f.width);
  const DType t = real_type(x.dtype());
  if (o.window) {
    expect_dtypes(op, *o.window, DTypeSet{f32, f64, c64, c128});
    HEARTH_CHECK(o.window->dim() == 1 && o.window->size(0) == f.width, op, ": the window must have the shape [",
                 f.width, "], but has ", o.window->shape());
    f.window = o.window->to(o.window->is_complex() ? complex_type(t) : t);
  } else {
    f.window = machinery::full({f.width}, 1, t, x.device());
  }
  const int64_t left = (n_fft - f.width) / 2, right = n_fft - f.width - left;
  if (f.width < n_fft) f.window = cat({zeros_beside(f.window, left), f.window, zeros_beside(f.window, right)}, 0);
  return f;
}

// Frames [..., frames, n] added at distances of `hop`: [..., n + hop (frames - 1)].
Tensor overlap_add(const Tensor& frames, int64_t hop) {
  const int rank = frames.dim();
  const int64_t count = frames.size(-2), n = frames.size(-1), total = n + hop * (count - 1);
  Shape shape = frames.shape();
  shape.erase(rank - 1);
  shape[rank - 2] = total;
  const Tensor zero = machinery::full(shape, 0, frames.dtype(), frames.device());
  Strides strides = zero.strides();
  strides[rank - 2] = hop;
  strides.push_back(1);
  return machinery::view_add(zero, frames, {frames.shape(), strides, 0});
}

}  // namespace

Tensor pad_signal(const Tensor& x, int64_t before, int64_t after, SignalPadding mode) {
  const CalledAs called("pad_signal");
  expect_defined("pad_signal", {x});
  HEARTH_CHECK(x.dim() >= 1, "pad_signal: a signal needs a dimension, but the tensor is 0-dim");
  HEARTH_CHECK(before >= 0 && after >= 0, "pad_signal: ", before, " and ", after, " values cannot be added");
  const int64_t n = x.size(-1), most = std::max(before, after);
  if (most == 0) return x;
  const auto too_short = [&](const char* what) {
    fail("pad_signal: a signal of shape ", x.shape(), " is too short for ", before, " and ", after, " values of ",
         what);
  };
  switch (mode) {
    case SignalPadding::kReflect:
      if (most >= n) too_short("reflection");
      return cat({flip(slice(x, -1, 1, before + 1), {-1}), x, flip(slice(x, -1, n - 1 - after, n - 1), {-1})}, -1);
    case SignalPadding::kConstant:
      return cat({zeros_beside(x, before), x, zeros_beside(x, after)}, -1);
    case SignalPadding::kReplicate: {
      if (n < 1) too_short("replication");
      Shape left = x.shape(), right = x.shape();
      left[x.dim() - 1] = before;
      right[x.dim() - 1] = after;
      return cat({expand(slice(x, -1, 0, 1), left), x, expand(slice(x, -1, n - 1, n), right)}, -1);
    }
    case SignalPadding::kCircular:
      if (most > n) too_short("repetition");
      return cat({slice(x, -1, n - before, n), x, slice(x, -1, 0, after)}, -1);
  }
  __builtin_unreachable();
}

Tensor stft(const Tensor& x, int64_t n_fft, const StftOptions& o) {
  const CalledAs called("stft");
  expect_dtypes("stft", x, DTypeSet{f32, f64, c64, c128});
  HEARTH_CHECK(x.dim() == 1 || x.dim() == 2, "stft: expected a signal [length] or [batch, length], but got ",
               x.shape());
  const Frame f = frame_of("stft", x, n_fft, o);
  const bool complex = x.is_complex() || f.window.is_complex(), half = o.onesided.value_or(!complex);
  HEARTH_CHECK(!half || !complex, "stft: a complex signal or window needs all frequencies (onesided = false)");
  const Tensor signal = o.center ? pad_signal(x, n_fft / 2, n_fft / 2, o.pad_mode) : x;
  HEARTH_CHECK(signal.size(-1) >= n_fft, "stft: n_fft is ", n_fft, ", but the signal has only ", signal.size(-1),
               " samples");
  const Tensor frames = unfold(signal, -1, n_fft, f.hop) * f.window;
  const fft::Norm norm = o.normalized ? fft::Norm::kOrtho : fft::Norm::kBackward;
  return transpose(half ? fft::rfft(frames, {}, -1, norm) : fft::fft(frames, {}, -1, norm), -2, -1);
}

Tensor istft(const Tensor& spectra, int64_t n_fft, const IstftOptions& o) {
  const CalledAs called("istft");
  expect_dtypes("istft", spectra, kComplexTypes);
  HEARTH_CHECK(spectra.dim() == 2 || spectra.dim() == 3,
               "istft: expected spectra [frequencies, frames] or [batch, frequencies, frames], but got ",
               spectra.shape());
  const Frame f = frame_of("istft", spectra, n_fft, o);
  const int64_t count = spectra.size(-1), frequencies = spectra.size(-2);
  const bool half = o.onesided.value_or(frequencies != n_fft);
  HEARTH_CHECK(frequencies == (half ? n_fft / 2 + 1 : n_fft), "istft: ", half ? "one-sided" : "all",
               " frequencies of n_fft = ", n_fft, " are ", half ? n_fft / 2 + 1 : n_fft, ", but there are ",
               frequencies);
  HEARTH_CHECK(!half || !o.return_complex, "istft: a complex signal needs all frequencies");
  HEARTH_CHECK(o.return_complex || !f.window.is_complex(),
               "istft: a complex window gives a complex signal (return_complex)");
  HEARTH_CHECK(count >= 1 && spectra.numel() > 0, "istft: there are no frames in spectra of shape ", spectra.shape());
  HEARTH_CHECK(f.hop <= f.width, "istft: hop_length ", f.hop, " is more than win_length ", f.width);

  const Tensor columns = transpose(spectra, -2, -1);
  const fft::Norm norm = o.normalized ? fft::Norm::kOrtho : fft::Norm::kBackward;
  // Of a real signal the second half of all frequencies says nothing new: as in PyTorch it is not looked at.
  const Tensor frames = o.return_complex
                            ? fft::ifft(columns, {}, -1, norm)
                            : fft::irfft(half ? columns : slice(columns, -1, 0, n_fft / 2 + 1), n_fft, -1, norm);
  const Tensor sum = overlap_add(frames * f.window, f.hop);
  const Tensor weights = overlap_add(expand(square(f.window), {count, n_fft}), f.hop);
  const int64_t total = sum.size(-1), start = o.center ? n_fft / 2 : 0;
  HEARTH_CHECK(o.length.value_or(1) >= 1 && o.length.value_or(1) <= INT64_MAX - start,
               "istft: length must be at least 1, and no more than memory holds, but is ", o.length.value_or(0));
  const int64_t wanted = o.length ? start + *o.length : o.center ? total - n_fft / 2 : total;
  const int64_t end = std::min(wanted, total);
  HEARTH_CHECK(end > start, "istft: the frames cover no sample of the signal");
  const Tensor weight = slice(weights, -1, start, end);
  if (!weight.device().is_meta() && !tracing()) {
    const double least = abs(weight.detach()).amin({}).item<double>();
    HEARTH_CHECK(least > 1e-11, "istft: the sum of squared windows is ", least,
                 " somewhere: the windows do not cover the signal");
  }
  const Tensor signal = slice(sum, -1, start, end) / weight;
  return wanted > end ? cat({signal, zeros_beside(signal, wanted - end)}, -1) : signal;
}

}  // namespace hearth
