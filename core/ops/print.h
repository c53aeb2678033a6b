/// Printing, as PyTorch prints: std::cout << x.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "core/tensor/tensor.h"

namespace hearth {

/// How tensors are printed: torch.set_printoptions.
struct PrintOptions {
  int precision = 4;                            ///< Digits after the point, from 0 to 40.
  int64_t threshold = 1000;                     ///< Tensors of more elements are shortened.
  int64_t edgeitems = 3;                        ///< Items that a shortened dimension shows at each end.
  int64_t linewidth = 80;                       ///< Characters of a line.
  std::optional<bool> sci_mode = std::nullopt;  ///< Scientific notation; chosen by the values if not given.
};

/// Sets how this process prints tensors from now on, in all threads. Throws Error for options that are out of range.
void set_printoptions(const PrintOptions& options);
/// How this process prints tensors.
PrintOptions get_printoptions();
/// The text of t, printed in this way. Throws Error for options that are out of range.
std::string to_string(const Tensor& t, const PrintOptions& options);

/// The text of to_string(t); large tensors are shortened.
std::ostream& operator<<(std::ostream& out, const Tensor& t);
/// "[2, 3]".
std::ostream& operator<<(std::ostream& out, const Dims& d);
/// "f32".
std::ostream& operator<<(std::ostream& out, DType t);
/// "cuda:1".
std::ostream& operator<<(std::ostream& out, Device d);

}  // namespace hearth
