// Parts that the readers of JSON requests share.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/base/error.h"
#include "core/tensor/tensor.h"

namespace hearth::serve {

template <class... Args>
absl::Status bad(const Args&... args) {
  return absl::InvalidArgumentError(concat(args...));
}

/// Fills `to` from "data" of the input `name`: nested lists as the shape says, or all elements in one list.
/// kInvalidArgument names the input and what is wrong: the number of elements, a value of another type, or one that
/// does not fit the dtype.
absl::Status read_data(const simdjson::dom::array& data, Tensor& to, std::string_view name);

/// The same for unsigned integers that no dtype holds; `to` has shape.numel() elements.
absl::Status read_unsigned(const simdjson::dom::array& data, const Shape& shape, std::string_view name,
                           std::vector<uint64_t>& to);

/// The same for strings.
absl::Status read_strings(const simdjson::dom::array& data, const Shape& shape, std::string_view name,
                          std::vector<std::string>& to);

}  // namespace hearth::serve
