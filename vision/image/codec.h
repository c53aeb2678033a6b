// Pictures in files: PNG, JPEG, WebP and BMP.
//
// Sizes are read from the header by code of our own and checked before anything is decoded, so that a small file cannot
// ask for much memory; what the decoder then gives must have that size. A file that ends early is an error, never a
// picture with grey rows. Functions are thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::vision {

enum class ColorMode : uint8_t {
  kUnchanged,  // 1 grey, 2 grey and alpha, 3 RGB or 4 RGBA channels, as the file has it; a palette becomes RGB
  kGray,       // 1 channel: 0.299 red + 0.587 green + 0.114 blue, rounded, as PIL; a JPEG's own luminance
  kRgb,        // 3 channels
  kRgba,       // 4 channels; alpha is 255 where the file has none
};

constexpr int64_t kMaxPixels = int64_t{64} << 20;

struct DecodeOptions {
  ColorMode color = ColorMode::kRgb;
  int64_t max_pixels = kMaxPixels;     // width times height
  bool apply_exif_orientation = true;  // turn and mirror as the EXIF tag says (JPEG, PNG, WebP)
};

// A picture as u8 [c, h, w]; three channels are red, green, blue. 16-bit values are rounded to 8 bits. Alpha that the
// mode does not keep is dropped, not blended. The transparent grey value of a PNG (tRNS) is ignored; that of a palette
// or of RGB is alpha.
// Errors: kUnimplemented for formats that are not read (GIF, TIFF, AVIF, HEIF, animations, 12-bit or arithmetic-coded
// JPEG, ...), kResourceExhausted beyond max_pixels, kDataLoss for a file that is damaged or ends early, and
// kInvalidArgument for what is no picture or has impossible properties.
absl::StatusOr<Tensor> decode_image(std::span<const std::byte> bytes, const DecodeOptions& options = {});
// The same from a file of at most 1 GiB; errors name the path.
absl::StatusOr<Tensor> read_image(const std::string& path, const DecodeOptions& options = {});

struct PngOptions {
  int level = 6;  // 0 stores, 9 takes longest
};
struct JpegOptions {
  int quality = 75;  // 1 to 100
};
// Files of u8 [c, h, w] with 1, 3 or (PNG) 4 channels. kInvalidArgument for other tensors or options.
absl::StatusOr<std::string> encode_png(const Tensor& image, const PngOptions& options = {});
absl::StatusOr<std::string> encode_jpeg(const Tensor& image, const JpegOptions& options = {});

struct WriteOptions {
  PngOptions png;
  JpegOptions jpeg;
};
// By the path's ending: .png, .jpg or .jpeg. The file appears whole or not at all (io::AtomicFile).
absl::Status write_image(const std::string& path, const Tensor& image, const WriteOptions& options = {});

}  // namespace hearth::vision
