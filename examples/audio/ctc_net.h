// A small CTC recogniser that hears forward only, and what is done to a sound before it.
#pragma once

#include <utility>

#include "core/graph/graph.h"
#include "core/hearth.h"

namespace hearth::audio {

constexpr int64_t kCtcRate = 8000, kCtcMels = 32, kCtcFrameSize = 200, kCtcHop = 80;
// The net makes a step of each 24 frames of 10 ms, every 4 frames: it hears 255 ms, every 40 ms.
constexpr int64_t kCtcFrames = 24, kCtcStride = 4;
constexpr int64_t kCtcStepSize = kCtcFrameSize + (kCtcFrames - 1) * kCtcHop, kCtcStepHop = kCtcStride * kCtcHop;
constexpr int64_t kCtcHidden = 96, kCtcLayers = 2;

// Log-mel bands [32, frames] of a sound [samples] at 8 kHz. Each frame is of its own samples alone.
Tensor ctc_mels(const Tensor& sound);
// The frames of each step: [steps, 24, 32] of [32, frames].
Tensor ctc_steps(const Tensor& mels);

// From "sound" f32 [1, samples] at 8 kHz to "features" f32 [steps, 24, 32] and the "state" that a text begins with.
graph::Graph ctc_preprocess_graph();

// Features f32 [n, steps, 24, 32] and the state [n, 2, 96] that the steps before have left; gives [n, steps, classes]
// unnormalised log probabilities, class 0 is the blank, and the state for the next steps. A step knows nothing of later
// ones: a sound in parts gives what the whole gives.
struct CtcNet : nn::Module<CtcNet> {
  explicit CtcNet(int64_t classes) : head{this, "head", kCtcHidden, classes} {}

  nn::Conv2d conv1{this, "conv1", 1, 24, 3, {.stride = 2, .padding = 1, .bias = false}};
  nn::BatchNorm2d norm1{this, "norm1", 24};
  nn::Conv2d conv2{this, "conv2", 24, 32, 3, {.stride = 2, .padding = 1, .bias = false}};
  nn::BatchNorm2d norm2{this, "norm2", 32};
  nn::Linear in{this, "in", 32 * 6 * 8, kCtcHidden};
  nn::LayerNorm norm{this, "norm", {kCtcHidden}};
  nn::Dropout dropout{this, "dropout", 0.1};
  nn::GRU gru{this, "gru", kCtcHidden, kCtcHidden, {.layers = kCtcLayers, .batch_first = true, .dropout = 0.1}};
  nn::Linear head;

  std::pair<Tensor, Tensor> forward(const Tensor& features, const Tensor& state) {
    const int64_t n = features.size(0), steps = features.size(1);
    Tensor h = features.reshape({n * steps, 1, kCtcFrames, kCtcMels});
    h = relu(norm2(conv2(relu(norm1(conv1(h)))))).flatten(1);  // [n * steps, 32 * 6 * 8]
    h = dropout(relu(norm(in(h)))).reshape({n, steps, kCtcHidden});
    const auto [output, last] = gru(h, state.transpose(0, 1).contiguous());
    return {head(dropout(output)), last.transpose(0, 1)};
  }
  static Tensor first_state(int64_t n) { return zeros({n, kCtcLayers, kCtcHidden}); }
};

}  // namespace hearth::audio
