/// Averages of weights over a training (Izmailov et al., 2018), by any rule, and the learning rate for it.
/// nn::update_bn() gives batch norms the statistics of the averaged weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/optim/averages.h"
#include "core/optim/scheduler.h"
#include "core/tensor/tensor.h"

namespace hearth::optim {

/// The new average of an average of `count` values and a current one.
using AveragingFunction = std::function<Tensor(const Tensor& average, const Tensor& current, int64_t count)>;

/// decay average + (1 - decay) current. Throws Error unless the decay is from 0 to 1.
AveragingFunction get_ema_avg_fn(double decay = 0.999);
/// average + (current - average) / (count + 1): all values count alike.
AveragingFunction get_swa_avg_fn();
/// get_ema_avg_fn() of many, in place.
MultiAveragingFunction get_ema_multi_avg_fn(double decay = 0.999);
/// get_swa_avg_fn() of many, in place.
MultiAveragingFunction get_swa_multi_avg_fn();

/// Averages of tensors by a rule; PyTorch: AveragedModel. The first update copies. Floating-point and complex tensors
/// are averaged, f16 and bf16 in f32; others are copied. A tensor that is given several times, as tied weights are, has
/// one average. EMA is the same for exponential averages, whose first update averages.
class AveragedTensors {
 public:
  /// Averages that begin as the tensors are: model.parameters(), and the buffers if they are to be averaged too.
  explicit AveragedTensors(std::vector<Tensor> tensors, MultiAveragingFunction rule = get_swa_multi_avg_fn());
  /// Takes the tensors' present values in.
  void update();
  /// Exchanges the averages with the tensors' values; again to change back. A 16-bit tensor holds its average rounded
  /// meanwhile; the average comes back as it was, unless the tensor was written to.
  void swap() { held_.swap(); }
  /// How many values were taken in.
  int64_t count() const { return count_; }
  /// The averages themselves, in the order of the tensors.
  const std::vector<Tensor>& averages() const { return held_.all(); }
  /// "0", "1", ...: the averages themselves, in the order of the tensors; "count", i64.
  std::map<std::string, Tensor> state_dict() const;
  /// Copies averages in, those of another floating-point dtype converted, and takes the count. Throws Error naming each
  /// that is missing, unexpected, or of another shape or kind of dtype; nothing is changed then.
  void load_state_dict(const std::map<std::string, Tensor>& state);

 private:
  detail::Averages held_;
  MultiAveragingFunction rule_;
  int64_t count_ = 0;
};

/// From the rate at the first step() to `swa_lr` in `length` steps; then it stays there. A rate that something else has
/// set between two steps is taken as on the way: step() goes on from it. set_step(), and SequentialLR, go from the
/// base.
class SWALR final : public Scheduler {
 public:
  /// Of length 0 it begins there. Throws Error if the length is negative.
  SWALR(Optimizer& o, double swa_lr, int64_t length = 10, Anneal anneal = Anneal::kCosine);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  double base_of(int64_t step, double base, double present) const override;
  double between(int64_t step, double base) const;
  double share(int64_t step) const;  // of swa_lr
  double swa_lr_;
  int64_t length_;
  Anneal anneal_;
};

}  // namespace hearth::optim
