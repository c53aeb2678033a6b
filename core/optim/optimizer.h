// Optimizers. Each holds groups of parameters with options of their own, and keeps state per parameter.
//
// State has the parameter's dtype, but of f16 and bf16 parameters it is f32 (PyTorch keeps 16 bits there): a step is
// computed in f32 and the parameter rounded once. Changes below half of a parameter's last place are lost all the same.
//
//   optim::Adam a(net.parameters());                   // the options' defaults
//   optim::Adam b(net.parameters(), 3e-4);             // a learning rate
//   optim::Adam c(net.parameters(), {.lr = 3e-4, .weight_decay = 1e-2});
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::optim {

// A learning rate where options would stand.
template <class T>
concept LearningRate = std::convertible_to<T, double> && std::is_arithmetic_v<T>;

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // One step along the gradients; parameters without one are left alone. Nothing is recorded.
  void step();
  // Drops the gradients.
  void zero_grad();

  // What names a group throws Error if there is none of that number.
  size_t groups() const { return groups_.size(); }
  const std::vector<Tensor>& parameters(size_t group) const { return groups_[checked(group)]; }
  virtual double lr(size_t group = 0) const = 0;
  virtual void set_lr(double lr, size_t group) = 0;
  // Momentum, or the first beta; what OneCycleLR moves against the learning rate.
  virtual double momentum(size_t) const { return 0; }
  virtual void set_momentum(double, size_t) {}
  // Sets it for all groups.
  void set_lr(double lr) {
    for (size_t g = 0; g < groups(); ++g) set_lr(lr, g);
  }

  // Everything needed to go on bit-equal: "state.<parameter>.<name>", "steps", "group.<g>.lr". Tensors are the
  // optimizer's own.
  std::map<std::string, Tensor> state_dict();
  // Throws Error naming every missing or unexpected name and every wrong shape or dtype; nothing is changed then.
  // Options other than lr and momentum stay as the optimizer was made with.
  void load_state_dict(const std::map<std::string, Tensor>& state);

 protected:
  // `name` is the optimizer's in errors, such as "SGD".
  Optimizer(const char* name, std::vector<Tensor> parameters) : name_(name) { add_group(std::move(parameters)); }
  // Throws Error if there are no parameters, if one is given twice, or is not a floating-point leaf.
  void add_group(std::vector<Tensor> parameters);
  size_t checked(size_t group) const;  // the group itself
  const char* name() const { return name_; }
  // One parameter's step; `state` is its own, empty at first; `steps` counts from 1.
  virtual void update(Tensor& p, const Tensor& grad, std::map<std::string, Tensor>& state, size_t group,
                      int64_t steps) = 0;
  // Names of a parameter's state, and whether each must be there once a step has been made with the group's momentum.
  using StateNames = std::vector<std::pair<const char*, bool>>;
  virtual StateNames state_names(size_t group, double momentum) const = 0;

 private:
  struct Slot {
    std::map<std::string, Tensor> tensors;
    int64_t steps = 0;
  };
  const char* name_;
  std::vector<std::vector<Tensor>> groups_;
  std::vector<Slot> slots_;  // of all parameters, group after group
};

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;  // added to the gradient
  bool nesterov = false;
  bool maximize = false;
};
// Stochastic gradient descent with momentum as PyTorch has it: buffer = momentum * buffer + gradient.
class SGD final : public Optimizer {
 public:
  explicit SGD(std::vector<Tensor> parameters, const SGDOptions& options = {});
  template <LearningRate T>
  SGD(std::vector<Tensor> parameters, T lr) : SGD(std::move(parameters), SGDOptions{.lr = static_cast<double>(lr)}) {}
  void add_group(std::vector<Tensor> parameters, const SGDOptions& options);
  using Optimizer::set_lr;
  double lr(size_t g = 0) const override { return options_[checked(g)].lr; }
  void set_lr(double lr, size_t g) override { options_[checked(g)].lr = lr; }
  double momentum(size_t g) const override { return options_[checked(g)].momentum; }
  void set_momentum(double m, size_t g) override { options_[checked(g)].momentum = m; }

 private:
  void update(Tensor& p, const Tensor& grad, std::map<std::string, Tensor>& state, size_t group,
              int64_t steps) override;
  StateNames state_names(size_t group, double momentum) const override;
  std::vector<SGDOptions> options_;
};

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;  // Reddi, Kale and Kumar, 2018
  bool maximize = false;
};
// Kingma and Ba, 2015. Weight decay is added to the gradient.
class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<Tensor> parameters, const AdamOptions& options = {})
      : Adam("Adam", std::move(parameters), options, false) {}
  template <LearningRate T>
  Adam(std::vector<Tensor> parameters, T lr)
      : Adam(std::move(parameters), AdamOptions{.lr = static_cast<double>(lr)}) {}
  void add_group(std::vector<Tensor> parameters, const AdamOptions& options);
  using Optimizer::set_lr;
  double lr(size_t g = 0) const override { return options_[checked(g)].lr; }
  void set_lr(double lr, size_t g) override { options_[checked(g)].lr = lr; }
  double momentum(size_t g) const override { return options_[checked(g)].beta1; }
  void set_momentum(double m, size_t g) override { options_[checked(g)].beta1 = m; }

 protected:
  Adam(const char* name, std::vector<Tensor> parameters, const AdamOptions& options, bool decoupled);

 private:
  void update(Tensor& p, const Tensor& grad, std::map<std::string, Tensor>& state, size_t group,
              int64_t steps) override;
  StateNames state_names(size_t group, double momentum) const override;
  std::vector<AdamOptions> options_;
  bool decoupled_;
};

struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;
};
// Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019).
class AdamW final : public Adam {
 public:
  explicit AdamW(std::vector<Tensor> parameters, const AdamWOptions& o = {})
      : Adam("AdamW", std::move(parameters), {o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, o.amsgrad, o.maximize},
             true) {}
  template <LearningRate T>
  AdamW(std::vector<Tensor> parameters, T lr)
      : AdamW(std::move(parameters), AdamWOptions{.lr = static_cast<double>(lr)}) {}
};

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;  // smoothing of the squares
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
};
// Tieleman and Hinton, 2012; eps is added after the root, as in PyTorch.
class RMSprop final : public Optimizer {
 public:
  explicit RMSprop(std::vector<Tensor> parameters, const RMSpropOptions& options = {});
  template <LearningRate T>
  RMSprop(std::vector<Tensor> parameters, T lr)
      : RMSprop(std::move(parameters), RMSpropOptions{.lr = static_cast<double>(lr)}) {}
  void add_group(std::vector<Tensor> parameters, const RMSpropOptions& options);
  using Optimizer::set_lr;
  double lr(size_t g = 0) const override { return options_[checked(g)].lr; }
  void set_lr(double lr, size_t g) override { options_[checked(g)].lr = lr; }
  double momentum(size_t g) const override { return options_[checked(g)].momentum; }
  void set_momentum(double m, size_t g) override { options_[checked(g)].momentum = m; }

 private:
  void update(Tensor& p, const Tensor& grad, std::map<std::string, Tensor>& state, size_t group,
              int64_t steps) override;
  StateNames state_names(size_t group, double momentum) const override;
  std::vector<RMSpropOptions> options_;
};

}  // namespace hearth::optim
