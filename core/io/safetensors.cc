#include "core/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/crc32c.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/ops/create.h"

namespace hearth::io {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian numbers");

using Json = nlohmann::json;

constexpr uint64_t kMaxHeader = 100'000'000;
constexpr const char* kMetadata = "__metadata__";
constexpr size_t kHeaderAlignment = 64;
constexpr std::string_view kChecksum = "hearth.crc32c";  // the header's; a tensor's has its name behind a slash
constexpr std::string_view kNoDigits = "00000000";

constexpr std::pair<const char*, DType> kNames[] = {
    {"BOOL", DType::kBool}, {"U8", DType::kU8},   {"I8", DType::kI8},   {"I16", DType::kI16},
    {"I32", DType::kI32},   {"I64", DType::kI64}, {"F16", DType::kF16}, {"BF16", DType::kBF16},
    {"F32", DType::kF32},   {"F64", DType::kF64}, {"C64", DType::kC64}};
// Dtypes of the format that Hearth has not.
constexpr const char* kForeign[] = {"F4",          "F6_E2M3",     "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0",
                                    "F8_E4M3FNUZ", "F8_E5M2FNUZ", "U16",     "U32",     "U64"};

struct Entry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  uint64_t begin = 0, end = 0;
};

absl::Status bad(const std::string& file, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": not a safetensors file: ", what));
}

absl::StatusOr<Entry> read_entry(const std::string& file, const std::string& name, const Json& j) {
  const auto wrong = [&](const std::string& what) { return bad(file, absl::StrCat("tensor \"", name, "\" ", what)); };
  if (!j.is_object() || j.size() != 3 || !j.contains("dtype") || !j.contains("shape") || !j.contains("data_offsets"))
    return wrong("needs exactly dtype, shape and data_offsets");
  Entry e;
  e.name = name;
  if (!j["dtype"].is_string()) return wrong("has a dtype that is not a string");
  const std::string& dtype = j["dtype"].get_ref<const std::string&>();
  const auto known = std::ranges::find(kNames, dtype, [](const auto& n) { return std::string_view(n.first); });
  if (known == std::end(kNames)) {
    if (std::ranges::find(kForeign, dtype) != std::end(kForeign))
      return absl::UnimplementedError(
          absl::StrCat(file, ": tensor \"", name, "\" has the dtype ", dtype, ", which Hearth cannot hold"));
    return wrong(absl::StrCat("has the unknown dtype \"", dtype, "\""));
  }
  e.dtype = known->second;
  const Json& shape = j["shape"];
  if (!shape.is_array()) return wrong("has a shape that is not a list");
  if (shape.size() > kMaxRank) return wrong(absl::StrCat("has rank ", shape.size(), "; at most 8 is possible"));
  uint64_t bytes = size_of(e.dtype);
  for (const Json& n : shape) {
    if (!n.is_number_unsigned() || n.get<uint64_t>() > uint64_t{INT64_MAX})
      return wrong("has a size that is not a whole number from 0 to 2^63 - 1");
    e.shape.push_back(static_cast<int64_t>(n.get<uint64_t>()));
  }
  const bool empty = std::ranges::find(e.shape, 0) != e.shape.end();
  for (int64_t n : e.shape) {
    if (empty) bytes = 0;
    else if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(n), &bytes) || bytes > uint64_t{INT64_MAX})
      return wrong(absl::StrCat("has the shape ", to_string(e.shape), ", whose size overflows"));
  }
  const Json& at = j["data_offsets"];
  if (!at.is_array() || at.size() != 2 || !at[0].is_number_unsigned() || !at[1].is_number_unsigned())
    return wrong("has data_offsets that are not two whole numbers");
  e.begin = at[0].get<uint64_t>();
  e.end = at[1].get<uint64_t>();
  if (e.end < e.begin || e.end - e.begin != bytes)
    return wrong(absl::StrCat("of shape ", to_string(e.shape), " and dtype ", dtype, " needs ", bytes,
                              " bytes, but its data_offsets are ", e.begin, " and ", e.end));
  return e;
}

std::string digits(std::string_view bytes) { return absl::StrCat(absl::Hex(crc32c(bytes), absl::kZeroPad8)); }

// Where the digits of a header's own checksum stand, or npos. Within a JSON text's strings, quotes have a backslash
// before them: this can only be the key itself.
size_t place_of_digits(std::string_view header) {
  const std::string key = concat("\"", kChecksum, "\":\"");
  const size_t at = header.find(key);
  return at == std::string_view::npos ? at : at + key.size();
}

