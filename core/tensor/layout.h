// How a tensor's elements lie in its storage.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor/shape.h"

namespace hearth {

enum class MemoryFormat : uint8_t {
  kContiguous,    // row-major
  kChannelsLast,  // rank 4, (N, C, H, W) laid out N, H, W, C
  kPreserve,      // the source's strides if it is dense, else row-major
};
std::string to_string(MemoryFormat f);

// Shape, strides (in elements), offset (in elements from the start of the storage) and what follows from them.
struct Layout {
  // The flags lie in the strides' tail padding, which keeps a tensor at three cache lines.
  Shape shape;
  [[no_unique_address]] Strides strides;
  bool contiguous = true;  // row-major without gaps (sizes of 1 may have any stride)
  bool dense = true;       // a permutation of a row-major layout: no gaps, no overlap
  int64_t offset = 0;
  int64_t numel = 1;

  Layout() = default;
  explicit Layout(const Shape& s);
  Layout(const Shape& s, const Strides& st, int64_t off);

  int rank() const { return shape.rank(); }
  bool channels_last() const;  // rank 4 and laid out N, H, W, C without gaps
  bool overlapping() const;    // two indices may name one element (a stride of 0 over a size above 1, for example)
  // One past the highest element that the layout can touch, counted from the start of the storage.
  int64_t end() const;
  friend bool operator==(const Layout& a, const Layout& b) {
    return a.shape == b.shape && a.strides == b.strides && a.offset == b.offset;
  }

 private:
  void update();
};

// Strides of a new tensor of `like`'s shape in the given format.
Strides strides_for(const Layout& like, MemoryFormat format);

}  // namespace hearth
