/// Ops on shapes.
///
/// Unless a function says otherwise the result is a view: it shares the operand's memory, and a write to one is seen in
/// the other. Gradients flow through views. Dimensions may be negative, counted from the end; throws Error for one that
/// does not exist. All dtypes.
#pragma once

#include <span>
#include <vector>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// The same elements in row-major order in another shape. One size may be -1, which stands for what is left. Throws
/// Error if the number of elements differs, or if the strides of x do not allow a view; use reshape() then.
Tensor view(const Tensor& x, const Dims& shape);
/// As view(), but copies where the strides of x do not allow a view.
Tensor reshape(const Tensor& x, const Dims& shape);
/// x with dimensions of size 1 stretched to the sizes of `shape`, with strides of 0. -1 keeps a size. Further
/// dimensions of `shape` come first. Such a view cannot be written in place. Throws Error if another size than 1 would
/// change.
Tensor expand(const Tensor& x, const Dims& shape);
/// Dimension i of the result is dimension dims[i] of x. Throws Error unless `dims` names each dimension once.
Tensor permute(const Tensor& x, const Dims& dims);
/// Exchanges two dimensions. Of a 0-dim tensor the result is x itself.
Tensor transpose(const Tensor& x, int64_t a, int64_t b);
/// Moves dimension `from` to place `to`; the others keep their order.
Tensor movedim(const Tensor& x, int64_t from, int64_t to);
/// Drops every dimension of size 1.
Tensor squeeze(const Tensor& x);
/// Drops dimension d if its size is 1; otherwise the result has the shape of x.
Tensor squeeze(const Tensor& x, int64_t d);
/// Adds a dimension of size 1 at place d, from -dim() - 1 to dim().
Tensor unsqueeze(const Tensor& x, int64_t d);
/// Joins the dimensions from start to end, both included, into one; a 0-dim tensor becomes [1]. Copies where the
/// strides of x do not allow a view. Throws Error if start lies behind end.
Tensor flatten(const Tensor& x, int64_t start = 0, int64_t end = -1);
/// Cuts dimension d into `sizes`, one of which may be -1. Throws Error if their product is not the dimension's size.
Tensor unflatten(const Tensor& x, int64_t d, const Dims& sizes);
/// Place i of dimension d, which vanishes. i may be negative, counted from the end. Throws Error if it is out of range
/// or x is 0-dim.
Tensor select(const Tensor& x, int64_t d, int64_t i);
/// `length` places of dimension d from `start`, which may be negative, counted from the end. Throws Error if they do
/// not lie within the dimension.
Tensor narrow(const Tensor& x, int64_t d, int64_t start, int64_t length);
/// Places start, start + step, ... below end of dimension d, Python's start:end:step. Bounds may be negative, counted
/// from the end; bounds out of range are clamped; without them they are the dimension's ends. Throws Error if step < 1
/// or x is 0-dim.
Tensor slice(const Tensor& x, int64_t d, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step = 1);
/// The elements x[..., i, i + offset, ...] of dimensions d1 and d2, which vanish; they become a new last dimension.
/// Throws Error if d1 and d2 are the same.
Tensor diagonal(const Tensor& x, int64_t offset = 0, int64_t d1 = 0, int64_t d2 = 1);
/// Windows of `size` places along dimension d, whose starts are `step` apart. The dimension counts the windows; their
/// elements become a new last dimension. Windows share memory where step < size. Throws Error if size is
/// greater than the dimension or negative, or if step < 1. torch.Tensor.unfold, not torch.nn.Unfold.
Tensor unfold(const Tensor& x, int64_t d, int64_t size, int64_t step);
/// Parts of `size` places along dimension d; the last may be smaller. Throws Error if size < 1.
std::vector<Tensor> split(const Tensor& x, int64_t size, int64_t d = 0);
/// Parts of the given sizes along dimension d. Throws Error unless they add up to the dimension's size.
std::vector<Tensor> split(const Tensor& x, std::span<const int64_t> sizes, int64_t d = 0);
/// The same: split(x, {2, 3}, 1).
inline std::vector<Tensor> split(const Tensor& x, std::initializer_list<int64_t> sizes, int64_t d = 0) {
  return split(x, std::span(sizes.begin(), sizes.size()), d);
}
/// At most n parts along dimension d, of ceil(size / n) places each; the last may be smaller. Throws Error if n < 1.
std::vector<Tensor> chunk(const Tensor& x, int64_t n, int64_t d = 0);
/// select() of each place of dimension d.
std::vector<Tensor> unbind(const Tensor& x, int64_t d = 0);
/// All tensors expanded to the shape that they broadcast to. Throws Error if they do not.
std::vector<Tensor> broadcast_tensors(std::span<const Tensor> tensors);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> view(x, shape), with ShapeAttrs.
extern constinit const OpDef kReshapeView;
/// x -> flatten(x, start, end) as a view, with FlattenAttrs.
extern constinit const OpDef kFlatten;
/// x -> permute(x, dims), with PermuteAttrs.
extern constinit const OpDef kPermute;
/// x -> squeeze(x, d), with d in ArgAttrs; without d squeeze(x).
extern constinit const OpDef kSqueeze;
/// x -> unsqueeze(x, d), with d in DimAttrs.
extern constinit const OpDef kUnsqueeze;
/// x -> select(x, d, i), with SelectAttrs.
extern constinit const OpDef kSelect;
/// x -> slice(x, d, start, end, step), with SliceAttrs.
extern constinit const OpDef kSlice;
/// x -> diagonal(x, offset, d1, d2), with DiagonalAttrs.
extern constinit const OpDef kDiagonal;
/// x -> unfold(x, d, size, step), with UnfoldAttrs.
extern constinit const OpDef kUnfold;

}  // namespace hearth
