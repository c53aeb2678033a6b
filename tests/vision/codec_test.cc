// Pictures against what Pillow reads in them, and files that are damaged or lie.
#include "vision/image/codec.h"

#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/stat.h>

#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/random.h"
#include "core/ops/view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hearth::vision {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

struct Picture {
  const char* name;
  Shape shape;
  std::vector<int> values;  // as the file has them, turned by its EXIF orientation
};
#include "tests/vision/codec_golden.inc"

std::string read(const std::string& name) {
  std::ifstream in("tests/vision/fuzz/image_corpus/" + name, std::ios::binary);
  std::ostringstream s;
  s << in.rdbuf();
  EXPECT_FALSE(s.str().empty()) << name;
  return s.str();
}
absl::StatusOr<Tensor> decode(const std::string& bytes, const DecodeOptions& o = {}) {
  return decode_image(std::as_bytes(std::span<const char>(bytes)), o);
}
Tensor decoded(const std::string& bytes, const DecodeOptions& o = {}) {
  auto t = decode(bytes, o);
  EXPECT_TRUE(t.ok()) << t.status();
  return t.ok() ? *t : Tensor();
}
std::vector<int> values(const Tensor& t) { return t.to_vector<int>(); }
bool ends_with(const std::string& s, const std::string& e) {
  return s.size() >= e.size() && s.compare(s.size() - e.size(), e.size(), e) == 0;
}

void expect_error(const std::string& bytes, StatusCode code, const std::string& text, const DecodeOptions& o = {}) {
  testing::internal::CaptureStderr();
  const auto t = decode(bytes, o);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << text;
  EXPECT_EQ(t.status().code(), code) << t.status();
  EXPECT_THAT(std::string(t.status().message()), HasSubstr(text));
}

std::string big(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}
std::string chunk(const std::string& kind, const std::string& data) {
  const std::string s = kind + data;
  const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(s.data()), static_cast<uInt>(s.size()));
  return big(static_cast<uint32_t>(data.size())) + s + big(static_cast<uint32_t>(crc));
}
const std::string kPngStart = "\x89PNG\r\n\x1a\n";
std::string ihdr(uint32_t w, uint32_t h, int bits = 8, int color = 2) {
  return chunk("IHDR", big(w) + big(h) + static_cast<char>(bits) + static_cast<char>(color) + std::string(3, '\0'));
}
std::string deflated(const std::string& in) {
  std::string out(compressBound(in.size()), '\0');
  uLongf n = out.size();
  compress(reinterpret_cast<Bytef*>(out.data()), &n, reinterpret_cast<const Bytef*>(in.data()), in.size());
  out.resize(n);
  return out;
}
size_t marker(const std::string& jpeg, int m, size_t from = 2) {
  const size_t at = jpeg.find(std::string("\xff") + static_cast<char>(m), from);
  EXPECT_NE(at, std::string::npos);
  return at;
}

TEST(Codec, ReadsWhatPillowReads) {
  for (const Picture& p : kPictures) {
    const Tensor t = decoded(read(p.name), {.color = ColorMode::kUnchanged});
    ASSERT_TRUE(t.defined()) << p.name;
    ASSERT_EQ(to_string(t.shape()), to_string(p.shape)) << p.name;
    EXPECT_EQ(t.dtype(), u8);
    EXPECT_EQ(values(t), p.values) << p.name;
  }
}

