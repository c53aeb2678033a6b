#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/io/file.h"
#include "core/io/pickle_internal.h"
#include "core/io/pt.h"
#include "core/io/with_path.h"
#include "core/io/zip_directory_internal.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"

namespace hearth::io {
namespace {

static_assert(std::endian::native == std::endian::little, "files without a byte order are little-endian");

using Kind = PickledObject::Kind;

// Values are remembered and used again; written out they may be more than the file has bytes by so much.
constexpr uint64_t kValuesSlack = 1 << 16, kTextSlack = 1 << 26;
// The memory of all that is not tensors' data, by the rule of PtOptions::max_bytes. A byte of a pickle stands for 160
// of memory at most: a bool of 1 byte takes 56, an integer of 2 bytes 128, a tensor of 5 bytes 816. Deflate makes
// pickles 2 to 6 times smaller, but those of integers that repeat themselves 150 to 500 times: two million of these are
// read whatever the size of their file.
constexpr uint64_t kMebibyte = 1 << 20, kOptionsSlack = 64, kFileSlack = 256;  // MiB
constexpr uint64_t kMemoryRatio = 512, kPackedRatio = 8;
// What the older kind of file begins with: the number 0x1950a86a20f9469cfc6c as a pickle.
constexpr std::string_view kMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
constexpr int64_t kLegacyProtocol = 1001;

[[noreturn]] void invalid(const std::string& what) { throw Error(ErrorKind::kInvalidArgument, what); }
[[noreturn]] void unsupported(const std::string& what) { throw Error(ErrorKind::kUnsupported, what); }
void check(const absl::Status& s) {
  if (s.ok()) return;
  const std::string text(s.message());
  if (absl::IsUnimplemented(s)) unsupported(text);
  invalid(text);
}

PickleMemory memory_for(uint64_t pickle, uint64_t packed, const PtOptions& options) {
  const uint64_t counted = std::min(pickle, kPackedRatio * packed);
  const uint64_t by_options = kOptionsSlack * kMebibyte + std::min(options.max_bytes, UINT64_MAX / 2);
  const uint64_t by_file = kFileSlack * kMebibyte + kMemoryRatio * counted;
  if (by_options < by_file) return {by_options, absl::StrCat(kOptionsSlack, " MiB and PtOptions::max_bytes")};
  std::string rule =
      absl::StrCat(kFileSlack, " MiB and ", kMemoryRatio, " times the ", counted, " bytes of its pickle");
  if (counted < pickle) absl::StrAppend(&rule, " (as compressed as it is, ", kPackedRatio, " times those in the file)");
  return {by_file, std::move(rule)};
}

// The storages of a file, by key, and how they are to be read.
struct Storages {
  absl::flat_hash_map<std::string_view, ZipEntry> entries;
  bool swapped = false;                        // big-endian
  std::shared_ptr<const MappedFile> mapped{};  // null: everything is copied
  PtOptions options{};
};

template <class T>
void swap_bytes(char* p, uint64_t bytes) {
  for (uint64_t i = 0; i < bytes; i += sizeof(T)) std::reverse(p + i, p + i + sizeof(T));
}
void swap_numbers(DType dtype, char* p, uint64_t bytes) {
  switch (size_of(real_type(dtype))) {
    case 1:
      return;
    case 2:
      return swap_bytes<uint16_t>(p, bytes);
    case 4:
      return swap_bytes<uint32_t>(p, bytes);
    default:
      return swap_bytes<uint64_t>(p, bytes);
  }
}

// Makes tensors of storages.
class Tensors {
 public:
  Tensors(const Pickle& pickle, const Storages& storages)
      : pickle_(pickle), storages_(storages), flat_(pickle.storages.size()), made_(pickle.tensors.size()) {}

  const Tensor& tensor(size_t i) {
    if (!made_[i].defined()) made_[i] = make(pickle_.tensors[i]);
    return made_[i];
  }
  // All elements of a storage.
  const Tensor& flat(size_t i) {
    if (!flat_[i].defined()) flat_[i] = read(pickle_.storages[i]);
    return flat_[i];
  }

