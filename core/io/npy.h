// NumPy's npy format: one array in a file. (numpy.org/doc/stable/reference/generated/numpy.lib.format.html)
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::io {

/// Reads an array as a row-major tensor with its own memory. Reads versions 1.0 to 3.0, C and Fortran order, both byte
/// orders, and the dtypes bool, i8, u8, i16, i32, i64, f16, f32 and f64.
///
/// Every claim of the header is checked against the file's size before memory is allocated. kInvalidArgument names the
/// file and what is wrong. kUnimplemented: a dtype that Hearth does not have, or more than 8 dimensions. Arrays of
/// Python objects are pickles, which can run code, and are refused.
absl::StatusOr<Tensor> load_npy(const std::string& path);
/// As load_npy(), from bytes in memory. `name` stands for the path in messages.
absl::StatusOr<Tensor> parse_npy(std::string_view bytes, const std::string& name);
/// A read-only tensor over the mapped file, which may be larger than memory. An array in Fortran order keeps its
/// strides. kUnimplemented for an array that only a copy can represent: the other byte order, bool, or data that is not
/// aligned.
absl::StatusOr<Tensor> map_npy(const std::string& path);

/// Writes a tensor atomically (see AtomicFile), in C order. kUnimplemented for bf16, which NumPy does not have.
/// kInvalidArgument for an undefined tensor or a meta tensor.
absl::Status save_npy(const std::string& path, const Tensor& tensor);

}  // namespace hearth::io
