#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "vision/image/codec.h"

// The first byte of the input chooses the options, the rest is the file; a corpus file that is a picture itself loses
// its first byte, so all of it is tried too.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using hearth::vision::ColorMode;
  constexpr int64_t kLimit = 1 << 16;
  constexpr ColorMode kModes[] = {ColorMode::kUnchanged, ColorMode::kGray, ColorMode::kRgb, ColorMode::kRgba};
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  for (size_t skip : {size_t{0}, size_t{1}}) {
    if (skip > size) break;
    const auto color = kModes[size > 0 ? data[0] % 4 : 0];
    const auto t = hearth::vision::decode_image(bytes.subspan(skip), {.color = color, .max_pixels = kLimit});
    if (!t.ok()) continue;
    const int64_t channels = t->shape()[0];
    if (channels < 1 || channels > 4 || t->numel() > channels * kLimit) std::abort();
    if (color == ColorMode::kGray && channels != 1) std::abort();
    if (color == ColorMode::kRgb && channels != 3) std::abort();
  }
  return 0;
}
