/// A learning rate that follows a measured value.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "core/optim/optimizer.h"

namespace hearth::optim {

/// Options of ReduceLROnPlateau.
struct PlateauOptions {
  bool maximize = false;             ///< Larger values are better, as of an accuracy; else smaller ones.
  double factor = 0.1;               ///< What the rate is multiplied by; at least 0 and below 1.
  int64_t patience = 10;             ///< So many steps without a better value are borne; at least 0.
  double threshold = 1e-4;           ///< By how much a value must be better to count; at least 0.
  bool relative_threshold = true;    ///< The threshold is a share of the best value, not a difference.
  int64_t cooldown = 0;              ///< Steps after a fall that do not count; at least 0.
  double min_lr = 0;                 ///< The rate falls no further; at least 0.
  double eps = 1e-8;                 ///< A fall by less is left out; at least 0.
  std::vector<double> min_lrs = {};  ///< min_lr of each group, in its place.
};

/// Lowers the learning rates of all groups when a value, such as the validation loss, has not become better for a
/// while:
///
///   optim::ReduceLROnPlateau plateau(optimizer, {.patience = 3});
///   plateau.step(validation_loss);   // once an epoch
///
/// The optimizer must outlive it.
class ReduceLROnPlateau {
 public:
  /// Throws Error for an option that is out of range, and if there are min_lrs, but not one for each group.
  explicit ReduceLROnPlateau(Optimizer& optimizer, PlateauOptions options = {});
  /// Takes the value of one more step. NaN is no better than anything.
  void step(double value);

  /// The best value so far; infinity, or minus infinity where larger ones are better, before the first.
  double best() const { return best_; }
  /// Steps without a better value since the last one that counts.
  int64_t bad_steps() const { return bad_; }

  /// "best" (f64), "bad_steps" and "cooldown" (i64), 0-dim, to go on from. The rates are the optimizer's.
  Optimizer::StateDict state_dict() const;
  /// Takes a state over. Throws Error naming what is missing, unexpected or no number; nothing is changed then.
  void load_state_dict(const Optimizer::StateDict& state);

 private:
  bool better(double value) const;

  Optimizer* optimizer_;
  PlateauOptions o_;
  double best_;
  int64_t bad_ = 0, cooling_ = 0;
};

}  // namespace hearth::optim
