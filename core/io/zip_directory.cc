#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "core/base/utf8.h"
#include "core/io/zip_directory_internal.h"

namespace hearth::io {
namespace {

static_assert(std::endian::native == std::endian::little, "zip files hold little-endian numbers");

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator = 0x07064b50;
constexpr size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20;
constexpr uint64_t kMax16 = 0xffff, kMax32 = 0xffffffff;
constexpr uint16_t kExtra64 = 1;
// Deflate cannot grow data more than this (zlib.net/zlib_tech.html: 1032); a few bytes may hold a block of its own.
constexpr uint64_t kMaxRatio = 1040, kRatioSlack = 64;
constexpr size_t kChunk = 1 << 20;

absl::Status bad(const std::string& what) { return absl::InvalidArgumentError(absl::StrCat("not a zip file: ", what)); }
std::string quoted(std::string_view name) { return absl::StrCat("\"", printable(name), "\""); }

template <class T>
T number(std::string_view s, size_t at) {
  T v;
  std::memcpy(&v, s.data() + at, sizeof v);
  return v;
}

struct Directory {
  uint64_t begin = 0, size = 0, entries = 0;
};

// The record of zip64 that stands in for fields that are too small.
absl::Status read_end64(std::string_view file, size_t end, Directory& d) {
  if (end < kLocatorSize || number<uint32_t>(file, end - kLocatorSize) != kLocator)
    return bad("its end needs zip64's, which is not there");
  const auto at = number<uint64_t>(file, end - kLocatorSize + 8);
  const size_t room = end - kLocatorSize;
  if (at > room || room - at < kEnd64Size || number<uint32_t>(file, at) != kEnd64)
    return bad("zip64's end is not where it should be");
  d = {.begin = number<uint64_t>(file, at + 48),
       .size = number<uint64_t>(file, at + 40),
       .entries = number<uint64_t>(file, at + 32)};
  return absl::OkStatus();
}

absl::StatusOr<Directory> find_directory(std::string_view file) {
  if (file.size() < kEndSize) return bad(absl::StrCat("it has only ", file.size(), " bytes"));
  const size_t last = file.size() - kEndSize, first = last - std::min<size_t>(last, kMax16);
  for (size_t at = last + 1; at-- > first;) {
    if (number<uint32_t>(file, at) != kEnd || at + kEndSize + number<uint16_t>(file, at + 20) != file.size()) continue;
    Directory d{.begin = number<uint32_t>(file, at + 16),
                .size = number<uint32_t>(file, at + 12),
                .entries = number<uint16_t>(file, at + 10)};
    if (d.begin == kMax32 || d.size == kMax32 || d.entries == kMax16) {
      if (absl::Status s = read_end64(file, at, d); !s.ok()) return s;
    }
    if (d.begin > at || d.size > at - d.begin) return bad("its directory lies outside of it");
    if (d.entries > d.size / kCentralSize)
      return bad(absl::StrCat("its directory has no room for ", d.entries, " entries"));
    return d;
  }
  return bad("its end is not there; it may be cut off");
}

struct Fields {
  uint64_t size, packed, offset;
};

// Fields that are at their largest value stand in the extra field of zip64, in this order.
absl::Status read_extra(std::string_view extra, std::string_view name, Fields& f) {
  while (extra.size() >= 4) {
    const auto id = number<uint16_t>(extra, 0), n = number<uint16_t>(extra, 2);
    if (n > extra.size() - 4) break;
    std::string_view body = extra.substr(4, n);
    extra.remove_prefix(4 + size_t{n});
    if (id != kExtra64) continue;
    for (uint64_t* field : {&f.size, &f.packed, &f.offset}) {
      if (*field != kMax32) continue;
      if (body.size() < 8) return bad(absl::StrCat("the zip64 field of ", quoted(name), " is too short"));
      *field = number<uint64_t>(body, 0);
      body.remove_prefix(8);
    }
    break;
  }
  return absl::OkStatus();
}

// The packed bytes, which follow the local header.
absl::Status find_bytes(std::string_view file, const Fields& f, ZipEntry& e) {
  if (f.offset > file.size() || file.size() - f.offset < kLocalSize || number<uint32_t>(file, f.offset) != kLocal)
    return bad(absl::StrCat("the header of ", quoted(e.name), " is not where it should be"));
  const auto name = number<uint16_t>(file, f.offset + 26), extra = number<uint16_t>(file, f.offset + 28);
  const uint64_t begin = f.offset + kLocalSize + name + extra;
  if (begin > file.size() || f.packed > file.size() - begin)
    return bad(absl::StrCat(quoted(e.name), " claims ", f.packed, " bytes, more than there are"));
  if (file.substr(f.offset + kLocalSize, name) != e.name)
    return bad(absl::StrCat(quoted(e.name), " has another name at its bytes"));
  e.packed = file.substr(begin, f.packed);
  return absl::OkStatus();
}

absl::StatusOr<ZipEntry> read_entry(std::string_view file, std::string_view header, std::string_view tail) {
  const size_t name = number<uint16_t>(header, 28), extra = number<uint16_t>(header, 30);
  ZipEntry e{.name = tail.substr(0, name), .crc = number<uint32_t>(header, 16)};
  Fields f{.size = number<uint32_t>(header, 24),
           .packed = number<uint32_t>(header, 20),
           .offset = number<uint32_t>(header, 42)};
  if (absl::Status s = read_extra(tail.substr(name, extra), e.name, f); !s.ok()) return s;
  if (number<uint16_t>(header, 8) & 1) return absl::UnimplementedError(absl::StrCat(quoted(e.name), " is encrypted"));
  const auto method = number<uint16_t>(header, 10);
  if (method != 0 && method != Z_DEFLATED)
    return absl::UnimplementedError(absl::StrCat(quoted(e.name), " is compressed by method ", method, ", not deflate"));
  e.deflated = method == Z_DEFLATED;
  e.size = f.size;
  const bool possible = e.deflated ? f.size / kMaxRatio <= f.packed + kRatioSlack : f.size == f.packed;
  if (!possible)
    return bad(absl::StrCat(quoted(e.name), " claims ", f.size, " bytes in ", f.packed, " compressed ones"));
  if (absl::Status s = find_bytes(file, f, e); !s.ok()) return s;
  return e;
}

absl::Status check_apart(const std::vector<ZipEntry>& entries) {
  std::set<std::string_view> names;
  std::vector<const ZipEntry*> order;
  for (const ZipEntry& e : entries) {
    if (!names.insert(e.name).second) return bad(absl::StrCat("it has two entries called ", quoted(e.name)));
    if (!e.packed.empty()) order.push_back(&e);
  }
  std::ranges::sort(order, {}, [](const ZipEntry* e) { return e->packed.data(); });
  for (size_t i = 1; i < order.size(); ++i) {
    const ZipEntry &a = *order[i - 1], &b = *order[i];
    if (a.packed.data() + a.packed.size() > b.packed.data())
      return bad(absl::StrCat(quoted(a.name), " and ", quoted(b.name), " lie over each other"));
  }
  return absl::OkStatus();
}

struct Inflater {
  z_stream z{};
  Inflater() = default;
  ~Inflater() { inflateEnd(&z); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

}  // namespace

absl::StatusOr<std::vector<ZipEntry>> read_zip_directory(std::string_view file) {
  const absl::StatusOr<Directory> d = find_directory(file);
  if (!d.ok()) return d.status();
  std::vector<ZipEntry> entries;
  std::string_view rest = file.substr(d->begin, d->size);
  for (uint64_t i = 0; i < d->entries; ++i) {
    if (rest.size() < kCentralSize || number<uint32_t>(rest, 0) != kCentral)
      return bad(absl::StrCat("entry ", i, " of its directory is not there"));
    const size_t tail = size_t{number<uint16_t>(rest, 28)} + number<uint16_t>(rest, 30) + number<uint16_t>(rest, 32);
    if (tail > rest.size() - kCentralSize) return bad(absl::StrCat("entry ", i, " of its directory is cut off"));
    absl::StatusOr<ZipEntry> e = read_entry(file.substr(0, d->begin), rest, rest.substr(kCentralSize, tail));
    if (!e.ok()) return e.status();
    entries.push_back(*e);
    rest.remove_prefix(kCentralSize + tail);
  }
  if (absl::Status s = check_apart(entries); !s.ok()) return s;
  return entries;
}

absl::Status unpack(const ZipEntry& entry, char* to) {
  if (!entry.deflated) {
    if (entry.size > 0) std::memcpy(to, entry.packed.data(), entry.size);
    return absl::OkStatus();
  }
  Inflater inflater;
  z_stream& z = inflater.z;
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return absl::ResourceExhaustedError("zlib has no memory");
  std::string_view rest = entry.packed;
  uint64_t left = entry.size;
  int result = Z_OK;
  char beyond = 0;  // whatever comes after the bytes that were claimed
  while (result == Z_OK) {
    if (z.avail_in == 0) {
      const std::string_view chunk = rest.substr(0, kChunk);
      z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(chunk.data()));
      z.avail_in = static_cast<uInt>(chunk.size());
      rest.remove_prefix(chunk.size());
    }
    const auto room = static_cast<uInt>(std::min<uint64_t>(left, kChunk));
    z.next_out = reinterpret_cast<Bytef*>(room > 0 ? to : &beyond);
    z.avail_out = room > 0 ? room : 1;
    result = inflate(&z, Z_NO_FLUSH);
    const uInt got = (room > 0 ? room : 1) - z.avail_out;
    if (room == 0 && got > 0) return bad(absl::StrCat(quoted(entry.name), " has more bytes than it claims"));
    to += got;
    left -= got;
    if (result == Z_BUF_ERROR && !rest.empty()) result = Z_OK;
  }
  if (result != Z_STREAM_END || left > 0)
    return bad(absl::StrCat(quoted(entry.name), " cannot be unpacked: ", z.msg ? z.msg : "it ends early"));
  return absl::OkStatus();
}

uint32_t crc32_of(std::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace hearth::io
