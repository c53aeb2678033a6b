#include "vision/datasets/idx.h"

#include <algorithm>
#include <bit>
#include <climits>
#include <cstring>
#include <optional>

#include <zlib.h>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/with_path.h"

namespace hearth::vision {
namespace {

// Reads forward through plain or gzipped bytes.
class Source {
 public:
  explicit Source(std::span<const std::byte> bytes) : rest_(bytes) {
    gzipped_ = bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
  }
  ~Source() {
    if (open_) inflateEnd(&stream_);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Deflate makes at most 1032 bytes of one (zlib's technical details).
  uint64_t most() const { return gzipped_ ? rest_.size() * 1032 + 1032 : rest_.size(); }

  // Exactly n bytes, or an error that says what was being read.
  absl::Status read(void* to, size_t n, const char* what) {
    auto got = some(static_cast<char*>(to), n);
    if (!got.ok()) return got.status();
    if (*got != n) {
      return absl::DataLossError(
          absl::StrCat("IDX: the data ends in its ", what, ": ", *got, " bytes where ", n, " are needed"));
    }
    return absl::OkStatus();
  }
  absl::Status expect_end() {
    char extra;
    auto got = some(&extra, 1);
    if (!got.ok()) return got.status();
    return *got == 0 ? absl::OkStatus() : absl::InvalidArgumentError("IDX: there are bytes after the last element");
  }

 private:
  absl::StatusOr<size_t> some(char* to, size_t n) { return gzipped_ ? inflated(to, n) : plain(to, n); }

  size_t plain(char* to, size_t n) {
    n = std::min(n, rest_.size());
    if (n != 0) std::memcpy(to, rest_.data(), n);
    rest_ = rest_.subspan(n);
    return n;
  }

  absl::StatusOr<size_t> inflated(char* to, size_t n) {
    size_t done = 0;
    while (done < n) {
      if (!open_) {
        // A gzip file may hold several members, one after the other.
        if (rest_.empty() && started_) break;
        stream_ = {};
        if (inflateInit2(&stream_, 15 + 16) != Z_OK) return absl::ResourceExhaustedError("gzip: out of memory");
        open_ = started_ = true;
      }
      const auto in = static_cast<uInt>(std::min<size_t>(rest_.size(), UINT_MAX));
      const auto out = static_cast<uInt>(std::min<size_t>(n - done, UINT_MAX));
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(rest_.data()));
      stream_.avail_in = in;
      stream_.next_out = reinterpret_cast<Bytef*>(to + done);
      stream_.avail_out = out;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      const bool moved = stream_.avail_in != in || stream_.avail_out != out;
      rest_ = rest_.subspan(in - stream_.avail_in);
      done += out - stream_.avail_out;
      if (result == Z_STREAM_END) {
        inflateEnd(&stream_);
        open_ = false;
      } else if (result == Z_BUF_ERROR || (result == Z_OK && !moved)) {
        return absl::DataLossError("gzip: the compressed data ends too early");
      } else if (result == Z_MEM_ERROR) {
        return absl::ResourceExhaustedError("gzip: out of memory");
      } else if (result != Z_OK) {
        return absl::DataLossError(absl::StrCat("gzip: the compressed data is damaged", stream_.msg ? ": " : "",
                                                stream_.msg ? stream_.msg : ""));
      }
    }
    return done;
  }

  std::span<const std::byte> rest_;
  bool gzipped_ = false, started_ = false, open_ = false;
  z_stream stream_{};
};

std::optional<DType> dtype_of_code(uint8_t code) {
  switch (code) {
    case 0x08:
      return DType::kU8;
    case 0x09:
      return DType::kI8;
    case 0x0b:
      return DType::kI16;
    case 0x0c:
      return DType::kI32;
    case 0x0d:
      return DType::kF32;
    case 0x0e:
      return DType::kF64;
    default:
      return std::nullopt;
  }
}

void to_native(std::byte* p, size_t count, size_t width) {
  if (width == 1 || std::endian::native == std::endian::big) return;
  for (size_t i = 0; i < count; ++i) std::reverse(p + i * width, p + (i + 1) * width);
}

}  // namespace

absl::StatusOr<Tensor> parse_idx(std::span<const std::byte> bytes, uint64_t max_bytes) {
  Source source(bytes);
  uint8_t magic[4];
  if (absl::Status s = source.read(magic, 4, "magic number"); !s.ok()) return s;
  const auto dtype = dtype_of_code(magic[2]);
  if (magic[0] != 0 || magic[1] != 0 || !dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat("IDX: wrong magic number 0x",
                     absl::Hex(magic[0] << 24 | magic[1] << 16 | magic[2] << 8 | magic[3], absl::kZeroPad8)));
  }
  const int rank = magic[3];
  if (rank > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("IDX: ", rank, " dimensions, where at most ", kMaxRank, " are supported"));
  }
  Shape shape;
  uint64_t count = 1;
  const uint64_t limit = max_bytes / size_of(*dtype);
  bool empty = false, large = false;
  for (int i = 0; i < rank; ++i) {
    uint8_t d[4];
    if (absl::Status s = source.read(d, 4, "dimensions"); !s.ok()) return s;
    const uint64_t n = uint64_t{d[0]} << 24 | uint64_t{d[1]} << 16 | uint64_t{d[2]} << 8 | d[3];
    shape.push_back(static_cast<int64_t>(n));
    empty |= n == 0;
    large |= n != 0 && count > limit / n;
    if (!large && n != 0) count *= n;
  }
  if (!empty && (large || count > limit)) {
    return absl::ResourceExhaustedError(absl::StrCat("IDX: an array of shape ", to_string(shape), " of ",
                                                     to_string(*dtype), " is larger than the limit of ", max_bytes,
                                                     " bytes"));
  }
  // With a 0 among them, the other dimensions must still make a legal shape.
  if (empty && large) return absl::InvalidArgumentError(absl::StrCat("IDX: impossible shape ", to_string(shape)));
  const size_t size = empty ? 0 : static_cast<size_t>(count) * size_of(*dtype);
  if (size > source.most()) {
    return absl::DataLossError(absl::StrCat("IDX: an array of shape ", to_string(shape), " needs ", size,
                                            " bytes, more than there can be in the data"));
  }
  Tensor out;
  try {
    out = detail::empty(shape, *dtype, kCpu, "read_idx");
  } catch (const Error& e) {
    return absl::ResourceExhaustedError(e.message());
  }
  if (absl::Status s = source.read(out.mutable_raw_data(), size, "elements"); !s.ok()) return s;
  if (absl::Status s = source.expect_end(); !s.ok()) return s;
  to_native(static_cast<std::byte*>(out.mutable_raw_data()), size / size_of(*dtype), size_of(*dtype));
  return out;
}

absl::StatusOr<Tensor> read_idx(const std::string& path, uint64_t max_bytes) {
  auto file = io::MappedFile::open(path);
  if (!file.ok()) return file.status();
  auto out = parse_idx((*file)->bytes(), max_bytes);
  if (!out.ok()) return io::with_path(path, out.status());
  return out;
}

}  // namespace hearth::vision
