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

/// The largest array that is read where no limit is given: 2 GiB.
constexpr uint64_t kIdxMaxBytes = uint64_t{1} << 31;

/// The array as a CPU tensor of its dtype and dimensions. kInvalidArgument or kDataLoss, naming what is wrong, for
/// input that is damaged or short, or has bytes after the end; kResourceExhausted for an array of more than
/// `max_bytes`. Memory is allocated only for what the input can fill.
absl::StatusOr<Tensor> parse_idx(std::span<const std::byte> bytes, uint64_t max_bytes = kIdxMaxBytes);
/// As parse_idx(), from a file. Errors name the path.
absl::StatusOr<Tensor> read_idx(const std::string& path, uint64_t max_bytes = kIdxMaxBytes);

}  // namespace hearth::vision
