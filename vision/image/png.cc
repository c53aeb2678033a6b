// Structure of PNG files (W3C, "Portable Network Graphics Specification", third edition).
#include <zlib.h>

#include "absl/strings/str_cat.h"
#include "vision/image/header.h"

namespace hearth::vision {
namespace {

enum Color : uint32_t { kGrey = 0, kRgbColor = 2, kPalette = 3, kGreyAlpha = 4, kRgbAlpha = 6 };

bool depth_fits(uint32_t color, uint32_t bits) {
  switch (color) {
    case kGrey:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16;
    case kPalette:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8;
    case kRgbColor:
    case kGreyAlpha:
    case kRgbAlpha:
      return bits == 8 || bits == 16;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<Header> png_header(Bytes file, int64_t max_pixels) {
  const auto early = [] { return absl::DataLossError("PNG: the file ends too early"); };
  Header h;
  uint32_t color = 0, bits = 0;
  bool palette = false, transparency = false, ended = false, first = true;
  uint64_t compressed = 0;
  append(h.reduced, file.first(8));
  for (size_t at = 8; !ended;) {
    if (file.size() - at < 12) return early();
    const uint32_t n = big32(file, at);
    if (n > 0x7fffffff) return absl::InvalidArgumentError(absl::StrCat("PNG: a chunk of ", n, " bytes"));
    if (file.size() - at - 12 < n) return early();
    const Bytes chunk = file.subspan(at, n + 12), data = chunk.subspan(8, n);
    const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(chunk.data() + 4), n + 4);
    if (crc != big32(chunk, n + 8)) {
      return absl::DataLossError(absl::StrCat("PNG: the checksum of the chunk at byte ", at, " is wrong"));
    }
    const bool header = has(chunk, 4, "IHDR");
    if (header != first) {
      return absl::InvalidArgumentError(header ? "PNG: a second IHDR chunk" : "PNG: the first chunk is not IHDR");
    }
    first = false;
    bool keep = true;
    if (header) {
      if (n != 13) return absl::InvalidArgumentError(absl::StrCat("PNG: an IHDR chunk of ", n, " bytes"));
      h.width = big32(data, 0);
      h.height = big32(data, 4);
      bits = byte_at(data, 8);
      color = byte_at(data, 9);
      if (!depth_fits(color, bits) || byte_at(data, 10) != 0 || byte_at(data, 11) != 0 || byte_at(data, 12) > 1) {
        return absl::InvalidArgumentError(
            absl::StrCat("PNG: unknown colour type ", color, " with ", bits, " bits, or coding"));
      }
      if (absl::Status s = check_size("PNG", h.width, h.height, max_pixels); !s.ok()) return s;
    } else if (has(chunk, 4, "PLTE")) {
      if (palette || compressed > 0 || n == 0 || n % 3 != 0 || n > 768)
        return absl::InvalidArgumentError("PNG: the palette is damaged or misplaced");
      palette = true;
      // A suggested palette of a true-colour picture is of no use.
      keep = color == kPalette;
    } else if (has(chunk, 4, "tRNS")) {
      const bool fits = color == kPalette ? palette && n >= 1 && n <= 256 : color == kRgbColor && n == 6;
      keep = fits && !transparency && compressed == 0;
      transparency |= keep;
    } else if (has(chunk, 4, "IDAT")) {
      if (color == kPalette && !palette) return absl::InvalidArgumentError("PNG: there is no palette");
      compressed += n;
    } else if (has(chunk, 4, "IEND")) {
      ended = true;
    } else {
      if (has(chunk, 4, "eXIf")) h.orientation = exif_orientation(data);
      if ((byte_at(chunk, 4) & 0x20) == 0) return absl::InvalidArgumentError("PNG: an unknown critical chunk");
      keep = false;
    }
    if (keep) append(h.reduced, chunk);
    at += chunk.size();
  }
  if (compressed == 0) return absl::DataLossError("PNG: there is no picture in the file");
  const int samples = color == kRgbColor ? 3 : color == kGreyAlpha ? 2 : color == kRgbAlpha ? 4 : 1;
  // Deflate makes at most 1032 bytes of one (zlib's technical details). Interlacing only adds to the bits.
  const uint64_t row = (static_cast<uint64_t>(h.width) * static_cast<uint64_t>(samples) * bits + 7) / 8 + 1;
  if (row * static_cast<uint64_t>(h.height) > compressed * 1032 + 1032) {
    return absl::DataLossError(
        absl::StrCat("PNG: ", compressed, " bytes cannot hold ", h.width, " x ", h.height, " pixels"));
  }
  h.channels = color == kPalette ? 3 : samples;
  if (transparency) h.channels = 4;
  return h;
}

}  // namespace hearth::vision
