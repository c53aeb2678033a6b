// The entries of a zip file that lies in memory, and where their bytes are. For files of this package only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

struct ZipEntry {
  std::string_view name;
  std::string_view packed;  // as it lies in the file
  uint64_t size = 0;        // unpacked
  uint32_t crc = 0;         // of the unpacked bytes; some writers leave it 0
  bool deflated = false;    // otherwise `packed` are the bytes themselves
};

// All entries of the central directory; views into `file`. Sizes, places and names have been checked, none lies over
// another, and no entry claims to unpack to more than deflate can give.
absl::StatusOr<std::vector<ZipEntry>> read_zip_directory(std::string_view file);

// Unpacks entry.size bytes to `to`.
absl::Status unpack(const ZipEntry& entry, char* to);

uint32_t crc32_of(std::string_view bytes);

}  // namespace hearth::io
