// Batches of texts of different lengths.
#pragma once

#include <cstdint>

#include "core/data/collate.h"

namespace hearth::text {

/// The target that cross_entropy() leaves out: that of padding.
constexpr int64_t kIgnoredLabel = -100;

/// Makes batches of examples that have "input_ids" (i64 [tokens]) for a data::DataLoader: padded with `pad_id` at the
/// right, [n, longest], with "attention_mask", bool [n, longest], false where there is padding, after them. "labels",
/// if the examples have them, are stacked where they are one for a text (0-dim), and padded with kIgnoredLabel where
/// they are one for a token ([tokens]). The longest length is rounded up to a multiple of `multiple_of`. Other tensors
/// are stacked. The function throws as data::PaddingCollate, and for an "attention_mask" that is there already.
data::Collate text_collate(int64_t pad_id, int64_t multiple_of = 1);

}  // namespace hearth::text
