/// Distribution: what all probability distributions have. torch.distributions.Distribution.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/distributions/constraint.h"
#include "core/distributions/parameter.h"
#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth::distributions {

/// A batch of probability distributions of one family.
///
/// Parameters broadcast; their shape is batch_shape(). A sample has the shape sample_shape + batch_shape + event_shape,
/// a density sample_shape + batch_shape. Gradients pass from densities to values and parameters. f16 and bf16 are
/// computed in f32 and rounded once.
///
/// Parameters and values are checked where they lie in CPU memory and no function is traced: an error names the
/// distribution, the parameter, what it must be and the first value that is not. `validate_args` of a constructor, or
/// set_default_validate_args(), switches the checks off.
///
/// What a distribution lacks throws Error(kUnsupported): "Categorical has no cdf".
///
/// A distribution does not change. Its parameters are the tensors that it was made of, or views of them.
///
/// A program's own distribution is a class that defines the private functions below: draw(), compute_log_prob(),
/// expanded(), and compute_...() of what else it has.
class Distribution {
 public:
  virtual ~Distribution() = default;

  /// The name of the family: "Normal".
  const char* name() const { return name_; }
  /// The shape of the parameters: distributions that are side by side.
  const Shape& batch_shape() const { return batch_shape_; }
  /// The shape of one value.
  const Shape& event_shape() const { return event_shape_; }
  /// The dtype of the parameters, of samples (but for indices) and of moments.
  DType dtype() const { return dtype_; }
  /// Where samples are made.
  Device device() const { return device_; }
  /// What values must be.
  virtual Constraint support() const = 0;
  /// True if samples have a gradient.
  virtual bool has_rsample() const { return false; }
  /// True if there are finitely many values, which enumerate_support() gives.
  virtual bool has_enumerate_support() const { return false; }

  /// The mean, batch_shape + event_shape. NaN or infinite where there is none.
  Tensor mean() const;
  /// The value of the highest density.
  Tensor mode() const;
  /// The variance of each element.
  Tensor variance() const;
  /// The square root of the variance.
  Tensor stddev() const;

  /// Values that are drawn, sample_shape + batch_shape + event_shape, from `generator`, or from default_generator() if
  /// it is null. No gradient passes.
  Tensor sample(const Shape& sample_shape = {}, Generator* generator = nullptr) const;
  /// The same with gradients of the parameters (reparametrization). Throws Error unless has_rsample().
  Tensor rsample(const Shape& sample_shape = {}, Generator* generator = nullptr) const;
  /// The logarithm of the density or probability of `value`, whose shape broadcasts with batch_shape + event_shape.
  /// Throws Error for a value outside of the support.
  Tensor log_prob(const Tensor& value) const;
  /// e^log_prob(value).
  Tensor prob(const Tensor& value) const;
  /// The probability of numbers up to `value`.
  Tensor cdf(const Tensor& value) const;
  /// The inverse of cdf(), of probabilities from 0 to 1.
  Tensor icdf(const Tensor& value) const;
  /// The entropy in nats, batch_shape.
  Tensor entropy() const;
  /// e^entropy().
  Tensor perplexity() const;
  /// All values, in dimension 0: [count] + batch_shape + event_shape; [count, 1, ...] + event_shape unless `expand`.
  /// Throws Error unless has_enumerate_support() and all distributions of the batch have the same values.
  Tensor enumerate_support(bool expand = true) const;
  /// The same distributions as a larger batch; no memory is copied. Throws Error unless batch_shape() can be expanded
  /// to `batch_shape`.
  std::shared_ptr<const Distribution> expand(const Shape& batch_shape) const;

  /// Whether distributions check parameters and values that are made from now on, in all threads. At first they do.
  static void set_default_validate_args(bool on);

 protected:
  /// Parameters that have been broadcast, f16 and bf16 as f32, and what they were.
  struct Parameters {
    std::vector<Tensor> wide;  ///< The parameters, of one shape, as f32 or f64.
    Shape shape;               ///< Their shape.
    DType dtype = f32;         ///< The dtype that they meet in.
    Device device;             ///< Where they are.
  };
  /// The parameters of a distribution of this name, broadcast.
  static Parameters broadcast(const char* name, std::initializer_list<Parameter> parameters);
  /// One of the two.
  static const Parameter& chosen(const char* name, const ProbsOrLogits& p);

