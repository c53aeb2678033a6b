// IDX files, the format of MNIST and its family (http://yann.lecun.com/exdb/mnist), plain or gzipped.
//
// Layout: two zero bytes, a type (8 u8, 9 i8, 11 i16, 12 i32, 13 f32, 14 f64), the number of dimensions, each dimension
// as u32, then the elements in row-major order; everything big-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::vision {

constexpr uint64_t kIdxMaxBytes = uint64_t{1} << 31;

// The array as a CPU tensor of its dtype and dimensions. Damaged, short, oversized input and bytes after the end are
// kInvalidArgument or kDataLoss naming what is wrong; an array of more than max_bytes is kResourceExhausted. Nothing is
// allocated that the input could not fill.
absl::StatusOr<Tensor> parse_idx(std::span<const std::byte> bytes, uint64_t max_bytes = kIdxMaxBytes);
// The same from a file; errors name the path.
absl::StatusOr<Tensor> read_idx(const std::string& path, uint64_t max_bytes = kIdxMaxBytes);

}  // namespace hearth::vision
