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

/// The channels of a decoded picture.
enum class ColorMode : uint8_t {
  kUnchanged,  ///< 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels, as in the file. A palette becomes RGB.
  kGray,       ///< 1 channel: 0.299 red + 0.587 green + 0.114 blue, rounded, as in PIL; for a JPEG its luminance.
  kRgb,        ///< 3 channels.
  kRgba,       ///< 4 channels. Alpha is 255 if the file has none.
};

/// The largest picture that is decoded where no limit is given, in pixels: 2^26.
constexpr int64_t kMaxPixels = int64_t{64} << 20;

/// Options of decode_image() and read_image().
struct DecodeOptions {
  ColorMode color = ColorMode::kRgb;   ///< The channels of the result.
  int64_t max_pixels = kMaxPixels;     ///< The limit for width times height.
  bool apply_exif_orientation = true;  ///< Turn and mirror the picture as its EXIF tag says (JPEG, PNG, WebP).
};

/// Decodes a picture as u8 [c, h, w]; three channels are red, green and blue. 16-bit values are rounded to 8 bits.
/// Alpha that the mode does not keep is dropped, not blended. The transparent grey value of a PNG (tRNS) is ignored;
/// that of a palette or of RGB becomes alpha.
///
/// Errors: kUnimplemented for formats that are not read (GIF, TIFF, AVIF, HEIF, animations, 12-bit or arithmetic-coded
/// JPEG, …); kResourceExhausted beyond max_pixels; kDataLoss for a file that is damaged or ends early; kInvalidArgument
/// for bytes that are not a picture or have impossible properties.
absl::StatusOr<Tensor> decode_image(std::span<const std::byte> bytes, const DecodeOptions& options = {});
/// As decode_image(), from a file of at most 1 GiB. Errors name the path.
absl::StatusOr<Tensor> read_image(const std::string& path, const DecodeOptions& options = {});

/// Options of encode_png().
struct PngOptions {
  int level = 6;  ///< Compression, 0 (none) to 9 (smallest and slowest).
};
/// Options of encode_jpeg().
struct JpegOptions {
  int quality = 75;  ///< 1 to 100.
};
/// The bytes of a PNG file of a CPU tensor u8 [c, h, w] with 1, 3 or 4 channels. kInvalidArgument for other tensors or
/// options.
absl::StatusOr<std::string> encode_png(const Tensor& image, const PngOptions& options = {});
/// The bytes of a JPEG file of a CPU tensor u8 [c, h, w] with 1 or 3 channels. kInvalidArgument for other tensors or
/// options.
absl::StatusOr<std::string> encode_jpeg(const Tensor& image, const JpegOptions& options = {});

/// Options of write_image().
struct WriteOptions {
  PngOptions png;    ///< For .png files.
  JpegOptions jpeg;  ///< For .jpg and .jpeg files.
};
/// Writes a picture in the format of the path's ending: .png, .jpg or .jpeg, in upper or lower case. kInvalidArgument
/// for another ending. The file appears whole or not at all (io::AtomicFile).
absl::Status write_image(const std::string& path, const Tensor& image, const WriteOptions& options = {});

}  // namespace hearth::vision
