// NumPy's npy format: one array in a file. (numpy.org/doc/stable/reference/generated/numpy.lib.format.html)
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::io {

// The array as a row-major tensor of its own memory. Versions 1.0 to 3.0, C and Fortran order, both byte orders; bool,
// i8, u8, i16, i32, i64, f16, f32 and f64. Every claim of the header is checked against the file's size before anything
// is allocated: kInvalidArgument names the file and what is wrong; kUnimplemented a dtype that Hearth has not, or more
// than 8 dimensions. Arrays of Python objects are pickles, which can run code, and are refused.
absl::StatusOr<Tensor> load_npy(const std::string& path);
// The same of bytes in memory. `name` stands for the path in messages.
absl::StatusOr<Tensor> parse_npy(std::string_view bytes, const std::string& name);
// A read-only look into the mapped file, which may be larger than memory; in Fortran order with its strides.
// kUnimplemented for what only a copy can give: the other byte order, bool, an array that is not aligned.
absl::StatusOr<Tensor> map_npy(const std::string& path);

// Atomically (see AtomicFile), in C order. kUnimplemented for bf16, which NumPy has not; kInvalidArgument for an
// undefined or a meta tensor.
absl::Status save_npy(const std::string& path, const Tensor& tensor);

}  // namespace hearth::io
