// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected), as iSCSI (RFC 3720) and TFRecord use it.
#pragma once

#include <cstdint>
#include <string_view>

namespace hearth::io {

uint32_t crc32c(std::string_view bytes);
// As TFRecord stores it, so that the checksum of data that holds checksums stays useful.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace hearth::io
