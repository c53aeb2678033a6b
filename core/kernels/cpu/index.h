// CPU kernels that move whole elements by computed places.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void cat(OpCall&);                                                // DimAttrs
void index_select(OpCall&), gather(OpCall&);                      // DimAttrs: x, index
void scatter(OpCall&), scatter_add(OpCall&), index_add(OpCall&);  // DimAttrs: x, index, source
void index(OpCall&);                                              // IndexAttrs: x, places
void index_put(OpCall&);                                          // IndexAttrs: x, places, rows
void cumsum(OpCall&);                                             // DimAttrs
void flip(OpCall&);                                               // PermuteAttrs: the dimensions

}  // namespace hearth::cpu
