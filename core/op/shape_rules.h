// Shape and dtype rules that records share as their infer.
#pragma once

#include <functional>
#include <initializer_list>

#include "core/op/op_call.h"

namespace hearth {

/// What tensors of indices and class numbers may hold.
constexpr DTypeSet kIndexTypes{i32, i64};

/// Sets call.dtype to result_type() of the operands and returns the dtype of the result, both as the record's Promote
/// says.
DType promote_operands(OpCall& call);

/// The infer() of elementwise ops with one output: operands broadcast by NumPy's rules. The result has the strides of
/// the first operand that is dense and has its shape, otherwise it is row-major. Throws Error if the shapes do not
/// broadcast or if no operand is a tensor.
void broadcast(OpCall& call);

/// As broadcast(), but the result of complex operands is real: f32 for c64, f64 for c128.
void broadcast_real(OpCall& call);

/// The dtype in which the operands of an elementwise op meet, as torch.result_type gives it. Tensors with dimensions
/// decide first, then 0-dimensional tensors, then numbers: a later group counts only if its kind (bool, integer,
/// floating point) is higher.
DType result_type(std::span<const Operand> in);

/// For functions made of several ops: throws Error naming `op` if one of the tensors is undefined.
void expect_defined(const char* op, std::initializer_list<std::reference_wrapper<const Tensor>> tensors);
/// For functions made of several ops: throws Error(kUnsupported) naming `op` if the dtype of `t` is not in the set.
void expect_dtypes(const char* op, const Tensor& t, DTypeSet set);

/// For infer(): throws Error naming the op unless the operand has `rank` dimensions.
void expect_rank(const OpCall& call, int operand, int rank);
/// For infer(): throws Error naming the op unless all tensor operands have the dtype call.dtype.
void expect_same_dtype(const OpCall& call);
/// For infer(): throws Error naming the op unless the operand's dtype is in the set.
void expect_dtype(const OpCall& call, int operand, DTypeSet set);

}  // namespace hearth
