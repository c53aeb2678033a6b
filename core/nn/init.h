// Initial values. Each function writes into the tensor and returns it; no gradient is recorded. Random ones draw from
// the generator `g`, or from default_generator() if it is null. On a meta tensor they only check their arguments.
#pragma once

#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth::nn::init {

/// Which connections of a weight kaiming_uniform_() and kaiming_normal_() count.
enum class Fan : uint8_t {
  kIn,   ///< Inputs of one output: keeps the variance of values on the way forward.
  kOut,  ///< Outputs of one input: keeps the variance of gradients on the way back.
};
/// The function that follows a layer, for gain().
enum class Nonlinearity : uint8_t {
  kLinear,     ///< None.
  kSigmoid,    ///< sigmoid()
  kTanh,       ///< tanh()
  kRelu,       ///< relu()
  kLeakyRelu,  ///< leaky_relu()
  kSelu,       ///< selu()
};

/// The factor by which the standard deviation of weights is scaled for the nonlinearity that follows, as
/// torch.nn.init.calculate_gain gives it: 1 for kLinear and kSigmoid, 5 / 3 for kTanh, sqrt(2) for kRelu,
/// sqrt(2 / (1 + negative_slope^2)) for kLeakyRelu, 3 / 4 for kSelu. `negative_slope` counts for kLeakyRelu only.
double gain(Nonlinearity n, double negative_slope = 0.01);
/// The connections of a weight [out, in, kernel...].
struct Fans {
  int64_t in;   ///< Inputs of one output: in times the elements of the kernel.
  int64_t out;  ///< Outputs of one input: out times the elements of the kernel.
};
/// The connections of a weight [out, in, kernel...]. Both are 0 if out or in is 0. Throws Error for fewer than 2
/// dimensions.
Fans fans(const Tensor& weight);

/// Uniform in [low, high). Throws Error as Tensor::uniform_().
Tensor& uniform_(Tensor& t, double low = 0, double high = 1, Generator* g = nullptr);
/// Normal. Throws Error as Tensor::normal_().
Tensor& normal_(Tensor& t, double mean = 0, double std = 1, Generator* g = nullptr);
/// Normal, with values outside of [low, high] drawn again. The bounds are values, not standard deviations. Draws in f64
/// on the CPU. Throws Error unless low < high and std > 0, and if a normal value lies in [low, high] with a probability
/// of at most 0.001.
Tensor& trunc_normal_(Tensor& t, double mean = 0, double std = 1, double low = -2, double high = 2,
                      Generator* g = nullptr);
/// One number everywhere. Throws Error if it does not fit into the dtype.
Tensor& constant_(Tensor& t, double value);
/// 0 everywhere.
Tensor& zeros_(Tensor& t);
/// 1 everywhere.
Tensor& ones_(Tensor& t);
/// Uniform in +-gain sqrt(6 / (fans.in + fans.out)) (Glorot and Bengio, 2010). Throws Error for fewer than 2
/// dimensions.
Tensor& xavier_uniform_(Tensor& t, double gain = 1, Generator* g = nullptr);
/// Normal with mean 0 and standard deviation gain sqrt(2 / (fans.in + fans.out)) (Glorot and Bengio, 2010). Throws
/// Error for fewer than 2 dimensions.
Tensor& xavier_normal_(Tensor& t, double gain = 1, Generator* g = nullptr);
/// Uniform in +-gain(n, a) sqrt(3 / fan) (He et al., 2015). `a` is the negative slope of kLeakyRelu. Throws Error for
/// fewer than 2 dimensions.
Tensor& kaiming_uniform_(Tensor& t, double a = 0, Fan fan = Fan::kIn, Nonlinearity n = Nonlinearity::kLeakyRelu,
                         Generator* g = nullptr);
/// Normal with mean 0 and standard deviation gain(n, a) / sqrt(fan) (He et al., 2015). `a` is the negative slope of
/// kLeakyRelu. Throws Error for fewer than 2 dimensions.
Tensor& kaiming_normal_(Tensor& t, double a = 0, Fan fan = Fan::kIn, Nonlinearity n = Nonlinearity::kLeakyRelu,
                        Generator* g = nullptr);
/// Uniform in +-1 / sqrt(fan_in), or zeros for a fan_in of 0: what PyTorch's linear and convolution layers start with.
Tensor& fan_in_uniform_(Tensor& t, int64_t fan_in, Generator* g = nullptr);
/// t [rows, ...] as a matrix of numel / rows columns: its rows, or columns if these are fewer, are orthogonal to one
/// another and of length `gain` (Saxe, McClelland and Ganguli, 2014). Made of normal values by the method of Gram and
/// Schmidt, in f64 on the CPU. Throws Error for fewer than 2 dimensions.
Tensor& orthogonal_(Tensor& t, double gain = 1, Generator* g = nullptr);

}  // namespace hearth::nn::init
