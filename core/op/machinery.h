// The ops that the machinery itself calls. Their records stand in core/kernels/machinery.cc, beside the kernels they
// name; their public forms are in core/ops.
#pragma once

#include "core/op/attrs/copy.h"
#include "core/op/attrs/shape.h"
#include "core/op/run.h"

namespace hearth {

extern constinit const OpDef kCopy;    // CopyAttrs; bound: copy_ with broadcasting and casting
extern constinit const OpDef kFill;    // in place only: operand 0 is the number
extern constinit const OpDef kAdd;     // a + b
extern constinit const OpDef kMul;     // a * b; the public mul
extern constinit const OpDef kConj;    // the complex conjugate
extern constinit const OpDef kSumTo;   // ShapeAttrs: sums over the dimensions in which the operand is larger
extern constinit const OpDef kExpand;  // ShapeAttrs: view, size-1 dimensions stretched
// What in-place writes to views are recorded as: a region of a tensor's memory, read and written.
extern constinit const OpDef kAsStrided;  // StridedAttrs: view of operand 0
extern constinit const OpDef kViewWrite;  // StridedAttrs: operand 0 with the region replaced by operand 1
extern constinit const OpDef
    kViewAdd;  // StridedAttrs: operand 0 with operand 1 added to the region; it may overlap itself
extern constinit const OpDef kDetach;    // the same memory without history
extern constinit const OpDef kTransfer;  // TransferAttrs: the operand on another device

// Stored in 16 bits and computed in f32. A function made of several ops casts such operands once, computes in f32 and
// casts the result back, so that it is rounded once.
constexpr bool is_half(DType t) { return t == DType::kF16 || t == DType::kBF16; }

namespace machinery {

Tensor cast(const Tensor& t, DType dtype);
// f16 and bf16 as f32, other dtypes as they are.
Tensor widened(const Tensor& t);
Tensor copy(const Tensor& t, MemoryFormat format = MemoryFormat::kPreserve);
// The tensor on `device`; itself if it is there. Throws Error for a meta tensor, which has no values.
Tensor transfer(const Tensor& t, Device device, bool non_blocking = false);
void copy_into(Tensor& to, const Tensor& from);
void fill_into(Tensor& t, Scalar value);
Tensor add(const Tensor& a, const Tensor& b);
void add_into(Tensor& a, const Tensor& b);
// The complex conjugate; real tensors as they are.
Tensor conj(const Tensor& t);
Tensor sum_to(const Tensor& t, const Shape& shape);
Tensor expand(const Tensor& t, const Shape& shape);
Tensor as_strided(const Tensor& t, const StridedAttrs& region);
Tensor view_write(const Tensor& t, const Tensor& source, const StridedAttrs& region);
Tensor view_add(const Tensor& t, const Tensor& source, const StridedAttrs& region);
// New tensors of one value; never recorded.
Tensor full(const Shape& shape, Scalar value, DType dtype, Device device);

}  // namespace machinery
}  // namespace hearth
