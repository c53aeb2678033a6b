#include "core/ops/grid.h"

#include <utility>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void expect_vectors(const char* op, std::span<const Tensor> tensors, int least) {
  HEARTH_CHECK(!tensors.empty(), op, ": expected at least one tensor");
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    HEARTH_CHECK(t.defined(), op, ": operand ", i, " is an undefined tensor");
    HEARTH_CHECK(t.dim() <= 1 && t.dim() >= least, op, ": expected vectors, but operand ", i, " has the shape ",
                 t.shape());
    HEARTH_CHECK(t.dtype() == tensors[0].dtype(), op, ": operands must have one dtype, but operand 0 is ",
                 tensors[0].dtype(), " and operand ", i, " is ", t.dtype());
    HEARTH_CHECK(t.device() == tensors[0].device(), op, ": operands must be on one device, but operand 0 is on ",
                 tensors[0].device(), " and operand ", i, " on ", t.device());
  }
}

}  // namespace

std::vector<Tensor> meshgrid(std::span<const Tensor> tensors, Indexing indexing) {
  const CalledAs called("meshgrid");
  expect_vectors("meshgrid", tensors, 0);
  const int rank = Dims::filled(static_cast<int>(tensors.size()), 1).rank();
  const bool swapped = indexing == Indexing::kXy && rank >= 2;
  const auto dim_of = [&](int i) { return swapped && i < 2 ? 1 - i : i; };
  Shape shape = Dims::filled(rank, 1);
  for (int i = 0; i < rank; ++i) shape[dim_of(i)] = tensors[static_cast<size_t>(i)].numel();
  std::vector<Tensor> out;
  for (int i = 0; i < rank; ++i) {
    Shape line = Dims::filled(rank, 1);
    line[dim_of(i)] = -1;
    const Tensor& t = tensors[static_cast<size_t>(i)];
    if (t.numel() == 0) line[dim_of(i)] = 0;
    out.push_back(expand(view(t, line), shape));
  }
  return out;
}
std::vector<Tensor> meshgrid(std::initializer_list<Tensor> tensors, Indexing indexing) {
  return meshgrid(std::span(tensors.begin(), tensors.size()), indexing);
}

Tensor cartesian_prod(std::span<const Tensor> tensors) {
  const CalledAs called("cartesian_prod");
  expect_vectors("cartesian_prod", tensors, 1);
  if (tensors.size() == 1) return tensors[0];
  const Tensor points = stack(meshgrid(tensors), -1);
  const auto k = static_cast<int64_t>(tensors.size());
  return view(points, {points.numel() / k, k});
}
Tensor cartesian_prod(std::initializer_list<Tensor> tensors) {
  return cartesian_prod(std::span(tensors.begin(), tensors.size()));
}

}  // namespace hearth
