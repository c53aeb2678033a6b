#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "core/base/error.h"
#include "core/io/pickle_internal.h"
#include "core/io/utf8_internal.h"

namespace hearth::io {
namespace {

using Kind = PickledObject::Kind;
using Index = uint32_t;

constexpr size_t kMaxObjects = UINT32_MAX, kMaxKey = 256;
// What takes memory beside what is counted by its size: an entry of a hash table, and a tensor that is made later.
constexpr uint64_t kEntryMemory = 32, kTensorMemory = 512;

// What a name of a pickle stands for.
enum class Meaning : uint8_t {
  kDict,   // a class of dicts
  kTuple,  // torch.Size
  kSet,
  kBytes,
  kComplex,
  kEncode,
  kDevice,
  kLayout,
  kName,     // data by itself: a dtype, a memory format
  kStorage,  // a class of storages
  kType,     // torch.Tensor, Parameter
  kTensor,
  kTensorV2,
  kTensorV3,
  kParameter,
  kFromType,
  kMeta,
  kForeign,  // kinds of tensors that Hearth has not
};

struct Known {
  std::string_view module, name;
  Meaning meaning;
};
constexpr Known kKnown[] = {
    {"collections", "OrderedDict", Meaning::kDict},
    {"collections", "Counter", Meaning::kDict},
    {"torch", "Size", Meaning::kTuple},
    {"torch", "device", Meaning::kDevice},
    {"torch", "Tensor", Meaning::kType},
    {"torch.nn.parameter", "Parameter", Meaning::kType},
    {"torch.nn", "Parameter", Meaning::kType},
    {"torch.serialization", "_get_layout", Meaning::kLayout},
    {"_codecs", "encode", Meaning::kEncode},
    {"builtins", "set", Meaning::kSet},
    {"__builtin__", "set", Meaning::kSet},
    {"builtins", "frozenset", Meaning::kSet},
    {"__builtin__", "frozenset", Meaning::kSet},
    {"builtins", "bytes", Meaning::kBytes},
    {"__builtin__", "bytes", Meaning::kBytes},
    {"builtins", "bytearray", Meaning::kBytes},
    {"__builtin__", "bytearray", Meaning::kBytes},
    {"builtins", "complex", Meaning::kComplex},
    {"__builtin__", "complex", Meaning::kComplex},
    {"torch._utils", "_rebuild_tensor", Meaning::kTensor},
    {"torch._utils", "_rebuild_tensor_v2", Meaning::kTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", Meaning::kTensorV3},
    {"torch._utils", "_rebuild_parameter", Meaning::kParameter},
    {"torch._utils", "_rebuild_parameter_with_state", Meaning::kParameter},
    {"torch._tensor", "_rebuild_from_type_v2", Meaning::kFromType},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", Meaning::kMeta},
    {"torch._utils", "_rebuild_sparse_tensor", Meaning::kForeign},
    {"torch._utils", "_rebuild_sparse_csr_tensor", Meaning::kForeign},
    {"torch._utils", "_rebuild_nested_tensor", Meaning::kForeign},
    {"torch._utils", "_rebuild_qtensor", Meaning::kForeign},
    {"torch._utils", "_rebuild_wrapper_subclass", Meaning::kForeign},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", Meaning::kForeign},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", Meaning::kForeign},
};

struct StorageClass {
  std::string_view name;
  DType dtype;
};
constexpr StorageClass kStorages[] = {
    {"FloatStorage", DType::kF32},     {"DoubleStorage", DType::kF64},       {"HalfStorage", DType::kF16},
    {"BFloat16Storage", DType::kBF16}, {"LongStorage", DType::kI64},         {"IntStorage", DType::kI32},
    {"ShortStorage", DType::kI16},     {"CharStorage", DType::kI8},          {"ByteStorage", DType::kU8},
    {"BoolStorage", DType::kBool},     {"ComplexFloatStorage", DType::kC64}, {"ComplexDoubleStorage", DType::kC128}};
// Of quantized tensors.
constexpr std::string_view kForeignStorages[] = {"QInt8Storage", "QUInt8Storage", "QInt32Storage", "QUInt4x2Storage",
                                                 "QUInt2x4Storage"};
// Dtypes that Hearth has not, and what else of torch is no more than a name.
constexpr std::string_view kNames[] = {"uint16",
                                       "uint32",
                                       "uint64",
                                       "float8_e4m3fn",
                                       "float8_e4m3fnuz",
                                       "float8_e5m2",
                                       "float8_e5m2fnuz",
                                       "float8_e8m0fnu",
                                       "complex32",
                                       "qint8",
                                       "quint8",
                                       "qint32",
                                       "quint4x2",
                                       "quint2x4",
                                       "strided",
                                       "sparse_coo",
                                       "contiguous_format",
                                       "channels_last",
                                       "channels_last_3d",
                                       "preserve_format",
                                       "per_tensor_affine",
                                       "per_channel_affine",
                                       "per_tensor_symmetric",
                                       "per_channel_symmetric",
                                       "per_channel_affine_float_qparams"};

std::optional<DType> dtype_called(std::string_view name) {
  const auto found =
      std::ranges::find(kDTypeTraits, name, [](const DTypeTraits& t) { return std::string_view(t.torch_name); });
  if (found == kDTypeTraits.end()) return std::nullopt;
  return static_cast<DType>(found - kDTypeTraits.begin());
}

[[noreturn]] void damaged(const std::string& what) {
  throw Error(ErrorKind::kInvalidArgument, concat("the pickle is damaged: ", what));
}
[[noreturn]] void unsupported(const std::string& what) { throw Error(ErrorKind::kUnsupported, what); }

// Texts of Python may hold halves of surrogate pairs, which no text of UTF-8 does.
bool has_surrogates(std::string_view s) {
  constexpr size_t kBytes = 3;
  std::string rest;
  for (size_t i = 0; i < s.size();) {
    const bool half = s[i] == '\xed' && s.size() - i >= kBytes && static_cast<unsigned char>(s[i + 1]) >= 0xa0;
    rest += half ? '?' : s[i];
    i += half ? kBytes : 1;
  }
  return is_utf8(rest);
}

class Machine {
 public:
  Machine(std::string_view bytes, PickleMemory& memory) : bytes_(bytes), memory_(memory) {}

