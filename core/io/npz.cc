#include "core/io/npz.h"

#include <zip.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/npy_format.h"

namespace hearth::io {
namespace {

constexpr const char* kSuffix = ".npy";
// Deflate cannot grow data more than this (zlib.net/zlib_tech.html: 1032); a few bytes may hold a block of its own.
constexpr uint64_t kMaxRatio = 1040, kRatioSlack = 1 << 16;
constexpr size_t kChunk = 1 << 20;

struct ZipError {
  zip_error_t e;
  ZipError() { zip_error_init(&e); }
  ~ZipError() { zip_error_fini(&e); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
};

struct Discard {
  void operator()(zip_t* z) const { zip_discard(z); }
  void operator()(zip_file_t* f) const { zip_fclose(f); }
  void operator()(zip_source_t* s) const { zip_source_free(s); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using EntryFile = std::unique_ptr<zip_file_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Discard>;

absl::Status bad(const std::string& name, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": not an npz file: ", what));
}

// All n bytes, or why not.
absl::Status read_exactly(zip_file_t* f, void* to, uint64_t n, const std::string& where) {
  auto* p = static_cast<char*>(to);
  while (n > 0) {
    const zip_int64_t got = zip_fread(f, p, std::min<uint64_t>(n, kChunk));
    if (got < 0) return bad(where, zip_error_strerror(zip_file_get_error(f)));
    if (got == 0) return bad(where, absl::StrCat("it ends ", n, " bytes early"));
    p += got;
    n -= static_cast<uint64_t>(got);
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> read_entry(zip_t* z, const zip_stat_t& s, const std::string& where, uint64_t& left) {
  EntryFile f(zip_fopen_index(z, s.index, 0));
  if (!f) return bad(where, zip_error_strerror(zip_get_error(z)));
  std::string prefix(std::min<uint64_t>(s.size, kMaxNpyPrefix), '\0');
  if (absl::Status bad = read_exactly(f.get(), prefix.data(), prefix.size(), where); !bad.ok()) return bad;
  const absl::StatusOr<NpyHeader> h = read_npy_header(prefix, s.size, where);
  if (!h.ok()) return h.status();
  if (h->bytes > left)
    return absl::ResourceExhaustedError(absl::StrCat(where, ": the arrays have more bytes than are allowed"));
  left -= h->bytes;
  try {
    Tensor t = npy_memory(*h);
    const uint64_t had = std::min<uint64_t>(prefix.size() - h->data, h->bytes);
    if (h->bytes > 0) {
      auto* to = static_cast<char*>(t.mutable_raw_data());
      std::copy_n(prefix.data() + h->data, had, to);
      if (absl::Status bad = read_exactly(f.get(), to + had, h->bytes - had, where); !bad.ok()) return bad;
    }
    // The checksum is compared where the entry ends.
    char more;
    const zip_int64_t end = zip_fread(f.get(), &more, 1);
    if (end < 0) return bad(where, zip_error_strerror(zip_file_get_error(f.get())));
    if (end > 0) return bad(where, "it has more bytes than it claims");
    return npy_array(*h, std::move(t));
  } catch (const Error& e) {
    return absl::ResourceExhaustedError(absl::StrCat(where, ": ", e.what()));
  }
}

}  // namespace

absl::StatusOr<std::map<std::string, Tensor>> parse_npz(std::string_view bytes, const std::string& name,
                                                        uint64_t max_bytes) {
  // libzip takes no bytes at all for an archive without entries.
  constexpr size_t kSmallest = 22;
  if (bytes.size() < kSmallest) return bad(name, absl::StrCat("it has only ", bytes.size(), " bytes"));
  ZipError error;
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error.e));
  if (!source) return bad(name, zip_error_strerror(&error.e));
  const Archive z(zip_open_from_source(source.get(), ZIP_RDONLY, &error.e));
  if (!z) return bad(name, zip_error_strerror(&error.e));
  (void)source.release();  // the archive has it
  std::map<std::string, Tensor> out;
  const zip_int64_t n = zip_get_num_entries(z.get(), 0);
  for (zip_int64_t i = 0; i < n; ++i) {
    zip_stat_t s;
    if (zip_stat_index(z.get(), static_cast<zip_uint64_t>(i), 0, &s) != 0)
      return bad(name, zip_error_strerror(zip_get_error(z.get())));
    constexpr zip_uint64_t kNeeded =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((s.valid & kNeeded) != kNeeded) return bad(name, absl::StrCat("entry ", i, " lacks its sizes"));
    const std::string entry = s.name;
    const std::string where = absl::StrCat(name, ": \"", entry, "\"");
    if (s.encryption_method != ZIP_EM_NONE) return absl::UnimplementedError(absl::StrCat(where, " is encrypted"));
    if (s.comp_method != ZIP_CM_STORE && s.comp_method != ZIP_CM_DEFLATE)
      return absl::UnimplementedError(absl::StrCat(where, " is compressed by method ", s.comp_method, ", not deflate"));
    if (!entry.ends_with(kSuffix)) return bad(where, "it is not called *.npy");
    const bool possible = s.comp_method == ZIP_CM_STORE ? s.size == s.comp_size
                                                        : s.size / kMaxRatio <= s.comp_size + kRatioSlack / kMaxRatio;
    if (!possible || s.comp_size > bytes.size())
      return bad(where, absl::StrCat("it claims ", s.size, " bytes in ", s.comp_size, " compressed ones"));
    const std::string key = entry.substr(0, entry.size() - std::string_view(kSuffix).size());
    if (out.contains(key)) return bad(where, "there are two entries of this name");
    absl::StatusOr<Tensor> t = read_entry(z.get(), s, where, max_bytes);
    if (!t.ok()) return t.status();
    out[key] = *std::move(t);
  }
  return out;
}

absl::StatusOr<std::map<std::string, Tensor>> load_npz(const std::string& path, uint64_t max_bytes) {
  const absl::StatusOr<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  return parse_npz({reinterpret_cast<const char*>((*file)->data()), (*file)->size()}, path, max_bytes);
}

absl::Status save_npz(const std::string& path, const std::map<std::string, Tensor>& tensors, bool compress) {
  const auto wrong = [&](absl::StatusCode code, const std::string& what) {
    return absl::Status(code, absl::StrCat("cannot save ", path, ": ", what));
  };
  // What libzip would not write: an archive without entries.
  if (tensors.empty()) return write_file(path, std::string("PK\5\6") + std::string(18, '\0'));
  ZipError error;
  const auto failed = [&](const char* what) { return wrong(absl::StatusCode::kInternal, what); };
  Source whole(zip_source_buffer_create(nullptr, 0, 0, &error.e));
  if (!whole) return failed(zip_error_strerror(&error.e));
  // Fragments are read when the archive is closed: both lists must not move.
  std::vector<std::pair<std::string, Tensor>> parts;
  parts.reserve(tensors.size());
  {
    zip_source_keep(whole.get());
    Archive z(zip_open_from_source(whole.get(), ZIP_TRUNCATE, &error.e));
    if (!z) {
      zip_source_free(whole.get());
      return failed(zip_error_strerror(&error.e));
    }
    for (const auto& [key, tensor] : tensors) {
      const std::string where = absl::StrCat("\"", key, "\": ");
      if (key.find('\0') != std::string::npos)
        return wrong(absl::StatusCode::kInvalidArgument, where + "a name must not contain a null character");
      const absl::StatusOr<Tensor> t = npy_values(tensor);
      const absl::StatusOr<std::string> prefix = t.ok() ? npy_prefix(*t) : t.status();
      if (!prefix.ok()) return wrong(prefix.status().code(), absl::StrCat(where, prefix.status().message()));
      auto& [text, values] = parts.emplace_back(*prefix, *t);
      zip_buffer_fragment_t fragments[] = {
          {reinterpret_cast<zip_uint8_t*>(text.data()), text.size()},
          {values.nbytes() > 0 ? static_cast<zip_uint8_t*>(const_cast<void*>(values.raw_data())) : nullptr,
           values.nbytes()}};
      Source entry(zip_source_buffer_fragment_create(fragments, values.nbytes() > 0 ? 2 : 1, 0, &error.e));
      if (!entry) return failed(zip_error_strerror(&error.e));
      const zip_int64_t at = zip_file_add(z.get(), (key + kSuffix).c_str(), entry.get(), ZIP_FL_ENC_UTF_8);
      if (at < 0) return wrong(absl::StatusCode::kInvalidArgument, where + zip_error_strerror(zip_get_error(z.get())));
      (void)entry.release();                          // the archive has it
      constexpr zip_uint16_t kFirstDay = 1 << 5 | 1;  // of 1980, where the format's time begins
      if (zip_set_file_compression(z.get(), static_cast<zip_uint64_t>(at), compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                                   0) != 0 ||
          zip_file_set_dostime(z.get(), static_cast<zip_uint64_t>(at), 0, kFirstDay, 0) != 0)
        return failed(zip_error_strerror(zip_get_error(z.get())));
    }
    if (zip_close(z.get()) != 0) return failed(zip_error_strerror(zip_get_error(z.get())));
    (void)z.release();
  }
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  if (zip_source_open(whole.get()) != 0) return failed(zip_error_strerror(zip_source_error(whole.get())));
  std::string chunk(kChunk, '\0');
  for (;;) {
    const zip_int64_t got = zip_source_read(whole.get(), chunk.data(), chunk.size());
    if (got < 0) return failed(zip_error_strerror(zip_source_error(whole.get())));
    if (got == 0) break;
    if (absl::Status s = file->write(chunk.data(), static_cast<size_t>(got)); !s.ok()) return s;
  }
  zip_source_close(whole.get());
  return file->commit();
}

}  // namespace hearth::io
