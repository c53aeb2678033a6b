// Batch norm over the batches of all ranks.
#pragma once

#include "core/nn/module.h"
#include "distributed/group/process_group.h"

namespace hearth::distributed {

/// Makes every nn::BatchNorm1d, 2d and 3d below the module take its statistics over the batches of all ranks: torch's
/// SyncBatchNorm. Ranks may have different batch sizes. Parameters, buffers and their names stay. All ranks
/// must then run each forward in training mode, and its backward, together; the group must live as long as they do so.
/// Returns the number of modules; in a group of one rank nothing is changed.
int sync_batch_norm(nn::ModuleBase& module, ProcessGroup& group);

}  // namespace hearth::distributed
