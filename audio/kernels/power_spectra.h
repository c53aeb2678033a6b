// Kernel of the power spectra of frames.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::audio::cpu {

// frames [..., n], window [n], matrix [n_fft / 2 + 1, m] or absent -> y [..., m] or [..., n_fft / 2 + 1]
void power_spectra(OpCall&);

}  // namespace hearth::audio::cpu
