/// L-BFGS.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/optim/optimizer.h"

namespace hearth::optim {

/// Options of LBFGS.
struct LbfgsOptions {
  /// How a step's length is found.
  enum class LineSearch : uint8_t {
    kNone,         ///< It is lr.
    kStrongWolfe,  ///< Searched from lr on, until the strong Wolfe conditions hold.
  };
  double lr = 1;                               ///< The learning rate, at least 0.
  int64_t max_iter = 20;                       ///< Iterations in a step, at least 1.
  int64_t max_eval = 0;                        ///< Calls of the closure in a step; 0: max_iter * 5 / 4.
  double tolerance_grad = 1e-7;                ///< It ends where no element of the gradient is larger; at least 0.
  double tolerance_change = 1e-9;              ///< It ends where parameters or loss change by less; at least 0.
  int64_t history_size = 100;                  ///< How many steps it remembers, at least 1.
  LineSearch line_search = LineSearch::kNone;  ///< How a step's length is found.
};

/// Limited-memory BFGS (Liu and Nocedal, 1989), for losses that are the same at each call: all of the data, no dropout.
///
///   optim::LBFGS optimizer(net.parameters(), {.line_search = optim::LbfgsOptions::LineSearch::kStrongWolfe});
///   optimizer.step([&] {
///     optimizer.zero_grad();
///     const Tensor loss = mse_loss(net(x), y);
///     loss.backward();
///     return loss;
///   });
///
/// step(closure) makes up to max_iter iterations and gives the loss of the first call of the closure, which gives one
/// number; if the closure throws, the parameters may have moved. step() without a closure throws Error.
///
/// It has one group of parameters, all on one device, and keeps `history_size` pairs of vectors of as many elements. A
/// parameter without a gradient counts as one whose gradient is 0. What it computes is what PyTorch's does, whose the
/// defaults are.
class LBFGS final : public Optimizer {
 public:
  /// Throws Error if there are no parameters, one cannot be optimized, they are on several devices, or an option is not
  /// valid.
  explicit LBFGS(const Parameters& parameters, const LbfgsOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  LBFGS(const Parameters& parameters, T lr) : LBFGS(parameters, LbfgsOptions{.lr = static_cast<double>(lr)}) {}

  /// The options as they are now. Throws Error for a group other than 0.
  const LbfgsOptions& options(size_t group = 0) const {
    checked(group);
    return o_;
  }
  /// Takes other options from the next step on; the history stays, up to its new size. Throws Error for a group other
  /// than 0, and for options that the constructor would refuse.
  void set_options(const LbfgsOptions& options, size_t group = 0);
  /// The history, as vectors over all parameters one after another, and counts. The tensors are copies.
  StateDict state_dict() override;
  /// See Optimizer.
  void load_state_dict(const StateDict& state) override;
  /// See Optimizer. Throws Error for a group without parameters.
  std::unique_ptr<Optimizer> like(const std::vector<Parameters>& groups) const override;
  /// False: a step looks at all parameters together.
  bool elementwise() const override { return false; }

  using Optimizer::set_lr;
  /// See Optimizer.
  double lr(size_t group = 0) const override;
  /// See Optimizer.
  void set_lr(double lr, size_t group) override;
  /// 0: there is none.
  double momentum(size_t group) const override;
  /// Throws Error for anything but 0.
  void set_momentum(double momentum, size_t group) override;

 protected:
  /// Throws Error: a step needs a closure.
  void take_step() override;
  /// See Optimizer.
  Tensor take_step_with(const Closure& closure) override;

 private:
  // A change of the gradient, the step that made it, and 1 / (their product).
  struct Pair {
    Tensor change, step;
    double ro;
  };
  // The loss and the gradient at a point.
  struct Point {
    double loss;
    Tensor gradient;
  };
  Tensor flat(bool gradients) const;
  void move(const Tensor& direction, double t);
  void place(const Tensor& values);
  Point evaluate(const Closure& closure);
  void remember(const Tensor& gradient);
  Tensor direction(const Tensor& gradient) const;
  double search(const Closure& closure, double t, double slope, Point& at, int64_t& calls);

  LbfgsOptions o_;
  int64_t iterations_ = 0, calls_ = 0;
  std::deque<Pair> history_;
  Tensor direction_, gradient_;  // of the last iteration
  double t_ = 0, scale_ = 1;     // its length; the first guess of the inverse Hessian
};

}  // namespace hearth::optim
