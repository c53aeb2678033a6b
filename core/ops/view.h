// Ops on shapes. Unless a line says otherwise the result is a view: it shares the operand's memory, and writing to one
// is seen in the other. Dimensions may be negative, counted from the end.
#pragma once

#include <span>
#include <vector>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

// Same elements in row-major order, another shape; one size may be -1. view throws where that needs a copy, reshape
// copies.
Tensor view(const Tensor& x, const Dims& shape);
Tensor reshape(const Tensor& x, const Dims& shape);
// Stretches dimensions of size 1; -1 keeps a size. New dimensions come first.
Tensor expand(const Tensor& x, const Dims& shape);
Tensor permute(const Tensor& x, const Dims& dims);
Tensor transpose(const Tensor& x, int64_t a, int64_t b);
Tensor movedim(const Tensor& x, int64_t from, int64_t to);
Tensor squeeze(const Tensor& x);             // drops every dimension of size 1
Tensor squeeze(const Tensor& x, int64_t d);  // drops dimension d if its size is 1
Tensor unsqueeze(const Tensor& x, int64_t d);
Tensor flatten(const Tensor& x, int64_t start = 0, int64_t end = -1);  // a copy where the memory does not allow a view
Tensor unflatten(const Tensor& x, int64_t d, const Dims& sizes);
Tensor select(const Tensor& x, int64_t d, int64_t i);
Tensor narrow(const Tensor& x, int64_t d, int64_t start, int64_t length);
// Elements start, start + step, ... below end; bounds may be negative and are clamped. step >= 1.
Tensor slice(const Tensor& x, int64_t d, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step = 1);
Tensor diagonal(const Tensor& x, int64_t offset = 0, int64_t d1 = 0, int64_t d2 = 1);
// Windows of `size` elements, `step` apart; they become a new last dimension.
Tensor unfold(const Tensor& x, int64_t d, int64_t size, int64_t step);
std::vector<Tensor> split(const Tensor& x, int64_t size, int64_t d = 0);
std::vector<Tensor> split(const Tensor& x, std::span<const int64_t> sizes, int64_t d = 0);
std::vector<Tensor> chunk(const Tensor& x, int64_t n, int64_t d = 0);
std::vector<Tensor> unbind(const Tensor& x, int64_t d = 0);
std::vector<Tensor> broadcast_tensors(std::span<const Tensor> tensors);

extern constinit const OpDef kReshapeView, kFlatten, kPermute, kSqueeze, kUnsqueeze, kSelect, kSlice, kDiagonal,
    kUnfold;

}  // namespace hearth
