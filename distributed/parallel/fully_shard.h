// FullyShard: parameters, gradients and optimizer state are spread over ranks; the whole of a part of the model exists
// only while it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/nn/module.h"
#include "core/optim/optimizer.h"
#include "distributed/group/process_group.h"
#include "distributed/parallel/slices.h"

namespace hearth::distributed {

/// Options of FullyShard.
struct FullyShardOptions {
  /// Whether a module below the one that is sharded is a unit: its parameters, and those of all below it that are in no
  /// unit of their own, are gathered when it is called. All ranks must decide alike. A unit must be called as m(x), and
  /// its parameters must be used by nothing outside of that call. If null, the items of lists (nn::ModuleList,
  /// nn::Sequential) that have at least `unit_bytes` are units.
  std::function<bool(const std::string& path, const nn::ModuleBase& module)> unit = nullptr;
  /// The fewest bytes of parameters of a unit, if `unit` is null.
  int64_t unit_bytes = 1 << 20;
  /// Lets a unit's whole parameters go after its forward, and gathers them again in backward. False keeps them from
  /// forward to the end of backward: more memory, and one exchange in three less.
  bool reshard_after_forward = true;
};

/// Spreads a model over ranks (ZeRO stage 3: Rajbhandari et al., 2020; torch's fully_shard): each rank keeps an even
/// part of the elements of every parameter, of its gradient and of its optimizer state.
///
///   distributed::FullyShard sharded(net, group);
///   optim::AdamW optimizer(net.named_parameters(), {.lr = 1e-3});   // of this rank's parts
///   loss(net(x)).backward();  optimizer.step();
///
/// From then on each parameter of the module is this rank's part: one dimension, row-major; handles stay valid. While a
/// unit (see FullyShardOptions) runs, its parameters are whole: gathered before its forward, and again when backward
/// needs them; the next unit's are on their way meanwhile. The parameters that are in no unit, and those that several
/// units share, belong to the module itself. When backward() returns, grad() of each parameter is this rank's part of
/// the average over ranks, added to what was there. Gradients are exchanged while backward still runs.
///
/// With equal batches and a loss that is a mean, training is that of one process on the joined batch. The optimizer
/// must treat elements one by one, as all of hearth::optim do but Adafactor, Muon and LBFGS. For gradient norms give
/// clip_grad_norm_ reduce_norm().
///
/// All ranks run the same forward and backward passes and call the same units in the same order, and each rank's loss
/// must reach every unit that it has called. Within a unit, what a rank has not used counts as zero; a parameter that
/// no rank has used gets no gradient. Reduced gradients have no history: create_graph gives none for them. Buffers are
/// not spread; all ranks get the first rank's when the model is sharded. Writing to whole parameters is an error,
/// except under Whole; so is a parameter that begins to require a gradient after the model was sharded. In a group of
/// one rank nothing is done: parameters stay whole.
///
/// Under Autocast the casts of whole parameters are kept as long as the guard and the graph keep them: the memory saved
/// is that of the parameters in their own dtype.
///
/// Meta parameters (a model built under DefaultDevice(kMeta)) get parts in CPU memory, filled with NaN, to be loaded by
/// ShardedReader::get() or under Whole: no rank ever holds the whole model. Meta buffers get CPU memory; those that are
/// in no checkpoint are for the program to fill. The module and the group must live longer, and FullyShard longer than
/// every graph that was recorded under it.
class FullyShard {
 public:
  /// Called by all ranks. Throws Error on all ranks if they have different models.
  FullyShard(nn::ModuleBase& module, ProcessGroup& group, const FullyShardOptions& options = {});
  /// Takes the hooks off. The parameters stay this rank's parts.
  ~FullyShard();
  FullyShard(const FullyShard&) = delete;
  FullyShard& operator=(const FullyShard&) = delete;

  /// While it lives, all parameters are whole, on all ranks: to save, to evaluate, to set first values. What is written
  /// to them is kept: each rank takes its part from its own. Gradients are out of sight meanwhile, so optimizers do
  /// nothing.
  class Whole {
   public:
    /// Gathers; called by all ranks.
    explicit Whole(FullyShard& sharded);
    /// Lets the whole parameters go.
    ~Whole();
    Whole(const Whole&) = delete;
    Whole& operator=(const Whole&) = delete;

   private:
    FullyShard& sharded_;
  };

  /// The number of units, the module itself included.
  size_t units() const;
  /// The number of units whose whole parameters are in memory now.
  size_t gathered() const;
  /// The module.
  nn::ModuleBase& module() const;
  /// This rank's parts of the parameters, by the names of state_dict(). They share the parameters' memory; in a group
  /// of one rank those of parameters that are not row-major are copies.
  std::map<std::string, ShardedTensor> shards() const;
  /// This rank's part of the state of an optimizer of the module's named_parameters(). Throws Error if it is of others.
  std::map<std::string, ShardedTensor> shards(optim::Optimizer& optimizer) const;
  /// Takes parameters and persistent buffers that lie somewhere else: `shapes` has those of the whole state_dict(), and
  /// `read` gives some elements of one of them. Only this rank's parts are read. Throws Error naming everything that is
  /// missing, unexpected or of another shape; nothing is changed then.
  void load(const std::map<std::string, Shape>& shapes, const ReadElements& read);
  /// The same for the state of an optimizer. Throws Error as Optimizer::load_state_dict().
  void load(optim::Optimizer& optimizer, const std::map<std::string, Shape>& shapes, const ReadElements& read) const;
  /// Its last exchanges, oldest first, as ProcessGroup::record(): first those of parameters, then those of gradients.
  /// Empty in a group of one rank.
  std::vector<Recorded> record() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::distributed
