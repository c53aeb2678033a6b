#include "core/io/npy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/npy_format.h"
#include "core/ops/create.h"

namespace hearth::io {
namespace {

static_assert(std::endian::native == std::endian::little, "npy files are written little-endian");

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kAlignment = 64;

struct Code {
  std::string_view text;  // without byte order
  DType dtype;
};
constexpr Code kCodes[] = {{"b1", DType::kBool}, {"i1", DType::kI8},  {"u1", DType::kU8},   {"i2", DType::kI16},
                           {"i4", DType::kI32},  {"i8", DType::kI64}, {"f2", DType::kF16},  {"f4", DType::kF32},
                           {"f8", DType::kF64},  {"c8", DType::kC64}, {"c16", DType::kC128}};
// First letters of the codes that NumPy has beside these.
constexpr std::string_view kForeign = "iufcSaUVmMb";

absl::Status bad(const std::string& name, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": not an npy file: ", what));
}

// The Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } and no other Python.
class Literal {
 public:
  Literal(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  absl::Status read(NpyHeader& h) {
    if (!take('{')) return wrong("it does not begin with {");
    bool descr = false, order = false, shape = false;
    while (!take('}')) {
      std::string_view key;
      if (!string(key)) return wrong("expected a key in quotes");
      if (!take(':')) return wrong("expected a colon after a key");
      absl::Status s;
      if (key == "descr" && !descr) {
        descr = true;
        s = read_descr(h);
      } else if (key == "fortran_order" && !order) {
        order = true;
        s = read_bool(h.fortran);
      } else if (key == "shape" && !shape) {
        shape = true;
        s = read_shape(h.shape);
      } else {
        return wrong(absl::StrCat("the key '", printable(key), "' is unknown or stands there twice"));
      }
      if (!s.ok()) return s;
      if (!take(',') && !at('}')) return wrong("expected a comma or } after a value");
    }
    space();
    if (at_ != text_.size()) return wrong("something follows the closing }");
    if (!descr || !order || !shape) return wrong("it needs the keys descr, fortran_order and shape");
    return absl::OkStatus();
  }

 private:
  absl::Status wrong(const std::string& what) const { return bad(name_, absl::StrCat("in its header, ", what)); }
  static std::string printable(std::string_view s) {
    std::string out(s.substr(0, 40));
    std::ranges::replace_if(
        out, [](char c) { return c < ' ' || c > '~'; }, '?');
    return out;
  }
  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  bool at(char c) {
    space();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool take(char c) {
    if (!at(c)) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view w) {
    space();
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }
  bool string(std::string_view& out) {
    space();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return false;
    out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return out.find('\\') == std::string_view::npos;
  }

  absl::Status read_descr(NpyHeader& h) {
    if (at('[') || at('('))
      return absl::UnimplementedError(absl::StrCat(name_, ": records of several fields cannot become a tensor"));
    std::string_view code;
    if (!string(code)) return wrong("descr is not a text");
    const std::string shown = printable(code);
    std::string_view type = code;
    char order = '=';
    if (!type.empty() && std::string_view("<>=|").find(type[0]) != std::string_view::npos) {
      order = type[0];
      type.remove_prefix(1);
    }
    if (type.starts_with('O') || type == "object")
      return absl::InvalidArgumentError(absl::StrCat(
          name_, ": an array of Python objects is a pickle, which can run code when it is read; it is refused"));
    const auto known = std::ranges::find(kCodes, type, &Code::text);
    if (known == std::end(kCodes)) {
      const bool foreign = type.size() >= 2 && kForeign.find(type[0]) != std::string_view::npos;
      if (foreign)
        return absl::UnimplementedError(
            absl::StrCat(name_, ": the array has the dtype '", shown, "', which Hearth cannot hold"));
      return wrong(absl::StrCat("the dtype '", shown, "' is unknown"));
    }
    h.dtype = known->dtype;
    h.swapped = order == '>' && size_of(h.dtype) > 1;
    if (order == '|' && size_of(h.dtype) > 1) return wrong(absl::StrCat("the dtype '", shown, "' lacks a byte order"));
    return absl::OkStatus();
  }

  absl::Status read_bool(bool& out) {
    if (word("True")) out = true;
    else if (word("False")) out = false;
    else return wrong("fortran_order is neither True nor False");
    return absl::OkStatus();
  }

  absl::Status read_shape(Shape& out) {
    if (!take('(')) return wrong("shape does not begin with (");
    bool comma = true;  // between the entries; a tuple of one has one at its end
    int count = 0;
    while (!take(')')) {
      if (!comma) return wrong("the sizes in shape are not separated by commas");
      space();
      int64_t n = 0;
      const size_t start = at_;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, text_[at_] - '0', &n))
          return wrong("a size in shape is too large");
      }
      if (at_ == start) return wrong("a size in shape is not a whole number from 0 on");
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // of Python 2
      if (++count > kMaxRank)
        return absl::UnimplementedError(absl::StrCat(name_, ": the array has more than 8 dimensions"));
      out.push_back(n);
      comma = take(',');
    }
    if (count == 1 && !comma) return wrong("shape is not a tuple");
    if (count == 0 && text_.substr(0, at_).ends_with(",)")) return wrong("shape is not a tuple");
    return absl::OkStatus();
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

template <class T>
void swap_bytes(void* data, uint64_t bytes) {
  auto* p = static_cast<char*>(data);
  for (uint64_t i = 0; i < bytes; i += sizeof(T)) std::reverse(p + i, p + i + sizeof(T));
}

Strides fortran_strides(const Shape& shape) {
  Strides s = Dims::filled(shape.rank(), 1);
  for (int d = 1; d < shape.rank(); ++d) s[d] = s[d - 1] * std::max<int64_t>(shape[d - 1], 1);
  return s;
}

absl::StatusOr<Tensor> take(std::string_view bytes, const std::string& name) {
  const absl::StatusOr<NpyHeader> h = read_npy_header(bytes.substr(0, kMaxNpyPrefix), bytes.size(), name);
  if (!h.ok()) return h.status();
  try {
    Tensor t = npy_memory(*h);
    if (h->bytes > 0) std::memcpy(t.mutable_raw_data(), bytes.data() + h->data, h->bytes);
    return npy_array(*h, std::move(t));
  } catch (const Error& e) {
    return absl::ResourceExhaustedError(absl::StrCat(name, ": ", e.what()));
  }
}

}  // namespace

