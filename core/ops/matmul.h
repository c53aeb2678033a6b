// Matrix products. Operands share their dtype, any number type; f16 and bf16 are summed in f32 and rounded once,
// integers wrap around. Results are row-major. The bits of a result do not depend on the number of threads.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

// [..., m, k] x [..., k, n] -> [..., m, n]; leading dimensions broadcast. A one-dimensional a is a row, a
// one-dimensional b a column; the dimension this adds is dropped from the result. Throws Error if the inner sizes
// differ.
Tensor matmul(const Tensor& a, const Tensor& b);
Tensor mm(const Tensor& a, const Tensor& b);     // [m, k] x [k, n]
Tensor bmm(const Tensor& a, const Tensor& b);    // [b, m, k] x [b, k, n]
Tensor mv(const Tensor& a, const Tensor& x);     // [m, k] x [k] -> [m]
Tensor dot(const Tensor& a, const Tensor& b);    // [k], [k] -> []
Tensor outer(const Tensor& a, const Tensor& b);  // [m], [n] -> [m, n]
// beta input + alpha (a b), input broadcast to [m, n]; with beta = 0, input is not read.
Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
// beta input + alpha times a product, as addmm: of a [b, m, k] and b [b, k, n] for each b, or summed over b; of a
// matrix and a vector; of two vectors, their outer product.
Tensor baddbmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
Tensor addbmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
Tensor addmv(const Tensor& input, const Tensor& a, const Tensor& x, Scalar beta = 1, Scalar alpha = 1);
Tensor addr(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
Tensor vdot(const Tensor& a, const Tensor& b);   // dot: there are no complex numbers
Tensor inner(const Tensor& a, const Tensor& b);  // over the last dimensions: [..., k], [..., k] -> [..., ...]

// x weight^T + bias: x [..., in], weight [out, in], bias [out] or none; the result is [..., out].
// A weight [in] takes a 0-dim bias and gives [...]. Weights that are used again unchanged, without a gradient being
// recorded, are kept in the library's packed format beside their memory.
Tensor linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt);

extern constinit const OpDef kMatmul, kLinear, kLinearWeights;

}  // namespace hearth