  Pickle run() {
    none_ = make({.kind = Kind::kNone});
    no_ = make({.kind = Kind::kBool});
    yes_ = make({.kind = Kind::kBool, .integer = 1});
    while (!done_) step(static_cast<unsigned char>(take(1)[0]));
    p_.root = pop();
    if (!stack_.empty() || !marks_.empty()) damaged("something is left over at its end");
    p_.size = at_;
    return std::move(p_);
  }

 private:
  // ---- The bytes
  std::string_view take(uint64_t n) {
    if (n > bytes_.size() - at_) damaged("it is cut off");
    const std::string_view s = bytes_.substr(at_, n);
    at_ += n;
    return s;
  }
  template <class T>
  T number() {
    T v;
    std::memcpy(&v, take(sizeof v).data(), sizeof v);
    return v;
  }
  std::string_view line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) damaged("it is cut off");
    const std::string_view s = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return s;
  }
  std::string_view text(uint64_t n) {
    const std::string_view s = take(n);
    if (is_utf8(s)) return s;
    if (has_surrogates(s)) unsupported("a text has half of a surrogate pair, which UTF-8 cannot hold");
    damaged("a text is not UTF-8");
  }

  // ---- Objects and the stack
  PickledObject& object(Index i) { return p_.objects[i]; }
  Index make(PickledObject o) {
    if (p_.objects.size() >= kMaxObjects) unsupported(concat("the pickle has more than ", kMaxObjects, " objects"));
    memory_.take(sizeof o + o.items.size() * sizeof(Index));
    p_.objects.push_back(std::move(o));
    return static_cast<Index>(p_.objects.size() - 1);
  }
  // What grows by and by may have room for twice what it holds.
  void push(Index i) {
    memory_.take(2 * sizeof i);
    stack_.push_back(i);
  }
  void mark() {
    memory_.take(2 * sizeof(size_t));
    marks_.push_back(stack_.size());
  }
  void remember(uint32_t key) {
    memory_.take(kEntryMemory);
    memo_.insert_or_assign(key, top());
  }
  std::string_view keep(std::string s) {
    memory_.take(sizeof s + s.size());
    return p_.made.emplace_back(std::move(s));
  }
  void push_new(PickledObject o) { push(make(std::move(o))); }
  // The stack above the last mark belongs to what comes next; below it nothing may be taken.
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Index pop() {
    if (stack_.size() <= floor()) damaged("its stack is empty");
    const Index i = stack_.back();
    stack_.pop_back();
    return i;
  }
  Index top() {
    if (stack_.size() <= floor()) damaged("its stack is empty");
    return stack_.back();
  }
  std::vector<Index> pop_to_mark() {
    if (marks_.empty()) damaged("a mark is missing");
    std::vector<Index> items(stack_.begin() + static_cast<ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::vector<Index> items) { push_new({.kind = Kind::kTuple, .items = std::move(items)}); }
  void push_small_tuple(size_t n) {
    std::vector<Index> items(n);
    for (size_t i = n; i-- > 0;) items[i] = pop();
    push_tuple(std::move(items));
  }

  // ---- Steps
  void step(unsigned op) {
    switch (op) {
      case 0x80:
        return protocol();  // PROTO
      case 0x95:
        return void(number<uint64_t>());  // FRAME
      case '.':
        done_ = true;
        return;  // STOP
      case '(':
        return mark();  // MARK
      case '0':
        return void(pop());  // POP
      case '1':
        return void(pop_to_mark());  // POP_MARK
      case 'N':
        return push(none_);  // NONE
      case 0x88:
        return push(yes_);  // NEWTRUE
      case 0x89:
        return push(no_);  // NEWFALSE
      case ']':
        return push_new({.kind = Kind::kList});  // EMPTY_LIST
      case '}':
        return push_new({.kind = Kind::kDict});  // EMPTY_DICT
      case 0x8f:
        return push_new({.kind = Kind::kSet});  // EMPTY_SET
      case ')':
        return push_tuple({});  // EMPTY_TUPLE
      case 't':
        return push_tuple(pop_to_mark());  // TUPLE
      case 0x85:
      case 0x86:
      case 0x87:
        return push_small_tuple(op - 0x84);  // TUPLE1 to 3
      case 'c':
        return global();  // GLOBAL
      case 0x93:
        return stack_global();  // STACK_GLOBAL
      case 'R':
      case 0x81:
        return reduce();  // REDUCE, NEWOBJ
      case 'b':
        return build();  // BUILD
      case 'Q':
        return persistent();  // BINPERSID
      case 'a':
        return append({pop()}, Kind::kList);  // APPEND
      case 'e':
        return append(pop_to_mark(), Kind::kList);  // APPENDS
      case 0x90:
        return append(pop_to_mark(), Kind::kSet);  // ADDITEMS
      case 0x91:
        return push_new({.kind = Kind::kSet, .items = pop_to_mark()});  // FROZENSET
      case 's':
        return set_item();  // SETITEM
      case 'u':
        return append(pop_to_mark(), Kind::kDict);  // SETITEMS
      default:
        if (!number_step(op) && !memo_step(op)) damaged(concat("it has the instruction ", op, ", which is unknown"));
    }
  }
  bool number_step(unsigned op) {
    switch (op) {
      case 'J':
        integer(number<int32_t>());
        return true;  // BININT
      case 'K':
        integer(number<uint8_t>());
        return true;  // BININT1
      case 'M':
        integer(number<uint16_t>());
        return true;  // BININT2
      case 0x8a:
        big_integer();
        return true;  // LONG1
      case 'G':
        real();
        return true;  // BINFLOAT
      case 'X':
      case 'T':
        push_text(text(number<uint32_t>()));
        return true;  // BINUNICODE, BINSTRING
      case 'U':
      case 0x8c:
        push_text(text(number<uint8_t>()));
        return true;  // SHORT_BINSTRING, SHORT_BINUNICODE
      case 0x8d:
        push_text(text(number<uint64_t>()));
        return true;  // BINUNICODE8
      case 'C':
        push_bytes(take(number<uint8_t>()));
        return true;  // SHORT_BINBYTES
      case 'B':
        push_bytes(take(number<uint32_t>()));
        return true;  // BINBYTES
      case 0x8e:
      case 0x96:
        push_bytes(take(number<uint64_t>()));
        return true;  // BINBYTES8, BYTEARRAY8
      default:
        return false;
    }
  }
  bool memo_step(unsigned op) {
    switch (op) {
      case 'q':
        remember(number<uint8_t>());
        return true;  // BINPUT
      case 'r':
        remember(number<uint32_t>());
        return true;  // LONG_BINPUT
      case 0x94:
        remember(static_cast<uint32_t>(memo_.size()));
        return true;  // MEMOIZE
      case 'h':
        remembered(number<uint8_t>());
        return true;  // BINGET
      case 'j':
        remembered(number<uint32_t>());
        return true;  // LONG_BINGET
      default:
        return false;
    }
  }

  void protocol() {
    const auto version = number<uint8_t>();
    if (version < 2 || version > 5) unsupported(concat("the pickle has protocol ", version, "; 2 to 5 are read"));
  }
  void integer(int64_t v) { push_new({.kind = Kind::kInt, .integer = v}); }
  void big_integer() {
    const std::string_view s = take(number<uint8_t>());
    if (s.size() > 8) unsupported(concat("the pickle has an integer of ", s.size(), " bytes; at most 8 are possible"));
    uint64_t v = !s.empty() && s.back() < 0 ? ~uint64_t{0} : 0;
    if (!s.empty()) std::memcpy(&v, s.data(), s.size());
    integer(static_cast<int64_t>(v));
  }
  void real() {
    std::string s(take(8));
    std::ranges::reverse(s);
    PickledObject o{.kind = Kind::kFloat};
    std::memcpy(&o.real, s.data(), 8);
    push_new(std::move(o));
  }
  void push_text(std::string_view s) { push_new({.kind = Kind::kText, .text = s}); }
  void push_bytes(std::string_view s) { push_new({.kind = Kind::kBytes, .text = s}); }
  void remembered(uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) damaged(concat("it remembers nothing under ", key));
    push(found->second);
  }

