// What ranks do before they train one model: see that it is one, and take the first rank's values.
#pragma once

#include <span>

#include "core/nn/module.h"
#include "distributed/group/process_group.h"

namespace hearth::distributed {

/// Throws Error on all ranks if one has other parameters or buffers than the first. `who` is the name in the error.
void expect_same_model(const char* who, const nn::ModuleBase& module, ProcessGroup& group);

/// Gives all ranks the root's values, in one exchange for each dtype.
void broadcast_all(ProcessGroup& group, std::span<const Tensor> tensors, int root);

}  // namespace hearth::distributed
