// Structure of BMP files (Windows GDI's BITMAPINFOHEADER and its successors).
#include "absl/strings/str_cat.h"
#include "vision/image/header.h"

namespace hearth::vision {
namespace {
constexpr uint32_t kRgbCompression = 0, kBitFields = 3;
}

absl::StatusOr<Header> bmp_header(Bytes file, int64_t max_pixels) {
  const auto early = [] { return absl::DataLossError("BMP: the file ends too early"); };
  if (file.size() < 18) return early();
  const uint64_t offset = little32(file, 10), info = little32(file, 14);
  if (info != 40 && info != 52 && info != 56 && info != 108 && info != 124)
    return absl::UnimplementedError(absl::StrCat("BMP: a header of ", info, " bytes is not supported"));
  if (file.size() < 14 + info) return early();
  const auto width = static_cast<int32_t>(little32(file, 18)), height = static_cast<int32_t>(little32(file, 22));
  const uint32_t planes = little16(file, 26), bits = little16(file, 28), compression = little32(file, 30);
  uint64_t colors = little32(file, 46);
  Header h;
  h.width = width;
  h.height = height < 0 ? -int64_t{height} : height;  // rows from the top down
  if (planes != 1) return absl::InvalidArgumentError(absl::StrCat("BMP: there are ", planes, " planes"));
  if (absl::Status s = check_size("BMP", h.width, h.height, max_pixels); !s.ok()) return s;
  const bool palette = bits == 1 || bits == 4 || bits == 8;
  if (!palette && bits != 24 && bits != 32)
    return absl::UnimplementedError(absl::StrCat("BMP: ", bits, " bits a pixel are not supported"));
  if (compression != kRgbCompression && !(compression == kBitFields && bits == 32))
    return absl::UnimplementedError(absl::StrCat("BMP: compression ", compression, " is not supported"));
  uint64_t before = 14 + info;
  h.channels = 3;
  if (compression == kBitFields) {
    if (info == 40) before += 12;
    if (file.size() < before) return early();
    // The masks follow the first 40 bytes whether they count as the header's or not.
    if (little32(file, 54) != 0xff0000 || little32(file, 58) != 0xff00 || little32(file, 62) != 0xff)
      return absl::UnimplementedError("BMP: unusual places of red, green and blue are not supported");
    if (info >= 56) {
      const uint32_t alpha = little32(file, 66);
      if (alpha != 0 && alpha != 0xff000000)
        return absl::UnimplementedError("BMP: an unusual place of alpha is not supported");
      if (alpha != 0) h.channels = 4;
    }
  }
  if (palette) {
    if (colors > (uint64_t{1} << bits)) return absl::InvalidArgumentError("BMP: the palette is too large");
    if (colors == 0) colors = uint64_t{1} << bits;
    before += colors * 4;
  }
  const uint64_t row = (static_cast<uint64_t>(h.width) * bits + 31) / 32 * 4;
  if (offset < before || offset > file.size()) return absl::InvalidArgumentError("BMP: the pixels are misplaced");
  if (file.size() - offset < row * static_cast<uint64_t>(h.height)) return early();
  if (palette) {
    // A grey palette makes a grey picture.
    h.channels = 1;
    const size_t at = static_cast<size_t>(before - colors * 4);
    for (size_t i = at; i < before; i += 4) {
      if (file[i] != file[i + 1] || file[i] != file[i + 2]) h.channels = 3;
    }
  }
  return h;
}

}  // namespace hearth::vision
