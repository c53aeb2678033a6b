// HPACK (RFC 7541), the compression of HTTP/2's headers.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace hearth::serve::http2 {

using Header = std::pair<std::string, std::string>;
using Headers = std::vector<Header>;

// A header's value; null if there is none of this (lower-case) name.
const std::string* find_header(const Headers& headers, std::string_view name);

// Reads header blocks. It remembers headers of earlier ones, so each connection has its own and gives it every block.
class HpackDecoder {
 public:
  static constexpr size_t kTableBytes = 4096;

  // kInvalidArgument: the block is malformed, and no further one can be read. kResourceExhausted: the headers (names,
  // values and 32 bytes for each) are larger than max_bytes; further blocks can be read. kOutOfRange: they are so much
  // larger that the rest is not read, nor can a further block be.
  absl::Status decode(std::string_view block, size_t max_bytes, Headers& out);

 private:
  void insert(Header header);
  void evict(size_t limit);

  std::deque<Header> table_;  // the newest first
  size_t bytes_ = 0, limit_ = kTableBytes;
};

// Appends headers as literals, which need no memory of earlier ones.
void encode_headers(const Headers& headers, std::string& out);

}  // namespace hearth::serve::http2
