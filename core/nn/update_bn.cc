#include "core/nn/update_bn.h"

#include "core/nn/each_batch_norm.h"
#include "core/nn/init.h"

namespace hearth::nn::detail {
namespace {

// Calls f with each batch norm below the model that keeps running statistics.
template <class F>
void for_each_norm(ModuleBase& model, F f) {
  for_each_batch_norm(model, [&](auto& norm) {
    if (norm.running_mean) f(norm);
  });
}

}  // namespace

FreshStatistics::FreshStatistics(ModuleBase& model) : model_(model) {
  for_each_norm(model, [&](auto& norm) {
    momentum_.push_back(norm.options().momentum);
    norm.set_momentum(std::nullopt);
    init::zeros_(*norm.running_mean);
    init::ones_(*norm.running_var);
    init::zeros_(*norm.num_batches_tracked);
  });
  needed_ = !momentum_.empty();
  for (const auto& [name, m] : model.named_modules()) training_.push_back(m->training());
  if (needed_) model.train();
}

FreshStatistics::~FreshStatistics() {
  size_t i = 0;
  for_each_norm(model_, [&](auto& norm) { norm.set_momentum(momentum_[i++]); });
  // Parents stand before what is below them.
  i = 0;
  for (auto& [name, m] : model_.named_modules()) m->train(training_[i++]);
}

}  // namespace hearth::nn::detail
