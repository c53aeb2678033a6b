#include "distributed/parallel/sync_batch_norm.h"

#include "core/nn/each_batch_norm.h"
#include "distributed/group/functional.h"

namespace hearth::distributed {

int sync_batch_norm(nn::ModuleBase& module, ProcessGroup& group) {
  int count = 0;
  const auto gather = [&group](const Tensor& t) { return functional::all_gather(t, group); };
  nn::for_each_batch_norm(module, [&](auto& norm) {
    ++count;
    if (group.size() > 1) norm.set_gather(gather);
  });
  return count;
}

}  // namespace hearth::distributed