TEST(Codec, ChangesChannels) {
  for (const Picture& p : kPictures) {
    const std::string file = read(p.name);
    const size_t plane = static_cast<size_t>(p.shape[1] * p.shape[2]);
    const auto c = static_cast<size_t>(p.shape[0]);
    const auto at = [&](size_t k, size_t i) { return p.values[k * plane + i]; };
    std::vector<int> rgb, alpha, gray;
    for (size_t k = 0; k < 3; ++k) {
      for (size_t i = 0; i < plane; ++i) rgb.push_back(at(c < 3 ? 0 : k, i));
    }
    for (size_t i = 0; i < plane; ++i) {
      alpha.push_back(c == 2 || c == 4 ? at(c - 1, i) : 255);
      gray.push_back(c < 3 ? at(0, i)
                           : static_cast<int>(std::lround(0.299 * at(0, i) + 0.587 * at(1, i) + 0.114 * at(2, i))));
    }
    EXPECT_EQ(values(decoded(file)), rgb) << p.name;
    std::vector<int> rgba = rgb;
    rgba.insert(rgba.end(), alpha.begin(), alpha.end());
    EXPECT_EQ(values(decoded(file, {.color = ColorMode::kRgba})), rgba) << p.name;
    const std::vector<int> got = values(decoded(file, {.color = ColorMode::kGray}));
    ASSERT_EQ(got.size(), gray.size());
    // A JPEG's luminance is what its colours were made from, before they were rounded and clamped.
    const int tolerance = ends_with(p.name, ".jpg") ? 2 : 0;
    for (size_t i = 0; i < plane; ++i) EXPECT_NEAR(got[i], gray[i], tolerance) << p.name << ' ' << i;
  }
}

TEST(Codec, OrientationCanBeLeftAlone) {
  const Tensor upright = decoded(read("orientation1.jpg"));
  for (int o = 1; o <= 8; ++o) {
    const std::string file = read(concat("orientation", o, ".jpg"));
    EXPECT_TRUE(decoded(file, {.apply_exif_orientation = false}).equal(upright)) << o;
    EXPECT_EQ(decoded(file).shape(), o < 5 ? (Shape{3, 6, 9}) : (Shape{3, 9, 6})) << o;
  }
  EXPECT_EQ(decoded(read("orientation6.png"), {.apply_exif_orientation = false}).shape(), (Shape{3, 4, 6}));
}

TEST(Codec, RefusesEveryShortenedFile) {
  for (const Picture& p : kPictures) {
    const std::string file = read(p.name);
    for (size_t n = 0; n < file.size(); ++n) {
      testing::internal::CaptureStderr();
      const auto t = decode(file.substr(0, n));
      EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
      EXPECT_FALSE(t.ok()) << p.name << " of " << n << " bytes";
    }
    // What follows the end is nobody's business.
    EXPECT_TRUE(decoded(file + "more").equal(decoded(file))) << p.name;
  }
}

TEST(Codec, RefusesWhatIsNoPicture) {
  expect_error("", StatusCode::kInvalidArgument, "there are no bytes");
  expect_error("x", StatusCode::kInvalidArgument, "no picture in a known format (PNG, JPEG, WebP, BMP)");
  expect_error(std::string(1000, '\0'), StatusCode::kInvalidArgument, "no picture");
  expect_error(read("animation.gif"), StatusCode::kUnimplemented, "the format GIF is not supported");
  expect_error(read("picture.tiff"), StatusCode::kUnimplemented, "the format TIFF is not supported");
  expect_error(read("animation.webp"), StatusCode::kUnimplemented, "WebP: animations are not supported");
  expect_error(std::string("\0\0\0\x18", 4) + "ftypavif", StatusCode::kUnimplemented, "AVIF");
  Generator g(1);
  for (int i = 0; i < 200; ++i) {
    std::string s = i % 4 == 0 ? kPngStart : i % 4 == 1 ? "\xff\xd8\xff" : i % 4 == 2 ? "RIFF....WEBP" : "BM";
    for (int k = 0; k < 300; ++k) s += static_cast<char>(g.next_u32());
    EXPECT_FALSE(decode(s).ok());
  }
}

