/// Random numbers of distributions that are drawn by rejection. core/distributions has these distributions with their
/// densities and moments.
///
/// Functions draw from `generator`, or from default_generator() (core/tensor/generator.h) if it is null. Operands are
/// floating-point; results have their dtype and are the same for any number of threads. Operands in CPU memory are
/// checked; elsewhere, and while a function is traced, an operand outside of its range gives NaN.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// For each element of `concentration` a number of the gamma distribution with this concentration and rate 1. At least
/// the dtype's smallest normal number. The gradient is that of implicit reparametrization, and has no gradient itself.
/// Throws Error unless all are finite and above 0. PyTorch: torch._standard_gamma.
Tensor standard_gamma(const Tensor& concentration, Generator* generator = nullptr);
/// The logarithm of such a number, which small concentrations need: for 0.001 most numbers are below 1e-38. Otherwise
/// as standard_gamma(); with the same generator state it is the logarithm of the same number.
Tensor log_standard_gamma(const Tensor& concentration, Generator* generator = nullptr);
/// For each element of `rate` a number of the Poisson distribution with this mean. No gradient passes. Throws Error
/// unless all are finite and at least 0.
Tensor poisson(const Tensor& rate, Generator* generator = nullptr);
/// How many of `count` trials succeed, each with probability `prob`. They broadcast and have one dtype. No gradient
/// passes. Throws Error unless counts are whole, finite and at least 0, and probabilities from 0 to 1.
Tensor binomial(const Tensor& count, const Tensor& prob, Generator* generator = nullptr);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// concentration -> standard_gamma(concentration), or its logarithm, as GammaSampleAttrs says.
extern constinit const OpDef kStandardGamma;
/// The derivative of kStandardGamma: (concentration, y) -> dy / dconcentration.
extern constinit const OpDef kStandardGammaGrad;
/// rate -> poisson(rate).
extern constinit const OpDef kPoisson;
/// (count, prob) -> binomial(count, prob), of one shape.
extern constinit const OpDef kBinomial;

}  // namespace hearth
