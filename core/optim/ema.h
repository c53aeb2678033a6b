/// The running average of a model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/optim/averages.h"
#include "core/tensor/tensor.h"

namespace hearth::optim {

/// Exponential moving average: average = decay * average + (1 - decay) * tensor, for floating-point and complex
/// tensors; others are copied. Averages of f16 and bf16 tensors are kept in f32, which small changes are not lost in. A
/// tensor that is given several times, as tied weights are, has one average.
class EMA {
 public:
  /// Averages that begin as the tensors are. Throws Error unless the decay is from 0 to 1.
  explicit EMA(std::vector<Tensor> tensors, double decay = 0.999);
  /// Takes the tensors' present values in.
  void update();
  /// Exchanges the averages with the tensors' values; again to change back. A 16-bit tensor holds its average rounded
  /// meanwhile; the average comes back as it was, unless the tensor was written to.
  void swap() { held_.swap(); }
  /// The averages themselves, in the order of the tensors.
  const std::vector<Tensor>& averages() const { return held_.all(); }
  /// "0", "1", ...: the averages themselves, in the order of the tensors.
  std::map<std::string, Tensor> state_dict() const { return held_.state_dict(); }
  /// Copies averages in, those of another floating-point dtype converted. Throws Error naming each that is missing,
  /// unexpected, or of another shape or kind of dtype; nothing is changed then.
  void load_state_dict(const std::map<std::string, Tensor>& state) { held_.load_state_dict("EMA", state); }

 private:
  detail::Averages held_;
  MultiAveragingFunction rule_;
};

}  // namespace hearth::optim
