#include "core/ops/view_scatter.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

template <class View>
Tensor replaced(const char* op, const Tensor& x, const Tensor& part, View view) {
  const CalledAs called(op);
  expect_defined(op, {x, part});
  Tensor out = x.clone();
  Tensor place = view(out);
  HEARTH_CHECK(place.shape() == part.shape(), op, ": the part must have the shape ", place.shape(), ", but has ",
               part.shape());
  place.copy_(part);
  return out;
}

}  // namespace

Tensor select_scatter(const Tensor& x, const Tensor& part, int64_t d, int64_t i) {
  return replaced("select_scatter", x, part, [=](const Tensor& t) { return select(t, d, i); });
}
Tensor slice_scatter(const Tensor& x, const Tensor& part, int64_t d, std::optional<int64_t> start,
                     std::optional<int64_t> end, int64_t step) {
  return replaced("slice_scatter", x, part, [=](const Tensor& t) { return slice(t, d, start, end, step); });
}
Tensor diagonal_scatter(const Tensor& x, const Tensor& part, int64_t offset, int64_t d1, int64_t d2) {
  return replaced("diagonal_scatter", x, part, [=](const Tensor& t) { return t.diagonal(offset, d1, d2); });
}

}  // namespace hearth
