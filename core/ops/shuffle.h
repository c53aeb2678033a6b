/// Channels and pixels that change places. All dtypes; gradients flow.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth {

/// x [..., c r r, h, w] as images [..., c, h r, w r]: each pixel becomes r x r, from r r channels (Shi et al., 2016).
/// Throws Error if r < 1 or its square does not divide the number of channels.
Tensor pixel_shuffle(const Tensor& x, int64_t upscale_factor);
/// The inverse of pixel_shuffle(): x [..., c, h r, w r] as [..., c r r, h, w]. Throws Error if r < 1 or does not divide
/// height and width.
Tensor pixel_unshuffle(const Tensor& x, int64_t downscale_factor);
/// x [n, c, ...] whose channels, seen as [groups, c / groups], are read column by column (Zhang et al., 2018). Throws
/// Error unless the groups divide the channels.
Tensor channel_shuffle(const Tensor& x, int64_t groups);

}  // namespace hearth
