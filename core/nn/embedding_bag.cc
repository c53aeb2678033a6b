#include "core/nn/embedding_bag.h"

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/create.h"
#include "core/ops/index.h"

namespace hearth::nn {
namespace {

Tensor table_of(int64_t count, int64_t dim, const EmbeddingBagOptions& o) {
  HEARTH_CHECK(count >= 0 && dim >= 0,
               "EmbeddingBag: the number of rows and their length must not be negative, but are ", count, " and ", dim);
  HEARTH_CHECK(!o.padding_idx || (*o.padding_idx >= -count && *o.padding_idx < count), "EmbeddingBag: padding_idx ",
               o.padding_idx.value_or(0), " is out of range for ", count, " rows");
  return empty({count, dim});
}

}  // namespace

EmbeddingBag::EmbeddingBag(ModuleBase* parent, const char* name, int64_t count, int64_t dim,
                           const EmbeddingBagOptions& options)
    : Module(parent, name), weight(this, "weight", table_of(count, dim, options)), options_(options) {
  reset_parameters();
}
void EmbeddingBag::reset_parameters() {
  init::normal_(weight);
  if (options_.padding_idx) {
    const NoGrad off;
    weight[*options_.padding_idx].zero_();
  }
}
Tensor EmbeddingBag::forward(const Tensor& index, const std::optional<Tensor>& offsets,
                             const std::optional<Tensor>& per_sample_weights) const {
  return embedding_bag(weight, index,
                       {.mode = options_.mode,
                        .offsets = offsets,
                        .per_sample_weights = per_sample_weights,
                        .padding_idx = options_.padding_idx,
                        .include_last_offset = options_.include_last_offset});
}

}  // namespace hearth::nn
