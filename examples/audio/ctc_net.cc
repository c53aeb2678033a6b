#include "examples/audio/ctc_net.h"

#include <vector>

#include "audio/ops/mel.h"
#include "core/graph/trace.h"

namespace hearth::audio {

Tensor ctc_mels(const Tensor& sound) {
  const Tensor mel =
      mel_spectrogram(sound, {.spectrogram = {.n_fft = kCtcFrameSize, .hop_length = kCtcHop, .center = false},
                              .sample_rate = kCtcRate,
                              .f_min = 60,
                              .n_mels = kCtcMels});
  // What is quieter than a murmur counts as silence.
  return (log(mel + 1e-5) + 3) * 0.25;
}

Tensor ctc_steps(const Tensor& mels) { return mels.unfold(1, kCtcFrames, kCtcStride).permute({1, 2, 0}).contiguous(); }

graph::Graph ctc_preprocess_graph() {
  const graph::Spec spec[] = {{"sound", f32, {1, graph::Size("samples", kCtcStepSize + 3 * kCtcStepHop)}}};
  return graph::trace(
      [](std::span<const Tensor> in) -> std::vector<Tensor> {
        return {ctc_steps(ctc_mels(in[0][0])), CtcNet::first_state(1)[0]};
      },
      spec, {.outputs = {"features", "state"}});
}

}  // namespace hearth::audio