absl::StatusOr<NpyHeader> read_npy_header(std::string_view prefix, uint64_t size, const std::string& name) {
  if (!prefix.starts_with(kMagic)) return bad(name, "it does not begin with \\x93NUMPY");
  if (prefix.size() < 8) return bad(name, "it ends within its version");
  const int major = static_cast<unsigned char>(prefix[6]), minor = static_cast<unsigned char>(prefix[7]);
  if (major < 1 || major > 3 || minor != 0)
    return absl::UnimplementedError(
        absl::StrCat(name, ": version ", major, ".", minor, " of npy; 1.0 to 3.0 are known"));
  const size_t width = major == 1 ? 2 : 4;
  if (prefix.size() < 8 + width) return bad(name, "it ends within its header's length");
  uint32_t length = 0;
  std::memcpy(&length, prefix.data() + 8, width);
  if (length > kMaxNpyHeader)
    return bad(name, absl::StrCat("its header claims ", length, " bytes; at most ", kMaxNpyHeader, " are allowed"));
  NpyHeader h;
  h.data = 8 + width + length;
  if (h.data > prefix.size())
    return bad(name,
               absl::StrCat("its header claims ", length, " bytes, but only ", prefix.size() - 8 - width, " follow"));
  if (absl::Status s = Literal(prefix.substr(8 + width, length), name).read(h); !s.ok()) return s;
  // The sizes beside a 0 count too: strides are made of them.
  uint64_t bytes = size_of(h.dtype);
  bool overflow = false, empty = false;
  for (int64_t n : h.shape) {
    if (n == 0) empty = true;
    else overflow |= __builtin_mul_overflow(bytes, static_cast<uint64_t>(n), &bytes);
  }
  if (overflow || bytes > uint64_t{INT64_MAX})
    return bad(name, absl::StrCat("the shape ", to_string(h.shape), " overflows"));
  h.bytes = empty ? 0 : bytes;
  if (h.bytes != size - h.data)
    return bad(name, absl::StrCat("an array of shape ", to_string(h.shape), " and dtype ", to_string(h.dtype),
                                  " needs ", h.bytes, " bytes, but ", size - h.data, " follow the header"));
  return h;
}

Tensor npy_memory(const NpyHeader& h) {
  return h.fortran ? detail::empty_strided(h.shape, fortran_strides(h.shape), h.dtype, kCpu, "npy")
                   : detail::empty(h.shape, h.dtype, kCpu, "npy");
}

