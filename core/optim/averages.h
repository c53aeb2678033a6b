// What averages of tensors have in common, whatever their rule.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::optim {

/// The new averages of averages of `count` values and current ones, in place.
using MultiAveragingFunction =
    std::function<void(std::span<Tensor> averages, std::span<const Tensor> current, int64_t count)>;

namespace detail {

// The averages of tensors: those of f16 and bf16 tensors in f32. A tensor that is given several times has one.
class Averages {
 public:
  // Begin as the tensors are.
  explicit Averages(std::vector<Tensor> tensors);
  // By the rule; of tensors that are neither floating-point nor complex, or with `count` 0, copies.
  void update(const MultiAveragingFunction& rule, int64_t count);
  // Exchanges them with the tensors' values. An average that a 16-bit tensor held rounded comes back as it was, unless
  // the tensor was written to.
  void swap();
  const std::vector<Tensor>& all() const { return averages_; }
  // "0", "1", ..., in the order of the tensors.
  std::map<std::string, Tensor> state_dict() const;
  // Copies averages in. Throws Error for a state that does not fit, in the words of `what`; nothing is changed then.
  void load_state_dict(const char* what, const std::map<std::string, Tensor>& state);

 private:
  // What swap() has put into a 16-bit tensor.
  struct Rounded {
    Tensor average;
    uint32_t version = 0;  // of the tensor since
  };
  // True for the first of equal tensors.
  bool first(size_t i) const { return first_[i] == i; }

  std::vector<Tensor> tensors_, averages_;
  std::vector<size_t> first_;  // of each tensor: where it stands first
  std::vector<Rounded> rounded_;
};

}  // namespace detail
}  // namespace hearth::optim
