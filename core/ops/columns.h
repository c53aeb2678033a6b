/// Patches of images as columns, and back: torch.nn.Unfold and Fold.
///
/// Floating-point only; f16 and bf16 are added in f32 and rounded once. Gradients flow through both functions. With
/// patches of `kernel` pixels, there are l = oh ow places for them: oh = (h + 2 padding - dilation (kernel - 1) - 1) /
/// stride + 1, rounded down, and ow likewise.
#pragma once

#include "core/ops/extent.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// How the patch of unfold() and fold() moves.
struct PatchOptions {
  /// The distance in the image of neighbours in the patch.
  Extent2 dilation = 1;
  /// Zeros on both sides of the image.
  Extent2 padding = 0;
  /// The distance of patches.
  Extent2 stride = 1;
};

/// The patches of images [n, c, h, w] or [c, h, w]: [n, c kh kw, l] or [c kh kw, l], the places in row-major order. See
/// view.h for windows along one dimension. Throws Error for another rank, no pixels or channels, or where no patch
/// fits.
Tensor unfold(const Tensor& x, Extent2 kernel, const PatchOptions& options = {});
/// The images [n, c, h, w] or [c, h, w] of size `output` whose pixels are the sums of the patches [n, c kh kw, l] or [c
/// kh kw, l] over them: not the inverse of unfold(), but its transpose. Throws Error if the shape does not fit.
Tensor fold(const Tensor& x, Extent2 output, Extent2 kernel, const PatchOptions& options = {});

}  // namespace hearth
