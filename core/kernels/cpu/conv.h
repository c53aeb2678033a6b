// Two-dimensional convolution and its gradients over raw memory; one dimension is a height of 1.
#pragma once

#include <cstdint>

#include "core/kernels/cpu/packed.h"
#include "core/tensor/dtype.h"

namespace hearth::cpu {

// y[n, o, p, q] = bias[o] + sum over c, i, j of w[o, c, i, j] x[n, c, p stride - pad + i dilation, ...]
// (cross-correlation, as the field means by convolution; outside of x lie zeros). Group k of the output channels sees
// group k of the input channels.
//
// Images x and y lie N, H, W, C without gaps; w is row-major [oc, c / groups, kh, kw]. f32, bf16, f64 and f16; f16 and
// bf16 are summed in f32 and rounded once. No size but n may be 0.
//
// The work is cut by shape alone: same bits at any thread width. A weight gradient is summed over fixed blocks of
// images, joined in their order.
struct Conv {
  DType dtype = DType::kF32;
  int64_t n = 0, c = 0, h = 1, w = 1;
  int64_t oc = 0, oh = 1, ow = 1;
  int64_t kernel[2] = {1, 1}, stride[2] = {1, 1}, pad[2] = {0, 0}, dilation[2] = {1, 1};
  int64_t groups = 1;
};

void conv_forward(const Conv& s, const void* x, const void* w, const void* bias, void* y, PackedSlot slot = {});
void conv_backward_data(const Conv& s, const void* dy, const void* w, void* dx, PackedSlot slot = {});
// db (oc values) may be null.
void conv_backward_weights(const Conv& s, const void* x, const void* dy, void* dw, void* db);

namespace conv_detail {
// By columns and matrix products: f64, and what oneDNN has no kernel for. f32 and f64.
void forward(const Conv& s, const void* x, const void* w, const void* bias, void* y);
void backward_data(const Conv& s, const void* dy, const void* w, void* dx);
void backward_weights(const Conv& s, const void* x, const void* dy, void* dw, void* db);
}  // namespace conv_detail

}  // namespace hearth::cpu
