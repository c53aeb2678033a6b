#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <zlib.h>

#include "vision/image/codec.h"

namespace {

// The file with right checksums: a fuzzer finds none by itself, and would never get beyond them.
std::string with_checksums(std::string png) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(png[i]); };
  for (size_t i = 8; i + 12 <= png.size();) {
    const size_t n = uint32_t{at(i)} << 24 | at(i + 1) << 16 | at(i + 2) << 8 | at(i + 3);
    if (n > png.size() - i - 12) break;
    const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(png.data() + i + 4), static_cast<uInt>(n + 4));
    for (size_t k = 0; k < 4; ++k) png[i + 8 + n + k] = static_cast<char>(crc >> (24 - 8 * k));
    i += n + 12;
  }
  return png;
}

void check(std::span<const std::byte> bytes, hearth::vision::ColorMode color) {
  using hearth::vision::ColorMode;
  constexpr int64_t kLimit = 1 << 16;
  const auto t = hearth::vision::decode_image(bytes, {.color = color, .max_pixels = kLimit});
  if (!t.ok()) return;
  const int64_t channels = t->shape()[0];
  if (channels < 1 || channels > 4 || t->numel() > channels * kLimit) std::abort();
  if (color == ColorMode::kGray && channels != 1) std::abort();
  if (color == ColorMode::kRgb && channels != 3) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using hearth::vision::ColorMode;
  constexpr ColorMode kModes[] = {ColorMode::kUnchanged, ColorMode::kGray, ColorMode::kRgb, ColorMode::kRgba};
  // Anything that changes from input to input chooses the mode.
  const ColorMode color = kModes[size > 0 ? data[size - 1] % 4 : 0];
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  check(bytes, color);
  if (size > 8 && data[0] == 0x89) {
    const std::string repaired = with_checksums(std::string(reinterpret_cast<const char*>(data), size));
    check(std::as_bytes(std::span<const char>(repaired)), color);
  }
  return 0;
}
