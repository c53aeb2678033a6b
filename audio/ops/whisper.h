// What Whisper hears.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth::audio {

/// Whisper's features [..., n_mels, time / 160] of signals [..., time] at 16 kHz: 80 mels, or 128 for large-v3. The
/// last frame is dropped, log10 is cut off 8 below the largest value of each signal, and x becomes (x + 4) / 4.
/// Whisper pads or cuts its signals to 30 s (480,000 samples) before.
Tensor whisper_log_mel(const Tensor& waveform, int64_t n_mels = 80);

}  // namespace hearth::audio
