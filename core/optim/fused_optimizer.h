/// FusedOptimizer: optimizers whose step is one call of a record for each parameter group.
///
/// State has the parameter's shape, if its column names no other, dtype and device, but of f16 and bf16 parameters it
/// is f32 (PyTorch keeps 16 bits there): a step is computed in f32 and the parameter rounded once. Changes below half
/// of a parameter's last place are lost all the same. Where a parameter was moved to another dtype or device, its state
/// follows at the next step.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/op/op_call.h"
#include "core/optim/optimizer.h"

namespace hearth::optim {

/// State by parameter, and the step that gathers the operands.
class FusedOptimizer : public Optimizer {
 public:
  /// See Optimizer. "step" and "group.<g>" are copies on the CPU.
  StateDict state_dict() override;
  /// See Optimizer. Takes what earlier versions saved by index too ("state.0.exp_avg", "steps"), if the parameters have
  /// no names.
  void load_state_dict(const StateDict& state) override;

 protected:
  /// See Optimizer. Throws Error if parameters of a group are on several devices or share memory.
  void take_step() override;
  /// The most tensors of state that a parameter has.
  static constexpr size_t kMaxStates = 3;
  /// Whether a group's options call for a tensor of state.
  enum class Use : uint8_t {
    kNever,   ///< Not at all.
    kKept,    ///< Not with the present momentum: it is kept and saved, but not used.
    kUsed,    ///< It is made when it is first used: a state may lack it.
    kAlways,  ///< It must be there once a step has been made.
  };
  /// One tensor of state that each parameter of a group has.
  struct Column {
    const char* name;  ///< Its name in the state_dict, after that of the parameter: "exp_avg".
    Use use;           ///< Whether the group's options call for it.
    /// Its shape for a parameter of that shape; nothing for a parameter that has no such state. Null: the parameter's.
    std::optional<Shape> (*shape)(const Shape& parameter) = nullptr;
    /// Its shape for this parameter.
    std::optional<Shape> shape_for(const Tensor& parameter) const {
      return shape ? shape(parameter.shape()) : parameter.shape();
    }
  };
  /// A parameter's state.
  struct Slot {
    std::array<Tensor, kMaxStates> states;  ///< The tensors, in the order of columns(); undefined until first used.
    int64_t steps = 0;  ///< How many steps the parameter has made: those in which it had a gradient.
  };

  using Optimizer::Optimizer;
  /// Adds a group and its parameters' slots.
  void add_slots(const Parameters& parameters);
  /// The columns of state, in the record's order, for a group with that momentum; at most kMaxStates.
  virtual std::vector<Column> columns(size_t group, double momentum) const = 0;
  /// Parameters for which this is not equal are updated by calls of their own: what of a parameter's history the
  /// record's attributes depend on. `slot` is what it is before the step.
  virtual int64_t phase(size_t group, const Slot& slot) const = 0;
  /// Runs the record on rows of parameter, gradient and states; those without use are absent.
  virtual void update(size_t group, int64_t phase, std::span<const Operand> rows) const = 0;

  /// Throws Error where a group cannot have this learning rate and momentum.
  virtual void check_rates(size_t group, double lr, double momentum) const = 0;

 private:
  void capture_call(size_t group, const std::vector<Operand>& rows, const std::vector<size_t>& slots);
  std::vector<std::vector<Slot>> slots_;  // of each group
};

/// A FusedOptimizer's options: one O for each group, with a field `lr`, and the field that is the momentum, if there is
/// one. Options are checked by `void check_options(const char* name, const O&)`, which throws Error.
template <class Self, class O, double O::*kMomentum = nullptr>
class OptimizerOf : public FusedOptimizer {
 public:
  /// A group's options.
  using Options = O;
  using Optimizer::set_lr;

  /// Adds a group of parameters with options of its own. Throws Error if there are none, or as the constructor.
  void add_group(const Parameters& parameters, const O& options = {}) {
    HEARTH_CHECK(!parameters.tensors().empty(), name(), ": there are no parameters to optimize");
    check_options(name(), options);
    append(parameters, options);
  }
  /// The group's options as they are now.
  const O& options(size_t group) const { return options_[checked(group)]; }
  /// Gives the group other options from the next step on, such as those that it has with another weight decay. State
  /// stays. A step that is part of a CUDA graph keeps the tensors that it was captured with: capture it again. Throws
  /// Error if there is no such group, and for options that the constructor would refuse.
  void set_options(const O& options, size_t group) {
    checked(group);
    check_options(name(), options);
    options_[group] = options;
  }

  /// The group's learning rate. Throws Error if there is no such group.
  double lr(size_t group = 0) const override { return options(group).lr; }
  /// Sets the group's learning rate. Throws Error if there is no such group, and for a rate that the constructor would
  /// refuse.
  void set_lr(double lr, size_t group) override {
    check_rates(group, lr, momentum(group));
    options_[group].lr = lr;
  }
  /// The group's momentum, or first beta; 0 if there is none. Throws Error if there is no such group.
  double momentum(size_t group) const override {
    const O& o = options(group);
    if constexpr (kMomentum != nullptr) return o.*kMomentum;
    else return 0;
  }
  /// Sets the group's momentum or first beta; 0 switches it off. Throws Error if there is no such group, and for a
  /// momentum that the constructor would refuse.
  void set_momentum(double momentum, size_t group) override {
    check_rates(group, lr(group), momentum);
    if constexpr (kMomentum != nullptr) options_[group].*kMomentum = momentum;
  }
  /// See Optimizer. Throws Error as Optimizer::add() for parameters that cannot be optimized.
  std::unique_ptr<Optimizer> like(const std::vector<Parameters>& groups) const override {
    HEARTH_CHECK(groups.size() == this->groups(), name(), ": like: expected parameters for ", this->groups(),
                 " groups, but got ", groups.size());
    std::unique_ptr<OptimizerOf> made(new Self);
    for (size_t g = 0; g < groups.size(); ++g) made->append(groups[g], options_[g]);
    return made;
  }

 protected:
  using FusedOptimizer::FusedOptimizer;
  /// Throws Error if check_options() refuses the group's options with this learning rate and momentum.
  void check_rates(size_t group, double lr, double momentum) const override {
    if constexpr (kMomentum != nullptr) {
      // A momentum of 0 is one that was switched off, whatever else the options say.
      O o = momentum == 0 ? O{} : options(group);
      o.lr = lr;
      if (momentum != 0) o.*kMomentum = momentum;
      check_options(name(), o);
    } else {
      HEARTH_CHECK(momentum == 0, name(), ": there is no momentum that could be ", momentum);
      O o = options(group);
      o.lr = lr;
      check_options(name(), o);
    }
  }

 private:
  void append(const Parameters& parameters, const O& options) {
    add_slots(parameters);
    options_.push_back(options);
  }
  std::vector<O> options_;
};

/// What records of updates have as infer: rows of parameter, gradient and states of one shape, as core/kernels/optim.h
/// says.
void infer_update(OpCall& call);

}  // namespace hearth::optim