TEST(Codec, RefusesBombs) {
  const std::string end = chunk("IEND", ""), little = chunk("IDAT", deflated(std::string(1000, '\0')));
  const std::string bomb = kPngStart + ihdr(60000, 60000) + little + end;
  expect_error(bomb, StatusCode::kResourceExhausted,
               "PNG: the picture is 60000 x 60000 pixels, more than the limit of 67108864");
  expect_error(bomb, StatusCode::kDataLoss, "cannot hold 60000 x 60000 pixels", {.max_pixels = int64_t{1} << 40});
  expect_error(kPngStart + ihdr(0x7fffffff, 0x7fffffff) + little + end, StatusCode::kResourceExhausted, "limit");
  expect_error(kPngStart + ihdr(3000000, 2) + little + end, StatusCode::kResourceExhausted, "a side may have at most");
  expect_error(read("rgb.png"), StatusCode::kResourceExhausted, "7 x 5 pixels, more than the limit of 34",
               {.max_pixels = 34});
  EXPECT_TRUE(decode(read("rgb.png"), {.max_pixels = 35}).ok());

  std::string jpeg = read("444.jpg");
  const size_t sof = marker(jpeg, 0xc0);
  jpeg.replace(sof + 5, 4, "\xff\xff\xff\xff");
  expect_error(jpeg, StatusCode::kResourceExhausted, "JPEG: the picture is 65535 x 65535 pixels");
  jpeg.replace(sof + 5, 4, "\x20\x00\x20\x00", 4);
  expect_error(jpeg, StatusCode::kDataLoss, "bytes cannot hold 8192 x 8192 pixels");
  jpeg = read("444.jpg");
  jpeg = jpeg.substr(0, marker(jpeg, 0xda) + 14 + 3) + "\xff\xd9";
  expect_error(jpeg, StatusCode::kDataLoss, "a scan of 3 bytes cannot hold 26 x 19 pixels");
  // Each scan goes over the whole picture.
  jpeg = read("progressive.jpg");
  const size_t last = jpeg.rfind("\xff\xda");
  const std::string scan = jpeg.substr(last, jpeg.size() - 2 - last);
  for (int i = 0; i < 100; ++i) jpeg.insert(jpeg.size() - 2, scan);
  expect_error(jpeg, StatusCode::kResourceExhausted, "more than 100 scans");

  std::string webp = read("lossy_alpha.webp");
  ASSERT_EQ(webp.substr(12, 4), "VP8X");
  webp.replace(24, 6, "\xff\xff\xff\xff\xff\xff");
  expect_error(webp, StatusCode::kResourceExhausted, "WebP: the picture is 16777216 x 16777216 pixels");
  webp.replace(24, 6, std::string("\x14\0\0\x0c\0\0", 6));
  expect_error(webp, StatusCode::kInvalidArgument, "the canvas is 21 x 13 pixels, but the picture 20 x 13");
  webp = read("lossless.webp");
  webp.replace(21, 4, "\xff\xff\xff\x0f");
  expect_error(webp, StatusCode::kResourceExhausted, "16384 x 16384");

  std::string bmp = read("rgb.bmp");
  bmp.replace(18, 8, std::string("\0\0\1\0\0\0\1\0", 8));
  expect_error(bmp, StatusCode::kResourceExhausted, "BMP: the picture is 65536 x 65536 pixels");
  bmp.replace(18, 8, std::string("\0\0\0\x80\0\0\0\x80", 8));
  expect_error(bmp, StatusCode::kInvalidArgument, "-2147483648 x 2147483648");
}