// The checksums among a file's metadata, which are taken out of it.
class Checksums {
 public:
  Checksums(const std::string& file, std::map<std::string, std::string>& metadata) : file_(file) {
    for (auto it = metadata.lower_bound(std::string(kChecksum));
         it != metadata.end() && it->first.starts_with(kChecksum);)
      sums_.insert(metadata.extract(it++));
  }

  absl::Status check_header(std::string_view header) const {
    if (sums_.empty()) return absl::OkStatus();
    const size_t at = place_of_digits(header);
    const auto sum = sums_.find(kChecksum);
    if (sum == sums_.end() || at == std::string_view::npos || sum->second.size() != kNoDigits.size())
      return damaged("the header", "has no checksum of its own");
    std::string zeros(header);
    zeros.replace(at, kNoDigits.size(), kNoDigits);
    return compare("the header", zeros, sum->second);
  }

  absl::Status check(const std::string& tensor, std::string_view bytes) const {
    if (sums_.empty()) return absl::OkStatus();
    const auto sum = sums_.find(concat(kChecksum, "/", tensor));
    const std::string what = concat("tensor \"", tensor, "\"");
    if (sum == sums_.end()) return damaged(what, "has no checksum");
    return compare(what, bytes, sum->second);
  }

 private:
  absl::Status damaged(std::string_view what, std::string_view why) const {
    return absl::DataLossError(
        concat(file_, ": ", what, " is damaged, or was changed by a program that kept the old checksums: it ", why));
  }
  absl::Status compare(std::string_view what, std::string_view bytes, const std::string& sum) const {
    const std::string real = digits(bytes);
    if (real == sum) return absl::OkStatus();
    return damaged(what, concat("has the checksum ", real, ", but ", sum, " is written in the file"));
  }

  const std::string& file_;
  std::map<std::string, std::string, std::less<>> sums_;
};

// The tensors of a file's bytes; one is made by make(entry, first byte).
template <class Make>
absl::StatusOr<Safetensors> read(const std::string& file, std::string_view bytes, Make make) {
  if (bytes.size() < 8) return bad(file, absl::StrCat("it has ", bytes.size(), " bytes, not even a header's length"));
  uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMaxHeader)
    return bad(file, absl::StrCat("its header claims ", length, " bytes; at most ", kMaxHeader, " are allowed"));
  if (length > bytes.size() - 8)
    return bad(file, absl::StrCat("its header claims ", length, " bytes, but only ", bytes.size() - 8, " follow"));
  const std::string_view header = bytes.substr(8, length), data = bytes.substr(8 + length);
  if (header.empty() || header[0] != '{') return bad(file, "its header does not begin with {");
  const absl::StatusOr<Json> json = parse_json(header, 4);
  if (!json.ok()) return bad(file, absl::StrCat("its header is ", json.status().message()));

  Safetensors out;
  std::vector<Entry> entries;
  if (const auto metadata = json->find(kMetadata); metadata != json->end()) {
    if (!metadata->is_object()) return bad(file, "__metadata__ is not an object");
    for (const auto& [key, value] : metadata->items()) {
      if (!value.is_string()) return bad(file, absl::StrCat("__metadata__'s \"", key, "\" is not a string"));
      out.metadata[key] = value.template get<std::string>();
    }
  }
  const Checksums checksums(file, out.metadata);
  if (absl::Status s = checksums.check_header(header); !s.ok()) return s;
  for (const auto& [name, j] : json->items()) {
    if (name == kMetadata) continue;
    absl::StatusOr<Entry> e = read_entry(file, name, j);
    if (!e.ok()) return e.status();
    entries.push_back(*std::move(e));
  }
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
  uint64_t expected = 0;
  for (const Entry& e : entries) {
    if (e.begin != expected)
      return bad(file, absl::StrCat("tensor \"", e.name, "\" begins at byte ", e.begin,
                                    e.begin < expected ? ", inside of the tensor before it, which ends at "
                                                       : ", after a hole that begins at ",
                                    expected));
    expected = e.end;
  }
  if (expected != data.size())
    return bad(file, absl::StrCat("its tensors need ", expected, " bytes, but ", data.size(), " follow the header"));
  for (const Entry& e : entries) {
    if (absl::Status s = checksums.check(e.name, data.substr(e.begin, e.end - e.begin)); !s.ok()) return s;
    out.tensors[e.name] = make(e, data.data() + e.begin);
  }
  return out;
}

