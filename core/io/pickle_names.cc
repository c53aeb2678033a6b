#include "core/io/pickle_names_internal.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/io/pickle_builder_internal.h"

namespace hearth::io {
namespace {

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
};

// Functions of torch._utils that make kinds of tensors that Hearth has not.
constexpr std::string_view kForeignTensors[] = {"_rebuild_sparse_tensor",
                                                "_rebuild_sparse_csr_tensor",
                                                "_rebuild_nested_tensor",
                                                "_rebuild_qtensor",
                                                "_rebuild_wrapper_subclass",
                                                "_rebuild_device_tensor_from_numpy",
                                                "_rebuild_device_tensor_from_cpu_tensor"};

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

bool among(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

const StorageClass* find_storage(std::string_view name) {
  const StorageClass* const found = std::ranges::find(kStorages, name, &StorageClass::name);
  return found == std::end(kStorages) ? nullptr : found;
}

}  // namespace

Meaning meaning_of(std::string_view module, std::string_view name) {
  const auto known = std::ranges::find_if(kKnown, [&](const Known& k) { return k.module == module && k.name == name; });
  if (known != std::end(kKnown)) return known->meaning;
  if (module == "torch._utils" && among(kForeignTensors, name))
    unsupported(concat("a tensor is made by torch._utils.", name, ": only dense tensors can be read"));
  if (module == "torch") {
    if (dtype_called(name) || among(kNames, name)) return Meaning::kName;
    if (find_storage(name) != nullptr) return Meaning::kStorage;
    if (among(kForeignStorages, name))
      unsupported(concat("it has a torch.", name, ", of a dtype that Hearth cannot hold"));
  }
  if (module == "torch.storage" && name == "UntypedStorage") return Meaning::kStorage;
  throw Error(ErrorKind::kInvalidArgument,
              concat("it calls ", printable(module), ".", printable(name),
                     ", which is none of the names that state dicts need. Hearth executes nothing of a file: save "
                     "tensors, numbers, texts, lists and dicts alone"));
}

std::optional<DType> dtype_called(std::string_view name) {
  const auto found =
      std::ranges::find(kDTypeTraits, name, [](const DTypeTraits& t) { return std::string_view(t.torch_name); });
  if (found == kDTypeTraits.end()) return std::nullopt;
  return static_cast<DType>(found - kDTypeTraits.begin());
}

std::optional<DType> storage_dtype(std::string_view name) {
  const StorageClass* const found = find_storage(name);
  if (found == nullptr) return std::nullopt;
  return found->dtype;
}

}  // namespace hearth::io
