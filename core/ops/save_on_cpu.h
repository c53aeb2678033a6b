// SaveOnCpu: what backward needs is kept in the CPU's memory.
#pragma once

#include "core/autograd/hooks.h"

namespace hearth {

/// While it lives, tensors on GPUs that ops keep for backward are kept as copies in the CPU's memory, and brought back
/// when backward needs them: torch.autograd.graph.save_on_cpu. It trades the GPU's memory for time. Tensors on other
/// devices are kept as they are. The graph may outlive it.
///
///   {
///     const SaveOnCpu saved;
///     loss = net(x).sum();
///   }
///   loss.backward();
class SaveOnCpu {
 public:
  /// With `pinned` the copies are in pinned memory, which is copied faster.
  explicit SaveOnCpu(bool pinned = false);

 private:
  SavedTensorHooksGuard guard_;
};

}  // namespace hearth
