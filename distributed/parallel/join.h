// Join: data parallel training where ranks have different numbers of batches.
#pragma once

#include <functional>

#include "distributed/parallel/data_parallel.h"

namespace hearth::distributed {

/// Training where ranks have different numbers of batches. A rank that has no more takes part in the others' exchanges
/// with nothing of its own, and in their optimizer steps, so that all ranks keep the same weights:
///
///   Join join(parallel);
///   for (auto& [x, y] : loader) {
///     join.step();                       // before forward; one exchanged backward follows
///     optimizer.zero_grad(); loss(net(x), y).backward(); optimizer.step();
///   }
///   join.finish([&] { optimizer.step(); });   // until the last rank has no more
///
/// Gradients are then averaged over the ranks that still have batches.
///
/// A rank without batches runs no forward: the module must call no collectives in forward or backward itself.
class Join {
 public:
  /// Called by all ranks, once for each epoch. Throws Error if a batch norm below the module takes its statistics over
  /// all ranks (sync_batch_norm).
  explicit Join(DistributedDataParallel& parallel);
  /// Ends it; the next backward averages over all ranks.
  ~Join();
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;
  /// Tells the others that this rank has a batch.
  void step();
  /// Takes part in the others' steps until nobody has a batch. Before each call of `step` the gradients are those of
  /// the others.
  void finish(const std::function<void()>& step);

 private:
  DistributedDataParallel& parallel_;
};

}  // namespace hearth::distributed
