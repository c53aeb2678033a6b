#include "core/io/pickle_calls_internal.h"

#include <optional>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8.h"

namespace hearth::io {
namespace {

constexpr size_t kMaxKey = 256;

}  // namespace

// The arguments of a call, of which each must be of the kind that the callee expects.
class PickleCalls::Arguments {
 public:
  Arguments(PickleBuilder& builder, const std::vector<Index>& items, std::string_view callee)
      : builder_(builder), items_(items), callee_(callee) {}

  [[noreturn]] void wrong() const { damaged(concat("the arguments of ", callee_, " are wrong")); }
  std::string_view callee() const { return callee_; }
  size_t size() const { return items_.size(); }
  Index at(size_t i) const {
    if (i >= items_.size()) wrong();
    return items_[i];
  }
  const PickledObject& at(size_t i, Kind kind) const {
    const PickledObject& o = builder_.object(at(i));
    if (o.kind != kind) wrong();
    return o;
  }
  // Where an argument of this kind is.
  Index at_of(size_t i, Kind kind) const {
    (void)at(i, kind);
    return at(i);
  }
  int64_t integer(size_t i) const { return at(i, Kind::kInt).integer; }
  // Sizes or strides.
  Dims dims(size_t i) const {
    const PickledObject& o = builder_.object(at(i));
    if (o.kind != Kind::kTuple && o.kind != Kind::kList) wrong();
    if (o.items.size() > kMaxRank)
      unsupported(concat("a tensor has ", o.items.size(), " dimensions; at most 8 are possible"));
    Dims d;
    for (const Index k : o.items) {
      const PickledObject& n = builder_.object(k);
      if (n.kind != Kind::kInt || n.integer < 0)
        damaged("a size or stride of a tensor is not a whole number from 0 on");
      d.push_back(n.integer);
    }
    return d;
  }

