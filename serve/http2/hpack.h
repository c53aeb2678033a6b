// HPACK (RFC 7541): the compression of HTTP/2's headers.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace hearth::serve::http2 {

/// The name and the value of a header. Names are in lower case.
using Header = std::pair<std::string, std::string>;
/// Headers in their order.
using Headers = std::vector<Header>;

/// The value of the first header of this lower-case name; null if there is none.
const std::string* find_header(const Headers& headers, std::string_view name);

/// Decodes header blocks. Blocks refer to headers of earlier ones: a connection has one decoder and gives it every
/// block in order. Not thread-safe.
class HpackDecoder {
 public:
  /// The most bytes of the dynamic table: HPACK's default, which the server's settings leave as it is.
  static constexpr size_t kTableBytes = 4096;

  /// Decodes a block and appends its headers to `out`. kInvalidArgument: the block is malformed, and no further one can
  /// be decoded. kResourceExhausted: the headers (names, values and 32 bytes for each) are larger than max_bytes;
  /// further blocks can be decoded. kOutOfRange: they are so much larger that decoding stopped, and no further block
  /// can be decoded.
  absl::Status decode(std::string_view block, size_t max_bytes, Headers& out);

 private:
  void insert(Header header);
  void evict(size_t limit);

  std::deque<Header> table_;  // the newest first
  size_t bytes_ = 0, limit_ = kTableBytes;
};

/// Appends headers as literals, which do not refer to earlier ones.
void encode_headers(const Headers& headers, std::string& out);

}  // namespace hearth::serve::http2
