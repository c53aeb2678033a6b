// PyTorch's files, .pt, .pth and .bin: what torch.save() writes, read without executing anything, and written for
// torch.load().
#pragma once

#include <complex>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::io {

/// A value of a .pt file: nothing, a bool, a number, a text, bytes, a list, a tuple, a set, a dict or a tensor. A value
/// is copied with all that it holds; tensors are handles.
///
///   const io::PtValue file = io::or_throw(io::load_pt("checkpoint.pt"));
///   net.load_state_dict(io::or_throw(io::pt_state_dict(file["model"])));
///   const int64_t epoch = file["epoch"].integer();
///   const double lr = file["optimizer"]["param_groups"][0]["lr"].number();
class PtValue {
 public:
  /// What a value is, by its name in Python.
  enum class Kind : uint8_t {
    kNone,     ///< None
    kBool,     ///< bool
    kInt,      ///< int, of 64 bits
    kFloat,    ///< float
    kComplex,  ///< complex
    kText,     ///< str, in UTF-8. A torch.device is read as "cuda:0", a torch.dtype as "float16".
    kBytes,    ///< bytes and bytearray
    kList,     ///< list
    kTuple,    ///< tuple and torch.Size
    kSet,      ///< set and frozenset
    kDict,     ///< dict and OrderedDict, in the file's order
    kTensor,   ///< torch.Tensor and Parameter
  };
  /// A dict's keys and values.
  using Entries = std::vector<std::pair<PtValue, PtValue>>;

  /// None.
  PtValue() = default;
  /// A number or a bool. Throws Error for an integer above the largest int64_t.
  template <class T>
  requires std::is_arithmetic_v<T> PtValue(T v) {
    if constexpr (std::is_same_v<T, bool>) data_ = v;
    else if constexpr (std::is_integral_v<T>) data_ = to_int64(v);
    else data_ = static_cast<double>(v);
  }
  /// A complex number.
  PtValue(std::complex<double> v) : data_(v) {}
  /// A text.
  PtValue(std::string text) : data_(std::move(text)) {}
  /// A text.
  PtValue(const char* text) : data_(std::string(text)) {}
  /// A tensor.
  PtValue(Tensor tensor) : data_(std::move(tensor)) {}
  /// A dict of tensors by name: a state dict.
  PtValue(const std::map<std::string, Tensor>& state);
  /// Bytes, which need not be a text.
  static PtValue bytes(std::string bytes);
  /// A list.
  static PtValue list(std::vector<PtValue> items);
  /// A tuple.
  static PtValue tuple(std::vector<PtValue> items);
  /// A set. Its items are not compared.
  static PtValue set(std::vector<PtValue> items);
  /// A dict. Its keys are not compared.
  static PtValue dict(Entries entries);

  /// What it is.
  Kind kind() const;
  /// True for None.
  bool is_none() const { return kind() == Kind::kNone; }
  /// True for a tensor.
  bool is_tensor() const { return kind() == Kind::kTensor; }
  /// True for a dict.
  bool is_dict() const { return kind() == Kind::kDict; }

  /// The bool. All of these throw Error naming both kinds if the value is of another.
  bool boolean() const;
  /// The integer.
  int64_t integer() const;
  /// The number: of an integer or a float.
  double number() const;
  /// The complex number.
  std::complex<double> complex() const;
  /// The text.
  const std::string& text() const;
  /// The bytes.
  const std::string& raw() const;
  /// The tensor.
  const Tensor& tensor() const;
  /// The items of a list, a tuple or a set.
  const std::vector<PtValue>& items() const;
  /// The keys and values of a dict, in the file's order.
  const Entries& entries() const;

  /// The number of items of a list, a tuple, a set or a dict.
  size_t size() const;
  /// The value of a dict's text key; null if there is none. Looks through all keys.
  const PtValue* find(std::string_view key) const;
  /// The value of a dict's integer key; null if there is none.
  const PtValue* find(int64_t key) const;
  /// The value of a dict's text key. Throws Error naming the keys that are there if there is none.
  const PtValue& operator[](std::string_view key) const;
  /// See above.
  const PtValue& operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  /// Item i of a list or a tuple, from 0, or the value of a dict's integer key. Throws Error if there is none.
  template <class T>
  requires std::is_integral_v<T>
  const PtValue& operator[](T i) const { return at(to_int64(i)); }

