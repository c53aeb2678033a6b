// Ranks that are threads of one process.
#pragma once

#include <functional>
#include <memory>

#include "distributed/group/process_group.h"

namespace hearth::distributed {

/// Makes backends for ranks that are threads of this process and copy from one another's memory. All ranks use copies
/// of one factory. A reduction is made in the order of the ranks: the same bits every time. f16 and bf16 are rounded
/// once for each rank.
BackendFactory threads_backend();

/// Calls `body` in `ranks` threads, each with a group of its own, a share of this thread's width (num_threads()) and a
/// default generator of its own, seeded alike. The signals of the process are blocked in them. If a body throws, the
/// others' operations end; the exception that came first is rethrown when all threads have ended.
///
/// Another backend than threads may be given.
void run_ranks(int ranks, const std::function<void(ProcessGroup& group)>& body, const GroupOptions& options = {},
               BackendFactory backend = nullptr);

}  // namespace hearth::distributed