Tensor copied(const Entry& e, const char* data) {
  Tensor t = empty(e.shape, {.dtype = e.dtype, .device = kCpu});
  if (e.end > e.begin) std::memcpy(t.mutable_raw_data(), data, e.end - e.begin);
  if (e.dtype == DType::kBool) {
    auto* p = static_cast<unsigned char*>(t.mutable_raw_data());
    for (uint64_t i = 0; i < e.end - e.begin; ++i) p[i] = p[i] != 0;
  }
  return t;
}

std::string_view bytes_of(const Tensor& t) {
  if (t.nbytes() == 0) return {};
  return {static_cast<const char*>(t.raw_data()), static_cast<size_t>(t.nbytes())};
}

// Bytes other than 0 and 1 are no bools of C++.
bool has_other_bools(const Entry& e, const char* data) {
  return e.dtype == DType::kBool &&
         std::any_of(data, data + (e.end - e.begin), [](char c) { return c != 0 && c != 1; });
}

}  // namespace

absl::StatusOr<Safetensors> load_safetensors(const std::string& path) {
  absl::StatusOr<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  const std::string_view bytes(reinterpret_cast<const char*>((*file)->data()), (*file)->size());
  try {
    return read(path, bytes, [&](const Entry& e, const char* data) {
      if (e.begin == e.end || reinterpret_cast<uintptr_t>(data) % size_of(e.dtype) != 0 || has_other_bools(e, data))
        return copied(e, data);
      return from_blob(const_cast<char*>(data), e.shape, e.dtype, *file, /*read_only=*/true);
    });
  } catch (const Error& e) {  // out of memory
    return absl::ResourceExhaustedError(absl::StrCat(path, ": ", e.what()));
  }
}

absl::StatusOr<Safetensors> parse_safetensors(std::string_view bytes, const std::string& name) {
  try {
    return read(name, bytes, copied);
  } catch (const Error& e) {
    return absl::ResourceExhaustedError(absl::StrCat(name, ": ", e.what()));
  }
}

absl::Status save_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  std::vector<std::pair<std::string, Tensor>> order;
  for (const auto& [name, t] : tensors) {
    if (!t.defined())
      return absl::InvalidArgumentError(absl::StrCat("cannot save \"", name, "\": it is an undefined tensor"));
    if (t.device().is_meta())
      return absl::InvalidArgumentError(absl::StrCat("cannot save \"", name, "\": a meta tensor has no values"));
    if (name == kMetadata) return absl::InvalidArgumentError("a tensor cannot be called __metadata__");
    if (std::ranges::find(kNames, t.dtype(), [](const auto& n) { return n.second; }) == std::end(kNames)) {
      return absl::UnimplementedError(
          absl::StrCat("cannot save \"", name, "\": the format has no dtype ", to_string(t.dtype())));
    }
    order.emplace_back(name, t.detach().to(kCpu).contiguous());
  }
  // Larger elements first, so that each lies at a multiple of its size.
  std::ranges::stable_sort(order, std::greater<>(), [](const auto& e) { return size_of(e.second.dtype()); });
  Json header = Json::object();
  Json& notes = header[kMetadata] = metadata;
  for (const auto& [key, value] : metadata) {
    if (key.starts_with(kChecksum))
      return absl::InvalidArgumentError(absl::StrCat("cannot save ", path, ": \"", key, "\" is written by itself"));
  }
  notes[std::string(kChecksum)] = std::string(kNoDigits);
  uint64_t at = 0;
  for (const auto& [name, t] : order) {
    Json shape = Json::array();
    for (int64_t n : t.shape()) shape.push_back(static_cast<uint64_t>(n));
    const auto bytes = static_cast<uint64_t>(t.nbytes());
    const auto known = std::ranges::find(kNames, t.dtype(), [](const auto& n) { return n.second; });
    header[name] = {{"dtype", known->first}, {"shape", std::move(shape)}, {"data_offsets", {at, at + bytes}}};
    notes[concat(kChecksum, "/", name)] = digits(bytes_of(t));
    at += bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("cannot save ", path, ": ", e.what()));
  }
  text.resize((text.size() + 8 + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment - 8, ' ');
  if (text.size() > kMaxHeader)
    return absl::InvalidArgumentError(
        absl::StrCat("cannot save ", path, ": the header would have ", text.size(), " bytes"));
  text.replace(place_of_digits(text), kNoDigits.size(), digits(text));

  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  const uint64_t length = text.size();
  if (absl::Status s = file->write(&length, 8); !s.ok()) return s;
  if (absl::Status s = file->write(text); !s.ok()) return s;
  for (const auto& [name, t] : order) {
    if (absl::Status s = file->write(bytes_of(t)); !s.ok()) return s;
  }
  return file->commit();
}

}  // namespace hearth::io
