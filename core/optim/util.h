// Around optimizers: clipping of gradients, and the running average of a model.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::optim {

// Scales all gradients so that the norm of them together is at most max_norm; returns the norm before.
double clip_grad_norm_(std::span<const Tensor> parameters, double max_norm, double p = 2);
// Clamps each gradient's elements to [-value, value].
void clip_grad_value_(std::span<const Tensor> parameters, double value);

// Exponential moving average: average = decay * average + (1 - decay) * tensor, for floating-point tensors; others are
// copied.
class EMA {
 public:
  explicit EMA(std::vector<Tensor> tensors, double decay = 0.999);
  void update();
  // Exchanges the averages with the tensors' values; again to change back.
  void swap();
  const std::vector<Tensor>& averages() const { return averages_; }
  // "0", "1", …: the averages themselves, in the order of the tensors.
  std::map<std::string, Tensor> state_dict() const;
  // Throws Error as Optimizer::load_state_dict.
  void load_state_dict(const std::map<std::string, Tensor>& state);

 private:
  std::vector<Tensor> tensors_, averages_;
  double decay_;
};

}  // namespace hearth::optim
