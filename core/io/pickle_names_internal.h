// The names of Python that a pickle of a state dict holds, and what they stand for. For files of this package only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/tensor/dtype.h"

namespace hearth::io {

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
};

// Throws Error: kUnsupported for kinds of tensors that Hearth has not, kInvalidArgument for all that no state dict
// needs.
Meaning meaning_of(std::string_view module, std::string_view name);

// The dtype of this name in PyTorch; none if Hearth has not got it.
std::optional<DType> dtype_called(std::string_view name);
// The dtype of a class of storages; none for an untyped one.
std::optional<DType> storage_dtype(std::string_view name);

}  // namespace hearth::io
