/// Running statistics of batch norms taken anew, for averaged weights.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "core/autograd/guards.h"
#include "core/nn/module.h"
#include "core/nn/norm.h"

namespace hearth::nn {

namespace detail {

// While it lives, all batch norms below a module begin anew and average over all batches, in training mode.
class FreshStatistics {
 public:
  explicit FreshStatistics(ModuleBase& model);
  ~FreshStatistics();
  FreshStatistics(const FreshStatistics&) = delete;
  FreshStatistics& operator=(const FreshStatistics&) = delete;
  bool needed() const { return needed_; }

 private:
  ModuleBase& model_;
  std::vector<bool> training_;                   // of each module
  std::vector<std::optional<double>> momentum_;  // of each batch norm
  bool needed_ = false;
};

}  // namespace detail

/// Gives all BatchNorm1d, 2d and 3d below the model the mean and the variance of these batches, each batch counting
/// alike. `forward(model, batch)` calls the model; without it model(batch). Training modes and momentums are afterwards
/// what they were. It does nothing for a model without batch norm. PyTorch: torch.optim.swa_utils.update_bn.
template <class M, class Batches, class F>
void update_bn(M& model, Batches&& batches, F forward) {
  const detail::FreshStatistics fresh(model);
  if (!fresh.needed()) return;
  const NoGrad off;
  for (auto&& batch : batches) forward(model, batch);
}
/// The same with model(batch).
template <class M, class Batches>
void update_bn(M& model, Batches&& batches) {
  update_bn(model, std::forward<Batches>(batches), [](M& m, const auto& batch) { m(batch); });
}

}  // namespace hearth::nn
