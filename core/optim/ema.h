/// The running average of a model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::optim {

/// Exponential moving average: average = decay * average + (1 - decay) * tensor, for floating-point tensors; others are
/// copied.
class EMA {
 public:
  /// Averages that begin as the tensors are. Throws Error unless the decay is from 0 to 1.
  explicit EMA(std::vector<Tensor> tensors, double decay = 0.999);
  /// Takes the tensors' present values in.
  void update();
  /// Exchanges the averages with the tensors' values; again to change back.
  void swap();
  /// The averages themselves, in the order of the tensors.
  const std::vector<Tensor>& averages() const { return averages_; }
  /// "0", "1", ...: the averages themselves, in the order of the tensors.
  std::map<std::string, Tensor> state_dict() const;
  /// Copies averages in. Throws Error as Optimizer::load_state_dict.
  void load_state_dict(const std::map<std::string, Tensor>& state);

 private:
  std::vector<Tensor> tensors_, averages_;
  double decay_;
};

}  // namespace hearth::optim
