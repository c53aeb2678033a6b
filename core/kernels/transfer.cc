#include "core/kernels/transfer.h"

#include <cstring>

#include "core/base/error.h"
#include "core/device/cuda_hooks.h"
#include "core/op/machinery.h"
#include "core/op/unrecorded.h"

namespace hearth {

void transfer(OpCall& c) {
  const Tensor& to = c.out[0];
  if (to.numel() == 0) return;
  const Unrecorded step;
  const Tensor from =
      c.input(0).strides() == to.strides() ? c.input(0) : machinery::copy(c.input(0), MemoryFormat::kPreserve);
  const Device source = from.device(), target = to.device();
  void* const at = to.impl()->data();
  const void* const what = from.impl()->data();
  if (source.is_cpu() && target.is_cpu()) {
    std::memcpy(at, what, from.nbytes());
  } else {
    const Device gpu = source.is_cpu() ? target : source;
    allocator_for(gpu);  // throws where there is no code for it
    Storage& host = *(source.is_cpu() ? from : to).impl()->storage;
    const bool wait = !(c.attrs_as<TransferAttrs>().non_blocking && host.pinned());
    cuda::copy_bytes(at, target, what, source, from.nbytes(), wait);
    if (!wait) host.record_stream(current_stream(gpu));
  }
}

}  // namespace hearth
