/// More activation functions as modules: those of core/ops/activation_functions.h, and those with a parameter.
#pragma once

#include <cstdint>

#include "core/base/error.h"
#include "core/nn/module.h"
#include "core/ops/activation.h"
#include "core/ops/activation_functions.h"
#include "core/ops/create.h"
#include "core/ops/softmax.h"

namespace hearth::nn {

/// x limited to [min, max]. See hearth::hardtanh().
class Hardtanh : public Module<Hardtanh> {
 public:
  /// With the bounds. Throws Error if min is above max.
  explicit Hardtanh(double min = -1, double max = 1) : Hardtanh(nullptr, "", min, max) {}
  /// The same as a member of `parent`.
  Hardtanh(ModuleBase* parent, const char* name, double min = -1, double max = 1)
      : Module(parent, name), min_(min), max_(max) {
    HEARTH_CHECK(min <= max, "Hardtanh: min ", min, " is above max ", max);
  }
  /// hardtanh(x, min, max), in the shape of x.
  Tensor forward(const Tensor& x) const { return hardtanh(x, min_, max_); }

 private:
  double min_, max_;
};

/// Options of PReLU.
struct PReLUOptions {
  int64_t num_parameters = 1;  ///< 1, or one slope for each channel.
  double init = 0.25;          ///< The slopes' first value.
};
/// x where it is positive, else weight x (He et al., 2015). See hearth::prelu().
class PReLU : public Module<PReLU> {
 public:
  /// With one slope, or one for each channel. Throws Error unless there is at least one.
  explicit PReLU(const PReLUOptions& options = {}) : PReLU(nullptr, "", options) {}
  /// The same as a member of `parent`.
  PReLU(ModuleBase* parent, const char* name, const PReLUOptions& options = {})
      : Module(parent, name), weight(this, "weight", slopes(options)), init_(options.init) {}
  /// prelu(x, weight), in the shape of x. Throws Error if dimension 1 of x has not as many channels as there are
  /// slopes.
  Tensor forward(const Tensor& x) const { return prelu(x, weight); }
  /// Gives the slopes their first value anew.
  void reset_parameters() {
    const Tensor first = full_like(weight, init_);
    weight.detach().copy_(first);
  }

  /// [num_parameters].
  Parameter weight;

 private:
  static Tensor slopes(const PReLUOptions& o) {
    HEARTH_CHECK(o.num_parameters >= 1, "PReLU: the number of parameters must be at least 1, but is ",
                 o.num_parameters);
    return full({o.num_parameters}, o.init);
  }
  double init_;
};

/// The first half times sigmoid of the second half (Dauphin et al., 2017). See hearth::glu().
class GLU : public Module<GLU> {
 public:
  /// Along dimension `dim`.
  explicit GLU(int64_t dim = -1) : dim_(dim) {}
  /// The same as a member of `parent`.
  GLU(ModuleBase* parent, const char* name, int64_t dim = -1) : Module(parent, name), dim_(dim) {}
  /// glu(x, dim): half as many places in that dimension.
  Tensor forward(const Tensor& x) const { return glu(x, dim_); }

 private:
  int64_t dim_;
};

/// x where it is positive, else alpha (e^(x / alpha) - 1) (Barron, 2017). See hearth::celu().
class CELU : public Module<CELU> {
 public:
  /// The result falls to -alpha. An alpha of 0 throws Error from forward().
  explicit CELU(double alpha = 1) : alpha_(alpha) {}
  /// The same as a member of `parent`.
  CELU(ModuleBase* parent, const char* name, double alpha = 1) : Module(parent, name), alpha_(alpha) {}
  /// celu(x, alpha), in the shape of x.
  Tensor forward(const Tensor& x) const { return celu(x, alpha_); }

 private:
  double alpha_;
};

/// x / (1 + |x|), for each element. See hearth::softsign().
class Softsign : public Module<Softsign> {
 public:
  /// softsign(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return softsign(x); }
};

/// x moved towards 0 by lambda, and 0 near 0. See hearth::softshrink().
class Softshrink : public Module<Softshrink> {
 public:
  /// A negative lambda throws Error from forward().
  explicit Softshrink(double lambda = 0.5) : lambda_(lambda) {}
  /// The same as a member of `parent`.
  Softshrink(ModuleBase* parent, const char* name, double lambda = 0.5) : Module(parent, name), lambda_(lambda) {}
  /// softshrink(x, lambda), in the shape of x.
  Tensor forward(const Tensor& x) const { return softshrink(x, lambda_); }

