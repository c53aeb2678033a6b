#include "vision/image/codec.h"

#include <algorithm>
#include <climits>
#include <vector>

#include <opencv2/imgcodecs.hpp>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/with_path.h"
#include "vision/image/header.h"

namespace hearth::vision {
namespace {

constexpr uint64_t kMaxFile = uint64_t{1} << 30;

enum class Format : uint8_t { kPng, kJpeg, kWebp, kBmp };
constexpr const char* kFormatNames[] = {"PNG", "JPEG", "WebP", "BMP"};
const char* name_of(Format f) { return kFormatNames[static_cast<size_t>(f)]; }

// Names a format that is known, but not read.
const char* foreign(Bytes b) {
  if (has(b, 0, "GIF87a") || has(b, 0, "GIF89a")) return "GIF";
  if (has(b, 0, "II*\0") || has(b, 0, "MM\0*")) return "TIFF";
  if (has(b, 4, "ftypavif") || has(b, 4, "ftypavis")) return "AVIF";
  if (has(b, 4, "ftypheic") || has(b, 4, "ftypheix") || has(b, 4, "ftypmif1")) return "HEIF";
  if (has(b, 0, "\0\0\0\x0cjP  ") || has(b, 0, "\xff\x4f\xff\x51")) return "JPEG 2000";
  if (has(b, 0, "\xff\x0a") || has(b, 0, "\0\0\0\x0cJXL ")) return "JPEG XL";
  if (has(b, 0, "<svg") || has(b, 0, "<?xml")) return "SVG";
  if (has(b, 0, "%PDF")) return "PDF";
  if (has(b, 0, "\x76\x2f\x31\x01")) return "OpenEXR";
  return nullptr;
}

absl::StatusOr<Format> format_of(Bytes b) {
  if (has(b, 0, "\x89PNG\r\n\x1a\n")) return Format::kPng;
  if (has(b, 0, "\xff\xd8\xff")) return Format::kJpeg;
  if (has(b, 0, "RIFF") && has(b, 8, "WEBP")) return Format::kWebp;
  if (has(b, 0, "BM")) return Format::kBmp;
  if (b.empty()) return absl::InvalidArgumentError("image: there are no bytes");
  if (const char* f = foreign(b)) {
    return absl::UnimplementedError(
        absl::StrCat("image: the format ", f, " is not supported; PNG, JPEG, WebP and BMP are"));
  }
  return absl::InvalidArgumentError("image: this is no picture in a known format (PNG, JPEG, WebP, BMP)");
}

absl::StatusOr<Header> header_of(Format f, Bytes b, int64_t max_pixels) {
  switch (f) {
    case Format::kPng:
      return png_header(b, max_pixels);
    case Format::kJpeg:
      return jpeg_header(b, max_pixels);
    case Format::kWebp:
      return webp_header(b, max_pixels);
    case Format::kBmp:
      return bmp_header(b, max_pixels);
  }
  __builtin_unreachable();
}

absl::StatusOr<cv::Mat> decode(Format format, Bytes b, const Header& h, bool gray) {
  if (b.size() > INT_MAX) return absl::ResourceExhaustedError(concat(name_of(format), ": more than 2 GiB"));
  const cv::Mat file(1, static_cast<int>(b.size()), CV_8U, const_cast<std::byte*>(b.data()));
  cv::Mat m;
  try {
    m = cv::imdecode(file, gray ? cv::IMREAD_GRAYSCALE | cv::IMREAD_IGNORE_ORIENTATION : cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception& e) {
    if (e.code == cv::Error::StsNoMem) return absl::ResourceExhaustedError(concat(name_of(format), ": out of memory"));
    return absl::DataLossError(concat(name_of(format), ": the picture cannot be decoded: ", e.err));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(concat(name_of(format), ": out of memory"));
  }
  if (m.empty()) return absl::DataLossError(concat(name_of(format), ": the pixel data is damaged"));
  if (m.cols != h.width || m.rows != h.height) {
    return absl::DataLossError(concat(name_of(format), ": the header says ", h.width, " x ", h.height,
                                      " pixels, but the picture has ", m.cols, " x ", m.rows));
  }
  if ((m.depth() != CV_8U && m.depth() != CV_16U) || (m.channels() != 1 && m.channels() != 3 && m.channels() != 4))
    return absl::DataLossError(concat(name_of(format), ": the picture has an unknown kind of pixels"));
  return m;
}

// 16 bits rounded to 8: v / 257.
void reduce(cv::Mat& m) {
  if (m.depth() == CV_8U) return;
  cv::Mat out(m.rows, m.cols, CV_MAKETYPE(CV_8U, m.channels()));
  const int n = m.cols * m.channels();
  for (int y = 0; y < m.rows; ++y) {
    const uint16_t* from = m.ptr<uint16_t>(y);
    uint8_t* to = out.ptr<uint8_t>(y);
    for (int i = 0; i < n; ++i) to[i] = static_cast<uint8_t>((from[i] * 255u + 32767u) / 65535u);
  }
  m = out;
}

// Where output pixel (y, x) comes from: pixel first + y * down + x * across of the decoded picture.
struct Turn {
  int64_t height, width, first, down, across;
};
// Exif 2.32, 4.6.4 A: what the first row and the first column of the stored picture are when it is seen.
Turn turn(int orientation, int64_t h, int64_t w) {
  switch (orientation) {
    case 2:
      return {h, w, w - 1, w, -1};
    case 3:
      return {h, w, h * w - 1, -w, -1};
    case 4:
      return {h, w, (h - 1) * w, -w, 1};
    case 5:
      return {w, h, 0, 1, w};
    case 6:
      return {w, h, (h - 1) * w, 1, -w};
    case 7:
      return {w, h, h * w - 1, -1, -w};
    case 8:
      return {w, h, w - 1, -1, w};
    default:
      return {h, w, 0, w, 1};
  }
}

// PIL's weights: 16 bits, rounded.
uint8_t luminance(uint32_t r, uint32_t g, uint32_t b) {
  return static_cast<uint8_t>((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16);
}

// One row of the planes `to`, which lie `plane` bytes apart, from pixels of kFrom channels (BGR order) that lie `step`
// pixels apart. Without `alpha` the picture is opaque.
template <int kFrom>
void spread(const uint8_t* from, int64_t step, int64_t n, int channels, bool alpha, uint8_t* to, int64_t plane) {
  constexpr int kR = kFrom >= 3 ? 2 : 0, kG = kFrom >= 3 ? 1 : 0;
  const int64_t s = step * kFrom;
  switch (channels) {
    case 1:
      for (int64_t x = 0; x < n; ++x, from += s) to[x] = kFrom == 1 ? from[0] : luminance(from[kR], from[kG], from[0]);
      return;
    case 2:
      for (int64_t x = 0; x < n; ++x, from += s) {
        to[x] = from[0];
        to[plane + x] = kFrom == 4 && alpha ? from[kFrom - 1] : 255;
      }
      return;
    case 3:
      for (int64_t x = 0; x < n; ++x, from += s) {
        to[x] = from[kR];
        to[plane + x] = from[kG];
        to[2 * plane + x] = from[0];
      }
      return;
    default:
      for (int64_t x = 0; x < n; ++x, from += s) {
        to[x] = from[kR];
        to[plane + x] = from[kG];
        to[2 * plane + x] = from[0];
        to[3 * plane + x] = kFrom == 4 && alpha ? from[kFrom - 1] : 255;
      }
  }
}

absl::StatusOr<Tensor> to_tensor(const cv::Mat& m, int channels, bool alpha, int orientation) {
  const Turn t = turn(orientation, m.rows, m.cols);
  Tensor out;
  try {
    out = hearth::detail::empty({channels, t.height, t.width}, u8, kCpu, "decode_image");
  } catch (const Error& e) {
    return absl::ResourceExhaustedError(e.message());
  }
  uint8_t* to = out.mutable_data<uint8_t>();
  for (int64_t y = 0; y < t.height; ++y, to += t.width) {
    const uint8_t* from = m.data + (t.first + y * t.down) * m.channels();
    if (m.channels() == 1) spread<1>(from, t.across, t.width, channels, alpha, to, t.height * t.width);
    else if (m.channels() == 3) spread<3>(from, t.across, t.width, channels, alpha, to, t.height * t.width);
    else spread<4>(from, t.across, t.width, channels, alpha, to, t.height * t.width);
  }
  return out;
}

// Rows of BGR pixels, as OpenCV takes them. `what` is the function's name.
absl::StatusOr<cv::Mat> to_mat(const char* what, const Tensor& image, bool alpha, int64_t max_side) {
  const bool fits = image.defined() && image.dtype() == u8 && image.device().is_cpu() && image.dim() == 3 &&
                    (image.shape()[0] == 1 || image.shape()[0] == 3 || (alpha && image.shape()[0] == 4)) &&
                    image.shape()[1] >= 1 && image.shape()[2] >= 1;
  if (!fits) {
    return absl::InvalidArgumentError(concat(
        what, ": expected a CPU tensor u8 [c, h, w] with ", alpha ? "1, 3 or 4" : "1 or 3", " channels, but got ",
        !image.defined() ? "an undefined tensor" : concat(image.dtype(), " ", image.shape(), " on ", image.device())));
  }
  const Shape& s = image.shape();
  if (s[1] > max_side || s[2] > max_side) {
    return absl::InvalidArgumentError(
        concat(what, ": the format holds at most ", max_side, " x ", max_side, " pixels, not ", s[2], " x ", s[1]));
  }
  const auto c = static_cast<int>(s[0]);
  cv::Mat m(static_cast<int>(s[1]), static_cast<int>(s[2]), CV_MAKETYPE(CV_8U, c));
  const uint8_t* const from = image.data<uint8_t>();
  for (int k = 0; k < c; ++k) {
    const int channel = c >= 3 && k < 3 ? 2 - k : k;
    for (int64_t y = 0; y < s[1]; ++y) {
      const uint8_t* in = from + k * image.strides()[0] + y * image.strides()[1];
      uint8_t* out = m.ptr<uint8_t>(static_cast<int>(y)) + channel;
      for (int64_t x = 0; x < s[2]; ++x) out[x * c] = in[x * image.strides()[2]];
    }
  }
  return m;
}

absl::StatusOr<std::string> encode(const char* what, const char* extension, const cv::Mat& m,
                                   const std::vector<int>& options) {
  std::vector<uchar> out;
  try {
    if (cv::imencode(extension, m, out, options)) return std::string(out.begin(), out.end());
  } catch (const cv::Exception& e) {
    return absl::InternalError(concat(what, ": ", e.err));
  }
  return absl::InternalError(concat(what, ": the picture could not be encoded"));
}

}  // namespace

absl::StatusOr<Tensor> decode_image(std::span<const std::byte> bytes, const DecodeOptions& o) {
  const auto format = format_of(bytes);
  if (!format.ok()) return format.status();
  const auto header = header_of(*format, bytes, o.max_pixels);
  if (!header.ok()) return header.status();
  const Bytes reduced = header->reduced.empty() ? bytes : std::as_bytes(std::span<const char>(header->reduced));
  auto m = decode(*format, reduced, *header, *format == Format::kJpeg && o.color == ColorMode::kGray);
  if (!m.ok()) return m.status();
  reduce(*m);
  if (!m->isContinuous()) *m = m->clone();
  int channels = header->channels;
  if (o.color == ColorMode::kGray) channels = 1;
  if (o.color == ColorMode::kRgb) channels = 3;
  if (o.color == ColorMode::kRgba) channels = 4;
  const bool alpha = header->channels == 2 || header->channels == 4;
  return to_tensor(*m, channels, alpha, o.apply_exif_orientation ? header->orientation : 1);
}

absl::StatusOr<Tensor> read_image(const std::string& path, const DecodeOptions& o) {
  const auto file = io::read_file(path, kMaxFile);
  if (!file.ok()) return file.status();
  auto image = decode_image(std::as_bytes(std::span<const char>(*file)), o);
  if (!image.ok()) return io::with_path(path, image.status());
  return image;
}

absl::StatusOr<std::string> encode_png(const Tensor& image, const PngOptions& o) {
  if (o.level < 0 || o.level > 9)
    return absl::InvalidArgumentError(concat("encode_png: level must be 0 to 9, but is ", o.level));
  const auto m = to_mat("encode_png", image, true, 1 << 20);
  if (!m.ok()) return m.status();
  return encode("encode_png", ".png", *m,
                {cv::IMWRITE_PNG_COMPRESSION, o.level, cv::IMWRITE_PNG_STRATEGY, cv::IMWRITE_PNG_STRATEGY_DEFAULT});
}

absl::StatusOr<std::string> encode_jpeg(const Tensor& image, const JpegOptions& o) {
  if (o.quality < 1 || o.quality > 100)
    return absl::InvalidArgumentError(concat("encode_jpeg: quality must be 1 to 100, but is ", o.quality));
  const auto m = to_mat("encode_jpeg", image, false, 65500);
  if (!m.ok()) return m.status();
  return encode("encode_jpeg", ".jpg", *m, {cv::IMWRITE_JPEG_QUALITY, o.quality});
}

absl::Status write_image(const std::string& path, const Tensor& image, const WriteOptions& o) {
  std::string ending = path.substr(std::min(path.size(), path.find_last_of('.')));
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  absl::StatusOr<std::string> file;
  if (ending == ".png") file = encode_png(image, o.png);
  else if (ending == ".jpg" || ending == ".jpeg") file = encode_jpeg(image, o.jpeg);
  else return absl::InvalidArgumentError(concat(path, ": a picture's name must end in .png, .jpg or .jpeg"));
  if (!file.ok()) return io::with_path(path, file.status());
  return io::write_file(path, *file);
}

}  // namespace hearth::vision
