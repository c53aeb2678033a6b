// Structure of WebP files (RFC 9649).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "vision/image/header.h"

namespace hearth::vision {
namespace {

absl::Status early() { return absl::DataLossError("WebP: the file ends too early"); }
absl::Status damaged() { return absl::DataLossError("WebP: the picture's header is damaged"); }

// Of a lossy (VP8) or lossless (VP8L) bit stream.
absl::Status read_stream(Bytes chunk, bool lossless, Header& h) {
  if (chunk.size() < 10) return early();
  if (lossless) {
    if (byte_at(chunk, 0) != 0x2f) return damaged();
    const uint32_t bits = little32(chunk, 1);
    h.width = (bits & 0x3fff) + 1;
    h.height = (bits >> 14 & 0x3fff) + 1;
    h.channels = bits >> 28 & 1 ? 4 : 3;
    return bits >> 29 == 0 ? absl::OkStatus() : damaged();
  }
  // A key frame that is shown, and its start code (RFC 6386, 9.1).
  if ((byte_at(chunk, 0) & 1) != 0 || !has(chunk, 3, "\x9d\x01\x2a")) return damaged();
  h.width = little16(chunk, 6) & 0x3fff;
  h.height = little16(chunk, 8) & 0x3fff;
  h.channels = 3;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Header> webp_header(Bytes file, int64_t max_pixels) {
  const uint64_t size = little32(file, 4);
  if (size < 4 || size > file.size() - 8) return early();
  file = file.first(static_cast<size_t>(size) + 8);
  Header h, canvas;
  bool extended = false, alpha = false, found = false;
  for (size_t at = 12; at < file.size();) {
    if (file.size() - at < 8) return early();
    const size_t n = little32(file, at + 4);
    if (n > file.size() - at - 8) return early();
    const Bytes chunk = file.subspan(at + 8, n);
    const bool lossy = has(file, at, "VP8 "), lossless = has(file, at, "VP8L");
    if (has(file, at, "VP8X")) {
      if (extended || found) return absl::InvalidArgumentError("WebP: a misplaced VP8X chunk");
      if (n < 10) return early();
      extended = true;
      if (byte_at(chunk, 0) & 2) return absl::UnimplementedError("WebP: animations are not supported");
      canvas.width = little24(chunk, 4) + 1;
      canvas.height = little24(chunk, 7) + 1;
      if (absl::Status s = check_size("WebP", canvas.width, canvas.height, max_pixels); !s.ok()) return s;
    } else if (has(file, at, "ANIM") || has(file, at, "ANMF")) {
      return absl::UnimplementedError("WebP: animations are not supported");
    } else if (has(file, at, "ALPH")) {
      alpha = extended;
    } else if (has(file, at, "EXIF")) {
      h.orientation = exif_orientation(has(chunk, 0, "Exif\0\0") ? chunk.subspan(6) : chunk);
    } else if ((lossy || lossless) && !found) {
      found = true;
      if (absl::Status s = read_stream(chunk, lossless, h); !s.ok()) return s;
      if (absl::Status s = check_size("WebP", h.width, h.height, max_pixels); !s.ok()) return s;
      if (lossy && alpha) h.channels = 4;
    } else if (lossy || lossless) {
      return absl::InvalidArgumentError("WebP: a second picture");
    }
    // Chunks fill up to an even size; the last one's fill byte may be missing.
    at += std::min(8 + n + n % 2, file.size() - at);
  }
  if (!found) return absl::DataLossError("WebP: there is no picture in the file");
  if (extended && (canvas.width != h.width || canvas.height != h.height)) {
    return absl::InvalidArgumentError(absl::StrCat("WebP: the canvas is ", canvas.width, " x ", canvas.height,
                                                   " pixels, but the picture ", h.width, " x ", h.height));
  }
  return h;
}

}  // namespace hearth::vision
