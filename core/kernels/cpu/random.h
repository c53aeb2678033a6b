// Fills a tensor with random numbers.
#pragma once

namespace hearth {
struct OpCall;
}  // namespace hearth

namespace hearth::cpu {

void random(OpCall&);  // RandomAttrs; draws from default_generator()

}  // namespace hearth::cpu
