// The content codings gzip and deflate of HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "serve/base/memory_budget.h"

namespace hearth::serve {

/// Decompresses a body in "gzip" or "deflate" (zlib's format, or raw as some clients send it). kResourceExhausted as
/// soon as there are more than max_bytes; kDataLoss for damaged data.
/// Adds the memory to `memory` as the body grows; kUnavailable if the budget has too little left.
absl::StatusOr<std::string> decompress(std::string_view data, size_t max_bytes, Reservation* memory = nullptr);

/// How to compress.
enum class Compression : uint8_t {
  kGzip,     ///< "gzip".
  kDeflate,  ///< "deflate": zlib's format.
};
/// The coding for an answer to a request with this Accept-Encoding (RFC 9110, section 12.5.3): of gzip and deflate the
/// one with the greater weight, gzip if they are equal. None if neither is accepted, or if the answer as it is
/// ("identity") has a greater weight.
std::optional<Compression> accepted_compression(std::string_view accept_encoding);
/// Compresses at zlib's fastest level. Throws Error if zlib cannot begin.
std::string compress(std::string_view data, Compression how);

}  // namespace hearth::serve
