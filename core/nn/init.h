// Initial values. Each writes into the tensor and returns it; nothing is recorded. On a meta tensor they only check
// their arguments.
#pragma once

#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth::nn::init {

enum class Fan : uint8_t { kIn, kOut };
enum class Nonlinearity : uint8_t { kLinear, kSigmoid, kTanh, kRelu, kLeakyRelu, kSelu };

// The factor by which a nonlinearity wants its inputs' weights scaled.
double gain(Nonlinearity n, double negative_slope = 0.01);
// Inputs and outputs that one output, or input, of a weight [out, in, kernel...] is connected to.
struct Fans {
  int64_t in, out;
};
Fans fans(const Tensor& weight);

Tensor& uniform_(Tensor& t, double low = 0, double high = 1, Generator* g = nullptr);
Tensor& normal_(Tensor& t, double mean = 0, double std = 1, Generator* g = nullptr);
// Normal values outside of [low, high] are drawn again.
Tensor& trunc_normal_(Tensor& t, double mean = 0, double std = 1, double low = -2, double high = 2,
                      Generator* g = nullptr);
Tensor& constant_(Tensor& t, double value);
Tensor& zeros_(Tensor& t);
Tensor& ones_(Tensor& t);
// Glorot and Bengio, 2010.
Tensor& xavier_uniform_(Tensor& t, double gain = 1, Generator* g = nullptr);
Tensor& xavier_normal_(Tensor& t, double gain = 1, Generator* g = nullptr);
// He et al., 2015.
Tensor& kaiming_uniform_(Tensor& t, double a = 0, Fan fan = Fan::kIn, Nonlinearity n = Nonlinearity::kLeakyRelu,
                         Generator* g = nullptr);
Tensor& kaiming_normal_(Tensor& t, double a = 0, Fan fan = Fan::kIn, Nonlinearity n = Nonlinearity::kLeakyRelu,
                        Generator* g = nullptr);
/// Uniform in +-1 / sqrt(fan_in), or zeros for a fan_in of 0: what PyTorch's linear and convolution layers start with.
Tensor& fan_in_uniform_(Tensor& t, int64_t fan_in, Generator* g = nullptr);
// Rows or columns orthonormal (Saxe, McClelland and Ganguli, 2014), by Gram and Schmidt twice over.
Tensor& orthogonal_(Tensor& t, double gain = 1, Generator* g = nullptr);

}  // namespace hearth::nn::init
