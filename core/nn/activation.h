// Activation functions as modules, for Sequential.
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/nn/module.h"
#include "core/nn/repr.h"
#include "core/ops/activation.h"
#include "core/ops/dropout.h"
#include "core/ops/math.h"
#include "core/ops/softmax.h"

namespace hearth::nn {

/// max(x, 0), for each element. See hearth::relu().
class ReLU : public Module<ReLU> {
 public:
  /// relu(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return relu(x); }
};

/// min(max(x, 0), 6), for each element. See hearth::relu6().
class ReLU6 : public Module<ReLU6> {
 public:
  /// relu6(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return relu6(x); }
};

/// The scaled exponential linear unit (Klambauer et al., 2017), for each element. See hearth::selu().
class SELU : public Module<SELU> {
 public:
  /// selu(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return selu(x); }
};

/// x Phi(x) with the normal distribution function Phi (Hendrycks and Gimpel, 2016), without the approximation by tanh,
/// for each element. See hearth::gelu().
class GELU : public Module<GELU> {
 public:
  /// gelu(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return gelu(x); }
};

/// x sigmoid(x) (Elfwing, Uchibe and Doya, 2018), for each element. See hearth::silu().
class SiLU : public Module<SiLU> {
 public:
  /// silu(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return silu(x); }
};

/// x tanh(log(1 + e^x)) (Misra, 2019), for each element. See hearth::mish().
class Mish : public Module<Mish> {
 public:
  /// mish(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return mish(x); }
};

/// 1 / (1 + e^-x), for each element. See hearth::sigmoid().
class Sigmoid : public Module<Sigmoid> {
 public:
  /// sigmoid(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return sigmoid(x); }
};

/// log(sigmoid(x)), without overflow, for each element. See hearth::log_sigmoid().
class LogSigmoid : public Module<LogSigmoid> {
 public:
  /// log_sigmoid(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return log_sigmoid(x); }
};

/// The hyperbolic tangent, for each element. See hearth::tanh().
class Tanh : public Module<Tanh> {
 public:
  /// tanh(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return hearth::tanh(x); }
};

/// x relu6(x + 3) / 6 (Howard et al., 2019), for each element. See hearth::hardswish().
class Hardswish : public Module<Hardswish> {
 public:
  /// hardswish(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return hardswish(x); }
};

/// relu6(x + 3) / 6, for each element. See hearth::hardsigmoid().
class Hardsigmoid : public Module<Hardsigmoid> {
 public:
  /// hardsigmoid(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return hardsigmoid(x); }
};

/// x where it is positive, else negative_slope x. See hearth::leaky_relu().
class LeakyReLU : public Module<LeakyReLU> {
 public:
  /// With the slope of negative values.
  explicit LeakyReLU(double negative_slope = 0.01) : slope_(negative_slope) {}
  /// The same as a member of `parent`.
  LeakyReLU(ModuleBase* parent, const char* name, double negative_slope = 0.01)
      : Module(parent, name), slope_(negative_slope) {}
  /// leaky_relu(x, negative_slope), in the shape of x.
  Tensor forward(const Tensor& x) const { return leaky_relu(x, slope_); }

 private:
  double slope_;
};

/// x where it is positive, else alpha (e^x - 1) (Clevert, Unterthiner and Hochreiter, 2016). See hearth::elu().
class ELU : public Module<ELU> {
 public:
  /// With the factor of negative values: the result falls to -alpha.
  explicit ELU(double alpha = 1) : alpha_(alpha) {}
  /// The same as a member of `parent`.
  ELU(ModuleBase* parent, const char* name, double alpha = 1) : Module(parent, name), alpha_(alpha) {}
  /// elu(x, alpha), in the shape of x.
  Tensor forward(const Tensor& x) const { return elu(x, alpha_); }

 private:
  double alpha_;
};

/// log(1 + e^(beta x)) / beta, and x itself where beta x > threshold. See hearth::softplus().
class Softplus : public Module<Softplus> {
 public:
  /// With the steepness at 0, and the value of beta x from which on the result is x.
  explicit Softplus(double beta = 1, double threshold = 20) : beta_(beta), threshold_(threshold) {}
  /// The same as a member of `parent`.
  Softplus(ModuleBase* parent, const char* name, double beta = 1, double threshold = 20)
      : Module(parent, name), beta_(beta), threshold_(threshold) {}
  /// softplus(x, beta, threshold), in the shape of x.
  Tensor forward(const Tensor& x) const { return softplus(x, beta_, threshold_); }

 private:
  double beta_, threshold_;
};

/// e^x / sum(e^x) along one dimension. Floating-point only. See hearth::softmax().
class Softmax : public Module<Softmax> {
 public:
  /// Along dimension `dim`, which may count from the end: the last, if none is given. A `dim` that x does not have
  /// throws Error from forward().
  explicit Softmax(int64_t dim = -1) : dim_(dim) {}
  /// The same as a member of `parent`.
  Softmax(ModuleBase* parent, const char* name, int64_t dim = -1) : Module(parent, name), dim_(dim) {}
  /// softmax(x, dim), in the shape of x.
  Tensor forward(const Tensor& x) const { return softmax(x, dim_); }

 private:
  int64_t dim_;
};

namespace detail {
inline double checked_probability(const char* what, double p) {
  HEARTH_CHECK(p >= 0 && p <= 1, what, ": the probability must be from 0 to 1, but is ", p);
  return p;
}
}  // namespace detail

/// Random zeros in training (Srivastava et al., 2014). After eval() it changes nothing. See hearth::dropout().
class Dropout : public Module<Dropout> {
 public:
  /// With the probability of a zero. Throws Error unless 0 <= p <= 1.
  explicit Dropout(double p = 0.5) : Dropout(nullptr, "", p) {}
  /// The same as a member of `parent`.
  Dropout(ModuleBase* parent, const char* name, double p = 0.5)
      : Module(parent, name), p_(detail::checked_probability("Dropout", p)) {}
  /// In training each element is 0 with probability p, the others are divided by 1 - p. Otherwise x itself. Draws from
  /// default_generator().
  Tensor forward(const Tensor& x) const { return dropout(x, p_, training()); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("p=", detail::repr(p_), ", inplace=False"); }

 private:
  double p_;
};

/// As Dropout, but whole channels become 0 (Tompson et al., 2015). See hearth::dropout2d().
class Dropout2d : public Module<Dropout2d> {
 public:
  /// With the probability that a channel becomes 0. Throws Error unless 0 <= p <= 1.
  explicit Dropout2d(double p = 0.5) : Dropout2d(nullptr, "", p) {}
  /// The same as a member of `parent`.
  Dropout2d(ModuleBase* parent, const char* name, double p = 0.5)
      : Module(parent, name), p_(detail::checked_probability("Dropout2d", p)) {}
  /// x is [n, c, ...]. In training all of x[i, k] are 0 with probability p, else divided by 1 - p. Otherwise x itself.
  Tensor forward(const Tensor& x) const { return dropout2d(x, p_, training()); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("p=", detail::repr(p_), ", inplace=False"); }

 private:
  double p_;
};

}  // namespace hearth::nn
