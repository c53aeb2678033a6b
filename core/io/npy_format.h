// The header of npy, shared by the readers of npy and npz. For the files of this package only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::io {

// The longest header that is read. NumPy's own limit is 10,000 bytes; those of real arrays have about 60.
constexpr uint64_t kMaxNpyHeader = 1 << 16;
constexpr uint64_t kMaxNpyPrefix = kMaxNpyHeader + 12;

struct NpyHeader {
  DType dtype = DType::kF32;
  bool swapped = false;  // big-endian
  bool fortran = false;
  Shape shape;
  uint64_t data = 0;   // where the elements begin
  uint64_t bytes = 0;  // how many they take
};

// prefix: at least the first kMaxNpyPrefix bytes of the file, or all of it. size: of the whole file, which must hold
// exactly the array.
absl::StatusOr<NpyHeader> read_npy_header(std::string_view prefix, uint64_t size, const std::string& name);
// Memory for the array's bytes as they lie in the file. Throws Error.
Tensor npy_memory(const NpyHeader& h);
// The array from those bytes: in this machine's byte order, bools that are 0 or 1, row-major. Throws Error.
Tensor npy_array(const NpyHeader& h, Tensor memory);

// What stands before the elements of a tensor in C order; kUnimplemented for bf16.
absl::StatusOr<std::string> npy_prefix(const Tensor& t);
// The tensor on CPU without gaps, for writing; kInvalidArgument for an undefined or a meta tensor.
absl::StatusOr<Tensor> npy_values(const Tensor& t);

}  // namespace hearth::io
