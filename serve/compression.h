// gzip and deflate, as HTTP's Content-Encoding has them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "serve/memory_budget.h"

namespace hearth::serve {

// Of bodies in "gzip" or "deflate" (zlib's format, or raw as some clients send it). kResourceExhausted as soon as there
// are more than max_bytes, kDataLoss for damaged data. What it takes is added to `memory` as it grows; kUnavailable if
// there is not as much.
absl::StatusOr<std::string> decompress(std::string_view data, size_t max_bytes, Reservation* memory = nullptr);

enum class Compression : uint8_t { kGzip, kDeflate };
std::string compress(std::string_view data, Compression how);

}  // namespace hearth::serve
