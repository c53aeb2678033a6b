// The quickstart's classifier: three convolutions, 64,586 parameters.
#pragma once

#include "core/hearth.h"

namespace hearth::fashion {

// x f32 [n, 1, 28, 28], normalised; gives [n, 10] unnormalised log probabilities.
struct Net : nn::Module<Net> {
  nn::Conv2d conv1{this, "conv1", 1, 32, 3, {.padding = 1, .bias = false}};
  nn::BatchNorm2d norm1{this, "norm1", 32};
  nn::Conv2d conv2{this, "conv2", 32, 48, 3, {.padding = 1, .bias = false}};
  nn::BatchNorm2d norm2{this, "norm2", 48};
  nn::Conv2d conv3{this, "conv3", 48, 96, 3, {.padding = 1, .bias = false}};
  nn::BatchNorm2d norm3{this, "norm3", 96};
  nn::Linear head{this, "head", 96 * 3 * 3, 10};

  Tensor forward(const Tensor& x) {
    Tensor h = relu(max_pool2d(norm1(conv1(x)), 2));
    h = relu(max_pool2d(norm2(conv2(h)), 2));
    h = relu(norm3(conv3(h)));
    return head(max_pool2d(h, 2).flatten(1));
  }
};

}  // namespace hearth::fashion
