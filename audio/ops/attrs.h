// Attributes of the room's ops.
#pragma once

#include <cstdint>
#include <optional>

#include "core/op/attrs.h"

namespace hearth::audio {

/// Of a resampling: `to` samples, which are the rows of the filter, for every `from`. Sample j is the sum of the taps
/// of row j % to with the samples of the signal from place floor((j from + shift) / to) on; the signal is 0 where it
/// has none.
struct ResampleAttrs {
  int64_t from = 1;                 ///< See above.
  int64_t shift = 0;                ///< See above.
  std::optional<int64_t> length{};  ///< Of the result; ceil(time to / from) if not given.

  /// The fields, see core/op/attrs.h.
  static constexpr auto fields() {
    return std::make_tuple(field("from", &ResampleAttrs::from), field("shift", &ResampleAttrs::shift),
                           field("length", &ResampleAttrs::length));
  }
  /// True if all fields are equal.
  bool operator==(const ResampleAttrs&) const = default;
};

/// Of the power spectra of frames.
struct PowerSpectraAttrs {
  int64_t n_fft = 2;   ///< The length of the transform, at least that of a frame: the rest is 0.
  bool ortho = false;  ///< Spectra times 1 / sqrt(n_fft).

  /// The fields, see core/op/attrs.h.
  static constexpr auto fields() {
    return std::make_tuple(field("n_fft", &PowerSpectraAttrs::n_fft), field("ortho", &PowerSpectraAttrs::ortho));
  }
  /// True if all fields are equal.
  bool operator==(const PowerSpectraAttrs&) const = default;
};

/// floor(a / b) for a positive b.
constexpr int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

}  // namespace hearth::audio