TEST(Codec, RefusesPartsThatDisagree) {
  const std::string png = read("rgb.png"), end = chunk("IEND", "");
  std::string damaged = png;
  damaged[45] = static_cast<char>(damaged[45] ^ 1);
  expect_error(damaged, StatusCode::kDataLoss, "PNG: the checksum of the chunk at byte 33 is wrong");
  expect_error(png.substr(0, 33) + ihdr(2, 2) + png.substr(33), StatusCode::kInvalidArgument, "a second IHDR chunk");
  expect_error(kPngStart + png.substr(33), StatusCode::kInvalidArgument, "the first chunk is not IHDR");
  expect_error(kPngStart + ihdr(0, 5) + png.substr(33), StatusCode::kInvalidArgument, "the picture is 0 x 5 pixels");
  expect_error(kPngStart + ihdr(7, 5, 3) + png.substr(33), StatusCode::kInvalidArgument,
               "unknown colour type 2 with 3");
  expect_error(kPngStart + ihdr(7, 5, 8, 3) + png.substr(33), StatusCode::kInvalidArgument, "there is no palette");
  expect_error(kPngStart + ihdr(7, 5) + chunk("ABCD", "?") + png.substr(33), StatusCode::kInvalidArgument,
               "unknown critical chunk");
  expect_error(kPngStart + ihdr(7, 5) + big(0x80000000) + "IDAT" + std::string(20, '\0'), StatusCode::kInvalidArgument,
               "a chunk of 2147483648 bytes");
  expect_error(kPngStart + ihdr(7, 5) + end, StatusCode::kDataLoss, "no picture in the file");
  // Checksums are right, the pixels too few: libpng says so on stderr, and we to the caller.
  EXPECT_EQ(decode(kPngStart + ihdr(7, 5) + chunk("IDAT", deflated(std::string(50, '\0'))) + end).status().code(),
            StatusCode::kDataLoss);

  const std::string jpeg = read("444.jpg");
  const size_t sof = marker(jpeg, 0xc0);
  const std::string frame = jpeg.substr(sof, 19);
  expect_error(jpeg.substr(0, sof) + frame + jpeg.substr(sof), StatusCode::kInvalidArgument, "a second frame header");
  damaged = jpeg;
  damaged[sof + 1] = '\xc9';
  expect_error(damaged, StatusCode::kUnimplemented, "arithmetic coding (SOF9)");
  damaged = jpeg;
  damaged[sof + 4] = 12;
  expect_error(damaged, StatusCode::kUnimplemented, "12 bits a sample");
  damaged = jpeg;
  damaged[sof + 5] = damaged[sof + 6] = 0;
  expect_error(damaged, StatusCode::kInvalidArgument, "26 x 0 pixels");
  expect_error("\xff\xd8\xff\xd9", StatusCode::kDataLoss, "no picture in the file");
  expect_error(jpeg.substr(0, 2) + jpeg.substr(marker(jpeg, 0xda)), StatusCode::kInvalidArgument,
               "a scan comes before the frame header");
  expect_error("\xff\xd8\xff\xd8", StatusCode::kInvalidArgument, "misplaced marker 0xd8");

  std::string bmp = read("rgb.bmp");
  bmp[28] = 16;
  expect_error(bmp, StatusCode::kUnimplemented, "16 bits a pixel");
  bmp = read("rgb.bmp");
  bmp[30] = 1;
  expect_error(bmp, StatusCode::kUnimplemented, "compression 1");
  bmp = read("palette.bmp");
  bmp[47] = 2;
  expect_error(bmp, StatusCode::kInvalidArgument, "palette is too large");
  bmp = read("rgb.bmp");
  bmp[10] = 20;
  expect_error(bmp, StatusCode::kInvalidArgument, "the pixels are misplaced");
}

