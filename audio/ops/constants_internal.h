// The features with what they need besides the signal: windows, filters, transforms. A stream keeps it from one part to
// the next, where making it would cost as much as the features.
#pragma once

#include <cstdint>
#include <functional>

#include "audio/ops/cepstrum.h"
#include "audio/ops/kaldi.h"
#include "audio/ops/mel.h"
#include "audio/ops/spectrogram.h"
#include "core/tensor/tensor.h"

namespace hearth::audio::detail {

// A tensor that follows from options alone: made when it is first asked for, and anew for another dtype or device.
class Kept {
 public:
  template <class Make>
  const Tensor& get(const Tensor& like, Make make) {
    if (!tensor_.defined() || tensor_.dtype() != like.dtype() || tensor_.device() != like.device()) tensor_ = make();
    return tensor_;
  }

 private:
  Tensor tensor_;
};

// For one function with one set of options.
struct Constants {
  Kept window, filters, transform, lifter;
};

Tensor spectrogram(const Tensor& waveform, const SpectrogramOptions& options, Constants& constants);
// Of a number of frequencies: filters [frequencies, m].
using MakeFilters = std::function<Tensor(int64_t)>;
// The spectrogram, or the filters' sums of it, [..., m, frames]. The filters need a power.
Tensor filtered_spectrogram(const Tensor& waveform, const SpectrogramOptions& options, Constants& constants,
                            const MakeFilters& filters);
Tensor mel_spectrogram(const Tensor& waveform, const MelOptions& options, Constants& constants);
Tensor mfcc(const Tensor& waveform, const MfccOptions& options, Constants& constants);
Tensor kaldi_spectrogram(const Tensor& waveform, const kaldi::FrameOptions& options, Constants& constants);
Tensor fbank(const Tensor& waveform, const kaldi::FbankOptions& options, Constants& constants);
Tensor kaldi_mfcc(const Tensor& waveform, const kaldi::MfccOptions& options, Constants& constants);

}  // namespace hearth::audio::detail
