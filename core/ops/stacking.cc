#include "core/ops/stacking.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// The tensors, each changed by `as`.
std::vector<Tensor> each(const char* op, std::span<const Tensor> tensors, Tensor (*as)(const Tensor&)) {
  std::vector<Tensor> out;
  out.reserve(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    HEARTH_CHECK(tensors[i].defined(), op, ": operand ", i, " is an undefined tensor");
    out.push_back(as(tensors[i]));
  }
  return out;
}

Tensor as_column(const Tensor& x) { return x.dim() <= 1 ? reshape(x, {x.numel(), 1}) : x; }

std::span<const Tensor> listed(std::initializer_list<Tensor> tensors) { return {tensors.begin(), tensors.size()}; }
std::span<const int64_t> listed(std::initializer_list<int64_t> places) { return {places.begin(), places.size()}; }

void expect_dims(const char* op, const Tensor& x, int least) {
  expect_defined(op, {x});
  HEARTH_CHECK(x.dim() >= least, op, ": expected at least ", least, least == 1 ? " dimension" : " dimensions",
               ", but the shape is ", x.shape());
}

std::vector<Tensor> even_parts(const char* op, const Tensor& x, int64_t sections, int least, int64_t d) {
  const CalledAs called(op);
  expect_dims(op, x, least);
  HEARTH_CHECK(sections >= 1, op, ": the number of sections must be at least 1, but is ", sections);
  HEARTH_CHECK(x.size(d) % sections == 0, op, ": dimension ", d, " of shape ", x.shape(), " cannot be cut into ",
               sections, " parts of one size");
  return tensor_split(x, sections, d);
}

std::vector<Tensor> parts(const char* op, const Tensor& x, std::initializer_list<int64_t> places, int least,
                          int64_t d) {
  const CalledAs called(op);
  expect_dims(op, x, least);
  return tensor_split(x, listed(places), d);
}

}  // namespace

Tensor atleast_1d(const Tensor& x) {
  const CalledAs called("atleast_1d");
  expect_defined("atleast_1d", {x});
  return x.dim() == 0 ? view(x, {1}) : x;
}
Tensor atleast_2d(const Tensor& x) {
  const CalledAs called("atleast_2d");
  expect_defined("atleast_2d", {x});
  return x.dim() == 0 ? view(x, {1, 1}) : x.dim() == 1 ? unsqueeze(x, 0) : x;
}
Tensor atleast_3d(const Tensor& x) {
  const CalledAs called("atleast_3d");
  expect_defined("atleast_3d", {x});
  return x.dim() <= 1 ? unsqueeze(atleast_2d(x), -1) : x.dim() == 2 ? unsqueeze(x, -1) : x;
}

Tensor hstack(std::span<const Tensor> tensors) {
  const CalledAs called("hstack");
  const std::vector<Tensor> t = each("hstack", tensors, atleast_1d);
  return cat(t, !t.empty() && t[0].dim() > 1 ? 1 : 0);
}
Tensor hstack(std::initializer_list<Tensor> tensors) { return hstack(listed(tensors)); }
Tensor vstack(std::span<const Tensor> tensors) {
  const CalledAs called("vstack");
  return cat(each("vstack", tensors, atleast_2d), 0);
}
Tensor vstack(std::initializer_list<Tensor> tensors) { return vstack(listed(tensors)); }
Tensor dstack(std::span<const Tensor> tensors) {
  const CalledAs called("dstack");
  return cat(each("dstack", tensors, atleast_3d), 2);
}
Tensor dstack(std::initializer_list<Tensor> tensors) { return dstack(listed(tensors)); }
Tensor column_stack(std::span<const Tensor> tensors) {
  const CalledAs called("column_stack");
  return hstack(each("column_stack", tensors, as_column));
}
Tensor column_stack(std::initializer_list<Tensor> tensors) { return column_stack(listed(tensors)); }

Tensor block_diag(std::span<const Tensor> tensors) {
  const CalledAs called("block_diag");
  HEARTH_CHECK(!tensors.empty(), "block_diag: there is no tensor");
  int64_t columns = 0;
  for (const Tensor& t : tensors) {
    expect_defined("block_diag", {t});
    HEARTH_CHECK(t.dim() <= 2, "block_diag: expected at most 2 dimensions, but the shape is ", t.shape());
    columns += atleast_2d(t).size(1);
  }
  std::vector<Tensor> rows;
  int64_t before = 0;
  for (const Tensor& t : tensors) {
    const Tensor block = atleast_2d(t);
    const int64_t n = block.size(0), behind = columns - before - block.size(1);
    rows.push_back(cat({block.new_zeros({n, before}), block, block.new_zeros({n, behind})}, 1));
    before += block.size(1);
  }
  return cat(rows, 0);
}
Tensor block_diag(std::initializer_list<Tensor> tensors) {
  return block_diag(std::span(tensors.begin(), tensors.size()));
}

std::vector<Tensor> tensor_split(const Tensor& x, int64_t sections, int64_t d) {
  const CalledAs called("tensor_split");
  expect_dims("tensor_split", x, 1);
  const int w = wrap_dim(d, x.dim(), "tensor_split");
  HEARTH_CHECK(sections >= 1, "tensor_split: the number of sections must be at least 1, but is ", sections);
  const int64_t least = x.shape()[w] / sections, more = x.shape()[w] % sections;
  std::vector<Tensor> out;
  int64_t start = 0;
  for (int64_t i = 0; i < sections; ++i) {
    const int64_t length = least + (i < more ? 1 : 0);
    out.push_back(narrow(x, w, start, length));
    start += length;
  }
  return out;
}
std::vector<Tensor> tensor_split(const Tensor& x, std::span<const int64_t> places, int64_t d) {
  const CalledAs called("tensor_split");
  expect_dims("tensor_split", x, 1);
  const int w = wrap_dim(d, x.dim(), "tensor_split");
  std::vector<Tensor> out;
  int64_t start = 0;
  for (const int64_t end : places) {
    out.push_back(slice(x, w, start, end));
    start = end;
  }
  out.push_back(slice(x, w, start, std::nullopt));
  return out;
}
std::vector<Tensor> tensor_split(const Tensor& x, std::initializer_list<int64_t> places, int64_t d) {
  return tensor_split(x, listed(places), d);
}

std::vector<Tensor> hsplit(const Tensor& x, int64_t sections) {
  return even_parts("hsplit", x, sections, 1, x.defined() && x.dim() > 1 ? 1 : 0);
}
std::vector<Tensor> hsplit(const Tensor& x, std::initializer_list<int64_t> places) {
  return parts("hsplit", x, places, 1, x.defined() && x.dim() > 1 ? 1 : 0);
}
std::vector<Tensor> vsplit(const Tensor& x, int64_t sections) { return even_parts("vsplit", x, sections, 2, 0); }
std::vector<Tensor> vsplit(const Tensor& x, std::initializer_list<int64_t> places) {
  return parts("vsplit", x, places, 2, 0);
}
std::vector<Tensor> dsplit(const Tensor& x, int64_t sections) { return even_parts("dsplit", x, sections, 3, 2); }
std::vector<Tensor> dsplit(const Tensor& x, std::initializer_list<int64_t> places) {
  return parts("dsplit", x, places, 3, 2);
}

}  // namespace hearth
