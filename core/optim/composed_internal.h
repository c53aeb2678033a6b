// Steps that are composed of tensor ops: of optimizers that are used too seldom for a record of their own.
#pragma once

#include <array>
#include <span>
#include <unordered_map>

#include "core/base/error.h"
#include "core/device/capture.h"
#include "core/op/machinery.h"
#include "core/op/operand.h"
#include "core/optim/fused_optimizer.h"
#include "core/tensor/overlap.h"

namespace hearth::optim {

// A parameter in a step, in f32 where it has 16 bits; its state, undefined where it has none, is changed in place.
template <size_t kStates>
struct ComposedRow {
  Tensor parameter, gradient;
  std::array<Tensor, kStates> states;
};

// The gradient of a step, with the sign and the decay that options have.
template <class O>
Tensor step_gradient(const Tensor& gradient, const Tensor& parameter, const O& o, bool decays) {
  const Tensor g = o.maximize ? -gradient : gradient;
  return decays && o.weight_decay != 0 ? g + parameter * o.weight_decay : g;
}

// Calls f for each row of FusedOptimizer::update(): parameter, gradient, states. f gives the new value of the
// parameter. Throws Error(kUnsupported) while a GPU's work is captured: a replay would repeat the numbers of this step.
template <size_t kStates, class F>
void composed_step(const char* name, std::span<const Operand> rows, F f) {
  if (Capture::current()) fail(ErrorKind::kUnsupported, name, ": its step cannot be captured in a CUDA graph");
  constexpr size_t kRow = 2 + kStates;
  // Before anything is written: a call that is refused has changed nothing.
  std::unordered_multimap<const Storage*, const Tensor*> in_memory;
  for (size_t r = 0; r < rows.size(); r += kRow) {
    const Tensor& p = rows[r].tensor();
    const auto [begin, end] = in_memory.equal_range(p.impl()->storage.get());
    for (auto q = begin; q != end; ++q) {
      HEARTH_CHECK(!overlap(p.layout(), q->second->layout()), name, ": two parameters share memory, of shapes ",
                   q->second->shape(), " and ", p.shape());
    }
    in_memory.emplace(p.impl()->storage.get(), &p);
  }
  for (size_t r = 0; r < rows.size(); r += kRow) {
    Tensor p = rows[r].tensor().detach();
    ComposedRow<kStates> row{machinery::widened(p), rows[r + 1].tensor().detach(), {}};
    if (row.gradient.dtype() != row.parameter.dtype()) row.gradient = row.gradient.to(row.parameter.dtype());
    for (size_t k = 0; k < kStates; ++k) {
      if (rows[r + 2 + k].is_tensor()) row.states[k] = rows[r + 2 + k].tensor();
    }
    p.copy_(f(row));
  }
}

}  // namespace hearth::optim
