#include "core/data/collate.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/ops/create.h"
#include "core/ops/join.h"

namespace hearth::data {
namespace {

constexpr const char* kStack = "stack_examples";
constexpr const char* kPad = "PaddingCollate";

// Throws a CollateError about example i.
template <class... A>
[[noreturn, gnu::cold, gnu::noinline]] void refuse(size_t i, const A&... a) {
  throw CollateError(concat(a...), static_cast<int64_t>(i));
}

std::string described(const Tensor& t) { return t.defined() ? concat(t.dtype(), " ", t.shape()) : "undefined"; }

// Every example must have the names of the first, in whatever order.
void expect_same_names(const char* op, std::span<const Example> examples) {
  HEARTH_CHECK(!examples.empty(), op, ": there are no examples");
  const Example& first = examples[0];
  for (size_t i = 1; i < examples.size(); ++i) {
    for (const Example::Entry& e : first) {
      if (!examples[i].contains(e.name))
        refuse(i, op, ": example ", i, " has no \"", e.name, "\", which example 0 has; it has ",
               examples[i].empty() ? "no tensors" : names_of(examples[i]));
    }
    for (const Example::Entry& e : examples[i]) {
      if (!first.contains(e.name))
        refuse(i, op, ": example ", i, " has \"", e.name, "\", which example 0 has not; it has ",
               first.empty() ? "no tensors" : names_of(first));
    }
  }
}

// The tensors of the first example's entry k in all examples: all of one dtype, or all undefined.
std::vector<Tensor> column(const char* op, std::span<const Example> examples, size_t k) {
  const Example::Entry& first = examples[0].begin()[k];
  std::vector<Tensor> out;
  out.reserve(examples.size());
  for (size_t i = 0; i < examples.size(); ++i) {
    // Names mostly stand in the same order.
    const Example::Entry& here = examples[i].begin()[k];
    const Tensor& t = here.name == first.name ? here.tensor : examples[i][first.name];
    if (t.defined() != first.tensor.defined() || (t.defined() && t.dtype() != first.tensor.dtype()))
      refuse(i, op, ": \"", first.name, "\" of example ", i, " is ", described(t), ", but that of example 0 is ",
             described(first.tensor), "; all must be defined and of one dtype");
    out.push_back(t);
  }
  return out;
}

Tensor stacked(const char* op, const std::string& name, const std::vector<Tensor>& tensors) {
  if (!tensors[0].defined()) return {};
  for (size_t i = 1; i < tensors.size(); ++i) {
    if (tensors[i].shape() != tensors[0].shape())
      refuse(i, op, ": \"", name, "\" of example ", i, " has shape ", tensors[i].shape(),
             ", but that of example 0 has ", tensors[0].shape(), "; data::PaddingCollate can pad it");
  }
  return stack(tensors);
}

// `dims` of a tensor of this rank: not negative, in rising order.
std::vector<int> padded_dims(const std::string& name, const Dims& dims, size_t example, const Tensor& t) {
  std::vector<int> out;
  for (int64_t d : dims) {
    if (d < -t.dim() || d >= t.dim())
      refuse(example, kPad, ": \"", name, "\" of example ", example, " has shape ", t.shape(),
             ", which has no dimension ", d, " to pad");
    out.push_back(static_cast<int>(d < 0 ? d + t.dim() : d));
  }
  std::ranges::sort(out);
  if (std::ranges::adjacent_find(out) != out.end())
    refuse(example, kPad, ": the dimensions ", dims, " of \"", name, "\" name one of shape ", t.shape(), " twice");
  return out;
}

// The part of a batch's tensor that example i's own elements take up. `dims` of the example are those of whole after
// the first.
Tensor own_part(const Tensor& whole, size_t i, const std::vector<int>& dims, std::span<const int64_t> sizes) {
  Tensor part = whole.select(0, static_cast<int64_t>(i));
  for (size_t k = 0; k < dims.size(); ++k) part = part.narrow(dims[k], 0, sizes[k]);
  return part;
}

// Adds the tensors of one name, padded, and the mask and lengths if they are wanted. Their names are free.
void add_padded(Example& batch, const std::string& name, const PadOptions& o, const std::vector<Tensor>& tensors) {
  const Tensor& first = tensors[0];
  HEARTH_CHECK(first.defined(), kPad, ": \"", name, "\" cannot be padded: it is undefined in all examples");
  const DType dtype = first.dtype();
  // fits() also takes what fill_() would wrap.
  const double value = o.value.to<double>();
  const bool holds = fits(o.value, dtype) && (is_floating_point(dtype) || value == std::trunc(value)) &&
                     (dtype != u8 || value >= 0) && (dtype != boolean || value == 0 || value == 1);
  HEARTH_CHECK(holds, kPad, ": \"", name, "\" is ", dtype, ", which cannot hold the padding value ", o.value);
  const std::vector<int> dims = padded_dims(name, o.dims, 0, first);
  const auto n = static_cast<int64_t>(tensors.size()), k = static_cast<int64_t>(dims.size());

  Shape shape = first.shape();
  std::vector<int64_t> sizes;  // before padding: k of each example
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Shape& own = tensors[i].shape();
    bool alike = own.rank() == shape.rank();
    for (int d = 0; alike && d < own.rank(); ++d) alike = own[d] == shape[d] || std::ranges::count(dims, d) > 0;
    if (!alike)
      refuse(i, kPad, ": \"", name, "\" of example ", i, " has shape ", own, ", but that of example 0 has ",
             first.shape(), ": they may differ only in the padded dimensions ", o.dims);
    for (int d : dims) {
      sizes.push_back(own[d]);
      shape[d] = std::max(shape[d], own[d]);
    }
  }
  for (int d : dims) shape[d] = (shape[d] + o.multiple_of - 1) / o.multiple_of * o.multiple_of;
  shape.insert(0, n);