 private:
  double lambda_;
};

/// x, and 0 from -lambda to lambda. See hearth::hardshrink().
class Hardshrink : public Module<Hardshrink> {
 public:
  /// With half the width of what becomes 0.
  explicit Hardshrink(double lambda = 0.5) : lambda_(lambda) {}
  /// The same as a member of `parent`.
  Hardshrink(ModuleBase* parent, const char* name, double lambda = 0.5) : Module(parent, name), lambda_(lambda) {}
  /// hardshrink(x, lambda), in the shape of x.
  Tensor forward(const Tensor& x) const { return hardshrink(x, lambda_); }

 private:
  double lambda_;
};

/// x - tanh(x), for each element. See hearth::tanhshrink().
class Tanhshrink : public Module<Tanhshrink> {
 public:
  /// tanhshrink(x), in the shape of x.
  Tensor forward(const Tensor& x) const { return tanhshrink(x); }
};

/// x where it is above the threshold, else value. See hearth::threshold().
class Threshold : public Module<Threshold> {
 public:
  /// With the threshold and the value of what is not above it.
  Threshold(double threshold, double value) : threshold_(threshold), value_(value) {}
  /// The same as a member of `parent`.
  Threshold(ModuleBase* parent, const char* name, double threshold, double value)
      : Module(parent, name), threshold_(threshold), value_(value) {}
  /// threshold(x, threshold, value), in the shape of x.
  Tensor forward(const Tensor& x) const { return threshold(x, threshold_, value_); }

 private:
  double threshold_, value_;
};

/// x where it is positive, else x times a slope that is random in training (Xu et al., 2015). See hearth::rrelu().
class RReLU : public Module<RReLU> {
 public:
  /// With the bounds of the slope. A lower one above the upper one throws Error from forward().
  explicit RReLU(double lower = 1.0 / 8, double upper = 1.0 / 3) : lower_(lower), upper_(upper) {}
  /// The same as a member of `parent`.
  RReLU(ModuleBase* parent, const char* name, double lower = 1.0 / 8, double upper = 1.0 / 3)
      : Module(parent, name), lower_(lower), upper_(upper) {}
  /// rrelu(x, lower, upper, training()), in the shape of x. Draws from default_generator() in training.
  Tensor forward(const Tensor& x) const { return rrelu(x, lower_, upper_, training()); }

 private:
  double lower_, upper_;
};

/// log(softmax(x)) along one dimension. See hearth::log_softmax().
class LogSoftmax : public Module<LogSoftmax> {
 public:
  /// Along dimension `dim`, which may count from the end: the last, if none is given.
  explicit LogSoftmax(int64_t dim = -1) : dim_(dim) {}
  /// The same as a member of `parent`.
  LogSoftmax(ModuleBase* parent, const char* name, int64_t dim = -1) : Module(parent, name), dim_(dim) {}
  /// log_softmax(x, dim), in the shape of x.
  Tensor forward(const Tensor& x) const { return log_softmax(x, dim_); }

 private:
  int64_t dim_;
};

/// softmax(-x) along one dimension. See hearth::softmin().
class Softmin : public Module<Softmin> {
 public:
  /// Along dimension `dim`, which may count from the end: the last, if none is given.
  explicit Softmin(int64_t dim = -1) : dim_(dim) {}
  /// The same as a member of `parent`.
  Softmin(ModuleBase* parent, const char* name, int64_t dim = -1) : Module(parent, name), dim_(dim) {}
  /// softmin(x, dim), in the shape of x.
  Tensor forward(const Tensor& x) const { return softmin(x, dim_); }

 private:
  int64_t dim_;
};

/// softmax() over the channels of each place of an image.
class Softmax2d : public Module<Softmax2d> {
 public:
  /// x [n, c, h, w] or [c, h, w]; the result has its shape. Throws Error for another number of dimensions.
  Tensor forward(const Tensor& x) const {
    HEARTH_CHECK(x.dim() == 3 || x.dim() == 4, "Softmax2d: expected [n, c, h, w] or [c, h, w], but the shape is ",
                 x.shape());
    return softmax(x, -3);
  }
};

}  // namespace hearth::nn
