// The power spectra of frames, and what a bank of filters makes of them.
#pragma once

#include <optional>

#include "audio/ops/attrs.h"
#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

// (frames [..., n], window [n], matrix [n_fft / 2 + 1, m] or absent) -> the power of the spectra [..., n_fft / 2 + 1]
// of frames times window, or frame_product() of it, with PowerSpectraAttrs. n_fft is even. Internal, without a
// gradient: graphs and training have the ops of which it is made.
extern constinit const OpDef kPowerSpectra;

namespace detail {

// True if power_spectra() is one step: nothing is recorded, and the transform is one of those that the record has.
bool in_one_step(const Tensor& frames, const Tensor& window, const PowerSpectraAttrs& attrs,
                 const std::optional<Tensor>& matrix = {});
// What the record computes, of f32 or f64 frames: by the record, in memory that a few frames need, or by ops, in the
// same bits on the CPU.
Tensor power_spectra(const Tensor& frames, const Tensor& window, const PowerSpectraAttrs& attrs,
                     const std::optional<Tensor>& matrix = {});

}  // namespace detail
}  // namespace hearth::audio
