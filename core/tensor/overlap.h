// Where two tensors lie in one storage.
#pragma once

#include "core/tensor/layout.h"

namespace hearth {

/// True if the elements of both lie alike: the same shape and strides, up to dimensions of size 1. Offsets may differ.
bool lie_alike(const Layout& a, const Layout& b);

/// True if two layouts in one storage, of elements of one size, have an element in common. Where that takes too many
/// tries to tell, the answer is true.
bool overlap(const Layout& a, const Layout& b);

}  // namespace hearth