  void append(std::vector<Index> items, Kind kind) {
    PickledObject& o = object(top());
    if (o.kind != kind) damaged("it adds items to what is no list, dict or set");
    if (kind == Kind::kDict && items.size() % 2 != 0) damaged("a key of a dict has no value");
    memory_.take(2 * items.size() * sizeof(Index));
    o.items.insert(o.items.end(), items.begin(), items.end());
  }
  void set_item() {
    const Index value = pop(), key = pop();
    append({key, value}, Kind::kDict);
  }
  // The state of an OrderedDict (versions of modules) or attributes of a tensor: not kept.
  void build() {
    pop();
    const PickledObject& o = object(top());
    if (!(o.kind == Kind::kDict && o.ordered) && o.kind != Kind::kTensor) damaged("it gives a state to what has none");
  }

  // ---- Names
  void global() {
    const std::string_view module = line();
    push(named(module, line()));
  }
  void stack_global() {
    const Index name = pop(), module = pop();
    push(named(text_of(module, "a module"), text_of(name, "a name")));
  }
  Index named(std::string_view module, std::string_view name) {
    const auto known =
        std::ranges::find_if(kKnown, [&](const Known& k) { return k.module == module && k.name == name; });
    const auto global = [&](Meaning m) {
      return make(
          {.kind = Kind::kGlobal, .data = m == Meaning::kName, .integer = static_cast<int64_t>(m), .text = name});
    };
    if (known != std::end(kKnown)) {
      if (known->meaning == Meaning::kForeign)
        unsupported(
            concat("a tensor is made by ", known->module, ".", known->name, ": only dense tensors can be read"));
      return global(known->meaning);
    }
    if (module == "torch") {
      if (dtype_called(name) || std::ranges::find(kNames, name) != std::end(kNames)) return global(Meaning::kName);
      if (std::ranges::find(kStorages, name, &StorageClass::name) != std::end(kStorages))
        return global(Meaning::kStorage);
      if (std::ranges::find(kForeignStorages, name) != std::end(kForeignStorages))
        unsupported(concat("it has a torch.", name, ", of a dtype that Hearth cannot hold"));
    }
    if (module == "torch.storage" && name == "UntypedStorage") return global(Meaning::kStorage);
    throw Error(ErrorKind::kInvalidArgument,
                concat("it calls ", printable(module), ".", printable(name),
                       ", which is none of the names that state dicts need. Hearth executes nothing of a file: save "
                       "tensors, numbers, texts, lists and dicts alone"));
  }

