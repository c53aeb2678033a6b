// NCCL: collectives between GPUs.
#pragma once

#include "distributed/group/backend.h"

namespace hearth::distributed {

/// Makes backends that carry tensors of one GPU for each rank by means of NCCL, and tensors in CPU memory, barriers and
/// the group's own messages by the backend that `cpu` makes.
///
/// `device` is the index of this rank's GPU; its tensors are on no other. A collective runs in a stream of the group's
/// own, behind the work that made its tensors: kernels that are queued meanwhile run beside it. NCCL adds in an order
/// of its own, which may differ between runs with other numbers of GPUs. Sends and receives go through CPU memory. A
/// reduction of i16, which NCCL does not have, fails.
///
/// A weak symbol: null in a program that was built without CUDA. The group's making throws Error(kUnsupported) if there
/// is no such GPU.
[[gnu::weak]] BackendFactory nccl_backend(int device, BackendFactory cpu);

}  // namespace hearth::distributed
