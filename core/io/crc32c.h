// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected), as iSCSI (RFC 3720) and TFRecord use it.
#pragma once

#include <cstdint>
#include <string_view>

namespace hearth::io {

/// The CRC-32C of the bytes. Uses the processor's instruction if it has one.
uint32_t crc32c(std::string_view bytes);
namespace detail {
uint32_t crc32c_by_tables(std::string_view bytes);  // for processors that have none
}
/// The CRC-32C as TFRecord stores it: rotated and offset, so that the checksum of data that holds checksums stays
/// useful.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace hearth::io