  // ---- Calls
  struct Arguments {
    Machine& m;
    const std::vector<Index>& items;
    std::string_view callee;
    [[noreturn]] void wrong() const { damaged(concat("the arguments of ", callee, " are wrong")); }
    Index at(size_t i) const {
      if (i >= items.size()) wrong();
      return items[i];
    }
    const PickledObject& at(size_t i, Kind kind) const {
      const PickledObject& o = m.object(at(i));
      if (o.kind != kind) wrong();
      return o;
    }
    int64_t integer(size_t i) const { return at(i, Kind::kInt).integer; }
    // Sizes or strides.
    Dims dims(size_t i) const {
      const PickledObject& o = m.object(at(i));
      if (o.kind != Kind::kTuple && o.kind != Kind::kList) wrong();
      if (o.items.size() > kMaxRank)
        unsupported(concat("a tensor has ", o.items.size(), " dimensions; at most 8 are possible"));
      Dims d;
      for (const Index k : o.items) {
        const PickledObject& n = m.object(k);
        if (n.kind != Kind::kInt || n.integer < 0)
          damaged("a size or stride of a tensor is not a whole number from 0 on");
        d.push_back(n.integer);
      }
      return d;
    }
  };

  std::string_view text_of(Index i, const char* what) {
    const PickledObject& o = object(i);
    if (o.kind != Kind::kText) damaged(concat(what, " is not a text"));
    return o.text;
  }
  Meaning meaning_of(Index i) {
    const PickledObject& o = object(i);
    if (o.kind != Kind::kGlobal) damaged("it calls what is no function");
    return static_cast<Meaning>(o.integer);
  }
  void reduce() {
    const Index arguments = pop(), callee = pop();
    if (object(arguments).kind != Kind::kTuple) damaged("the arguments of a call are no tuple");
    push(call(callee, arguments));
  }
  Index call(Index callee, Index arguments) {
    const Meaning meaning = meaning_of(callee);
    const Arguments a{*this, object(arguments).items, object(callee).text};
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
        return a.items.size() == 1 ? (void(a.at(0, Kind::kText)), a.at(0)) : (a.wrong(), 0);
      case Meaning::kTensor:
      case Meaning::kTensorV2:
      case Meaning::kTensorV3:
        return make_tensor(a, meaning);
      case Meaning::kMeta:
        return make_meta(a);
      case Meaning::kParameter:
        return void(a.at(0, Kind::kTensor)), a.at(0);
      case Meaning::kFromType:
        return make_of_type(a);
      case Meaning::kName:
      case Meaning::kStorage:
      case Meaning::kType:
      case Meaning::kForeign:
        break;
    }
    damaged(concat("it calls ", a.callee, ", which is no function of PyTorch's"));
  }

  // What is made of something remembered is a copy of it: no more of that than an honest pickle needs.
  void copies(size_t n) {
    copied_ += n;
    if (copied_ > 2 * bytes_.size()) damaged("it copies what it remembers too often");
  }

  Index make_dict(const Arguments& a) {
    PickledObject o{.kind = Kind::kDict, .ordered = true};
    if (!a.items.empty()) {
      const PickledObject& from = object(a.at(0));
      copies(from.items.size());
      if (from.kind == Kind::kDict) o.items = from.items;
      else if (from.kind == Kind::kList) o.items = pairs(a, from);
      else a.wrong();
    }
    return make(std::move(o));
  }
  std::vector<Index> pairs(const Arguments& a, const PickledObject& list) {
    std::vector<Index> out;
    for (const Index i : list.items) {
      const PickledObject& pair = object(i);
      if ((pair.kind != Kind::kTuple && pair.kind != Kind::kList) || pair.items.size() != 2) a.wrong();
      out.insert(out.end(), pair.items.begin(), pair.items.end());
    }
    return out;
  }
  Index make_collection(const Arguments& a, Kind kind) {
    PickledObject o{.kind = kind};
    if (!a.items.empty()) {
      const PickledObject& from = object(a.at(0));
      if (from.kind != Kind::kTuple && from.kind != Kind::kList) a.wrong();
      copies(from.items.size());
      o.items = from.items;
    }
    return make(std::move(o));
  }
  // encode(text, "latin1"), bytearray(text, "latin-1"), bytearray(bytes).
  Index make_bytes(const Arguments& a) {
    if (a.items.empty()) return make({.kind = Kind::kBytes});
    const PickledObject& from = object(a.at(0));
    if (from.kind == Kind::kBytes) return a.at(0);
    if (from.kind != Kind::kText || a.items.size() != 2) a.wrong();
    const std::string_view encoding = a.at(1, Kind::kText).text;
    copies(from.text.size());
    if (encoding != "latin1" && encoding != "latin-1") a.wrong();
    std::string out;
    for (size_t i = 0; i < from.text.size(); ++i) {
      const auto c = static_cast<unsigned char>(from.text[i]);
      if (c < 0x80) {
        out += static_cast<char>(c);
      } else {
        if (c > 0xc3) damaged("a text stands for bytes, but has other characters");
        out += static_cast<char>(((c & 3U) << 6U) | (static_cast<unsigned char>(from.text[++i]) & 0x3fU));
      }
    }
    return make({.kind = Kind::kBytes, .text = keep(std::move(out))});
  }
  Index make_complex(const Arguments& a) {
    return make({.kind = Kind::kComplex, .real = a.at(0, Kind::kFloat).real, .imaginary = a.at(1, Kind::kFloat).real});
  }
  Index make_device(const Arguments& a) {
    std::string name(a.at(0, Kind::kText).text);
    copies(name.size());
    if (a.items.size() > 1) name += concat(":", a.integer(1));
    return make({.kind = Kind::kText, .text = keep(std::move(name))});
  }

  DType dtype_of_name(Index i) {
    const PickledObject& o = object(i);
    if (o.kind != Kind::kGlobal) damaged("a tensor's dtype is none");
    const std::optional<DType> dtype = dtype_called(o.text);
    if (!dtype) unsupported(concat("a tensor has the dtype ", printable(o.text), ", which Hearth cannot hold"));
    return *dtype;
  }
  // (storage, offset, size, stride, requires_grad, hooks, [dtype], [metadata])
  Index make_tensor(const Arguments& a, Meaning meaning) {
    PickledTensor t;
    t.storage = static_cast<size_t>(a.at(0, Kind::kStorage).integer);
    PickledStorage& s = p_.storages[t.storage];
    if (meaning == Meaning::kTensorV3) give_dtype(s, dtype_of_name(a.at(6)));
    if (!s.typed) damaged("a tensor over an untyped storage has no dtype");
    t.dtype = s.dtype;
    t.offset = a.integer(1);
    t.shape = a.dims(2);
    t.strides = a.dims(3);
    if (t.offset < 0 || t.shape.rank() != t.strides.rank()) a.wrong();
    const size_t metadata = meaning == Meaning::kTensorV3 ? 7 : 6;
    if (meaning != Meaning::kTensor && a.items.size() > metadata) read_metadata(a, metadata, t);
    return add(t);
  }
  // The storage of a tensor that says its dtype itself.
  void give_dtype(PickledStorage& s, DType dtype) {
    if (s.typed && s.dtype == dtype) return;
    if (s.typed) damaged(concat("storage ", printable(s.key), " has two dtypes"));
    if (s.numel % size_of(dtype) != 0) damaged(concat("storage ", printable(s.key), " has ", s.numel, " bytes"));
    s = {.key = s.key, .dtype = dtype, .numel = s.numel / size_of(dtype)};
  }
  void read_metadata(const Arguments& a, size_t i, PickledTensor& t) {
    constexpr size_t kMarks = 2;
    const std::vector<Index>& items = a.at(i, Kind::kDict).items;
    if (items.size() > 2 * kMarks)
      unsupported(concat("a tensor has ", items.size() / 2, " marks; only \"conj\" and \"neg\" are known"));
    for (size_t k = 0; k + 1 < items.size(); k += 2) {
      const std::string_view key = text_of(items[k], "a mark of a tensor");
      const PickledObject& value = object(items[k + 1]);
      if (value.kind != Kind::kBool) a.wrong();
      if (key == "conj") t.conjugated = value.integer != 0;
      else if (key == "neg") t.negated = value.integer != 0;
      else unsupported(concat("a tensor has the mark \"", printable(key), "\", which is unknown"));
    }
  }
  Index make_meta(const Arguments& a) {
    PickledTensor t{.dtype = dtype_of_name(a.at(0)), .meta = true};
    t.shape = a.dims(1);
    return add(t);
  }
  // (function, type, arguments, state)
  Index make_of_type(const Arguments& a) {
    const Meaning function = meaning_of(a.at(0));
    if (function != Meaning::kTensor && function != Meaning::kTensorV2 && function != Meaning::kTensorV3 &&
        function != Meaning::kParameter)
      a.wrong();
    (void)a.at(2, Kind::kTuple);
    return call(a.at(0), a.at(2));
  }
  Index add(const PickledTensor& t) {
    memory_.take(sizeof t + kTensorMemory);
    p_.tensors.push_back(t);
    return make({.kind = Kind::kTensor, .integer = static_cast<int64_t>(p_.tensors.size() - 1)});
  }

  // ("storage", class, key, location, numel[, view])
  void persistent() {
    const Index id = pop();
    if (object(id).kind != Kind::kTuple) damaged("a persistent id is no tuple");
    const Arguments a{*this, object(id).items, "a storage"};
    if (a.items.size() < 5 || a.items.size() > 6 || a.at(0, Kind::kText).text != "storage") a.wrong();
    if (meaning_of(a.at(1)) != Meaning::kStorage) a.wrong();
    if (a.items.size() == 6 && object(a.at(5)).kind != Kind::kNone)
      unsupported("a storage looks into another, as PyTorch before 0.4 wrote them");
    const std::string_view type = a.at(1, Kind::kGlobal).text;
    const auto known = std::ranges::find(kStorages, type, &StorageClass::name);
    const int64_t numel = a.integer(4);
    if (numel < 0) a.wrong();
    PickledStorage s{.key = a.at(2, Kind::kText).text, .numel = static_cast<uint64_t>(numel)};
    if (known == std::end(kStorages)) s.typed = false;
    else s.dtype = known->dtype;
    push_new({.kind = Kind::kStorage, .integer = static_cast<int64_t>(place_of(s))});
  }
  size_t place_of(const PickledStorage& s) {
    if (s.key.size() > kMaxKey)
      damaged(concat("the key of a storage has ", s.key.size(), " bytes; at most ", kMaxKey, " are possible"));
    const auto [it, is_new] = places_.try_emplace(s.key, p_.storages.size());
    if (is_new) {
      memory_.take(2 * sizeof s + kEntryMemory + kTensorMemory);
      p_.storages.push_back(s);
      declared_.push_back(s);
    } else {
      const PickledStorage& first = declared_[it->second];
      if (first.typed != s.typed || first.dtype != s.dtype || first.numel != s.numel)
        damaged(concat("storage ", printable(s.key), " has two dtypes or sizes"));
    }
    return it->second;
  }

  std::string_view bytes_;
  PickleMemory& memory_;
  size_t at_ = 0, copied_ = 0;
  bool done_ = false;
  Pickle p_;
  std::vector<Index> stack_;
  std::vector<size_t> marks_;
  absl::flat_hash_map<uint32_t, Index> memo_;
  absl::flat_hash_map<std::string_view, size_t> places_;
  std::vector<PickledStorage> declared_;  // before an untyped one has been given a dtype
  Index none_ = 0, no_ = 0, yes_ = 0;
};

}  // namespace

void PickleMemory::take(uint64_t bytes) {
  if (bytes > left_) throw Error(ErrorKind::kOutOfMemory, "its values take more memory than is allowed");
  left_ -= bytes;
}

Pickle read_pickle(std::string_view bytes, PickleMemory& memory) { return Machine(bytes, memory).run(); }

}  // namespace hearth::io
