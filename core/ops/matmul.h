/// Matrix products.
///
/// Operands share their dtype, any type but bool; otherwise throws Error. f16 and bf16 are summed in f32 and
/// rounded once; integers wrap around. Results are row-major. The bits of a result do not depend on the number of
/// threads. Throws Error if the inner sizes differ or an operand has another number of dimensions than stated.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// [..., m, k] x [..., k, n] -> [..., m, n]; leading dimensions broadcast. A one-dimensional a is a row, a
/// one-dimensional b a column; the dimension this adds is dropped from the result.
Tensor matmul(const Tensor& a, const Tensor& b);
/// [m, k] x [k, n] -> [m, n].
Tensor mm(const Tensor& a, const Tensor& b);
/// [b, m, k] x [b, k, n] -> [b, m, n]. The batch sizes must be equal.
Tensor bmm(const Tensor& a, const Tensor& b);
/// [m, k] x [k] -> [m].
Tensor mv(const Tensor& a, const Tensor& x);
/// [k] x [k] -> 0-dim: the sum of a[i] b[i].
Tensor dot(const Tensor& a, const Tensor& b);
/// dot(): there are no complex numbers.
Tensor vdot(const Tensor& a, const Tensor& b);
/// [m] x [n] -> [m, n]: a[i] b[j]. Dtypes meet as in mul().
Tensor outer(const Tensor& a, const Tensor& b);
/// [..., k] x [..., k] -> [..., ...]: sums over the last dimensions for each pair of the others. Of a 0-dim operand the
/// product a b.
Tensor inner(const Tensor& a, const Tensor& b);

/// beta input + alpha (a b): a [m, k], b [k, n], input broadcasts to [m, n]. With beta = 0 input is not read: NaN in it
/// does not count. f16 and bf16 are computed in f32 and rounded once. Throws Error if input has another dtype than the
/// product.
Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
/// beta input + alpha (a b) for each batch entry: a [b, m, k], b [b, k, n], input broadcasts to [b, m, n]. Otherwise as
/// addmm().
Tensor baddbmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
/// beta input + alpha times the sum of a b over the batch: a [b, m, k], b [b, k, n], input broadcasts to [m, n].
/// Otherwise as addmm().
Tensor addbmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
/// beta input + alpha (a x): a [m, k], x [k], input broadcasts to [m]. Otherwise as addmm().
Tensor addmv(const Tensor& input, const Tensor& a, const Tensor& x, Scalar beta = 1, Scalar alpha = 1);
/// beta input + alpha a[i] b[j]: a [m], b [n], input broadcasts to [m, n]. Otherwise as addmm().
Tensor addr(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);

/// x weight^T + bias: x [..., in], weight [out, in], bias [out] or none; the result is [..., out]. A weight [in] takes
/// a 0-dim bias and gives [...]. Weights that are used again unchanged, without a gradient being recorded, are kept in
/// the library's packed format beside their memory.
Tensor linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (a, b) -> matmul(a, b).
extern constinit const OpDef kMatmul;
/// (x, weight, bias) -> linear(x, weight, bias). The bias may be absent.
extern constinit const OpDef kLinear;
/// (x, dy) -> dweight, dbias (empty if the attribute `bias` is false).
extern constinit const OpDef kLinearWeights;

}  // namespace hearth