TEST(Codec, WritesWhatItReads) {
  Generator g(2);
  for (int64_t c : {1, 3, 4}) {
    const Tensor t = randint(0, 256, {c, 13, 10}, {.dtype = u8}, &g);
    for (int level : {0, 6, 9}) {
      const auto png = encode_png(t, {.level = level});
      ASSERT_TRUE(png.ok()) << png.status();
      EXPECT_TRUE(decoded(*png, {.color = ColorMode::kUnchanged}).equal(t)) << c;
    }
    EXPECT_TRUE(decoded(*encode_png(t.transpose(1, 2)), {.color = ColorMode::kUnchanged}).equal(t.transpose(1, 2)));
  }
  // A smooth picture comes back from JPEG nearly as it was: nearer the higher the quality.
  const Tensor line = arange(40).to(f32), smooth = (line.view({40, 1}) * 2 + line.view({1, 40}) * 3 + 20).to(u8);
  const Tensor rgb = stack({smooth, 255 - smooth, smooth}), gray = smooth.unsqueeze(0);
  double last = 100;
  size_t bytes = 0;
  for (int quality : {10, 50, 95}) {
    for (const Tensor& t : {gray, rgb}) {
      const auto jpeg = encode_jpeg(t, {.quality = quality});
      ASSERT_TRUE(jpeg.ok()) << jpeg.status();
      const Tensor back = decoded(*jpeg, {.color = ColorMode::kUnchanged});
      ASSERT_EQ(back.shape(), t.shape());
      const double error = (back.to(f32) - t.to(f32)).abs().mean().item<double>();
      EXPECT_LT(error, quality == 10 ? 8 : 2);
      if (t.is(rgb)) {
        EXPECT_LE(error, last);
        EXPECT_GT(jpeg->size(), bytes);
        last = error;
        bytes = jpeg->size();
      }
    }
  }
}

TEST(Codec, RefusesToWriteOtherTensors) {
  const auto refused = [](const absl::Status& s, const std::string& text) {
    EXPECT_EQ(s.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(s.message()), HasSubstr(text));
  };
  const Tensor t = zeros({3, 4, 4}, {.dtype = u8});
  refused(encode_png(zeros({3, 4, 4})).status(),
          "encode_png: expected a CPU tensor u8 [c, h, w] with 1, 3 or 4 channels, but got f32 [3, 4, 4]");
  refused(encode_png(zeros({2, 4, 4}, {.dtype = u8})).status(), "[2, 4, 4]");
  refused(encode_png(zeros({3, 0, 4}, {.dtype = u8})).status(), "[3, 0, 4]");
  refused(encode_png(Tensor()).status(), "an undefined tensor");
  refused(encode_jpeg(zeros({4, 4, 4}, {.dtype = u8})).status(), "1 or 3 channels");
  refused(encode_jpeg(zeros({1, 1, 65501}, {.dtype = u8})).status(), "at most 65500 x 65500");
  refused(encode_png(t, {.level = 10}).status(), "level must be 0 to 9");
  refused(encode_jpeg(t, {.quality = 0}).status(), "quality must be 1 to 100");
}

TEST(Codec, AFifoIsNotWaitedFor) {
  const std::string p = testing::TempDir() + "/fifo.png";
  ASSERT_EQ(::mkfifo(p.c_str(), 0666), 0);
  EXPECT_EQ(read_image(p).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Codec, FilesAppearWholeAndErrorsNameThem) {
  const std::string directory = testing::TempDir();
  const Tensor t = (arange(3 * 8 * 9)).to(u8).view({3, 8, 9});
  for (const char* name : {"a.png", "a.PNG", "b.jpg", "b.jpeg"}) {
    ASSERT_TRUE(write_image(directory + "/" + name, t).ok());
    const auto back = read_image(directory + "/" + name);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE(name[0] == 'b' || back->equal(t));
  }
  const absl::Status ending = write_image(directory + "/c.gif", t);
  EXPECT_THAT(std::string(ending.message()), HasSubstr("c.gif: a picture's name must end in .png, .jpg or .jpeg"));
  EXPECT_FALSE(write_image("/none/c.png", t).ok());
  EXPECT_THAT(std::string(write_image(directory + "/c.png", zeros({1})).message()), HasSubstr("c.png: encode_png"));
  EXPECT_FALSE(std::filesystem::exists(directory + "/c.png"));
  EXPECT_EQ(read_image("/none.png").status().code(), StatusCode::kNotFound);
  std::ofstream(directory + "/d.png") << "nonsense";
  EXPECT_THAT(std::string(read_image(directory + "/d.png").status().message()), HasSubstr("/d.png: image: this is no"));
}

}  // namespace
}  // namespace hearth::vision
