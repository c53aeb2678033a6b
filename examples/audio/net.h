// A small classifier of sounds, and what is done to a sound before it.
#pragma once

#include "core/graph/graph.h"
#include "core/hearth.h"

namespace hearth::audio {

constexpr int64_t kSampleRate = 16000, kMels = 64, kFrames = 200, kFrameSize = 400, kHop = 160;
// What the classifier hears of a sound: its first two seconds.
constexpr int64_t kSamples = kFrameSize + (kFrames - 1) * kHop;

// From "sound" f32 [1, samples] at 16 kHz, of any length, to f32 [1, 64, 200]: log-mel features of its first two
// seconds. In each band their mean is 0, so that what microphone and room make of a voice counts less; silence after
// the sound's end is 0.
graph::Graph preprocess_graph();

// x f32 [n, 1, 64, 200]; gives [n, classes] unnormalised log probabilities.
struct Net : nn::Module<Net> {
  explicit Net(int64_t classes) : head{this, "head", 64 * 4, classes} {}

  nn::Conv2d conv1{this, "conv1", 1, 24, 5, {.stride = 2, .padding = 2, .bias = false}};
  nn::BatchNorm2d norm1{this, "norm1", 24};
  nn::Conv2d conv2{this, "conv2", 24, 32, 3, {.padding = 1, .bias = false}};
  nn::BatchNorm2d norm2{this, "norm2", 32};
  nn::Conv2d conv3{this, "conv3", 32, 48, 3, {.padding = 1, .bias = false}};
  nn::BatchNorm2d norm3{this, "norm3", 48};
  nn::Conv2d conv4{this, "conv4", 48, 64, 3, {.padding = 1, .bias = false}};
  nn::BatchNorm2d norm4{this, "norm4", 64};
  nn::Dropout dropout{this, "dropout", 0.3};
  nn::Linear head;

  Tensor forward(const Tensor& x) {
    Tensor h = relu(norm1(conv1(x)));          // [n, 24, 32, 100]
    h = relu(max_pool2d(norm2(conv2(h)), 2));  // [n, 32, 16, 50]
    h = relu(max_pool2d(norm3(conv3(h)), 2));  // [n, 48, 8, 25]
    h = relu(max_pool2d(norm4(conv4(h)), 2));  // [n, 64, 4, 12]
    return head(dropout(mean(h, {3}).flatten(1)));
  }
};

}  // namespace hearth::audio
