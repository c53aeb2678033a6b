#include "distributed/parallel/join.h"

#include "core/base/error.h"
#include "core/nn/each_batch_norm.h"

namespace hearth::distributed {

Join::Join(DistributedDataParallel& parallel) : parallel_(parallel) {
  if (parallel_.group().size() == 1) return;
  nn::for_each_batch_norm(parallel_.module(), [](const auto& norm) {
    HEARTH_CHECK(!norm.gathers(),
                 "Join: a batch norm takes its statistics over all ranks (sync_batch_norm), but a rank without batches "
                 "runs no forward");
  });
}

Join::~Join() { parallel_.end_uneven(); }

void Join::step() {
  if (parallel_.group().size() > 1) parallel_.begin_uneven(true);
}

void Join::finish(const std::function<void()>& step) {
  if (parallel_.group().size() == 1) return;
  while (parallel_.begin_uneven(false)) {
    parallel_.shadow();
    step();
  }
}

}  // namespace hearth::distributed
