#include <set>
#include <vector>

#include "core/kernels/optim.h"
#include "core/op/run.h"
#include "core/optim/clip.h"
#include "core/optim/gradients_internal.h"

namespace hearth::optim {

void own_gradients(std::span<const Tensor> parameters) {
  for (Tensor p : parameters) {
    if (const Tensor g = p.grad(); g.defined() && g.layout().overlapping()) p.set_grad(g.clone());
  }
}

void scale_gradients(std::span<const Tensor> parameters, const Tensor& factor) {
  std::vector<Tensor> gradients;
  std::set<const TensorImpl*> seen;
  for (const Tensor& p : parameters) {
    const Tensor g = p.grad();
    if (g.defined() && seen.insert(g.impl()).second) gradients.push_back(g);
  }
  if (gradients.empty()) return;
  std::vector<Operand> rows;
  for (const Tensor& g : gradients) {
    rows.emplace_back(g);
    rows.emplace_back(factor);
  }
  run_rows(kScaleEach, rows);
}

}  // namespace hearth::optim
