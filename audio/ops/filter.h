// Recursive filters of any order, as torchaudio has them.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The filter a[0] y[n] = b[0] x[n] + b[1] x[n-1] + … - a[1] y[n-1] - a[2] y[n-2] - …, along the last dimension of
/// signals [..., time], which are 0 before they begin. a and b are [order + 1], or [filters, order + 1] for signals
/// [..., filters, time] with a filter for each; without `batching` all filters take all signals and give
/// [..., filters, time]. With `clamp` the result is cut to -1…1. Floating-point signals; what the filter remembers is
/// kept in f64. Gradients pass to x, a and b. Throws Error for shapes that do not fit.
Tensor lfilter(const Tensor& waveform, const Tensor& a_coeffs, const Tensor& b_coeffs, bool clamp = true,
               bool batching = true);
/// lfilter() forwards and then backwards: no frequency is delayed. `clamp` cuts the result of the second.
Tensor filtfilt(const Tensor& waveform, const Tensor& a_coeffs, const Tensor& b_coeffs, bool clamp = true);

/// x[n] - coeff x[n-1]: raises high frequencies. The first sample stays.
Tensor preemphasis(const Tensor& waveform, double coeff = 0.97);
/// The inverse of preemphasis(): y[n] = x[n] + coeff y[n-1]. With `clamp`, as torchaudio's, cut to -1…1.
Tensor deemphasis(const Tensor& waveform, double coeff = 0.97, bool clamp = true);

/// A filter that goes on where it stopped: the parts of a signal, one after the other, give the bits that lfilter()
/// without `clamp` gives of the whole. No gradients.
class FilterStream {
 public:
  /// Coefficients as of lfilter(). Throws Error for shapes that do not fit.
  FilterStream(const Tensor& a_coeffs, const Tensor& b_coeffs);
  /// The next samples [..., time], of any number; all dimensions but the last as in the first call.
  Tensor operator()(const Tensor& waveform);
  /// Begins a new signal.
  void reset() { state_ = {}; }

 private:
  Tensor a_, b_;
  std::optional<Tensor> state_;
};

// ---- The record (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (x [..., time] or [..., filters, time], a and b [filters, order + 1] with a[:, 0] = 1, state [..., order] in f64 or
/// absent) -> y, state after the last sample.
extern constinit const OpDef kLfilter;

}  // namespace hearth::audio
