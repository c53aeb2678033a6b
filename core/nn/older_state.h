// Bringing states of older versions, or of older PyTorch, to the names of today: see ModuleBase::load_state_dict().
#pragma once

#include <optional>
#include <string>

#include "core/nn/module.h"
#include "core/ops/create.h"

namespace hearth::nn::detail {

// States of norms that were saved before they counted batches, or by others, have no count: the norm's own stays, and
// one that has no values becomes 0.
inline void keep_batch_count(StateDict& state, const std::string& prefix, const std::optional<Buffer>& count) {
  const std::string name = prefix + "num_batches_tracked";
  const auto mean = state.find(prefix + "running_mean");
  if (!count || mean == state.end() || state.contains(name)) return;
  const bool empty = count->device().is_meta() && mean->second.defined();
  state[name] = empty ? zeros({}, {.dtype = i64, .device = mean->second.device()}) : Tensor(*count);
}

// Gives a tensor another name, if there is none of that name yet.
inline void rename(StateDict& state, const std::string& from, const std::string& to) {
  if (state.contains(to)) return;
  auto node = state.extract(from);
  if (node.empty()) return;
  node.key() = to;
  state.insert(std::move(node));
}

}  // namespace hearth::nn::detail
