/// Adafactor: second moments of rows and columns in place of those of elements.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of Adafactor.
struct AdafactorOptions {
  /// The largest relative step, at least 0: step t is at most min(lr, 1 / sqrt(t)) of the parameter's size.
  double lr = 1e-2;
  /// The moments of step t weigh the new squares by t^beta2_decay; at most 0.
  double beta2_decay = -0.8;
  /// The least second moment is its square, at least 0; without it the distance of 1 from the next number of the
  /// dtype that the step is computed in.
  std::optional<double> eps1 = std::nullopt;
  /// The least size of a parameter that steps are relative to, at least 0.
  double eps2 = 1e-3;
  /// The greatest root mean square of an update, at least 1.
  double d = 1;
  /// This share of the parameter, times lr, is taken off before the step; at least 0.
  double weight_decay = 0;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const AdafactorOptions& options);

/// Adafactor (Shazeer and Stern, 2018) as PyTorch has it: Adam without a first moment, whose second moment of a matrix
/// is kept as means of its rows and columns, and whose steps are relative to the size of the parameter. It needs little
/// memory for large matrices. State: of parameters with two or more dimensions row_var [..., 1] and col_var [..., 1, n]
/// over the last two, of others variance. Defaults are PyTorch's.
class Adafactor final : public OptimizerOf<Adafactor, AdafactorOptions> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit Adafactor(const Parameters& parameters, const AdafactorOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  Adafactor(const Parameters& parameters, T lr)
      : Adafactor(parameters, AdafactorOptions{.lr = static_cast<double>(lr)}) {}

  /// False: a step looks at whole matrices.
  bool elementwise() const override { return false; }

 private:
  friend OptimizerOf;
  Adafactor() : OptimizerOf("Adafactor") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

}  // namespace hearth::optim
