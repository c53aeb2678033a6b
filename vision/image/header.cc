#include "vision/image/header.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace hearth::vision {

bool has(Bytes b, size_t i, const char* text, size_t n) {
  return b.size() >= n && i <= b.size() - n && std::memcmp(b.data() + i, text, n) == 0;
}

absl::Status check_size(const char* format, int64_t width, int64_t height, int64_t max_pixels) {
  if (width < 1 || height < 1) {
    return absl::InvalidArgumentError(absl::StrCat(format, ": the picture is ", width, " x ", height, " pixels"));
  }
  if (width > max_pixels / height) {
    return absl::ResourceExhaustedError(absl::StrCat(format, ": the picture is ", width, " x ", height,
                                                     " pixels, more than the limit of ", max_pixels));
  }
  // OpenCV's own limit (OPENCV_IO_MAX_IMAGE_WIDTH and _HEIGHT).
  constexpr int64_t kMaxSide = 1 << 20;
  if (width > kMaxSide || height > kMaxSide) {
    return absl::ResourceExhaustedError(
        absl::StrCat(format, ": the picture is ", width, " x ", height, " pixels; a side may have at most ", kMaxSide));
  }
  return absl::OkStatus();
}

// Exif 2.32 (CIPA DC-008), 4.5 and 4.6.2: a TIFF file whose first directory may hold tag 0x0112.
int exif_orientation(Bytes exif) {
  if (exif.size() < 8) return 1;
  const bool little = has(exif, 0, "II*\0");
  if (!little && !has(exif, 0, "MM\0*")) return 1;
  const auto u16 = [&](size_t i) { return little ? little16(exif, i) : big16(exif, i); };
  const auto u32 = [&](size_t i) { return little ? little32(exif, i) : big32(exif, i); };
  const size_t directory = u32(4);
  if (directory > exif.size() - 2) return 1;
  const size_t count = u16(directory);
  for (size_t k = 0; k < count; ++k) {
    const size_t at = directory + 2 + 12 * k;
    if (at + 12 > exif.size()) return 1;
    if (u16(at) != 0x0112) continue;
    const uint32_t type = u16(at + 2), value = u16(at + 8);
    return type == 3 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace hearth::vision
