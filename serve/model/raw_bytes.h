// BYTES tensors as binary data: each element is its length in four bytes, little endian, and then its bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::serve {

/// The bytes in front of each element.
constexpr int64_t kBytesLength = 4;

/// The `n` elements that are in `raw` and fill it. kInvalidArgument names `input` and what is wrong: elements that are
/// cut off, or bytes that belong to none.
absl::StatusOr<std::vector<std::string>> read_raw_bytes(std::string_view raw, int64_t n, std::string_view input);

/// The element of binary data that are exactly one element; nothing if they are not.
std::optional<std::string_view> only_bytes_element(std::string_view raw);

/// Appends an element to binary data. Throws Error if it has 4 GiB or more.
void append_bytes_element(std::string_view element, std::string& out);

}  // namespace hearth::serve