 private:
  PickleBuilder& builder_;
  const std::vector<Index>& items_;
  std::string_view callee_;
};

Meaning PickleCalls::meaning_of_object(Index i) {
  const PickledObject& o = object(i);
  if (o.kind != Kind::kGlobal) damaged("it calls what is no function");
  return o.meaning;
}

PickledIndex PickleCalls::call(PickledIndex callee, PickledIndex arguments) {
  const Meaning meaning = meaning_of_object(callee);
  const Arguments a(builder_, object(arguments).items, object(callee).text);
  switch (meaning) {
    case Meaning::kDict:
      return make_dict(a);
    case Meaning::kTuple:
      return make_collection(a, Kind::kTuple);
    case Meaning::kSet:
      return make_collection(a, Kind::kSet);
    case Meaning::kBytes:
    case Meaning::kEncode:
      return make_bytes(a);
    case Meaning::kComplex:
      return make_complex(a);
    case Meaning::kDevice:
      return make_device(a);
    case Meaning::kLayout:
      return make_layout(a);
    case Meaning::kTensor:
    case Meaning::kTensorV2:
    case Meaning::kTensorV3:
      return make_tensor(a, meaning);
    case Meaning::kMeta:
      return make_meta(a);
    case Meaning::kParameter:
      return a.at_of(0, Kind::kTensor);
    case Meaning::kFromType:
      return make_of_type(a);
    case Meaning::kName:
    case Meaning::kStorage:
    case Meaning::kType:
      break;
  }
  damaged(concat("it calls ", a.callee(), ", which is no function of PyTorch's"));
}

PickledIndex PickleCalls::make_dict(const Arguments& a) {
  const Index made = make({.kind = Kind::kDict, .ordered = true});
  if (a.size() == 0) return made;
  const PickledObject& from = object(a.at(0));
  if (from.kind == Kind::kDict) copy_items(from, object(made));
  else if (from.kind == Kind::kList) copy_pairs(a, from, object(made));
  else a.wrong();
  return made;
}
PickledIndex PickleCalls::make_collection(const Arguments& a, Kind kind) {
  const Index made = make({.kind = kind});
  if (a.size() == 0) return made;
  const PickledObject& from = object(a.at(0));
  if (from.kind != Kind::kTuple && from.kind != Kind::kList) a.wrong();
  copy_items(from, object(made));
  return made;
}
void PickleCalls::copy_items(const PickledObject& from, PickledObject& to) {
  builder_.take(from.items.size() * sizeof(Index));
  to.items = from.items;
}
void PickleCalls::copy_pairs(const Arguments& a, const PickledObject& list, PickledObject& to) {
  builder_.take(2 * list.items.size() * sizeof(Index));
  to.items.reserve(2 * list.items.size());
  for (const Index i : list.items) {
    const PickledObject& pair = object(i);
    if ((pair.kind != Kind::kTuple && pair.kind != Kind::kList) || pair.items.size() != 2) a.wrong();
    to.items.insert(to.items.end(), pair.items.begin(), pair.items.end());
  }
}
// encode(text, "latin1"), bytearray(text, "latin-1"), bytearray(bytes).
PickledIndex PickleCalls::make_bytes(const Arguments& a) {
  if (a.size() == 0) return make({.kind = Kind::kBytes});
  const PickledObject& from = object(a.at(0));
  if (from.kind == Kind::kBytes) return a.at(0);
  if (from.kind != Kind::kText || a.size() != 2) a.wrong();
  const std::string_view encoding = a.at(1, Kind::kText).text;
  if (encoding != "latin1" && encoding != "latin-1") a.wrong();
  std::string& out = builder_.keep(from.text.size());
  for (size_t i = 0; i < from.text.size(); ++i) {
    const auto c = static_cast<unsigned char>(from.text[i]);
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else {
      if (c > 0xc3) damaged("a text stands for bytes, but has other characters");
      out += static_cast<char>(((c & 3U) << 6U) | (static_cast<unsigned char>(from.text[++i]) & 0x3fU));
    }
  }
  return make({.kind = Kind::kBytes, .text = out});
}
PickledIndex PickleCalls::make_complex(const Arguments& a) {
  return make({.kind = Kind::kComplex, .real = a.at(0, Kind::kFloat).real, .imaginary = a.at(1, Kind::kFloat).real});
}
PickledIndex PickleCalls::make_device(const Arguments& a) {
  const std::string_view kind = a.at(0, Kind::kText).text;
  const std::string number = a.size() > 1 ? concat(":", a.integer(1)) : "";
  std::string& name = builder_.keep(kind.size() + number.size());
  name += kind;
  name += number;
  return make({.kind = Kind::kText, .text = name});
}
PickledIndex PickleCalls::make_layout(const Arguments& a) {
  if (a.size() != 1) a.wrong();
  return a.at_of(0, Kind::kText);
}

DType PickleCalls::dtype_of_name(Index i) {
  const PickledObject& o = object(i);
  if (o.kind != Kind::kGlobal) damaged("a tensor's dtype is none");
  const std::optional<DType> dtype = dtype_called(o.text);
  if (!dtype) unsupported(concat("a tensor has the dtype ", printable(o.text), ", which Hearth cannot hold"));
  return *dtype;
}
// (storage, offset, size, stride, requires_grad, hooks, [dtype], [metadata])
PickledIndex PickleCalls::make_tensor(const Arguments& a, Meaning meaning) {
  PickledTensor t;
  t.storage = static_cast<size_t>(a.at(0, Kind::kStorage).integer);
  PickledStorage& s = builder_.storage(t.storage);
  if (meaning == Meaning::kTensorV3) give_dtype(s, dtype_of_name(a.at(6)));
  if (!s.typed) damaged("a tensor over an untyped storage has no dtype");
  t.dtype = s.dtype;
  t.offset = a.integer(1);
  t.shape = a.dims(2);
  t.strides = a.dims(3);
  if (t.offset < 0 || t.shape.rank() != t.strides.rank()) a.wrong();
  const size_t metadata = meaning == Meaning::kTensorV3 ? 7 : 6;
  if (meaning != Meaning::kTensor && a.size() > metadata) read_metadata(a, metadata, t);
  return builder_.add(t);
}
// The storage of a tensor that says its dtype itself.
void PickleCalls::give_dtype(PickledStorage& s, DType dtype) {
  if (s.typed && s.dtype == dtype) return;
  if (s.typed) damaged(concat("storage ", printable(s.key), " has two dtypes"));
  if (s.numel % size_of(dtype) != 0) damaged(concat("storage ", printable(s.key), " has ", s.numel, " bytes"));
  s = {.key = s.key, .dtype = dtype, .numel = s.numel / size_of(dtype)};
}
void PickleCalls::read_metadata(const Arguments& a, size_t i, PickledTensor& t) {
  constexpr size_t kMarks = 2;
  const std::vector<Index>& items = a.at(i, Kind::kDict).items;
  if (items.size() > 2 * kMarks)
    unsupported(concat("a tensor has ", items.size() / 2, " marks; only \"conj\" and \"neg\" are known"));
  for (size_t k = 0; k + 1 < items.size(); k += 2) {
    const std::string_view key = builder_.text_of(items[k], "a mark of a tensor");
    const PickledObject& value = object(items[k + 1]);
    if (value.kind != Kind::kBool) a.wrong();
    if (key == "conj") t.conjugated = value.integer != 0;
    else if (key == "neg") t.negated = value.integer != 0;
    else unsupported(concat("a tensor has the mark \"", printable(key), "\", which is unknown"));
  }
}
PickledIndex PickleCalls::make_meta(const Arguments& a) {
  PickledTensor t{.dtype = dtype_of_name(a.at(0)), .meta = true};
  t.shape = a.dims(1);
  return builder_.add(t);
}
// (function, type, arguments, state)
PickledIndex PickleCalls::make_of_type(const Arguments& a) {
  const Meaning function = meaning_of_object(a.at(0));
  if (function != Meaning::kTensor && function != Meaning::kTensorV2 && function != Meaning::kTensorV3 &&
      function != Meaning::kParameter)
    a.wrong();
  (void)a.at(2, Kind::kTuple);
  return call(a.at(0), a.at(2));
}

PickledIndex PickleCalls::storage(PickledIndex id) {
  constexpr size_t kFields = 5, kFieldsWithView = 6;
  if (object(id).kind != Kind::kTuple) damaged("a persistent id is no tuple");
  const Arguments a(builder_, object(id).items, "a storage");
  if (a.size() < kFields || a.size() > kFieldsWithView || a.at(0, Kind::kText).text != "storage") a.wrong();
  if (meaning_of_object(a.at(1)) != Meaning::kStorage) a.wrong();
  if (a.size() == kFieldsWithView && object(a.at(kFields)).kind != Kind::kNone)
    unsupported("a storage looks into another, as PyTorch before 0.4 wrote them");
  const std::optional<DType> dtype = storage_dtype(a.at(1, Kind::kGlobal).text);
  const int64_t numel = a.integer(4);
  if (numel < 0) a.wrong();
  PickledStorage s{.key = a.at(2, Kind::kText).text, .typed = dtype.has_value(), .numel = static_cast<uint64_t>(numel)};
  if (dtype) s.dtype = *dtype;
  return make({.kind = Kind::kStorage, .integer = static_cast<int64_t>(place_of(s))});
}
size_t PickleCalls::place_of(const PickledStorage& s) {
  if (s.key.size() > kMaxKey)
    damaged(concat("the key of a storage has ", s.key.size(), " bytes; at most ", kMaxKey, " are possible"));
  const auto found = places_.find(s.key);
  if (found == places_.end()) {
    builder_.take(sizeof s + kPickleEntryMemory);
    declared_.push_back(s);
    const size_t place = builder_.add(s);
    places_.emplace(s.key, place);
    return place;
  }
  const PickledStorage& first = declared_[found->second];
  if (first.typed != s.typed || first.dtype != s.dtype || first.numel != s.numel)
    damaged(concat("storage ", printable(s.key), " has two dtypes or sizes"));
  return found->second;
}

}  // namespace hearth::io
