#include "core/nn/linear.h"

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/nn/repr.h"
#include "core/ops/create.h"
#include "core/ops/embedding.h"
#include "core/ops/index.h"
#include "core/ops/matmul.h"

namespace hearth::nn {
namespace {

Tensor weight_of(int64_t in, int64_t out) {
  HEARTH_CHECK(in >= 0 && out >= 0, "Linear: the numbers of inputs and outputs must not be negative, but are ", in,
               " and ", out);
  return empty({out, in});
}

Tensor table_of(int64_t count, int64_t dim) {
  HEARTH_CHECK(count >= 0 && dim >= 0, "Embedding: the number of rows and their length must not be negative, but are ",
               count, " and ", dim);
  return empty({count, dim});
}
const Tensor& checked_table(const Tensor& table) {
  HEARTH_CHECK(table.defined() && table.dim() == 2, "Embedding: a table must have 2 dimensions, but ",
               table.defined() ? concat("its shape is ", table.shape()) : std::string("it is undefined"));
  return table;
}
// With padding_idx counted from the start.
EmbeddingOptions checked_options(int64_t count, EmbeddingOptions o) {
  if (!o.padding_idx) return o;
  HEARTH_CHECK(*o.padding_idx >= -count && *o.padding_idx < count, "Embedding: padding_idx ", *o.padding_idx,
               " is out of range for ", count, " rows");
  if (*o.padding_idx < 0) *o.padding_idx += count;
  return o;
}

}  // namespace

Linear::Linear(ModuleBase* parent, const char* name, int64_t in, int64_t out, const LinearOptions& options)
    : Module(parent, name), weight(this, "weight", weight_of(in, out)) {
  if (options.bias) bias.emplace(this, "bias", empty({out}));
  reset_parameters();
}
void Linear::reset_parameters() {
  const int64_t in = weight.size(1);
  init::fan_in_uniform_(weight, in);
  if (bias) init::fan_in_uniform_(*bias, in);
}
Tensor Linear::forward(const Tensor& x) const { return bias ? linear(x, weight, *bias) : linear(x, weight); }

Embedding::Embedding(ModuleBase* parent, const char* name, int64_t count, int64_t dim, const EmbeddingOptions& options)
    : Embedding(parent, name, table_of(count, dim), true, options) {
  reset_parameters();
}
Embedding::Embedding(ModuleBase* parent, const char* name, const Tensor& table, bool trained,
                     const EmbeddingOptions& options)
    : Module(parent, name),
      weight(this, "weight", checked_table(table), trained),
      options_(checked_options(table.size(0), options)) {}
Embedding Embedding::from_pretrained(const Tensor& table, bool freeze, const EmbeddingOptions& options) {
  return Embedding(nullptr, "", checked_table(table).detach(), !freeze, options);
}
void Embedding::reset_parameters() {
  init::normal_(weight);
  if (options_.padding_idx) {
    NoGrad off;
    weight[*options_.padding_idx].zero_();
  }
}
Tensor Embedding::forward(const Tensor& index) const {
  const CalledAs called("Embedding");
  return embedding(weight, index, options_);
}

std::string Linear::extra_repr() const {
  return concat("in_features=", weight.size(1), detail::field("out_features", weight.size(0)),
                detail::field("bias", bias.has_value()));
}
std::string Embedding::extra_repr() const {
  const EmbeddingOptions& o = options_;
  return concat(weight.size(0), ", ", weight.size(1), o.padding_idx ? detail::field("padding_idx", *o.padding_idx) : "",
                o.max_norm ? detail::field("max_norm", *o.max_norm) : "", detail::unless(2.0, "norm_type", o.norm_type),
                detail::unless(false, "scale_grad_by_freq", o.scale_grad_by_freq));
}
std::string Flatten::extra_repr() const { return concat("start_dim=", start_, ", end_dim=", end_); }
std::string Unflatten::extra_repr() const {
  return concat("dim=", dim_, detail::field("unflattened_size", detail::repr(sizes_)));
}

}  // namespace hearth::nn
