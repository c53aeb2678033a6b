// CPU kernels of normalisations and softmax, on raw rows. Rows are dense; float and double.
#pragma once

#include <cstdint>

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void softmax(OpCall&), log_softmax(OpCall&), safe_softmax(OpCall&);  // DimAttrs
void layer_norm(OpCall&);                                            // LayerNormAttrs: x, weight, bias -> y, mean, rstd
void layer_norm_grad(OpCall&);                                       // g, x, weight, mean, rstd -> dx, dweight, dbias
void batch_norm(OpCall&);       // BatchNormAttrs: x, weight, bias, mean, var -> y, mean, rstd
void batch_norm_grad(OpCall&);  // g, x, weight, mean, rstd -> dx, dweight, dbias

}  // namespace hearth::cpu
