#include "core/ops/grid.h"

#include <utility>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
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

namespace {

// The places of the elements of all combinations, one after the other.
std::vector<int64_t> combined_places(int64_t n, int64_t r, bool with_replacement) {
  constexpr size_t kMost = size_t{1} << 28;
  std::vector<int64_t> out, places;
  if (n == 0 || (!with_replacement && r > n)) return out;
  HEARTH_CHECK(r <= static_cast<int64_t>(kMost), "combinations: those of ", r, " of ", n, " elements are too many");
  for (int64_t i = 0; i < r; ++i) places.push_back(with_replacement ? 0 : i);
  // The greatest place at i.
  const auto last = [&](int64_t i) { return with_replacement ? n - 1 : n - r + i; };
  for (;;) {
    HEARTH_CHECK(out.size() + places.size() <= kMost, "combinations: those of ", r, " of ", n,
                 " elements are too many");
    out.insert(out.end(), places.begin(), places.end());
    int64_t i = r - 1;
    while (i >= 0 && places[static_cast<size_t>(i)] == last(i)) --i;
    if (i < 0) return out;
    int64_t next = ++places[static_cast<size_t>(i)];
    for (++i; i < r; ++i) places[static_cast<size_t>(i)] = with_replacement ? next : ++next;
  }
}

}  // namespace

Tensor combinations(const Tensor& x, int64_t r, bool with_replacement) {
  const CalledAs called("combinations");
  expect_defined("combinations", {x});
  HEARTH_CHECK(x.dim() == 1, "combinations: expected a vector, but the shape is ", x.shape());
  HEARTH_CHECK(r >= 0, "combinations: r must not be negative, but is ", r);
  if (r == 0) return x.new_empty({0});
  const std::vector<int64_t> places = combined_places(x.size(0), r, with_replacement);
  const Tensor index = tensor(places, {.device = x.device()});
  return view(index_select(x, 0, index), {static_cast<int64_t>(places.size()) / r, r});
}

std::vector<Tensor> unravel_index(const Tensor& index, const Shape& shape) {
  const CalledAs called("unravel_index");
  expect_defined("unravel_index", {index});
  HEARTH_CHECK(is_integral(index.dtype()), "unravel_index: the places must be integers, but are ", index.dtype());
  std::vector<Tensor> out(static_cast<size_t>(shape.rank()));
  Tensor rest = index.to(i64);
  for (int d = shape.rank() - 1; d >= 0; --d) {
    HEARTH_CHECK(shape[d] > 0 || (shape[d] == 0 && index.numel() == 0), "unravel_index: a tensor of shape ", shape,
                 " has no places");
    const int64_t size = std::max<int64_t>(shape[d], 1);
    out[static_cast<size_t>(d)] = remainder(rest, size);
    rest = floor_divide(rest, size);
  }
  return out;
}

}  // namespace hearth
