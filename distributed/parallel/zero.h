// ZeroOptimizer: an optimizer whose state is spread over ranks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/optim/optimizer.h"
#include "distributed/group/process_group.h"
#include "distributed/parallel/slices.h"

namespace hearth::distributed {

/// Splits the elements of every parameter evenly over the ranks (ZeRO stage 1: Rajbhandari et al., 2020): each rank
/// keeps the state of its elements and updates those; then all ranks get all of them. For any optimizer that treats
/// elements one by one, as all of hearth::optim do but Adafactor, Muon and LBFGS; with the same gradients on all ranks
/// the result is that optimizer's, bit for bit.
///
///   distributed::ZeroOptimizer optimizer(optim::AdamW(net.named_parameters(), {.lr = 1e-3}), group);
///
/// step(), state_dict() and load_state_dict() are called by all ranks; the others by any. In a step all ranks need the
/// same parameters to have gradients, as DistributedDataParallel leaves them. The first step throws Error on all ranks
/// if one has parameters of another size, or clearly other values: those of ranks that began apart, or the parts that
/// FullyShard has made of them.
class ZeroOptimizer final : public optim::Optimizer {
 public:
  /// Takes groups, parameters, names and options from `optimizer`, which must not have made a step: its state is not
  /// taken over. Throws Error unless it treats elements one by one.
  ZeroOptimizer(const optim::Optimizer& optimizer, ProcessGroup& group);

  /// The whole state, as the optimizer itself would have it; copies. Called by all ranks.
  StateDict state_dict() override;
  /// Takes the whole state, of any number of ranks.
  void load_state_dict(const StateDict& state) override;
  std::unique_ptr<Optimizer> like(const std::vector<optim::Parameters>& groups) const override;
  double lr(size_t group = 0) const override { return own_->lr(group); }
  using Optimizer::set_lr;
  void set_lr(double lr, size_t group) override { own_->set_lr(lr, group); }
  double momentum(size_t group) const override { return own_->momentum(group); }
  void set_momentum(double momentum, size_t group) override { own_->set_momentum(momentum, group); }

  /// Takes a state that lies somewhere else: `shapes` has those of state_dict(), and `read` gives some elements of one
  /// of them, in one dimension. Only what this rank keeps is read. Throws Error as load_state_dict().
  void load(const std::map<std::string, Shape>& shapes, const ReadElements& read);

  /// This rank's part of the state, by the names of state_dict(). What is no tensor of elements (step counts, options)
  /// is whole. No other rank is asked.
  std::map<std::string, ShardedTensor> shards();

 protected:
  void take_step() override;

 private:
  // A slice of which the inner optimizer has state if it has elements. All ranks have that of a parameter without.
  struct Held : Slice {
    Tensor parameter, values;  // values: this rank's elements, a leaf of the inner optimizer
  };
  const Held* slice_named(const std::string& key) const { return distributed::slice_named(slices_, key); }
  void gather(size_t first, size_t end);
  void expect_same_values();

  ProcessGroup& group_;
  std::vector<Held> slices_;
  bool stepped_ = false;
  std::unique_ptr<optim::Optimizer> own_;  // over the slices of which this rank has state
};

}  // namespace hearth::distributed