 private:
  template <class T>
  static constexpr bool kIsCharacter =
      std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> ||
      std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;
  template <class T>
  static int64_t to_int64(T v) {
    static_assert(!kIsCharacter<T>, "a character is neither a number nor a text: say which");
    if constexpr (std::is_unsigned_v<T> && sizeof(T) >= sizeof(int64_t)) {
      if (v > static_cast<T>(std::numeric_limits<int64_t>::max())) too_large(v);
    }
    return static_cast<int64_t>(v);
  }
  [[noreturn]] static void too_large(uint64_t v);
  struct Bytes {
    std::string value;
  };
  struct Items {
    Kind kind;
    std::vector<PtValue> values;
  };
  const PtValue& at(int64_t i) const;
  template <class T>
  const T& get(Kind wanted) const;
  [[noreturn]] void wrong(const char* wanted) const;

  std::variant<std::monostate, bool, int64_t, double, std::complex<double>, std::string, Bytes, Items, Entries, Tensor>
      data_;
};

/// The name of a kind in Python: "dict".
std::string to_string(PtValue::Kind kind);
/// An outline of a value for people, one line for each entry: keys, numbers, texts, and dtypes and shapes of tensors.
std::string to_string(const PtValue& value);

/// What load_pt() reads.
struct PtOptions {
  /// kResourceExhausted if tensors that must be copied, or unpacked, have more bytes, or if the pickle of a compressed
  /// file has. All that is not tensors' data may take 64 MiB and this; nor may it take more than 256 MiB and 512 times
  /// the bytes of the file's pickle (of the older kind, those of the file), where one that is compressed counts at most
  /// 8 times the bytes that it has in the file. So a file of 100 kB takes 0.7 GB at most.
  uint64_t max_bytes = uint64_t{1} << 36;
  /// Compares the checksums of the file, for which all of it is read; kDataLoss names what is damaged. Files that have
  /// none are read as they are.
  bool checksums = true;
};

/// Reads a file of torch.save(): the zip files of PyTorch 1.6 and later, and the older kind. Nothing in it is executed.
/// What it is made of are values as of PtValue; a call of anything that PyTorch's own state dicts do not need is
/// refused with kInvalidArgument naming it (`os.system`, `argparse.Namespace`), as torch.load(weights_only=True) does.
/// The latter is the stricter one: it reads no frozensets, for example. Classes and functions are no values, even where
/// they are not called.
///
/// Tensors of a zip file lie in the mapped file and are read-only; clone() one to write to it. They are copied if they
/// are big-endian, not aligned, compressed, or bools that are not all 0 or 1; those of the older kind mostly are.
/// Tensors that were views of one storage still are. Devices are forgotten: every tensor is on the CPU, except those of
/// the meta device. None requires a gradient. Attributes of OrderedDicts and of tensors are not kept.
///
/// Every claim is checked before it is used: kInvalidArgument names the file and what is wrong with it. kUnimplemented
/// for dtypes that Hearth has not, sparse, nested and quantized tensors, integers above 64 bits, TorchScript and
/// exported programs, texts with half of a surrogate pair, and the tar files of PyTorch before 0.2. kInvalidArgument
/// also for values that are nested more than 64 deep or hold themselves, and for those that would be larger than their
/// file when written out. kResourceExhausted for files that take more memory than PtOptions::max_bytes tells.
absl::StatusOr<PtValue> load_pt(const std::string& path, const PtOptions& options = {});
/// As load_pt(), from bytes in memory, which are copied. `name` stands for the path in messages.
absl::StatusOr<PtValue> parse_pt(std::string_view bytes, const std::string& name, const PtOptions& options = {});

/// The tensors of a state dict, by name, for load_state_dict() and assign_state_dict(). `value` is the dict itself, or
/// a checkpoint that has it under "state_dict", "model_state_dict" or "model". kInvalidArgument naming the entry if it
/// holds anything but tensors, or if several of these or none are there.
absl::StatusOr<std::map<std::string, Tensor>> pt_state_dict(const PtValue& value);
/// load_pt() and pt_state_dict(): the weights in a file.
absl::StatusOr<std::map<std::string, Tensor>> load_pt_state_dict(const std::string& path,
                                                                 const PtOptions& options = {});
/// The names without a prefix that each of them has, as "module." after DistributedDataParallel or "_orig_mod." after
/// torch.compile(); unchanged if one of them has it not.
std::map<std::string, Tensor> without_prefix(const std::map<std::string, Tensor>& state, std::string_view prefix);

/// Writes a file that torch.load() reads, also with weights_only=True: a zip file, atomically (see AtomicFile). The
/// same values give the same bytes. A map of tensors (state_dict()) is a value too.
///
/// Tensors that share memory, and have one dtype, still share it when they are loaded; of the memory what lies between
/// the first and the last element of such a group is written. Values of other devices are written as those of the CPU,
/// and none requires a gradient when it is loaded. kInvalidArgument for an undefined tensor, a meta tensor, a text that
/// is not UTF-8, or values nested more than 64 deep.
absl::Status save_pt(const std::string& path, const PtValue& value);

}  // namespace hearth::io
