#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/io/atomic_file.h"
#include "core/io/pickle_internal.h"
#include "core/io/pt.h"
#include "core/io/zip_directory_internal.h"

namespace hearth::io {
namespace {

static_assert(std::endian::native == std::endian::little, "files are written little-endian");

using Kind = PtValue::Kind;

constexpr std::array<std::string_view, kDTypes> kStorageClasses = {
    "BoolStorage", "ByteStorage",     "CharStorage",  "ShortStorage",  "IntStorage",          "LongStorage",
    "HalfStorage", "BFloat16Storage", "FloatStorage", "DoubleStorage", "ComplexFloatStorage", "ComplexDoubleStorage"};

[[noreturn]] void invalid(const std::string& what) { throw Error(ErrorKind::kInvalidArgument, what); }

// The tensors of one dtype that look into one storage, and what is written of it.
struct Group {
  size_t key = 0;
  Tensor any;
  int64_t begin = std::numeric_limits<int64_t>::max(), end = 0;  // elements
};
class Groups {
 public:
  void add(const Tensor& t) {
    Group& g = groups_[place(t)];
    if (!g.any.defined()) {
      g.any = t.detach();
      g.key = groups_.size() - 1;
      order_.push_back(&g);
    }
    if (t.numel() == 0) return;
    g.begin = std::min(g.begin, t.layout().offset);
    g.end = std::max(g.end, t.layout().end());
  }
  const Group& of(const Tensor& t) const { return groups_.at(place(t)); }
  const std::vector<Group*>& all() const { return order_; }

 private:
  // Tensors without elements share nothing, and may have no memory of their own.
  static std::pair<const void*, DType> place(const Tensor& t) {
    return {t.numel() == 0 ? nullptr : t.impl()->storage.get(), t.dtype()};
  }
  std::map<std::pair<const void*, DType>, Group> groups_;
  std::vector<Group*> order_;
};

void collect(const PtValue& v, Groups& groups, int depth = 0) {
  if (depth > kMaxPtDepth) invalid(absl::StrCat("its values are nested more than ", kMaxPtDepth, " deep"));
  switch (v.kind()) {
    case Kind::kTensor: {
      const Tensor& t = v.tensor();
      if (!t.defined()) invalid("it holds an undefined tensor");
      if (t.device().is_meta()) invalid("it holds a meta tensor, which has no values");
      return groups.add(t);
    }
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
      for (const PtValue& item : v.items()) collect(item, groups, depth + 1);
      return;
    case Kind::kDict:
      for (const auto& [key, value] : v.entries()) {
        collect(key, groups, depth + 1);
        collect(value, groups, depth + 1);
      }
      return;
    default:
      return;
  }
}

// A pickle of protocol 2.
class Writer {
 public:
  explicit Writer(const Groups& groups) : groups_(groups) { out_ = "\x80\x02"; }

  std::string finish() && { return std::move(out_) + '.'; }
  void value(const PtValue& v) {
    switch (v.kind()) {
      case Kind::kNone:
        out_ += 'N';
        return;
      case Kind::kBool:
        out_ += v.boolean() ? '\x88' : '\x89';
        return;
      case Kind::kInt:
        return integer(v.integer());
      case Kind::kFloat:
        return real(v.number());
      case Kind::kComplex:
        return complex(v.complex());
      case Kind::kText:
        return text(v.text());
      case Kind::kBytes:
        return bytes(v.raw());
      case Kind::kList:
        return list(v.items());
      case Kind::kTuple:
        return tuple(v.items());
      case Kind::kSet:
        return set(v.items());
      case Kind::kDict:
        return dict(v.entries());
      case Kind::kTensor:
        return tensor(v.tensor());
    }
  }

