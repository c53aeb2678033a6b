// The product that gives logits.
#pragma once

#include <cstdint>

#include "core/autograd/guards.h"
#include "core/nn/init.h"
#include "core/nn/module.h"
#include "core/ops/create.h"
#include "core/ops/matmul.h"

namespace hearth::text {

/// x weight^T. The weight is the table of embeddings where the model ties them.
class LmHead : public nn::Module<LmHead> {
 public:
  /// With the table of embeddings, [vocabulary, features].
  LmHead(nn::ModuleBase* parent, const char* name, const Tensor& table)
      : Module(parent, name), weight(this, "weight", table), tied_(true) {}
  /// With a weight of its own, [vocabulary, features], which starts normal with standard deviation `std`.
  LmHead(nn::ModuleBase* parent, const char* name, int64_t vocabulary, int64_t features, double std)
      : Module(parent, name), weight(this, "weight", empty({vocabulary, features})), std_(std) {
    reset_parameters();
  }
  /// Gives the weight its first values anew; a tied one gets them from the embeddings.
  void reset_parameters() {
    if (!tied_) nn::init::normal_(weight, 0, std_);
  }
  /// x [..., features] gives [..., vocabulary].
  Tensor forward(const Tensor& x) const { return linear(x, weight); }

  /// [vocabulary, features].
  nn::Parameter weight;

 private:
  bool tied_ = false;
  double std_ = 0;
};

}  // namespace hearth::text
