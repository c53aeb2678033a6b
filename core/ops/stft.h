// Short-time Fourier transforms, as torch.stft and torch.istft.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor/tensor.h"

namespace hearth {

/// What stands before and after a signal.
enum class SignalPadding : uint8_t {
  kReflect,    ///< The signal mirrored at its ends, which are not repeated: c b | a b c d | c b.
  kConstant,   ///< Zeros.
  kReplicate,  ///< The first and the last value.
  kCircular,   ///< The signal again.
};

/// A signal [..., length] with `before` and `after` more values. Throws Error if the signal is too short: reflection
/// needs more values than are added at an end, kCircular as many, kReplicate one.
Tensor pad_signal(const Tensor& x, int64_t before, int64_t after, SignalPadding mode = SignalPadding::kReflect);

/// Options of stft().
struct StftOptions {
  std::optional<int64_t> hop_length{};  ///< Distance of frames in samples; n_fft / 4 if not given.
  std::optional<int64_t> win_length{};  ///< Length of the window, at most n_fft; n_fft if not given.
  std::optional<Tensor> window{};       ///< [win_length]; ones if not given.
  bool center = true;                   ///< Frame t is centred at t * hop: the signal is padded by n_fft / 2.
  SignalPadding pad_mode = SignalPadding::kReflect;  ///< How, for `center`.
  bool normalized = false;                           ///< Times 1 / sqrt(n_fft).
  std::optional<bool> onesided{};  ///< Only n_fft / 2 + 1 frequencies; by default if the signal and window are real.
};
/// The spectra of a signal's frames: [..., frequencies, frames], complex, of a signal [length] or [batch, length], real
/// or complex. The window stands in the middle of a frame of n_fft samples. Throws Error for sizes that do not fit.
Tensor stft(const Tensor& x, int64_t n_fft, const StftOptions& options = {});

/// Options of istft(). What was given to stft() must be given here.
struct IstftOptions {
  std::optional<int64_t> hop_length{};  ///< As of stft().
  std::optional<int64_t> win_length{};  ///< As of stft().
  std::optional<Tensor> window{};       ///< As of stft().
  bool center = true;                   ///< As of stft().
  bool normalized = false;              ///< As of stft().
  std::optional<bool> onesided{};       ///< By default if there are n_fft / 2 + 1 frequencies, and not n_fft.
  std::optional<int64_t> length{};  ///< The signal's length; what is missing is 0. Without it, all that frames cover.
  bool return_complex = false;      ///< The signal is complex; needs all n_fft frequencies.
};
/// The signal of which stft() gave the spectra, by the least squares of Griffin and Lim (1984): frames are windowed,
/// added and divided by the sum of squared windows. Throws Error where that sum is 0 (below 1e-11): nothing is known
/// there.
Tensor istft(const Tensor& spectra, int64_t n_fft, const IstftOptions& options = {});

}  // namespace hearth
