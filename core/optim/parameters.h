/// Parameters: the tensors of one parameter group, with or without names.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::optim {

/// What an optimizer is made of: tensors, as net.parameters() gives them, or tensors with names, as
/// net.named_parameters() does. Either may be written out: {w, b} or {{"w", w}, {"b", b}}.
class Parameters {
 public:
  /// A tensor and its name.
  using Named = std::pair<std::string, Tensor>;

  /// Tensors without names.
  Parameters(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {}  // NOLINT(google-explicit-constructor)
  /// Tensors without names, written out.
  Parameters(std::initializer_list<Tensor> tensors) : tensors_(tensors) {}
  /// Tensors with names.
  Parameters(const std::vector<Named>& named) : Parameters(named.begin(), named.end()) {}  // NOLINT
  /// Tensors with names, written out.
  Parameters(std::initializer_list<Named> named) : Parameters(named.begin(), named.end()) {}

  /// Whether the tensors have names; false where there are none.
  bool named() const { return !names_.empty(); }
  /// The tensors, in the order given.
  const std::vector<Tensor>& tensors() const { return tensors_; }
  /// A name for each tensor, or nothing.
  const std::vector<std::string>& names() const { return names_; }

 private:
  template <class I>
  Parameters(I begin, I end) {
    for (; begin != end; ++begin) {
      names_.push_back(begin->first);
      tensors_.push_back(begin->second);
    }
  }

  std::vector<Tensor> tensors_;
  std::vector<std::string> names_;
};

}  // namespace hearth::optim
