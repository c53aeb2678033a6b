// Bringing states of older versions, or of older PyTorch, to the names of today: see ModuleBase::load_state_dict().
#pragma once

#include <optional>
#include <string>

#include "core/nn/module.h"

namespace hearth::nn::detail {

// States of norms that were saved before they counted batches, or by others, have no count: the norm's own stays.
inline void keep_batch_count(StateDict& state, const std::string& prefix, const std::optional<Buffer>& count) {
  const std::string name = prefix + "num_batches_tracked";
  if (count && !state.contains(name) && state.contains(prefix + "running_mean")) state[name] = *count;
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
