// Norms of gradients that are spread over ranks.
#pragma once

#include "core/optim/clip.h"
#include "distributed/group/process_group.h"

namespace hearth::distributed {

/// For optim::grad_norm and optim::clip_grad_norm_ of norm p, where each rank has other gradients (a part of the
/// parameters): the norm of all ranks' gradients together. Not for gradients that all ranks have, as after
/// DistributedDataParallel: those need nothing. All ranks call it.
///
///   optim::clip_grad_norm_(net.parameters(), 1, {.p = 2, .reduce = distributed::reduce_norm(group, 2)});
optim::ReduceFunction reduce_norm(ProcessGroup& group, double p = 2);

}  // namespace hearth::distributed