 private:
  Tensor read(const PickledStorage& s) {
    const auto found = storages_.entries.find(s.key);
    if (found == storages_.entries.end()) invalid(absl::StrCat("storage ", printable(s.key), " is not in the file"));
    const ZipEntry& e = found->second;
    if (s.numel > uint64_t{INT64_MAX} / size_of(s.dtype) || e.size != s.numel * size_of(s.dtype))
      invalid(absl::StrCat("storage ", printable(s.key), " of ", s.numel, " elements of ", to_string(s.dtype), " has ",
                           e.size, " bytes"));
    if (mappable(s, e)) {
      check_sum(s, e, e.packed);
      return from_blob(const_cast<char*>(e.packed.data()), {static_cast<int64_t>(s.numel)}, s.dtype, storages_.mapped,
                       /*read_only=*/true);
    }
    return copy(s, e);
  }
  bool mappable(const PickledStorage& s, const ZipEntry& e) const {
    if (!storages_.mapped || e.deflated || e.size == 0) return false;
    if (storages_.swapped && size_of(s.dtype) > 1) return false;
    if (reinterpret_cast<uintptr_t>(e.packed.data()) % size_of(s.dtype) != 0) return false;
    // Bytes other than 0 and 1 are no bools of C++.
    return s.dtype != DType::kBool || std::ranges::none_of(e.packed, [](char c) { return c != 0 && c != 1; });
  }
  void check_sum(const PickledStorage& s, const ZipEntry& e, std::string_view bytes) const {
    if (!storages_.options.checksums || e.crc == 0 || crc32_of(bytes) == e.crc) return;
    throw Error(ErrorKind::kIo, absl::StrCat("storage ", printable(s.key), " is damaged: its checksum is another"));
  }
  void expect_room(uint64_t bytes) {
    if (bytes > storages_.options.max_bytes - copied_)
      throw Error(ErrorKind::kOutOfMemory, "the tensors that must be copied have more bytes than are allowed");
    copied_ += bytes;
  }
  Tensor copy(const PickledStorage& s, const ZipEntry& e) {
    expect_room(e.size);
    Tensor t = detail::empty({static_cast<int64_t>(s.numel)}, s.dtype, kCpu, "load_pt");
    if (e.size == 0) return t;
    char* const p = static_cast<char*>(t.mutable_raw_data());
    check(unpack(e, p));
    check_sum(s, e, {p, e.size});
    if (storages_.swapped) swap_numbers(s.dtype, p, e.size);
    if (s.dtype == DType::kBool) {
      for (uint64_t i = 0; i < e.size; ++i) p[i] = static_cast<char>(p[i] != 0);
    }
    return t;
  }

  Tensor make(const PickledTensor& t) {
    const int64_t n = checked_numel(t.shape, size_of(t.dtype), "load_pt");
    if (t.meta) return detail::empty(t.shape, t.dtype, kMeta, "load_pt");
    const Tensor& all = flat(t.storage);
    if (n == 0) return detail::empty(t.shape, t.dtype, kCpu, "load_pt");
    Tensor out = detail::alias(all, layout_within(t, all.numel()), /*detached=*/true);
    if (t.conjugated || t.negated) expect_room(out.nbytes());
    if (t.conjugated) out = conj(out);
    if (t.negated) out = neg(out);
    return out;
  }
  static Layout layout_within(const PickledTensor& t, int64_t numel) {
    Strides strides = t.strides;
    const Strides plain = contiguous_strides(t.shape);
    int64_t last = t.offset;
    bool over = false;
    for (int d = 0; d < t.shape.rank(); ++d) {
      int64_t step = 0;
      over = over || __builtin_mul_overflow(t.shape[d] - 1, strides[d], &step) ||
             __builtin_add_overflow(last, step, &last);
      if (t.shape[d] == 1 && strides[d] > numel) strides[d] = plain[d];
    }
    if (over || last >= numel)
      invalid(absl::StrCat("a tensor of shape ", to_string(t.shape), ", strides ", to_string(t.strides), " and offset ",
                           t.offset, " lies outside of its storage of ", numel, " elements"));
    return Layout(t.shape, strides, t.offset);
  }

  const Pickle& pickle_;
  const Storages& storages_;
  std::vector<Tensor> flat_, made_;
  uint64_t copied_ = 0;
};

// Values of a pickle's objects, which may hold each other: each use becomes a value of its own.
class Values {
 public:
  Values(const Pickle& pickle, const Storages& storages, PickleMemory& memory)
      : pickle_(pickle),
        memory_(memory),
        tensors_(pickle, storages),
        values_left_(pickle.size + kValuesSlack),
        text_left_(pickle.size + kTextSlack) {}

