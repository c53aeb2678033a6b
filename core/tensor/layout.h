// How a tensor's elements lie in its storage.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor/shape.h"

namespace hearth {

/// The order in which a new tensor's elements lie in memory.
enum class MemoryFormat : uint8_t {
  kContiguous,    ///< Row-major.
  kChannelsLast,  ///< Rank 4: a shape (N, C, H, W) whose elements lie in the order N, H, W, C.
  kPreserve,      ///< The strides of the source if it is dense, otherwise row-major.
};
/// The name of a memory format: "contiguous", "channels_last" or "preserve".
std::string to_string(MemoryFormat f);

/// Where a tensor's elements lie in its storage. Strides and offset are counted in elements.
struct Layout {
  // The flags lie in the strides' tail padding, which keeps a tensor at three cache lines.
  Shape shape;                            ///< The sizes of the dimensions.
  [[no_unique_address]] Strides strides;  ///< The stride of each dimension.
  bool contiguous = true;                 ///< Row-major without gaps. Dimensions of size 1 may have any stride.
  bool dense = true;   ///< A permutation of a row-major layout: no gaps and no overlap. Contiguous implies dense.
  int64_t offset = 0;  ///< The place of the first element, from the start of the storage.
  int64_t numel = 1;   ///< The number of elements.

  /// One element: shape [].
  Layout() = default;
  /// The row-major layout of a shape, at offset 0.
  explicit Layout(const Shape& s);
  /// A layout with these strides and this offset.
  Layout(const Shape& s, const Strides& st, int64_t off);

  /// The number of dimensions.
  int rank() const { return shape.rank(); }
  /// True if the shape (N, C, H, W) lies in the order N, H, W, C without gaps. False without elements.
  bool channels_last() const;
  /// True if two indices may name the same element, as with a stride of 0 over a size above 1. False is certain.
  bool overlapping() const;
  /// One past the highest element that the layout touches, from the start of the storage; the offset if there are no
  /// elements.
  int64_t end() const;
  friend bool operator==(const Layout& a, const Layout& b) {
    return a.shape == b.shape && a.strides == b.strides && a.offset == b.offset;
  }

 private:
  void update();
};

/// The strides of a new tensor of `like`'s shape in the given format. Throws Error for kChannelsLast unless the shape
/// has 4 dimensions.
Strides strides_for(const Layout& like, MemoryFormat format);

}  // namespace hearth
