#include "core/nn/linear.h"

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/matmul.h"

namespace hearth::nn {
Linear::Linear(ModuleBase* parent, const char* name, int64_t in, int64_t out, const LinearOptions& options)
    : Module(parent, name), weight(this, "weight", init::fan_in_uniform({out, in}, in)) {
  if (options.bias) bias.emplace(this, "bias", init::fan_in_uniform({out}, in));
}
Tensor Linear::forward(const Tensor& x) const { return bias ? linear(x, weight, *bias) : linear(x, weight); }

Embedding::Embedding(ModuleBase* parent, const char* name, int64_t count, int64_t dim, const EmbeddingOptions& options)
    : Module(parent, name), weight(this, "weight", empty({count, dim})), options_(options) {
  init::normal_(weight);
  if (options.padding_idx) {
    NoGrad off;
    weight[*options.padding_idx].zero_();
  }
}
Tensor Embedding::forward(const Tensor& index) const { return embedding(weight, index, options_.padding_idx); }

}  // namespace hearth::nn
