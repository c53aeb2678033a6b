// Shape and dtype rules that records share as their infer.
#pragma once

#include <functional>
#include <initializer_list>

#include "core/op/op_call.h"

namespace hearth {

// Sets call.dtype and gives the result's dtype by the record's Promote. Dtypes meet as in PyTorch: tensors with
// dimensions decide before 0-dim tensors, those before numbers; a lower rank decides only if its kind (bool < int <
// float) is higher.
DType promote_operands(OpCall& call);

// Elementwise: operands broadcast; the result takes the strides of the first operand that is dense and has its shape.
void broadcast(OpCall& call);

// The dtype in which the operands of an elementwise op would meet.
DType result_type(std::span<const Operand> in);

// For functions made of several ops: throws Error that names `op` if one of the tensors is undefined.
void expect_defined(const char* op, std::initializer_list<std::reference_wrapper<const Tensor>> tensors);
// The same for a dtype that `op` does not take.
void expect_dtypes(const char* op, const Tensor& t, DTypeSet set);

// For infer functions: operand i has this many dimensions; shapes and dtypes agree. Throw Error naming the op.
void expect_rank(const OpCall& call, int operand, int rank);
void expect_same_dtype(const OpCall& call);
void expect_dtype(const OpCall& call, int operand, DTypeSet set);

}  // namespace hearth
