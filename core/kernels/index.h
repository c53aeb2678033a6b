// Kernels that move whole elements by computed places.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void cat(OpCall&);           // DimAttrs
void index_select(OpCall&);  // DimAttrs: x, index
void gather(OpCall&);        // DimAttrs: x, index
void scatter(OpCall&);       // DimAttrs: x, index, source
void scatter_add(OpCall&);   // DimAttrs: x, index, source
void index_add(OpCall&);     // DimAttrs: x, index, source
void index(OpCall&);         // IndexAttrs: x, places
void index_put(OpCall&);     // IndexAttrs: x, places, rows

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void cat(OpCall&);
[[gnu::weak]] void index_select(OpCall&);
[[gnu::weak]] void gather(OpCall&);
[[gnu::weak]] void scatter(OpCall&);
[[gnu::weak]] void scatter_add(OpCall&);
[[gnu::weak]] void index_add(OpCall&);
[[gnu::weak]] void index(OpCall&);
[[gnu::weak]] void index_put(OpCall&);

}  // namespace hearth::cuda
