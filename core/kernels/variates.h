// Kernels that draw numbers by rejection: of gamma, Poisson and binomial distributions.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void standard_gamma(OpCall&);       // GammaSampleAttrs: concentration -> a number
void standard_gamma_grad(OpCall&);  // GammaSampleAttrs: concentration, the number -> its derivative
void poisson(OpCall&);              // rate -> a number
void binomial(OpCall&);             // count, probability -> a number

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void standard_gamma(OpCall&);
[[gnu::weak]] void standard_gamma_grad(OpCall&);
[[gnu::weak]] void poisson(OpCall&);
[[gnu::weak]] void binomial(OpCall&);

}  // namespace hearth::cuda
