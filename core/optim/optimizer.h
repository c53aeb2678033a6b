/// Optimizer: what all optimizers are to schedulers, checkpoints and training loops.
///
///   optim::AdamW a(net.parameters());                    // the options' defaults
///   optim::AdamW b(net.parameters(), 3e-4);              // a learning rate
///   optim::AdamW c(net.named_parameters(), {.lr = 3e-4, .weight_decay = 0.1});
///
/// An optimizer made of named parameters keeps its state by name: it loads into a model whose parameters stand in
/// another order, and what does not fit is named.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/hook_handle.h"
#include "core/optim/parameters.h"
#include "core/tensor/tensor.h"

namespace hearth::optim {

/// A learning rate where options would stand.
template <class T>
concept LearningRate = std::convertible_to<T, double> && std::is_arithmetic_v<T>;

/// Groups of parameters, each with options of its own, and a step that changes them along their gradients.
///
/// To drive an optimizer over other tensors (slices of the parameters, for one), derive from this class: take an
/// optimizer as the prototype, add() its groups' names and tensors, make another over the other tensors by like(), and
/// pass take_step() on to its step(), set_lr() to its set_lr(), and so on.
class Optimizer {
 public:
  /// Tensors by name, as checkpoints keep them.
  using StateDict = std::map<std::string, Tensor>;
  /// What computes the loss and its gradients.
  using Closure = std::function<Tensor()>;
  /// What is called before or after each step.
  using StepHook = std::function<void(Optimizer&)>;

  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One step along the gradients. Parameters without one are left alone. Nothing is recorded.
  void step();
  /// Calls the closure with gradients on, makes a step along the gradients that it leaves, and gives what it has given:
  /// the loss. LBFGS may call it several times. Throws Error if it is empty; rethrows what it throws.
  Tensor step(const Closure& closure);
  /// Calls the hook before each step, and before its closure; those registered first are called first. The handle
  /// takes it off. like() makes an optimizer without hooks. Throws Error if it is empty.
  HookHandle register_step_pre_hook(StepHook hook);
  /// The same after each step that did not throw.
  HookHandle register_step_post_hook(StepHook hook);
  /// Drops the gradients of all parameters; or with `set_to_none` false fills those that there are with zeros, in place
  /// and without history. A parameter with a gradient of 0 takes part in steps, one without does not.
  void zero_grad(bool set_to_none = true);
  /// Everything that is needed to go on bit-equal: "<parameter>.<state>" and "<parameter>.step" (i64, 0-dim) for each
  /// parameter, and "group.<g>", the group's learning rate and momentum (f64). `<parameter>` is the parameter's name,
  /// or its index over all groups. The tensors are the optimizer's own, not copies.
  virtual StateDict state_dict() = 0;
  /// Takes a copy of a state over. Options other than learning rate and momentum stay as the optimizer was made with.
  /// States of another floating-point dtype are converted: their parameter was. Throws Error naming every missing or
  /// unexpected entry, every wrong shape or dtype and every value that no optimizer leaves; nothing is changed then.
  virtual void load_state_dict(const StateDict& state) = 0;
  /// A new optimizer of this kind without state: of `groups[g]` with the options that group g has now. A group may be
  /// empty. Throws Error unless there are as many groups.
  virtual std::unique_ptr<Optimizer> like(const std::vector<Parameters>& groups) const = 0;

  /// Whether a step changes each element by itself: that of its gradient and its state alone decide. Then parameters
  /// may be cut into parts (distributed::ZeroOptimizer, FullyShard). False for Adafactor, Muon and LBFGS.
  virtual bool elementwise() const { return true; }

  /// The number of parameter groups. Functions that take a group throw Error if there is none of that number.
  size_t groups() const { return groups_.size(); }
  /// The group's parameters; one that was given twice is listed once.
  const std::vector<Tensor>& parameters(size_t group) const { return groups_[checked(group)].tensors; }
  /// Their names in the state: those they were given with, or "0", "1", ..., counted over all groups.
  const std::vector<std::string>& names(size_t group) const { return groups_[checked(group)].names; }
  /// Whether the parameters were given with names.
  bool named() const { return named_; }
  /// The group's learning rate.
  virtual double lr(size_t group = 0) const = 0;
  /// Sets the group's learning rate. Throws Error for one that the optimizer refuses: negative, or NaN.
  virtual void set_lr(double lr, size_t group) = 0;
  /// Sets the learning rate of all groups. Throws Error as for one group; those before it have the new rate then.
  void set_lr(double lr);
  /// The group's momentum, or first beta: what OneCycleLR moves against the learning rate. 0 where there is neither.
  virtual double momentum(size_t group) const = 0;
  /// Sets the group's momentum or first beta. Throws Error for one that the optimizer refuses.
  virtual void set_momentum(double momentum, size_t group) = 0;

 protected:
  /// One step along the gradients. step() calls it with gradients off.
  virtual void take_step() = 0;
  /// One step with a closure, which is not empty.
  virtual Tensor take_step_with(const Closure& closure);
  /// `name` is the optimizer's in errors, such as "SGD". It is not copied.
  explicit Optimizer(const char* name) : name_(name) {}
  /// Adds a group. A tensor given twice in it (tied weights) counts once, under its first name. Throws Error if a
  /// tensor is undefined, not floating-point, not a leaf or in another group, if two have one name, or if some groups
  /// have names and others do not.
  void add(const Parameters& parameters);
  /// The group itself, if there is one of that number.
  size_t checked(size_t group) const;
  /// The optimizer's name in errors.
  const char* name() const { return name_; }

 private:
  struct Group {
    std::vector<Tensor> tensors;
    std::vector<std::string> names;
  };
  const char* name_;
  std::vector<Group> groups_;
  size_t count_ = 0;  // of parameters
  bool named_ = false;
  hearth::detail::HookList<StepHook> before_, after_;  // steps
};

}  // namespace hearth::optim
