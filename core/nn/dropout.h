/// More dropout as modules: of channels, and for self-normalising networks. After eval() they change nothing.
#pragma once

#include <string>

#include "core/nn/activation.h"
#include "core/nn/module.h"
#include "core/nn/repr.h"
#include "core/ops/dropout_functions.h"

namespace hearth::nn {

/// Whole channels of [n, c, l] or [c, l] become 0 (Tompson et al., 2015). See hearth::dropout1d().
class Dropout1d : public Module<Dropout1d> {
 public:
  /// With the probability that a channel becomes 0. Throws Error unless 0 <= p <= 1.
  explicit Dropout1d(double p = 0.5) : Dropout1d(nullptr, "", p) {}
  /// The same as a member of `parent`.
  Dropout1d(ModuleBase* parent, const char* name, double p = 0.5)
      : Module(parent, name), p_(detail::checked_probability("Dropout1d", p)) {}
  /// dropout1d(x, p, training()).
  Tensor forward(const Tensor& x) const { return dropout1d(x, p_, training()); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("p=", detail::repr(p_), ", inplace=False"); }

 private:
  double p_;
};

/// Whole channels of [n, c, d, h, w] or [c, d, h, w] become 0 (Tompson et al., 2015). See hearth::dropout3d().
class Dropout3d : public Module<Dropout3d> {
 public:
  /// With the probability that a channel becomes 0. Throws Error unless 0 <= p <= 1.
  explicit Dropout3d(double p = 0.5) : Dropout3d(nullptr, "", p) {}
  /// The same as a member of `parent`.
  Dropout3d(ModuleBase* parent, const char* name, double p = 0.5)
      : Module(parent, name), p_(detail::checked_probability("Dropout3d", p)) {}
  /// dropout3d(x, p, training()).
  Tensor forward(const Tensor& x) const { return dropout3d(x, p_, training()); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("p=", detail::repr(p_), ", inplace=False"); }

 private:
  double p_;
};

/// Dropout that keeps mean 0 and variance 1 (Klambauer et al., 2017). See hearth::alpha_dropout().
class AlphaDropout : public Module<AlphaDropout> {
 public:
  /// With the probability that an element is dropped. Throws Error unless 0 <= p <= 1.
  explicit AlphaDropout(double p = 0.5) : AlphaDropout(nullptr, "", p) {}
  /// The same as a member of `parent`.
  AlphaDropout(ModuleBase* parent, const char* name, double p = 0.5)
      : Module(parent, name), p_(detail::checked_probability("AlphaDropout", p)) {}
  /// alpha_dropout(x, p, training()).
  Tensor forward(const Tensor& x) const { return alpha_dropout(x, p_, training()); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("p=", detail::repr(p_), ", inplace=False"); }

 private:
  double p_;
};

/// AlphaDropout of whole channels of [n, c, ...]. See hearth::feature_alpha_dropout().
class FeatureAlphaDropout : public Module<FeatureAlphaDropout> {
 public:
  /// With the probability that a channel is dropped. Throws Error unless 0 <= p <= 1.
  explicit FeatureAlphaDropout(double p = 0.5) : FeatureAlphaDropout(nullptr, "", p) {}
  /// The same as a member of `parent`.
  FeatureAlphaDropout(ModuleBase* parent, const char* name, double p = 0.5)
      : Module(parent, name), p_(detail::checked_probability("FeatureAlphaDropout", p)) {}
  /// feature_alpha_dropout(x, p, training()).
  Tensor forward(const Tensor& x) const { return feature_alpha_dropout(x, p_, training()); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("p=", detail::repr(p_), ", inplace=False"); }

 private:
  double p_;
};

}  // namespace hearth::nn
