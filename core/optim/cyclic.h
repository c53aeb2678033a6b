/// Learning rates that rise and fall again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/optim/scheduler.h"

namespace hearth::optim {

/// Along half a cosine from base to `min`, and anew from base, each time `mult` times as long (Loshchilov and Hutter,
/// "SGDR", 2017).
class CosineAnnealingWarmRestarts final : public Scheduler {
 public:
  /// The first cosine has `length` steps. Throws Error unless length and mult are at least 1.
  CosineAnnealingWarmRestarts(Optimizer& o, int64_t length, int64_t mult = 1, double min = 0);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  int64_t length_, mult_;
  double min_;
};

/// Options of CyclicLR.
struct CyclicOptions {
  /// How the cycles change.
  enum class Mode : uint8_t {
    kTriangular,   ///< All alike.
    kTriangular2,  ///< Each half as high as the one before.
    kExpRange,     ///< Height times gamma^step.
  };
  double base_lr = 1e-4;                       ///< The lowest rate.
  double max_lr = 1e-2;                        ///< The highest rate of the first cycle.
  int64_t step_size_up = 2000;                 ///< Steps in which it rises, at least 1.
  std::optional<int64_t> step_size_down = {};  ///< Steps in which it falls, at least 1; as many without.
  Mode mode = Mode::kTriangular;               ///< How the cycles change.
  double gamma = 1;                            ///< For kExpRange.
  bool cycle_momentum = true;                  ///< Whether the momentum moves against the rate.
  double base_momentum = 0.8;                  ///< The momentum where the rate is highest.
  double max_momentum = 0.9;                   ///< The momentum where it is lowest.
};

/// Up and down along straight lines (Smith, "Cyclical learning rates", 2017). All groups get the same rate.
class CyclicLR final : public Scheduler {
 public:
  /// Sets the rate of step 0. Throws Error unless both lengths are at least 1, and neither rates nor momentums are
  /// negative.
  CyclicLR(Optimizer& o, const CyclicOptions& options);

 private:
  // From 0 at the ends of a cycle to its height.
  double height(int64_t step) const;
  double lr_at(int64_t step, double base, size_t group) const override;
  bool moves_momentum() const override { return o_.cycle_momentum; }
  double momentum_at(int64_t step, double base) const override;
  CyclicOptions o_;
};

}  // namespace hearth::optim
