// What layers of convolution and of transposed convolution share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/nn/module.h"

namespace hearth::nn {

// Throws unless channels, groups and kernel are possible.
inline void check_convolution(const char* layer, int64_t in, int64_t out, int64_t groups,
                              std::initializer_list<int64_t> kernel) {
  std::string sizes;
  for (const int64_t size : kernel) sizes += (sizes.empty() ? "" : " x ") + std::to_string(size);
  HEARTH_CHECK(std::ranges::min(kernel) >= 1, layer, ": the kernel must be at least 1 wide, but is ", sizes);
  HEARTH_CHECK(in >= 1 && out >= 1 && groups >= 1 && in % groups == 0 && out % groups == 0, layer, ": ", in,
               " input and ", out, " output channels cannot be cut into ", groups, " groups");
}
// The input channels that an output channel sees.
inline int64_t inputs_of_group(const char* layer, int64_t in, int64_t out, int64_t groups,
                               std::initializer_list<int64_t> kernel) {
  check_convolution(layer, in, out, groups, kernel);
  return in / groups;
}
// The output channels that an input channel of a transposed convolution gives to.
inline int64_t outputs_of_group(const char* layer, int64_t in, int64_t out, int64_t groups,
                                std::initializer_list<int64_t> kernel) {
  check_convolution(layer, in, out, groups, kernel);
  return out / groups;
}

inline void reset_convolution(Parameter& weight, std::optional<Parameter>& bias) {
  const int64_t fan_in = init::fans(weight).in;
  init::fan_in_uniform_(weight, fan_in);
  if (bias) init::fan_in_uniform_(*bias, fan_in);
}

}  // namespace hearth::nn
