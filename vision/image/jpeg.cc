// Structure of JPEG files (ITU-T T.81, annex B).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "vision/image/header.h"

namespace hearth::vision {
namespace {

// Each scan of a progressive picture goes over all of it. Encoders write about ten.
constexpr int kMaxScans = 100;

constexpr uint32_t kSof0 = 0xc0, kSof2 = 0xc2, kDht = 0xc4, kSof15 = 0xcf, kJpg = 0xc8, kDac = 0xcc, kRst0 = 0xd0,
                   kRst7 = 0xd7, kSoi = 0xd8, kEoi = 0xd9, kSos = 0xda, kDnl = 0xdc, kApp0 = 0xe0, kApp1 = 0xe1,
                   kApp14 = 0xee, kApp15 = 0xef, kCom = 0xfe, kTem = 0x01;

bool is_frame(uint32_t marker) {
  return marker >= kSof0 && marker <= kSof15 && marker != kDht && marker != kJpg && marker != kDac;
}

absl::Status early() { return absl::DataLossError("JPEG: the file ends too early"); }

struct Frame {
  int64_t width = 0, height = 0;
  int components = 0;
  uint32_t sampling_h[4] = {}, sampling_v[4] = {}, id[4] = {};
  bool progressive = false;

  // 8 x 8 blocks of a component.
  uint64_t blocks(int c) const {
    uint32_t most_h = 1, most_v = 1;
    for (int i = 0; i < components; ++i) {
      most_h = std::max(most_h, sampling_h[i]);
      most_v = std::max(most_v, sampling_v[i]);
    }
    const auto along = [](int64_t n, uint32_t own, uint32_t most) {
      return (static_cast<uint64_t>(n) * own + most * 8 - 1) / (most * 8);
    };
    return along(width, sampling_h[c], most_h) * along(height, sampling_v[c], most_v);
  }
};

absl::StatusOr<Frame> read_frame(Bytes segment, uint32_t marker) {
  if (marker != kSof0 && marker != kSof0 + 1 && marker != kSof2) {
    return absl::UnimplementedError(
        absl::StrCat("JPEG: lossless, hierarchical or arithmetic coding (SOF", marker - kSof0, ") is not supported"));
  }
  if (segment.size() < 8) return absl::InvalidArgumentError("JPEG: the frame header is too short");
  if (byte_at(segment, 2) != 8) {
    return absl::UnimplementedError(
        absl::StrCat("JPEG: ", byte_at(segment, 2), " bits a sample are not supported, only 8"));
  }
  Frame f;
  f.progressive = marker == kSof2;
  f.height = big16(segment, 3);
  f.width = big16(segment, 5);
  f.components = static_cast<int>(byte_at(segment, 7));
  if (f.components != 1 && f.components != 3 && f.components != 4)
    return absl::UnimplementedError(absl::StrCat("JPEG: ", f.components, " components are not supported"));
  if (segment.size() != 8 + 3 * static_cast<size_t>(f.components))
    return absl::InvalidArgumentError("JPEG: the frame header has a wrong length");
  for (int i = 0; i < f.components; ++i) {
    const size_t at = 8 + 3 * static_cast<size_t>(i);
    f.id[i] = byte_at(segment, at);
    f.sampling_h[i] = byte_at(segment, at + 1) >> 4;
    f.sampling_v[i] = byte_at(segment, at + 1) & 15;
    if (f.sampling_h[i] < 1 || f.sampling_h[i] > 4 || f.sampling_v[i] < 1 || f.sampling_v[i] > 4)
      return absl::InvalidArgumentError("JPEG: impossible sampling factors");
  }
  return f;
}

// The least number of bits that a scan has: none of its blocks takes less than one bit for its first coefficient, two
// if the others follow. Later scans of a progressive picture may skip blocks.
absl::StatusOr<uint64_t> least_bits(Bytes segment, const Frame& f) {
  if (segment.size() < 3) return absl::InvalidArgumentError("JPEG: a scan header is too short");
  const uint32_t n = byte_at(segment, 2);
  if (n < 1 || n > 4 || segment.size() != 6 + 2 * n)
    return absl::InvalidArgumentError("JPEG: a scan header has a wrong length");
  const uint32_t first = byte_at(segment, 3 + 2 * n), high = byte_at(segment, 5 + 2 * n) >> 4;
  if (f.progressive && (first != 0 || high != 0)) return uint64_t{0};
  uint64_t blocks = 0;
  for (uint32_t k = 0; k < n; ++k) {
    for (int c = 0; c < f.components; ++c) {
      if (f.id[c] == byte_at(segment, 3 + 2 * k)) blocks += f.blocks(c);
    }
  }
  return f.progressive ? blocks : 2 * blocks;
}

// Where the marker after the entropy-coded data from `at` on begins, or the file's size.
size_t end_of_data(Bytes file, size_t at) {
  for (; at + 1 < file.size(); ++at) {
    if (byte_at(file, at) != 0xff) continue;
    const uint32_t next = byte_at(file, at + 1);
    if (next != 0 && next != 0xff && !(next >= kRst0 && next <= kRst7)) return at;
  }
  return file.size();
}

}  // namespace

absl::StatusOr<Header> jpeg_header(Bytes file, int64_t max_pixels) {
  Header h;
  Frame frame;
  int scans = 0;
  bool oriented = false;
  append(h.reduced, file.first(2));
  for (size_t at = 2;;) {
    if (file.size() - at < 2) return early();
    if (byte_at(file, at) != 0xff) {
      return absl::DataLossError(absl::StrCat("JPEG: there is no marker at byte ", at));
    }
    const uint32_t marker = byte_at(file, at + 1);
    if (marker == 0xff) {  // a fill byte
      ++at;
      continue;
    }
    if (marker == kEoi) {
      if (scans == 0) return absl::DataLossError("JPEG: there is no picture in the file");
      append(h.reduced, file.subspan(at, 2));
      break;
    }
    if (marker == 0 || marker == kTem || marker == kSoi || marker == kDnl || (marker >= kRst0 && marker <= kRst7)) {
      return absl::InvalidArgumentError(
          absl::StrCat("JPEG: misplaced marker 0x", absl::Hex(marker, absl::kZeroPad2), " at byte ", at));
    }
    if (file.size() - at < 4) return early();
    const size_t n = big16(file, at + 2);
    if (n < 2) return absl::InvalidArgumentError(absl::StrCat("JPEG: a segment at byte ", at, " has no length"));
    if (file.size() - at - 2 < n) return early();
    const Bytes whole = file.subspan(at, n + 2), segment = whole.subspan(2);
    at += whole.size();
    bool keep = true;
    if (is_frame(marker)) {
      if (frame.components != 0) return absl::InvalidArgumentError("JPEG: a second frame header");
      auto f = read_frame(segment, marker);
      if (!f.ok()) return f.status();
      frame = *f;
      if (absl::Status s = check_size("JPEG", frame.width, frame.height, max_pixels); !s.ok()) return s;
    } else if (marker == kSos) {
      if (frame.components == 0) return absl::InvalidArgumentError("JPEG: a scan comes before the frame header");
      if (++scans > kMaxScans)
        return absl::ResourceExhaustedError(absl::StrCat("JPEG: there are more than ", kMaxScans, " scans"));
      const auto bits = least_bits(segment, frame);
      if (!bits.ok()) return bits.status();
      const size_t end = end_of_data(file, at);
      if (end == file.size()) return early();
      if ((end - at) * 8 < *bits) {
        return absl::DataLossError(absl::StrCat("JPEG: a scan of ", end - at, " bytes cannot hold ", frame.width, " x ",
                                                frame.height, " pixels"));
      }
      append(h.reduced, whole);
      append(h.reduced, file.subspan(at, end - at));
      at = end;
      continue;
    } else if (marker == kApp1 && !oriented && has(segment, 2, "Exif\0\0")) {
      h.orientation = exif_orientation(segment.subspan(8));
      oriented = true;
    }
    // Adobe's segment says how colours are coded; JFIF's, that they are.
    if ((marker >= kApp0 && marker <= kApp15 && marker != kApp0 && marker != kApp14) || marker == kCom) keep = false;
    if (keep) append(h.reduced, whole);
  }
  h.width = frame.width;
  h.height = frame.height;
  h.channels = frame.components == 1 ? 1 : 3;
  return h;
}

}  // namespace hearth::vision
