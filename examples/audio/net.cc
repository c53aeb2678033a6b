#include "examples/audio/net.h"

#include "audio/ops/mel.h"
#include "core/graph/trace.h"

namespace hearth::audio {
namespace {

// x [1, samples] of any length, made kSamples long: cut, or with zeros at its end.
Tensor cut(const Tensor& x) { return cat({x, zeros({1, kSamples})}, 1).slice(1, 0, kSamples); }

Tensor features(const Tensor& x) {
  const Tensor mel = mel_spectrogram(cut(x), {.spectrogram = {.n_fft = kFrameSize, .hop_length = kHop, .center = false},
                                              .sample_rate = kSampleRate,
                                              .f_min = 60,
                                              .n_mels = kMels});
  const Tensor level = log(mel + 1e-7);
  // 1 for frames that begin before the sound ends.
  const Tensor there = cut(ones_like(x)).slice(1, 0, kSamples - kFrameSize + 1, kHop).unsqueeze(1);
  const Tensor count = clamp(there.sum(), 1);
  const Tensor centred = (level - (level * there).sum({2}, true) / count) * there;
  return centred / (sqrt(square(centred).sum() / (count * static_cast<double>(kMels))) + 1e-3);
}

}  // namespace

graph::Graph preprocess_graph() {
  const graph::Spec spec[] = {{"sound", f32, {1, graph::Size("samples", 1000)}}};
  return graph::trace([](std::span<const Tensor> in) -> std::vector<Tensor> { return {features(in[0])}; }, spec);
}

}  // namespace hearth::audio