  PtValue value(uint32_t i, int depth = 0) {
    if (depth > kMaxPtDepth)
      invalid(absl::StrCat("its values are nested more than ", kMaxPtDepth, " deep, or hold themselves"));
    if (values_left_-- == 0) invalid("it holds too many values when they are written out");
    const PickledObject& o = pickle_.objects[i];
    switch (o.kind) {
      case Kind::kNone:
        return {};
      case Kind::kBool:
        return o.integer != 0;
      case Kind::kInt:
        return o.integer;
      case Kind::kFloat:
        return o.real;
      case Kind::kComplex:
        return std::complex<double>(o.real, o.imaginary);
      case Kind::kText:
        return text(o.text);
      case Kind::kBytes:
        return PtValue::bytes(text(o.text));
      case Kind::kGlobal:
        if (o.meaning != Meaning::kName)
          invalid(absl::StrCat("it holds ", printable(o.text), ", a class or a function and no value, without a call"));
        return text(o.text);
      case Kind::kList:
        return PtValue::list(values(o, depth));
      case Kind::kTuple:
        return PtValue::tuple(values(o, depth));
      case Kind::kSet:
        return PtValue::set(values(o, depth));
      case Kind::kDict:
        return dict(o, depth);
      case Kind::kStorage:
        return tensors_.flat(static_cast<size_t>(o.integer));
      case Kind::kTensor:
        return tensors_.tensor(static_cast<size_t>(o.integer));
    }
    return {};
  }

 private:
  std::string text(std::string_view s) {
    if (s.size() > text_left_) invalid("its texts are too long when they are written out");
    text_left_ -= s.size();
    memory_.take(s.size());
    return std::string(s);
  }
  std::vector<PtValue> values(const PickledObject& o, int depth) {
    std::vector<PtValue> out;
    memory_.take(o.items.size() * sizeof(PtValue));
    out.reserve(o.items.size());
    for (const uint32_t i : o.items) out.push_back(value(i, depth + 1));
    return out;
  }
  PtValue dict(const PickledObject& o, int depth) {
    PtValue::Entries entries;
    // Those of the dict and of the keys that were met.
    constexpr uint64_t kEntryMemory = sizeof(PtValue::Entries::value_type) + 2 * sizeof(std::string_view);
    memory_.take(o.items.size() / 2 * kEntryMemory);
    entries.reserve(o.items.size() / 2);
    absl::flat_hash_set<std::string_view> texts;
    absl::flat_hash_set<int64_t> integers;
    for (size_t k = 0; k + 1 < o.items.size(); k += 2) {
      const PickledObject& key = pickle_.objects[o.items[k]];
      const bool is_new = key.kind == Kind::kText  ? texts.insert(key.text).second
                          : key.kind == Kind::kInt ? integers.insert(key.integer).second
                                                   : true;
      if (!is_new)
        invalid(absl::StrCat("a dict has the key ",
                             key.kind == Kind::kText ? printable(key.text) : absl::StrCat(key.integer), " twice"));
      PtValue first = value(o.items[k], depth + 1);
      entries.emplace_back(std::move(first), value(o.items[k + 1], depth + 1));
    }
    return PtValue::dict(std::move(entries));
  }

  const Pickle& pickle_;
  PickleMemory& memory_;
  Tensors tensors_;
  uint64_t values_left_, text_left_;
};

// ---- Zip files
class Archive {
 public:
  explicit Archive(std::vector<ZipEntry> entries) {
    for (ZipEntry& e : entries) {
      if (e.name.ends_with("data.pkl") && (e.name.size() == 8 || e.name[e.name.size() - 9] == '/') &&
          (folder_.empty() || e.name.size() - 8 < folder_.size()))
        folder_ = e.name.substr(0, e.name.size() - 8);
      entries_.emplace(e.name, e);
    }
  }
  const ZipEntry* find(std::string_view name) const {
    const auto found = entries_.find(absl::StrCat(std::string(folder_), std::string(name)));
    return found == entries_.end() ? nullptr : &found->second;
  }
  // A small entry.
  std::optional<std::string> text(std::string_view name, uint64_t most) const {
    const ZipEntry* const e = find(name);
    if (!e) return std::nullopt;
    if (e->size > most) invalid(absl::StrCat(std::string(name), " has ", e->size, " bytes"));
    std::string out(e->size, '\0');
    check(unpack(*e, out.data()));
    return out;
  }
  absl::flat_hash_map<std::string_view, ZipEntry> storages() const {
    const std::string prefix = absl::StrCat(std::string(folder_), "data/");
    absl::flat_hash_map<std::string_view, ZipEntry> out;
    for (const auto& [name, e] : entries_) {
      if (name.starts_with(prefix)) out.emplace(e.name.substr(prefix.size()), e);
    }
    return out;
  }