 private:
  template <class T>
  void number(T v) {
    out_.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  void global(std::string_view module, std::string_view name) { out_ += concat("c", module, "\n", name, "\n"); }
  void integer(int64_t v) {
    if (v >= 0 && v <= 0xff) {
      out_ += 'K';
      number(static_cast<uint8_t>(v));
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
      out_ += 'J';
      number(static_cast<int32_t>(v));
    } else {
      out_ += "\x8a\x08";
      number(v);
    }
  }
  void real(double v) {
    out_ += 'G';
    std::string s(sizeof v, '\0');
    std::memcpy(s.data(), &v, sizeof v);
    std::ranges::reverse(s);
    out_ += s;
  }
  void complex(std::complex<double> v) {
    global("__builtin__", "complex");
    real(v.real());
    real(v.imag());
    out_ += "\x86R";
  }
  void text(std::string_view s) {
    if (!is_utf8(s)) invalid("it holds a text that is not UTF-8; bytes are made by PtValue::bytes()");
    if (s.size() > UINT32_MAX) invalid(absl::StrCat("it holds a text of ", s.size(), " bytes"));
    out_ += 'X';
    number(static_cast<uint32_t>(s.size()));
    out_ += s;
  }
  // Protocol 2 has no bytes: a text of the characters with these numbers stands for them.
  void bytes(std::string_view s) {
    std::string as_text;
    for (const char c : s) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x80) {
        as_text += c;
      } else {
        as_text += static_cast<char>(0xc0U | (byte >> 6U));
        as_text += static_cast<char>(0x80U | (byte & 0x3fU));
      }
    }
    global("_codecs", "encode");
    text(as_text);
    text("latin1");
    out_ += "\x86R";
  }
  void values(const std::vector<PtValue>& items) {
    for (const PtValue& v : items) value(v);
  }
  void list(const std::vector<PtValue>& items) {
    out_ += ']';
    if (items.empty()) return;
    out_ += '(';
    values(items);
    out_ += 'e';
  }
  void tuple(const std::vector<PtValue>& items) {
    if (items.empty()) {
      out_ += ')';
      return;
    }
    out_ += '(';
    values(items);
    out_ += 't';
  }
  void set(const std::vector<PtValue>& items) {
    global("__builtin__", "set");
    list(items);
    out_ += "\x85R";
  }
  void dict(const PtValue::Entries& entries) {
    out_ += '}';
    if (entries.empty()) return;
    out_ += '(';
    for (const auto& [key, v] : entries) {
      value(key);
      value(v);
    }
    out_ += 'u';
  }
  void dims(const Dims& d) {
    out_ += '(';
    for (const int64_t n : d) integer(n);
    out_ += 't';
  }
  void tensor(const Tensor& t) {
    const Group& g = groups_.of(t);
    const bool empty = t.numel() == 0;
    global("torch._utils", "_rebuild_tensor_v2");
    out_ += "((";
    text("storage");
    global("torch", kStorageClasses[static_cast<size_t>(t.dtype())]);
    text(absl::StrCat(g.key));
    text("cpu");
    integer(std::max<int64_t>(g.end - g.begin, 0));
    out_ += "tQ";
    integer(empty ? 0 : t.layout().offset - g.begin);
    dims(t.shape());
    dims(empty ? contiguous_strides(t.shape()) : t.strides());
    out_ += '\x89';
    global("collections", "OrderedDict");
    out_ += ")RtR";
  }

  const Groups& groups_;
  std::string out_;
};

// What is written of a storage, in CPU memory.
Tensor memory_of(const Group& g) {
  const Layout all(Shape(g.end - g.begin), Strides(1), g.begin);
  return detail::alias(g.any, all, /*detached=*/true).to(kCpu);
}

// A zip file of entries that are not compressed, each at a multiple of 64 bytes, always with zip64's fields.
class ZipWriter {
 public:
  explicit ZipWriter(AtomicFile& file) : file_(file) {}

  absl::Status add(std::string name, std::string_view bytes) {
    const Entry e{std::move(name), bytes.size(), crc32_of(bytes), at_};
    std::string h;
    put(h, kLocal);
    common(h, e);
    const size_t fixed = h.size() + 2 + e.name.size() + kExtra64 + 4;
    const size_t padding = (kAlignment - (at_ + fixed) % kAlignment) % kAlignment;
    put(h, static_cast<uint16_t>(kExtra64 + 4 + padding));
    h += e.name;
    put(h, uint16_t{1});
    put(h, uint16_t{16});
    put(h, e.size);
    put(h, e.size);
    h += "FB";
    put(h, static_cast<uint16_t>(padding));
    h.append(padding, 'Z');
    entries_.push_back(e);
    if (absl::Status s = write(h); !s.ok()) return s;
    return write(bytes);
  }

