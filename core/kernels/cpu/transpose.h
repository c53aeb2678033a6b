// Copies a strip of a matrix whose source lies the other way round.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth::cpu {

// Rows of a strip whose lines in source and destination are used whole.
constexpr int64_t transpose_rows(int64_t itemsize) { return 128 / itemsize; }

// to[i * to_row + j] = from[i + j * from_column] for i < rows, j < columns, in items of 1, 2, 4 or 8 bytes, which
// strides count. past_cache: writes past the caches, for results that are larger than they are.
void transpose_strip(void* to, int64_t to_row, const void* from, int64_t from_column, int64_t rows, int64_t columns,
                     int64_t itemsize, bool past_cache);

}  // namespace hearth::cpu
