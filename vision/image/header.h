// What the files of each format say about the picture before it is decoded. For codec.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace hearth::vision {

using Bytes = std::span<const std::byte>;

struct Header {
  int64_t width = 0, height = 0;
  int channels = 0;     // 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA
  int orientation = 1;  // of EXIF, 1 to 8
  // The file without what the decoder need not see (metadata, what follows the end); empty: as it is.
  std::string reduced;
};

// Each checks the whole structure of a file that begins with its format's signature: every part lies within the file,
// the size is at most max_pixels, and the end is there.
absl::StatusOr<Header> png_header(Bytes file, int64_t max_pixels);
absl::StatusOr<Header> jpeg_header(Bytes file, int64_t max_pixels);
absl::StatusOr<Header> webp_header(Bytes file, int64_t max_pixels);
absl::StatusOr<Header> bmp_header(Bytes file, int64_t max_pixels);

// The orientation that an EXIF block (a TIFF header and what follows) holds, 1 if none or if it is damaged.
int exif_orientation(Bytes exif);

// Checks width and height. The format's name begins the message.
absl::Status check_size(const char* format, int64_t width, int64_t height, int64_t max_pixels);

inline uint32_t byte_at(Bytes b, size_t i) { return static_cast<uint32_t>(b[i]); }
inline uint32_t big16(Bytes b, size_t i) { return byte_at(b, i) << 8 | byte_at(b, i + 1); }
inline uint32_t big32(Bytes b, size_t i) { return big16(b, i) << 16 | big16(b, i + 2); }
inline uint32_t little16(Bytes b, size_t i) { return byte_at(b, i + 1) << 8 | byte_at(b, i); }
inline uint32_t little24(Bytes b, size_t i) { return byte_at(b, i + 2) << 16 | little16(b, i); }
inline uint32_t little32(Bytes b, size_t i) { return little16(b, i + 2) << 16 | little16(b, i); }
// True if the file has `text` at i.
bool has(Bytes b, size_t i, const char* text, size_t n);
template <size_t N>
bool has(Bytes b, size_t i, const char (&text)[N]) {
  return has(b, i, text, N - 1);
}
inline void append(std::string& to, Bytes b) { to.append(reinterpret_cast<const char*>(b.data()), b.size()); }

}  // namespace hearth::vision