 private:
  std::string_view folder_;
  absl::flat_hash_map<std::string_view, ZipEntry> entries_;
};

PtValue read_zip(std::string_view bytes, Storages storages) {
  absl::StatusOr<std::vector<ZipEntry>> entries = read_zip_directory(bytes);
  check(entries.status());
  const Archive archive(*std::move(entries));
  if (archive.find("constants.pkl"))
    unsupported("it is a TorchScript file, a program; save the module's state_dict() with torch.save()");
  if (archive.find("archive_format"))
    unsupported("it is an exported program; save the module's state_dict() with torch.save()");
  const ZipEntry* const pickled = archive.find("data.pkl");
  if (!pickled) invalid("it is a zip file, but has no data.pkl as torch.save() writes it");
  std::string unpacked;
  std::string_view data = pickled->packed;
  PickleMemory memory = memory_for(pickled->size, data.size(), storages.options);
  if (pickled->deflated) {
    if (pickled->size > storages.options.max_bytes)
      throw Error(ErrorKind::kOutOfMemory, "data.pkl is larger than is allowed");
    memory.take(pickled->size);
    unpacked.resize(pickled->size);
    check(unpack(*pickled, unpacked.data()));
    data = unpacked;
  }
  if (storages.options.checksums && pickled->crc != 0 && crc32_of(data) != pickled->crc)
    throw Error(ErrorKind::kIo, "data.pkl is damaged: its checksum is another");
  constexpr uint64_t kLongestOrder = 16;
  const std::string order = archive.text("byteorder", kLongestOrder).value_or("little");
  if (order != "little" && order != "big") invalid("its byteorder is neither little nor big");
  storages.swapped = order == "big";
  storages.entries = archive.storages();
  const Pickle pickle = read_pickle(data, memory);
  if (pickle.size != data.size()) invalid("something follows the pickle in data.pkl");
  return Values(pickle, storages, memory).value(pickle.root);
}

// ---- The older kind: five pickles, then the storages
const PickledObject& entry_of(const Pickle& p, std::string_view key, Kind kind) {
  const PickledObject& dict = p.objects[p.root];
  if (dict.kind == Kind::kDict) {
    for (size_t k = 0; k + 1 < dict.items.size(); k += 2) {
      const PickledObject& o = p.objects[dict.items[k]];
      const PickledObject& v = p.objects[dict.items[k + 1]];
      if (o.kind == Kind::kText && o.text == key && v.kind == kind) return v;
    }
  }
  invalid(absl::StrCat("what it says of its system has no ", std::string(key)));
}

Pickle next_pickle(std::string_view& rest, PickleMemory& memory) {
  Pickle p = read_pickle(rest, memory);
  rest.remove_prefix(p.size);
  return p;
}

PtValue read_legacy(std::string_view bytes, Storages storages) {
  std::string_view rest = bytes.substr(kMagic.size());
  PickleMemory memory = memory_for(bytes.size(), bytes.size(), storages.options);
  const Pickle protocol = next_pickle(rest, memory);
  const PickledObject& version = protocol.objects[protocol.root];
  if (version.kind != Kind::kInt || version.integer != kLegacyProtocol) unsupported("its protocol is not 1001");
  const Pickle system = next_pickle(rest, memory);
  if (entry_of(system, "little_endian", Kind::kBool).integer == 0)
    unsupported("it is a big-endian file of PyTorch before 1.6");
  const Pickle pickle = next_pickle(rest, memory), keys = next_pickle(rest, memory);
  const PickledObject& list = keys.objects[keys.root];
  if (list.kind != Kind::kList) invalid("its list of storages is none");
  absl::flat_hash_map<std::string_view, const PickledStorage*> known;
  for (const PickledStorage& s : pickle.storages) known.emplace(s.key, &s);
  for (const uint32_t i : list.items) {
    const std::string_view key = keys.objects[i].text;
    const auto found = known.find(key);
    if (found == known.end())
      invalid(absl::StrCat("its list has the storage ", printable(key), ", which no tensor has"));
    if (rest.size() < sizeof(uint64_t)) invalid("it is cut off");
    uint64_t numel = 0;
    std::memcpy(&numel, rest.data(), sizeof numel);
    rest.remove_prefix(sizeof numel);
    const size_t size = size_of(found->second->dtype);
    if (numel > rest.size() / size)
      invalid(absl::StrCat("storage ", printable(key), " claims ", numel, " elements, but only ", rest.size(),
                           " bytes follow"));
    const std::string_view data = rest.substr(0, numel * size);
    if (!storages.entries.emplace(key, ZipEntry{.name = key, .packed = data, .size = data.size()}).second)
      invalid(absl::StrCat("it has storage ", printable(key), " twice"));
    rest.remove_prefix(data.size());
  }
  if (!rest.empty()) invalid(absl::StrCat(rest.size(), " bytes follow its storages"));
  return Values(pickle, storages, memory).value(pickle.root);
}

bool is_tar(std::string_view bytes) {
  constexpr size_t kHeader = 512, kMark = 257;
  return bytes.size() >= kHeader && bytes.substr(kMark, 5) == "ustar";
}

PtValue read_any(std::string_view bytes, Storages storages) {
  if (bytes.starts_with(kMagic)) return read_legacy(bytes, std::move(storages));
  if (bytes.starts_with("PK")) return read_zip(bytes, std::move(storages));
  if (is_tar(bytes)) unsupported("it is a tar file, as PyTorch before 0.2 wrote them");
  if (bytes.starts_with("\x80")) invalid("it is a pickle, but not one of torch.save(); nothing of it is executed");
  invalid("it begins neither as a zip file nor as PyTorch's older files");
}

absl::Status status_of(const Error& e) {
  const std::string& what = e.message();
  switch (e.kind()) {
    case ErrorKind::kUnsupported:
      return absl::UnimplementedError(what);
    case ErrorKind::kOutOfMemory:
      return absl::ResourceExhaustedError(what);
    case ErrorKind::kIo:
      return absl::DataLossError(what);
    default:
      return absl::InvalidArgumentError(what);
  }
}

absl::StatusOr<PtValue> read(std::string_view bytes, const std::string& name, Storages storages) {
  try {
    return read_any(bytes, std::move(storages));
  } catch (const Error& e) {
    return with_path(name, status_of(e));
  } catch (const std::bad_alloc&) {
    return with_path(name, absl::ResourceExhaustedError("there is no memory for it"));
  } catch (const std::length_error&) {
    return with_path(name, absl::ResourceExhaustedError("there is no memory for it"));
  }
}

constexpr std::string_view kUsual[] = {"state_dict", "model_state_dict", "model"};

}  // namespace

absl::StatusOr<PtValue> load_pt(const std::string& path, const PtOptions& options) {
  absl::StatusOr<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  const std::string_view bytes(reinterpret_cast<const char*>((*file)->data()), (*file)->size());
  return read(bytes, path, {.mapped = *file, .options = options});
}

absl::StatusOr<PtValue> parse_pt(std::string_view bytes, const std::string& name, const PtOptions& options) {
  return read(bytes, name, {.options = options});
}

absl::StatusOr<std::map<std::string, Tensor>> pt_state_dict(const PtValue& value) {
  if (!value.is_dict())
    return absl::InvalidArgumentError(
        absl::StrCat("a state dict is a dict of tensors, not a ", to_string(value.kind())));
  const PtValue* inner = nullptr;
  std::string found;
  for (const std::string_view key : kUsual) {
    const PtValue* const v = value.find(key);
    if (!v || !v->is_dict()) continue;
    if (inner)
      return absl::InvalidArgumentError(
          absl::StrCat("there are both \"", found, "\" and \"", std::string(key), "\": say which is the state dict"));
    inner = v;
    found = key;
  }
  std::map<std::string, Tensor> state;
  for (const auto& [key, v] : (inner ? *inner : value).entries()) {
    const bool named = key.kind() == PtValue::Kind::kText;
    if (!named || !v.is_tensor())
      return absl::InvalidArgumentError(
          absl::StrCat("the entry ", named ? absl::StrCat("\"", printable(key.text()), "\"") : "without a name",
                       " of the state dict is a ", to_string(v.kind()), ", not a tensor"));
    state.emplace(key.text(), v.tensor());
  }
  return state;
}

absl::StatusOr<std::map<std::string, Tensor>> load_pt_state_dict(const std::string& path, const PtOptions& options) {
  const absl::StatusOr<PtValue> value = load_pt(path, options);
  if (!value.ok()) return value.status();
  absl::StatusOr<std::map<std::string, Tensor>> state = pt_state_dict(*value);
  if (!state.ok()) return with_path(path, state.status());
  return state;
}

std::map<std::string, Tensor> without_prefix(const std::map<std::string, Tensor>& state, std::string_view prefix) {
  if (!std::ranges::all_of(state, [&](const auto& entry) { return entry.first.starts_with(prefix); })) return state;
  std::map<std::string, Tensor> out;
  for (const auto& [name, t] : state) out.emplace(name.substr(prefix.size()), t);
  return out;
}

}  // namespace hearth::io
