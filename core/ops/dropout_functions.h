/// Dropout of channels and for self-normalising networks.
///
/// All give x itself where `training` is false or p is 0, and take their random numbers from `generator`, or the
/// default one. f16 and bf16 are computed in f32 and rounded once. Floating-point only; throw Error unless 0 <= p <= 1.
#pragma once

#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// dropout2d() of [n, c, l], or of [c, l] without a batch: whole channels become 0. Throws Error for another number of
/// dimensions.
Tensor dropout1d(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);
/// dropout2d() of [n, c, d, h, w], or of [c, d, h, w] without a batch. Throws Error for another number of dimensions.
Tensor dropout3d(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);
/// Each element becomes the least value of selu(), about -1.7581, with probability p; then all are scaled and moved so
/// that values of mean 0 and variance 1 keep both (Klambauer et al., 2017). x * 0 for p = 1.
Tensor alpha_dropout(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);
/// The same for whole channels: x is [n, c, ...]. Throws Error for fewer than 2 dimensions.
Tensor feature_alpha_dropout(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);

}  // namespace hearth
