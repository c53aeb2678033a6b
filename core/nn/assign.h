// Giving a module the memory of tensors, where load_state_dict() copies their values.
#pragma once

#include "core/nn/module.h"

namespace hearth::nn {

/// Makes the module's tensors look into the memory of those in `state`, by name; nothing is copied, and the dtype and
/// device are those of `state`. Handles, and with them optimizers, stay valid, see swap_memory(). This is how a model
/// built under DefaultDevice(kMeta) takes weights that are mapped from a file. A tensor of which a module has several
/// names (tied weights) takes that of the last name.
///
/// With `strict` the names must agree exactly; else those in both are taken, and the others are told. Names of older
/// versions are known as by load_state_dict(). Throws Error naming every missing or
/// unexpected name, every undefined tensor, every wrong shape, and every parameter that requires a gradient and is
/// given a tensor of integers; nothing is changed then.
NameDifferences assign_state_dict(ModuleBase& module, const StateDict& state, bool strict = true);

}  // namespace hearth::nn