  absl::Status finish() {
    std::string d;
    for (const Entry& e : entries_) central(d, e);
    const uint64_t begin = at_, size = d.size(), end = at_ + d.size(), n = entries_.size();
    put(d, kEnd64);
    put(d, uint64_t{44});
    put(d, kVersion);
    put(d, kVersion);
    put(d, uint64_t{0});  // both disks
    for (const uint64_t v : {n, n, size, begin}) put(d, v);
    put(d, kLocator);
    put(d, uint32_t{0});
    put(d, end);
    put(d, uint32_t{1});
    put(d, kEnd);
    put(d, uint32_t{0});
    for (int i = 0; i < 2; ++i) put(d, uint16_t{0xffff});
    for (int i = 0; i < 2; ++i) put(d, uint32_t{0xffffffff});
    put(d, uint16_t{0});
    return write(d);
  }

 private:
  struct Entry {
    std::string name;
    uint64_t size = 0;
    uint32_t crc = 0;
    uint64_t offset = 0;
  };
  static constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                            kLocator = 0x07064b50;
  static constexpr uint16_t kVersion = 45, kUtf8 = 0x800;  // 45: zip64
  static constexpr uint16_t kFirstDay = 1 << 5 | 1;        // of 1980, where the format's time begins
  static constexpr size_t kAlignment = 64, kExtra64 = 20;

  template <class T>
  static void put(std::string& s, T v) {
    s.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  // What both headers have; before the length of the extra field.
  static void common(std::string& s, const Entry& e) {
    for (const uint16_t v : {kVersion, kUtf8, uint16_t{0}, uint16_t{0}, kFirstDay}) put(s, v);
    put(s, e.crc);
    put(s, uint32_t{0xffffffff});
    put(s, uint32_t{0xffffffff});
    put(s, static_cast<uint16_t>(e.name.size()));
  }
  static void central(std::string& s, const Entry& e) {
    put(s, kCentral);
    put(s, kVersion);
    common(s, e);
    put(s, uint16_t{28});
    for (int i = 0; i < 3; ++i) put(s, uint16_t{0});  // comment, disk, internal attributes
    put(s, uint32_t{0});
    put(s, uint32_t{0xffffffff});
    s += e.name;
    put(s, uint16_t{1});
    put(s, uint16_t{24});
    put(s, e.size);
    put(s, e.size);
    put(s, e.offset);
  }
  absl::Status write(std::string_view bytes) {
    at_ += bytes.size();
    return file_.write(bytes);
  }

  AtomicFile& file_;
  uint64_t at_ = 0;
  std::vector<Entry> entries_;
};

absl::Status write_all(const std::string& path, const std::string& pickle, const Groups& groups) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  ZipWriter zip(*file);
  absl::Status s = zip.add("archive/data.pkl", pickle);
  s.Update(zip.add("archive/byteorder", "little"));
  for (const Group* g : groups.all()) {
    if (!s.ok()) return s;
    const std::string name = absl::StrCat("archive/data/", g->key);
    if (g->end <= g->begin) {
      s = zip.add(name, {});
      continue;
    }
    const Tensor t = memory_of(*g);
    s = zip.add(name, {static_cast<const char*>(t.raw_data()), t.nbytes()});
  }
  s.Update(zip.add("archive/version", "3\n"));
  s.Update(zip.finish());
  if (!s.ok()) return s;
  return file->commit();
}

}  // namespace

absl::Status save_pt(const std::string& path, const PtValue& value) {
  try {
    Groups groups;
    collect(value, groups);
    Writer writer(groups);
    writer.value(value);
    return write_all(path, std::move(writer).finish(), groups);
  } catch (const Error& e) {
    const std::string what = absl::StrCat("cannot save ", path, ": ", e.message());
    if (e.kind() == ErrorKind::kOutOfMemory) return absl::ResourceExhaustedError(what);
    return absl::InvalidArgumentError(what);
  }
}

}  // namespace hearth::io
