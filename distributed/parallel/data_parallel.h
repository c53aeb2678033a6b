// DistributedDataParallel: every rank has the whole model and its part of the batch; gradients are averaged while
// backward still runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/nn/module.h"
#include "distributed/group/process_group.h"

namespace hearth::distributed {

/// Gradients that are reduced together.
struct GradBucket {
  /// Their values, one after another: what `finish` leaves here counts.
  Tensor flat;
  /// Room for what is sent in place of `flat`, between `begin` and `finish`.
  Tensor wire;
  /// The bucket's number; 0 is the one that is ready first.
  size_t index = 0;
};

/// How buckets become the average over ranks.
struct CommHook {
  /// Begins the exchange; called in backward, for one bucket after another, in the same order on all ranks. `group` has
  /// the ranks of the one that DistributedDataParallel was given.
  std::function<Work(ProcessGroup& group, GradBucket& bucket)> begin;
  /// Called when the work is done; may be null.
  std::function<void(ProcessGroup& group, GradBucket& bucket)> finish;
};

/// Sends f32 and f64 gradients as f16 or bf16: half of the bytes, rounded. Divides by the number of ranks before, so
/// that sums do not overflow. torch's fp16_compress_hook and bf16_compress_hook.
CommHook compress_hook(DType dtype);

/// Options of DistributedDataParallel.
struct DataParallelOptions {
  /// The most bytes of a bucket of several parameters. An eighth of all gradients counts in its place where that is
  /// less, or 32 KiB: the exchange of a small model begins early, too.
  int64_t bucket_bytes = 25 << 20;
  /// The same for the first one: the sooner it is full, the sooner the exchange begins.
  int64_t first_bucket_bytes = 1 << 20;
  /// A parameter of so many bytes is a bucket by itself, reduced where its gradient lies: it needs no copy.
  int64_t alone_bytes = 256 << 10;
  /// Gives all ranks the first rank's buffers before the first forward in training mode after each exchanged backward.
  bool broadcast_buffers = true;
  /// In place of a plain average.
  CommHook hook = {};
};

/// What DistributedDataParallel has done so far.
struct DataParallelStats {
  /// Backward passes with an exchange.
  int64_t steps = 0;
  /// Seconds that exchanges took.
  double communication = 0;
  /// Seconds that backward waited for exchanges at its end.
  double blocked = 0;
};

/// Averages gradients over ranks: torch.nn.parallel.DistributedDataParallel.
///
///   nn::Module net = …;  DistributedDataParallel parallel(net, group);
///   loss(net(x)).backward();   // on return, grad() of each parameter is the average over ranks
///
/// It hangs on the module by hooks: the module is used as before, and its state_dict keeps its names. When it is made,
/// all ranks get the first rank's parameters and buffers; throws Error on all ranks if they have different parameters.
/// It makes a group of its own of the same ranks, so that its exchanges do not mix with those that forward and backward
/// call themselves.
///
/// With equal batches on all ranks and a loss that is a mean, the gradients are those of one process on the joined
/// batch. What a rank has not used in a backward counts as zero; a parameter that no rank has used keeps no gradient.
/// Ranks may use different parameters, but each rank's loss must reach at least one of them: a backward that reaches
/// none cannot be noticed (add 0 * net(x).sum() to such a loss). All ranks run the same number of backward passes: see
/// Join for uneven data. In a group of one rank it does nothing.
///
/// Reduced gradients have no history: create_graph gives none for them. A gradient that was kept (g = p.grad()) stays
/// as it is when zero_grad() and another backward follow. The module must live longer.
class DistributedDataParallel {
 public:
  /// Called by all ranks.
  DistributedDataParallel(nn::ModuleBase& module, ProcessGroup& group, const DataParallelOptions& options = {});
  /// Takes the hooks off.
  ~DistributedDataParallel();
  DistributedDataParallel(const DistributedDataParallel&) = delete;
  DistributedDataParallel& operator=(const DistributedDataParallel&) = delete;

  /// While it lives, gradients are added up on this rank alone; the next backward without it averages the sums.
  class NoSync {
   public:
    /// Begins it.
    explicit NoSync(DistributedDataParallel& parallel);
    /// Ends it.
    ~NoSync();
    NoSync(const NoSync&) = delete;
    NoSync& operator=(const NoSync&) = delete;

   private:
    DistributedDataParallel& parallel_;
    const bool previous_;
  };

  /// The number of buckets; 0 in a group of one rank.
  size_t buckets() const;
  /// What it has done so far.
  const DataParallelStats& stats() const;
  /// Its last exchanges, oldest first, as ProcessGroup::record(): gradients, flags of what was used, buffers. Empty in
  /// a group of one rank.
  std::vector<Recorded> record() const;
  /// The group.
  ProcessGroup& group() const;

 private:
  friend class Join;
  nn::ModuleBase& module() const;
  bool begin_uneven(bool has_batch);
  void shadow();
  void end_uneven();
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::distributed
