// Activation functions as modules, for Sequential.
#pragma once

#include "core/base/error.h"
#include "core/nn/module.h"
#include "core/ops/activation.h"
#include "core/ops/dropout.h"
#include "core/ops/math.h"
#include "core/ops/softmax.h"

namespace hearth::nn {

#define HEARTH_ACTIVATION(Name, expression)                      \
  class Name : public Module<Name> {                             \
   public:                                                       \
    Tensor forward(const Tensor& x) const { return expression; } \
  };
HEARTH_ACTIVATION(ReLU, relu(x))
HEARTH_ACTIVATION(ReLU6, relu6(x))
HEARTH_ACTIVATION(SELU, selu(x))
HEARTH_ACTIVATION(GELU, gelu(x))
HEARTH_ACTIVATION(SiLU, silu(x))
HEARTH_ACTIVATION(Mish, mish(x))
HEARTH_ACTIVATION(Sigmoid, sigmoid(x))
HEARTH_ACTIVATION(LogSigmoid, log_sigmoid(x))
HEARTH_ACTIVATION(Tanh, hearth::tanh(x))
HEARTH_ACTIVATION(Hardswish, hardswish(x))
HEARTH_ACTIVATION(Hardsigmoid, hardsigmoid(x))
#undef HEARTH_ACTIVATION

class LeakyReLU : public Module<LeakyReLU> {
 public:
  explicit LeakyReLU(double negative_slope = 0.01) : slope_(negative_slope) {}
  LeakyReLU(ModuleBase* parent, const char* name, double negative_slope = 0.01)
      : Module(parent, name), slope_(negative_slope) {}
  Tensor forward(const Tensor& x) const { return leaky_relu(x, slope_); }

 private:
  double slope_;
};

class ELU : public Module<ELU> {
 public:
  explicit ELU(double alpha = 1) : alpha_(alpha) {}
  ELU(ModuleBase* parent, const char* name, double alpha = 1) : Module(parent, name), alpha_(alpha) {}
  Tensor forward(const Tensor& x) const { return elu(x, alpha_); }

 private:
  double alpha_;
};

class Softplus : public Module<Softplus> {
 public:
  explicit Softplus(double beta = 1, double threshold = 20) : beta_(beta), threshold_(threshold) {}
  Softplus(ModuleBase* parent, const char* name, double beta = 1, double threshold = 20)
      : Module(parent, name), beta_(beta), threshold_(threshold) {}
  Tensor forward(const Tensor& x) const { return softplus(x, beta_, threshold_); }

 private:
  double beta_, threshold_;
};

class Softmax : public Module<Softmax> {
 public:
  explicit Softmax(int64_t dim = -1) : dim_(dim) {}
  Softmax(ModuleBase* parent, const char* name, int64_t dim = -1) : Module(parent, name), dim_(dim) {}
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

// Drops in training mode only.
class Dropout : public Module<Dropout> {
 public:
  explicit Dropout(double p = 0.5) : Dropout(nullptr, "", p) {}
  Dropout(ModuleBase* parent, const char* name, double p = 0.5)
      : Module(parent, name), p_(detail::checked_probability("Dropout", p)) {}
  Tensor forward(const Tensor& x) const { return dropout(x, p_, training()); }

 private:
  double p_;
};

class Dropout2d : public Module<Dropout2d> {
 public:
  explicit Dropout2d(double p = 0.5) : Dropout2d(nullptr, "", p) {}
  Dropout2d(ModuleBase* parent, const char* name, double p = 0.5)
      : Module(parent, name), p_(detail::checked_probability("Dropout2d", p)) {}
  Tensor forward(const Tensor& x) const { return dropout2d(x, p_, training()); }

 private:
  double p_;
};

}  // namespace hearth::nn
