// Fills a tensor with random numbers.
#pragma once

namespace hearth {
class Generator;
struct OpCall;
}  // namespace hearth

namespace hearth::cpu {

void random(OpCall&);  // RandomAttrs

// The generator that this thread's random ops draw from; null: the default one.
extern constinit thread_local Generator* random_source;

}  // namespace hearth::cpu
