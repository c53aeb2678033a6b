#include "distributed/parallel/sync_batch_norm.h"

#include "core/nn/norm.h"
#include "distributed/group/functional.h"

namespace hearth::distributed {

int sync_batch_norm(nn::ModuleBase& module, ProcessGroup& group) {
  int count = 0;
  const auto gather = [&group](const Tensor& t) { return functional::all_gather(t, group); };
  module.apply([&](nn::ModuleBase& m) {
    const auto set = [&](auto* norm) {
      if (!norm) return;
      ++count;
      if (group.size() > 1) norm->set_gather(gather);
    };
    set(m.as<nn::BatchNorm1d>());
    set(m.as<nn::BatchNorm2d>());
  });
  return count;
}

}  // namespace hearth::distributed