  /// Of single numbers, whose batch is the parameters' shape. The name is a literal.
  Distribution(const char* name, const Parameters& p, std::optional<bool> validate_args)
      : Distribution(name, p.shape, {}, p.dtype, p.device, validate_args) {}
  /// Of these shapes. Without `validate_args` it checks as the default says.
  Distribution(const char* name, Shape batch_shape, Shape event_shape, DType dtype, Device device,
               std::optional<bool> validate_args);
  /// A distribution with the same parameters.
  Distribution(const Distribution&) = default;
  /// Takes the parameters over.
  Distribution(Distribution&&) = default;
  /// Becomes a distribution with the same parameters.
  Distribution& operator=(const Distribution&) = default;
  /// Takes the parameters over.
  Distribution& operator=(Distribution&&) = default;

  /// Throws Error unless the parameter fulfils the constraint.
  void expect(const char* parameter, const Tensor& value, const Constraint& constraint) const;
  /// True if parameters and values are checked.
  bool validates() const { return validate_args_; }
  /// For constructors, and copies that are expanded.
  void set_batch_shape(const Shape& shape) { batch_shape_ = shape; }
  /// For constructors.
  void set_event_shape(const Shape& shape) { event_shape_ = shape; }
  /// sample_shape + batch_shape + event_shape.
  Shape extended(const Shape& sample_shape) const;
  /// A tensor of batch_shape + event_shape filled with a number, in the dtype of computations.
  Tensor constant(double value) const;
  /// The dtype of computations: f32, or f64.
  DType wide_dtype() const { return dtype_ == f64 ? f64 : f32; }
  /// Of tensors in computations.
  TensorOptions wide_options() const { return {.dtype = wide_dtype(), .device = device_}; }
  /// Rounded to the dtype of the distribution.
  Tensor narrow(const Tensor& t) const;
  /// Uniform random numbers in (0, 1), without gradient; in f64, for the tails.
  Tensor uniform_noise(const Shape& shape, Generator* generator) const;
  /// Standard normal random numbers, without gradient.
  Tensor normal_noise(const Shape& shape, Generator* generator) const;
  /// A copy of d with these members as a batch of `shape`.
  template <class D>
  static std::shared_ptr<D> expanded_copy(const D& d, const Shape& shape, std::initializer_list<Tensor D::*> members) {
    auto copy = std::make_shared<D>(d);
    for (Tensor D::*m : members) (*copy).*m = expanded_batch(d.*m, d.batch_shape(), shape);
    copy->set_batch_shape(shape);
    return copy;
  }
  /// A parameter whose first sizes are the batch `from`, with the batch `to`.
  static Tensor expanded_batch(const Tensor& t, const Shape& from, const Shape& to);
  /// Throws Error(kUnsupported): the family has no such thing.
  [[noreturn]] void lacks(const char* what) const;

 private:
  // What the families define: in the dtype of computations. Values are floating-point unless takes_indices().
  virtual Tensor compute_mean() const { lacks("mean"); }
  virtual Tensor compute_mode() const { lacks("mode"); }
  virtual Tensor compute_variance() const { lacks("variance"); }
  virtual Tensor draw(const Shape& sample_shape, Generator* generator) const = 0;
  virtual Tensor compute_log_prob(const Tensor& value) const = 0;
  virtual Tensor compute_cdf(const Tensor&) const { lacks("cdf"); }
  virtual Tensor compute_icdf(const Tensor&) const { lacks("icdf"); }
  virtual Tensor compute_entropy() const { lacks("entropy"); }
  // The values [count] + event_shape.
  virtual Tensor compute_values() const { lacks("finite set of values"); }
  virtual std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const = 0;
  virtual bool takes_indices() const { return false; }

  Tensor checked_value(const char* method, const Tensor& value, const Constraint& constraint) const;
  Tensor rounded_like(const Tensor& result, const Tensor& value) const;
  void check(const char* what, const Tensor& value, const Constraint& constraint) const;

  const char* name_;
  Shape batch_shape_, event_shape_;
  DType dtype_;
  Device device_;
  bool validate_args_;
};

}  // namespace hearth::distributions
