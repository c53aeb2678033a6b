#include "audio/ops/biquad.h"

#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "audio/ops/filter.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/ops/create.h"

namespace hearth::audio {
namespace {

struct Biquad {
  double b0, b1, b2, a0, a1, a2;
};

Tensor filtered(const char* op, const Tensor& x, const Biquad& k) {
  const CalledAs called(op);
  const TensorOptions f{.dtype = f64, .device = x.device()};
  return lfilter(x, from_values<double>({k.a0, k.a1, k.a2}, {3}, f), from_values<double>({k.b0, k.b1, k.b2}, {3}, f));
}

// What the cookbook's formulas are made of.
struct Design {
  Design(const char* op, int64_t rate, double frequency, double q) {
    HEARTH_CHECK(rate > 0, op, ": the sample rate must be positive, but is ", rate);
    HEARTH_CHECK(frequency >= 0 && frequency <= static_cast<double>(rate) / 2, op,
                 ": the frequency must be from 0 to half of the sample rate ", rate, ", but is ", frequency);
    HEARTH_CHECK(q > 0, op, ": q must be above 0, but is ", q);
    w = 2 * std::numbers::pi * frequency / static_cast<double>(rate);
    cosine = std::cos(w);
    alpha = std::sin(w) / 2 / q;
  }
  double w, cosine, alpha;
};

double amplitude(double gain) { return std::pow(10, gain / 40); }

// Of the shelf below a frequency; that above is the same with the signs of the cosines turned.
Biquad shelf(double a, double cosine, double slope, double sign) {
  const double t1 = 2 * std::sqrt(a) * slope, t2 = sign * (a - 1) * cosine, t3 = sign * (a + 1) * cosine;
  return {.b0 = a * ((a + 1) - t2 + t1),
          .b1 = sign * 2 * a * ((a - 1) - t3),
          .b2 = a * ((a + 1) - t2 - t1),
          .a0 = (a + 1) + t2 + t1,
          .a1 = sign * -2 * ((a - 1) + t3),
          .a2 = (a + 1) + t2 - t1};
}

}  // namespace

Tensor biquad(const Tensor& x, double b0, double b1, double b2, double a0, double a1, double a2) {
  HEARTH_CHECK(a0 != 0, "biquad: a0 must not be 0");
  return filtered("biquad", x, {b0, b1, b2, a0, a1, a2});
}

Tensor lowpass_biquad(const Tensor& x, int64_t rate, double cutoff, double q) {
  const Design d("lowpass_biquad", rate, cutoff, q);
  const double b = (1 - d.cosine) / 2;
  return filtered("lowpass_biquad", x, {b, 2 * b, b, 1 + d.alpha, -2 * d.cosine, 1 - d.alpha});
}

Tensor highpass_biquad(const Tensor& x, int64_t rate, double cutoff, double q) {
  const Design d("highpass_biquad", rate, cutoff, q);
  const double b = (1 + d.cosine) / 2;
  return filtered("highpass_biquad", x, {b, -2 * b, b, 1 + d.alpha, -2 * d.cosine, 1 - d.alpha});
}

Tensor allpass_biquad(const Tensor& x, int64_t rate, double frequency, double q) {
  const Design d("allpass_biquad", rate, frequency, q);
  return filtered("allpass_biquad", x,
                  {1 - d.alpha, -2 * d.cosine, 1 + d.alpha, 1 + d.alpha, -2 * d.cosine, 1 - d.alpha});
}

Tensor bandpass_biquad(const Tensor& x, int64_t rate, double frequency, double q, bool const_skirt_gain) {
  const Design d("bandpass_biquad", rate, frequency, q);
  const double b = const_skirt_gain ? std::sin(d.w) / 2 : d.alpha;
  return filtered("bandpass_biquad", x, {b, 0, -b, 1 + d.alpha, -2 * d.cosine, 1 - d.alpha});
}

Tensor bandreject_biquad(const Tensor& x, int64_t rate, double frequency, double q) {
  const Design d("bandreject_biquad", rate, frequency, q);
  return filtered("bandreject_biquad", x, {1, -2 * d.cosine, 1, 1 + d.alpha, -2 * d.cosine, 1 - d.alpha});
}

Tensor band_biquad(const Tensor& x, int64_t rate, double frequency, double q, bool noise) {
  const Design d("band_biquad", rate, frequency, q);
  const double a2 = std::exp(-d.w / q), a1 = -4 * a2 / (1 + a2) * d.cosine;
  double b = std::sqrt(1 - a1 * a1 / (4 * a2)) * (1 - a2);
  if (noise) b = std::sqrt(((1 + a2) * (1 + a2) - a1 * a1) * (1 - a2) / (1 + a2));
  return filtered("band_biquad", x, {b, 0, 0, 1, a1, a2});
}

Tensor equalizer_biquad(const Tensor& x, int64_t rate, double frequency, double gain, double q) {
  const Design d("equalizer_biquad", rate, frequency, q);
  const double a = amplitude(gain);
  return filtered("equalizer_biquad", x,
                  {1 + d.alpha * a, -2 * d.cosine, 1 - d.alpha * a, 1 + d.alpha / a, -2 * d.cosine, 1 - d.alpha / a});
}

Tensor bass_biquad(const Tensor& x, int64_t rate, double gain, double frequency, double q) {
  const Design d("bass_biquad", rate, frequency, q);
  return filtered("bass_biquad", x, shelf(amplitude(gain), d.cosine, d.alpha, 1));
}

Tensor treble_biquad(const Tensor& x, int64_t rate, double gain, double frequency, double q) {
  const Design d("treble_biquad", rate, frequency, q);
  return filtered("treble_biquad", x, shelf(amplitude(gain), d.cosine, d.alpha, -1));
}

Tensor deemph_biquad(const Tensor& x, int64_t rate) {
  HEARTH_CHECK(rate == 44100 || rate == 48000, "deemph_biquad: the sample rate must be 44100 or 48000, but is ", rate);
  // The shelf that SoX fits to the standard's curve.
  const bool disc = rate == 44100;
  const double frequency = disc ? 5283 : 5356, width = disc ? 0.4845 : 0.479, gain = disc ? -9.477 : -9.62;
  const Design d("deemph_biquad", rate, frequency, 1);
  const double a = amplitude(gain), slope = std::sin(d.w) / 2 * std::sqrt((a + 1 / a) * (1 / width - 1) + 2);
  return filtered("deemph_biquad", x, shelf(a, d.cosine, slope, -1));
}

Tensor riaa_biquad(const Tensor& x, int64_t rate) {
  struct Curve {
    int64_t rate;
    double zeros[2], poles[2];
  };
  static constexpr Curve kCurves[] = {
      {44100, {-0.2014898, 0.9233820}, {0.7083149, 0.9924091}},
      {48000, {-0.1766069, 0.9321590}, {0.7396325, 0.9931330}},
      {88200, {-0.1168735, 0.9648312}, {0.8590646, 0.9964002}},
      {96000, {-0.1141486, 0.9676817}, {0.8699137, 0.9966946}},
  };
  for (const Curve& c : kCurves) {
    if (c.rate != rate) continue;
    const double b1 = -(c.zeros[0] + c.zeros[1]), b2 = c.zeros[0] * c.zeros[1];
    const double a1 = -(c.poles[0] + c.poles[1]), a2 = c.poles[0] * c.poles[1];
    // 1 kHz is played as loud as it was.
    const std::complex<double> z = std::polar(1.0, -2 * std::numbers::pi * 1000 / static_cast<double>(rate));
    const double g = 1 / std::abs((1.0 + b1 * z + b2 * z * z) / (1.0 + a1 * z + a2 * z * z));
    return filtered("riaa_biquad", x, {g, g * b1, g * b2, 1, a1, a2});
  }
  fail("riaa_biquad: the sample rate must be 44100, 48000, 88200 or 96000, but is ", rate);
}

}  // namespace hearth::audio
