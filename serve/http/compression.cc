#include "serve/http/compression.h"

#include <zlib.h>

#include <algorithm>

#include "core/base/error.h"

namespace hearth::serve {
namespace {

constexpr int kWindow = 15, kGzipOrZlib = 32, kGzipOnly = 16;

absl::StatusOr<std::string> inflate_all(std::string_view data, size_t max_bytes, int window, Reservation* memory) {
  const int64_t held = memory ? memory->bytes() : 0;
  z_stream z{};
  if (inflateInit2(&z, window) != Z_OK) return absl::ResourceExhaustedError("out of memory");
  std::string out;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  z.avail_in = static_cast<uInt>(data.size());
  int status = Z_OK;
  while (status == Z_OK) {
    const size_t before = out.size();
    const size_t size = std::min(max_bytes + 1, std::max<size_t>(4096, before * 2));
    if (memory) {
      if (const absl::Status s = memory->resize(held + static_cast<int64_t>(size)); !s.ok()) {
        inflateEnd(&z);
        memory->resize(held).IgnoreError();
        return absl::UnavailableError(s.message());
      }
    }
    out.resize(size);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    z.avail_out = static_cast<uInt>(out.size() - before);
    status = inflate(&z, Z_NO_FLUSH);
    out.resize(out.size() - z.avail_out);
    if (out.size() > max_bytes) status = Z_MEM_ERROR;
    if (status == Z_BUF_ERROR && z.avail_out == 0) status = Z_OK;
  }
  const bool rest = z.avail_in > 0;
  inflateEnd(&z);
  if (memory) memory->resize(held + (status == Z_STREAM_END ? static_cast<int64_t>(out.size()) : 0)).IgnoreError();
  if (out.size() > max_bytes)
    return absl::ResourceExhaustedError(concat("it unpacks to more than ", max_bytes, " bytes"));
  if (status != Z_STREAM_END || rest) return absl::DataLossError("the compressed data are damaged or end early");
  return out;
}

}  // namespace

absl::StatusOr<std::string> decompress(std::string_view data, size_t max_bytes, Reservation* memory) {
  // zlib counts in 32 bits. Bodies of requests are far smaller.
  if (data.size() > (size_t{1} << 31) || max_bytes > (size_t{1} << 31))
    return absl::ResourceExhaustedError("it is too large");
  auto out = inflate_all(data, max_bytes, kWindow + kGzipOrZlib, memory);
  if (absl::IsDataLoss(out.status())) {
    if (auto raw = inflate_all(data, max_bytes, -kWindow, memory); raw.ok()) return raw;
  }
  return out;
}

std::string compress(std::string_view data, Compression how) {
  z_stream z{};
  HEARTH_CHECK(deflateInit2(&z, 1, Z_DEFLATED, how == Compression::kGzip ? kWindow + kGzipOnly : kWindow, 8,
                            Z_DEFAULT_STRATEGY) == Z_OK,
               "zlib cannot begin");
  std::string out(deflateBound(&z, data.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  z.avail_in = static_cast<uInt>(data.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

}  // namespace hearth::serve
