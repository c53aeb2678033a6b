// Memory of a transform's blocks, from the allocator's cache.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::cpu {

template <class T>
class FftScratch {
 public:
  explicit FftScratch(int64_t count) : memory_(hearth::detail::empty({count}, dtype_of<T>, kCpu, "fft")) {}
  T* data() const { return static_cast<T*>(memory_.impl()->data()); }

 private:
  Tensor memory_;
};

}  // namespace hearth::cpu