  Tensor padded = full(shape, o.value, {.dtype = dtype, .device = first.device()});
  for (size_t i = 0; i < tensors.size(); ++i)
    own_part(padded, i, dims, std::span(sizes).subspan(i * dims.size(), dims.size())).copy_(tensors[i]);
  batch.set(name, padded);

  if (o.mask) {
    Shape mask_shape{n};
    std::vector<int> mask_dims;
    for (int d : dims) {
      mask_dims.push_back(mask_shape.rank() - 1);
      mask_shape.push_back(shape[d + 1]);
    }
    Tensor mask = full(mask_shape, false, {.dtype = boolean, .device = first.device()});
    for (size_t i = 0; i < tensors.size(); ++i)
      own_part(mask, i, mask_dims, std::span(sizes).subspan(i * dims.size(), dims.size())).fill_(true);
    batch.set(name + "_mask", mask);
  }
  if (o.length)
    batch.set(name + "_length", from_values(sizes, k == 1 ? Shape{n} : Shape{n, k}, {.device = first.device()}));
}

}  // namespace

Example stack_examples(std::vector<Example> examples) {
  expect_same_names(kStack, examples);
  Example batch;
  for (size_t k = 0; k < examples[0].size(); ++k) {
    const std::string& name = examples[0].begin()[k].name;
    batch.set(name, stacked(kStack, name, column(kStack, examples, k)));
  }
  return batch;
}

PaddingCollate::PaddingCollate(std::vector<Entry> pads) : pads_(std::move(pads)) {
  for (size_t i = 0; i < pads_.size(); ++i) {
    const auto& [name, o] = pads_[i];
    HEARTH_CHECK(!name.empty(), kPad, ": a name is empty");
    for (size_t j = 0; j < i; ++j) HEARTH_CHECK(pads_[j].name != name, kPad, ": the name \"", name, "\" comes twice");
    HEARTH_CHECK(!o.dims.empty(), kPad, ": the options of \"", name, "\" name no dimension to pad");
    HEARTH_CHECK(o.multiple_of >= 1, kPad, ": multiple_of must be at least 1, but is ", o.multiple_of, " for \"", name,
                 "\"");
  }
}

Example PaddingCollate::operator()(std::vector<Example> examples) const {
  expect_same_names(kPad, examples);
  const Example& first = examples[0];
  for (const Entry& e : pads_) {
    HEARTH_CHECK(first.contains(e.name), kPad, ": there is no \"", e.name, "\" to pad; the examples have ",
                 first.empty() ? "no tensors" : names_of(first));
    // A name that comes later would replace what stands beside a padded one.
    for (const auto& [on, suffix] : {std::pair(e.options.mask, "_mask"), std::pair(e.options.length, "_length")}) {
      HEARTH_CHECK(!on || !first.contains(e.name + suffix), kPad, ": \"", e.name, suffix,
                   "\" is to be added, but the examples have a tensor of that name");
    }
  }
  Example batch;
  for (size_t k = 0; k < first.size(); ++k) {
    const std::string& name = first.begin()[k].name;
    const std::vector<Tensor> tensors = column(kPad, examples, k);
    const auto pad = std::ranges::find(pads_, name, &Entry::name);
    if (pad == pads_.end()) batch.set(name, stacked(kPad, name, tensors));
    else add_padded(batch, name, pad->options, tensors);
  }
  return batch;
}

}  // namespace hearth::data