Tensor npy_array(const NpyHeader& h, Tensor t) {
  if (h.bytes == 0) return detail::empty(h.shape, h.dtype, kCpu, "npy");
  if (h.swapped) {
    switch (size_of(real_type(h.dtype))) {
      case 2:
        swap_bytes<uint16_t>(t.mutable_raw_data(), h.bytes);
        break;
      case 4:
        swap_bytes<uint32_t>(t.mutable_raw_data(), h.bytes);
        break;
      default:
        swap_bytes<uint64_t>(t.mutable_raw_data(), h.bytes);
    }
  }
  if (h.dtype == DType::kBool) {
    auto* p = static_cast<unsigned char*>(t.mutable_raw_data());
    for (uint64_t i = 0; i < h.bytes; ++i) p[i] = p[i] != 0;
  }
  return t.contiguous();
}

absl::StatusOr<Tensor> npy_values(const Tensor& t) {
  if (!t.defined()) return absl::InvalidArgumentError("an undefined tensor cannot be saved");
  if (t.device().is_meta()) return absl::InvalidArgumentError("a meta tensor has no values");
  return t.detach().to(kCpu).contiguous();
}

absl::StatusOr<std::string> npy_prefix(const Tensor& t) {
  const auto code = std::ranges::find(kCodes, t.dtype(), &Code::dtype);
  if (code == std::end(kCodes))
    return absl::UnimplementedError(
        absl::StrCat("NumPy has no dtype ", to_string(t.dtype()), "; convert it to f32 first"));
  std::string shape;
  for (int64_t n : t.shape()) absl::StrAppend(&shape, shape.empty() ? "" : " ", n, ",");
  if (t.dim() > 1) shape.pop_back();
  std::string header = absl::StrCat("{'descr': '", size_of(t.dtype()) == 1 ? "|" : "<", std::string(code->text),
                                    "', 'fortran_order': False, 'shape': (", shape, "), }");
  const size_t fixed = kMagic.size() + 4;
  header.resize((fixed + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment - fixed - 1, ' ');
  header += '\n';
  const auto length = static_cast<uint16_t>(header.size());
  std::string out(kMagic);
  out.append("\x01\x00", 2);
  out.append(reinterpret_cast<const char*>(&length), 2);
  return out + header;
}

absl::StatusOr<Tensor> load_npy(const std::string& path) {
  const absl::StatusOr<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  return take({reinterpret_cast<const char*>((*file)->data()), (*file)->size()}, path);
}

absl::StatusOr<Tensor> parse_npy(std::string_view bytes, const std::string& name) { return take(bytes, name); }

absl::StatusOr<Tensor> map_npy(const std::string& path) {
  const absl::StatusOr<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  const std::string_view bytes(reinterpret_cast<const char*>((*file)->data()), (*file)->size());
  const absl::StatusOr<NpyHeader> h = read_npy_header(bytes.substr(0, kMaxNpyPrefix), bytes.size(), path);
  if (!h.ok()) return h.status();
  const char* why = h->swapped                         ? "it is big-endian"
                    : h->dtype == DType::kBool         ? "bools must be checked"
                    : h->data % size_of(h->dtype) != 0 ? "its elements are not aligned"
                                                       : nullptr;
  if (why) return absl::UnimplementedError(absl::StrCat(path, ": the array cannot be mapped: ", why, "; load it"));
  try {
    if (h->bytes == 0) return npy_array(*h, Tensor());
    const Tensor flat = from_blob(const_cast<char*>(bytes.data()) + h->data,
                                  {static_cast<int64_t>(h->bytes / size_of(h->dtype))}, h->dtype, *file, true);
    return flat.as_strided(h->shape, h->fortran ? fortran_strides(h->shape) : contiguous_strides(h->shape)).detach();
  } catch (const Error& e) {
    return absl::ResourceExhaustedError(absl::StrCat(path, ": ", e.what()));
  }
}

absl::Status save_npy(const std::string& path, const Tensor& tensor) {
  const absl::StatusOr<Tensor> t = npy_values(tensor);
  const absl::StatusOr<std::string> prefix = t.ok() ? npy_prefix(*t) : t.status();
  if (!prefix.ok())
    return absl::Status(prefix.status().code(), absl::StrCat("cannot save ", path, ": ", prefix.status().message()));
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  if (absl::Status s = file->write(*prefix); !s.ok()) return s;
  if (t->nbytes() > 0) {
    if (absl::Status s = file->write(t->raw_data(), t->nbytes()); !s.ok()) return s;
  }
  return file->commit();
}

}  // namespace hearth::io
