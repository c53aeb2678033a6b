#include "distributed/parallel/join.h"

#include "core/base/error.h"
#include "core/nn/norm.h"

namespace hearth::distributed {

Join::Join(DistributedDataParallel& parallel) : parallel_(parallel) {
  if (parallel_.group().size() == 1) return;
  parallel_.module().apply([](nn::ModuleBase& m) {
    const auto refuse = [](auto* norm) {
      HEARTH_CHECK(!norm || !norm->gathers(),
                   "Join: a batch norm takes its statistics over all ranks (sync_batch_norm), but a rank without "
                   "batches runs no forward");
    };
    refuse(m.as<nn::BatchNorm1d>());
    refuse(m.as<nn::BatchNorm2d>());
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
