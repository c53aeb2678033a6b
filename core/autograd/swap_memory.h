// Giving a tensor other memory.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor/tensor.h"

namespace hearth {

/// Gives `t` the memory, dtype, layout and device of `with`, which then shares its memory with t; every handle of t
/// sees it. This is how a module moves to another device or dtype, and how a weight is gathered and freed again while
/// optimizers and modules hold it. Gives back a tensor of the memory that t had.
///
/// t must be defined and a leaf, and floating-point afterwards if it requires a gradient; the history of `with` plays
/// no part. t's flag, hooks and name stay, and its grad if it still fits by shape, dtype and device, else it is
/// dropped. A t that is a view is none afterwards; views of t keep looking into the memory that it had.
///
/// What ops have kept of t for backward is the old memory: gradients are those of the values that the ops saw. What a
/// kernel keeps beside the old memory (packed weights) is freed. The version counts the exchange as a write:
/// t.version() afterwards is above the one before, and that of `with` rises to it, so that who compares versions of t
/// (a checkpoint that runs again) takes it for changed. Where `with` holds the very values that t had at an earlier
/// version, as when a weight is gathered again, give that `version`: t has it then. Throws Error if the memory of
/// `with` has been written more often.
///
/// Needs exclusive use of t and of both memories.
Tensor swap_memory(Tensor& t, const Tensor& with, std::optional<uint32_t> version = {});

}  // namespace hearth
