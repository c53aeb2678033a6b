#include "serve/http/compression.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/error.h"

namespace hearth::serve {
namespace {

// zlib counts in 32 bits: it gets the data, and room for the result, in parts.
constexpr size_t kPart = size_t{1} << 30;

constexpr int kWindow = 15, kGzipOrZlib = 32, kGzipOnly = 16;

absl::StatusOr<std::string> inflate_all(std::string_view data, size_t max_bytes, int window, Reservation* memory) {
  const int64_t held = memory ? memory->bytes() : 0;
  z_stream z{};
  if (inflateInit2(&z, window) != Z_OK) return absl::ResourceExhaustedError("out of memory");
  std::string out;
  size_t given = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    if (z.avail_in == 0 && given < data.size()) {
      z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data() + given));
      z.avail_in = static_cast<uInt>(std::min(kPart, data.size() - given));
      given += z.avail_in;
    }
    const size_t before = out.size();
    const size_t size = std::min({max_bytes + 1, std::max<size_t>(4096, before * 2), before + kPart});
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
    if (status == Z_BUF_ERROR && (z.avail_out == 0 || given < data.size())) status = Z_OK;
  }
  const bool rest = z.avail_in > 0 || given < data.size();
  inflateEnd(&z);
  if (memory) memory->resize(held + (status == Z_STREAM_END ? static_cast<int64_t>(out.size()) : 0)).IgnoreError();
  if (out.size() > max_bytes)
    return absl::ResourceExhaustedError(concat("it unpacks to more than ", max_bytes, " bytes"));
  if (status != Z_STREAM_END || rest) return absl::DataLossError("the compressed data are damaged or end early");
  return out;
}

}  // namespace

absl::StatusOr<std::string> decompress(std::string_view data, size_t max_bytes, Reservation* memory) {
  auto out = inflate_all(data, max_bytes, kWindow + kGzipOrZlib, memory);
  if (absl::IsDataLoss(out.status())) {
    if (auto raw = inflate_all(data, max_bytes, -kWindow, memory); raw.ok()) return raw;
  }
  return out;
}

std::optional<Compression> accepted_compression(std::string_view accept_encoding) {
  // A coding that is not named has the weight of "*", if that is there.
  double gzip = -1, deflate = -1, identity = -1, others = -1;
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(accept_encoding.data(), accept_encoding.size()), ',')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(part, ';');
    const std::string coding = absl::AsciiStrToLower(absl::StripAsciiWhitespace(fields[0]));
    double weight = 1;
    for (size_t i = 1; i < fields.size(); ++i) {
      absl::string_view q = absl::StripAsciiWhitespace(fields[i]);
      if (!absl::ConsumePrefix(&q, "q=") && !absl::ConsumePrefix(&q, "Q=")) continue;
      if (!absl::SimpleAtod(q, &weight) || !(weight >= 0 && weight <= 1)) weight = 0;
    }
    if (coding == "gzip" || coding == "x-gzip") gzip = weight;
    else if (coding == "deflate") deflate = weight;
    else if (coding == "identity") identity = weight;
    else if (coding == "*") others = weight;
  }
  if (gzip < 0) gzip = std::max(others, 0.0);
  if (deflate < 0) deflate = std::max(others, 0.0);
  const double best = std::max(gzip, deflate);
  if (best <= 0 || best < identity) return std::nullopt;
  return gzip >= deflate ? Compression::kGzip : Compression::kDeflate;
}

std::string compress(std::string_view data, Compression how) {
  z_stream z{};
  HEARTH_CHECK(deflateInit2(&z, 1, Z_DEFLATED, how == Compression::kGzip ? kWindow + kGzipOnly : kWindow, 8,
                            Z_DEFAULT_STRATEGY) == Z_OK,
               "zlib cannot begin");
  std::string out(deflateBound(&z, data.size()), '\0');
  size_t given = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    if (z.avail_in == 0) {
      z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data() + given));
      z.avail_in = static_cast<uInt>(std::min(kPart, data.size() - given));
      given += z.avail_in;
    }
    z.next_out = reinterpret_cast<Bytef*>(out.data() + z.total_out);
    z.avail_out = static_cast<uInt>(std::min(kPart, out.size() - z.total_out));
    status = deflate(&z, given == data.size() ? Z_FINISH : Z_NO_FLUSH);
  }
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

}  // namespace hearth::serve
