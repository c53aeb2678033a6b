// The quickstart's classifier: three convolutions, 94,186 parameters.
#pragma once

#include "core/hearth.h"

namespace hearth::fashion {

// x f32 [n, 1, 28, 28], normalised; gives [n, 10] unnormalised log probabilities.
struct Net : nn::Module<Net> {
  nn::Conv2d conv1{this, "conv1", 1, 32, 3, {.padding = 1, .bias = false}};
  nn::BatchNorm2d norm1{this, "norm1", 32};
  nn::Conv2d conv2{this, "conv2", 32, 64, 3, {.padding = 1, .bias = false}};
  nn::BatchNorm2d norm2{this, "norm2", 64};
  nn::Conv2d conv3{this, "conv3", 64, 128, 3, {.padding = 1, .bias = false}};
  nn::BatchNorm2d norm3{this, "norm3", 128};
  nn::Linear head{this, "head", 128, 10};

  Tensor forward(const Tensor& x) {
    Tensor h = max_pool2d(relu(norm1(conv1(x))), 2);
    h = max_pool2d(relu(norm2(conv2(h))), 2);
    h = relu(norm3(conv3(h)));
    return head(adaptive_avg_pool2d(h, 1).flatten(1));
  }
};

}  // namespace hearth::fashion
