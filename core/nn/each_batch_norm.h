/// All batch norms of a model, whatever their dimensions.
#pragma once

#include "core/nn/module.h"
#include "core/nn/norm.h"

namespace hearth::nn {

/// Calls f with each BatchNorm1d, 2d and 3d among the module and all below, each before those below it.
template <class F>
void for_each_batch_norm(ModuleBase& module, F f) {
  module.apply([&](ModuleBase& m) {
    const auto of = [&](auto* norm) {
      if (norm) f(*norm);
    };
    of(m.as<BatchNorm1d>());
    of(m.as<BatchNorm2d>());
    of(m.as<BatchNorm3d>());
  });
}

}  // namespace hearth::nn
