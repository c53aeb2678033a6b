/// What parameters and values of distributions must be: torch.distributions.constraints.
#pragma once

#include <functional>
#include <string>

#include "core/tensor/tensor.h"

namespace hearth::distributions {

/// A condition on the values of a tensor.
class Constraint {
 public:
  /// For each event of the tensor whether it fulfils the condition, as bool.
  using Check = std::function<Tensor(const Tensor&)>;
  /// `what` completes "must be ..." in errors. Of the last `event_dim` dimensions each event is made.
  Constraint(std::string what, Check check, int event_dim = 0, bool is_discrete = false)
      : what_(std::move(what)), check_(std::move(check)), event_dim_(event_dim), is_discrete_(is_discrete) {}
  /// The condition in words: "above 0".
  const std::string& what() const { return what_; }
  /// For each event whether it fulfils the condition: bool, of the tensor's shape without its last event_dim() sizes.
  Tensor check(const Tensor& x) const { return check_(x); }
  /// How many of the last dimensions are one event.
  int event_dim() const { return event_dim_; }
  /// True if there are gaps between the values.
  bool is_discrete() const { return is_discrete_; }

 private:
  std::string what_;
  Check check_;
  int event_dim_;
  bool is_discrete_;
};

/// The constraints, by the names that PyTorch gives them.
namespace constraints {

/// Any number but NaN.
Constraint real();
/// Vectors of such numbers.
Constraint real_vector();
/// Numbers above 0.
Constraint positive();
/// Numbers of at least 0.
Constraint nonnegative();
/// Numbers above `low`.
Constraint greater_than(double low);
/// Numbers from 0 to 1.
Constraint unit_interval();
/// Numbers from `low` to `high`, each a tensor that broadcasts.
Constraint interval(const Tensor& low, const Tensor& high);
/// 0 or 1.
Constraint boolean();
/// 0, 1, 2, ...
Constraint nonnegative_integer();
/// Whole numbers from `low` to `high`, which broadcasts.
Constraint integer_interval(double low, const Tensor& high);
/// Vectors of nothing but 0 and a single 1.
Constraint one_hot();
/// Vectors of numbers of at least 0 that add up to 1.
Constraint simplex();
/// Vectors of counts that add up to `upper_bound`.
Constraint multinomial(int64_t upper_bound);
/// Lower triangular matrices with a positive diagonal.
Constraint lower_cholesky();
/// Symmetric matrices whose eigenvalues are above 0.
Constraint positive_definite();
/// `base` for each of the last `dims` dimensions' elements together.
Constraint independent(const Constraint& base, int dims);

}  // namespace constraints
}  // namespace hearth::distributions
