// FrameStream: features of a sound that arrives in parts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "audio/ops/cepstrum.h"
#include "audio/ops/kaldi.h"
#include "audio/ops/mel.h"
#include "audio/ops/spectrogram.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// How frames lie in a signal.
struct FrameLayout {
  int64_t size = 0;                                  ///< Samples of a frame.
  int64_t hop = 0;                                   ///< Samples from the beginning of one frame to that of the next.
  int64_t padding = 0;                               ///< Samples added before and after the signal,
  SignalPadding pad_mode = SignalPadding::kReflect;  ///< made like this.
  int64_t zeros = 0;                                 ///< Zeros added before that, at both ends.
  int dim = -1;                                      ///< The result's dimension of frames, counted from the end.
};

/// Features of frames, of a signal in parts of any size. Put together they have, on the CPU, the bits that the function
/// of the whole signal gives. No gradients.
///
///   auto stream = FrameStream::mel_spectrogram({.sample_rate = 16000});
///   while (…) use(stream(samples));     // [..., n_mels, frames that are complete now]
///   use(stream.finish());               // those at the end, which may need padding
///
/// Only features that look at single frames have a stream: mfcc() needs log_mels, because its decibels are cut below
/// the loudest frame of the whole, and Kaldi's need snip_edges and no subtract_mean.
class FrameStream {
 public:
  /// Frames' features of the samples of whole frames: [..., time] gives 1 + (time - size) / hop frames.
  using Function = std::function<Tensor(const Tensor&)>;

  /// Any function that looks at single frames. Throws Error unless size and hop are positive and the padding is of a
  /// kind that needs one end alone (not kCircular).
  FrameStream(const FrameLayout& layout, Function function);

  /// audio::spectrogram().
  static FrameStream spectrogram(const SpectrogramOptions& options = {});
  /// audio::mel_spectrogram().
  static FrameStream mel_spectrogram(const MelOptions& options = {});
  /// audio::mfcc(). Throws Error without log_mels.
  static FrameStream mfcc(const MfccOptions& options);
  /// audio::kaldi::spectrogram(). Throws Error without snip_edges, or with subtract_mean.
  static FrameStream kaldi_spectrogram(const kaldi::FrameOptions& options = {});
  /// audio::kaldi::fbank(). Throws Error as kaldi_spectrogram().
  static FrameStream fbank(const kaldi::FbankOptions& options = {});
  /// audio::kaldi::mfcc(). Throws Error as kaldi_spectrogram().
  static FrameStream kaldi_mfcc(const kaldi::MfccOptions& options = {});

  /// The features of the frames that are complete with these samples [..., time], f32 or f64: maybe none. All
  /// dimensions but the last, and the dtype, are as in the first call.
  Tensor operator()(const Tensor& waveform);
  /// The features of the last frames. The stream then begins a new signal. Throws Error if the signal was too short for
  /// a frame or its padding, as the function of the whole does, or if there was none.
  Tensor finish();
  /// Begins a new signal.
  void reset();

 private:
  void append(const Tensor& samples);
  void begin();
  Tensor complete();

  FrameLayout layout_;
  Function function_;
  Tensor waiting_;      // samples of frames that are not complete, after padding
  Tensor tail_;         // the signal's last samples, of which the padding at the end is made
  int64_t skip_ = 0;    // samples between frames that are still to come
  bool begun_ = false;  // the padding before the signal is there
  bool gave_ = false;   // a frame of this signal
};

}  // namespace hearth::audio
