#include "core/optim/lbfgs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::optim {
namespace {

double dot(const Tensor& a, const Tensor& b) { return (a * b).sum().item<double>(); }
double largest(const Tensor& t) { return t.numel() ? t.abs().max().item<double>() : 0; }

void check_options(const LbfgsOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.tolerance_grad >= 0 && o.tolerance_change >= 0,
               "LBFGS: lr, tolerance_grad and tolerance_change must not be negative, but are ", o.lr, ", ",
               o.tolerance_grad, " and ", o.tolerance_change);
  HEARTH_CHECK(o.max_iter >= 1 && o.max_eval >= 0 && o.history_size >= 1,
               "LBFGS: max_iter and history_size must be at least 1, and max_eval not negative, but they are ",
               o.max_iter, ", ", o.history_size, " and ", o.max_eval);
}

// A place along the direction: how far, the loss, the gradient and the slope there.
struct Probe {
  double t, f;
  Tensor g;
  double slope;
};

// Where the cubic through both probes is least, between `low` and `high`.
double cubic_minimum(const Probe& a, const Probe& b, double low, double high) {
  const double d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t), square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const double d2 = std::sqrt(square);
  const double at = a.t <= b.t ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
                               : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
  return std::min(std::max(at, low), high);
}

// A search for a length at which the strong Wolfe conditions hold (Nocedal and Wright, "Numerical optimization",
// algorithms 3.5 and 3.6).
class WolfeSearch {
 public:
  using Evaluate = std::function<Probe(double)>;
  WolfeSearch(Evaluate evaluate, Probe start, double extent, double tolerance)
      : evaluate_(std::move(evaluate)), start_(std::move(start)), extent_(extent), tolerance_(tolerance) {}

  Probe run(double t) {
    std::array<Probe, 2> ends;
    if (bracket(t, ends)) return ends[0];
    return zoom(std::move(ends));
  }

 private:
  static constexpr double kDecrease = 1e-4, kCurvature = 0.9;
  static constexpr int kMost = 25;

  bool falls_too_little(const Probe& p) const { return p.f > start_.f + kDecrease * p.t * start_.slope; }
  bool is_flat(const Probe& p) const { return std::abs(p.slope) <= -kCurvature * start_.slope; }

  // True if ends[0] will do; else a minimum lies between both.
  bool bracket(double t, std::array<Probe, 2>& ends) {
    Probe before = start_, now = evaluate_(t);
    for (; rounds_ < kMost; ++rounds_) {
      if (falls_too_little(now) || (rounds_ > 1 && now.f >= before.f)) {
        ends = {before, now};
        return false;
      }
      if (is_flat(now)) {
        ends[0] = now;
        return true;
      }
      if (now.slope >= 0) {
        ends = {before, now};
        return false;
      }
      t = cubic_minimum(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10);
      before = now;
      now = evaluate_(t);
    }
    ends = {start_, now};
    return false;
  }

  Probe zoom(std::array<Probe, 2> ends) {
    bool little_progress = false;
    size_t low = ends[0].f <= ends[1].f ? 0 : 1;
    while (rounds_ < kMost && std::abs(ends[1].t - ends[0].t) * extent_ >= tolerance_) {
      const double least = std::min(ends[0].t, ends[1].t), most = std::max(ends[0].t, ends[1].t);
      double t = cubic_minimum(ends[0], ends[1], least, most);
      // Not too near to an end twice.
      const double margin = 0.1 * (most - least);
      if (std::min(most - t, t - least) < margin) {
        if (little_progress || t >= most || t <= least) {
          t = std::abs(t - most) < std::abs(t - least) ? most - margin : least + margin;
          little_progress = false;
        } else {
          little_progress = true;
        }
      } else {
        little_progress = false;
      }
      Probe now = evaluate_(t);
      ++rounds_;
      const size_t high = 1 - low;
      if (falls_too_little(now) || now.f >= ends[low].f) {
        ends[high] = std::move(now);
        low = ends[0].f <= ends[1].f ? 0 : 1;
        continue;
      }
      const bool done = is_flat(now);
      if (!done && now.slope * (ends[high].t - ends[low].t) >= 0) ends[high] = ends[low];
      ends[low] = std::move(now);
      if (done) break;
    }
    return ends[low];
  }

  Evaluate evaluate_;
  Probe start_;
  double extent_, tolerance_;
  int rounds_ = 0;
};

}  // namespace

LBFGS::LBFGS(const Parameters& parameters, const LbfgsOptions& options) : Optimizer("LBFGS"), o_(options) {
  HEARTH_CHECK(!parameters.tensors().empty(), "LBFGS: there are no parameters to optimize");
  check_options(options);
  add(parameters);
  for (const Tensor& p : this->parameters(0)) {
    HEARTH_CHECK(p.device() == this->parameters(0)[0].device(),
                 "LBFGS: the parameters must be on one device, but one is on ", p.device(), " and another on ",
                 this->parameters(0)[0].device());
  }
}

// All parameters, or their gradients, one after another.
Tensor LBFGS::flat(bool gradients) const {
  std::vector<Tensor> parts;
  for (const Tensor& p : parameters(0)) {
    const Tensor g = gradients ? p.grad() : p.detach();
    parts.push_back(g.defined()
                        ? machinery::widened(g.detach()).reshape({-1})
                        : zeros({p.numel()}, {.dtype = is_half(p.dtype()) ? f32 : p.dtype(), .device = p.device()}));
  }
  return cat(parts);
}

void LBFGS::move(const Tensor& direction, double t) {
  int64_t at = 0;
  for (const Tensor& parameter : parameters(0)) {
    Tensor p = parameter.detach();
    const Tensor part = direction.narrow(0, at, p.numel()).reshape(p.shape());
    p.copy_(machinery::widened(p) + part * t);
    at += p.numel();
  }
}

void LBFGS::place(const Tensor& values) {
  int64_t at = 0;
  for (const Tensor& parameter : parameters(0)) {
    Tensor p = parameter.detach();
    p.copy_(values.narrow(0, at, p.numel()).reshape(p.shape()));
    at += p.numel();
  }
}

LBFGS::Point LBFGS::evaluate(const Closure& closure) {
  double loss = 0;
  {
    const GradMode on(true);
    loss = closure().item<double>();
  }
  ++calls_;
  return {loss, flat(true)};
}

void LBFGS::remember(const Tensor& gradient) {
  Pair pair{gradient - gradient_, direction_ * t_, 0};
  const double product = dot(pair.change, pair.step);
  if (!(product > 1e-10)) return;
  while (static_cast<int64_t>(history_.size()) >= o_.history_size) history_.pop_front();
  pair.ro = 1 / product;
  scale_ = product / dot(pair.change, pair.change);
  history_.push_back(std::move(pair));
}

// The inverse Hessian, as far as it is remembered, times the gradient downhill.
Tensor LBFGS::direction(const Tensor& gradient) const {
  std::vector<double> weights(history_.size());
  Tensor q = -gradient;
  for (size_t i = history_.size(); i-- > 0;) {
    weights[i] = dot(history_[i].step, q) * history_[i].ro;
    q = q - history_[i].change * weights[i];
  }
  q = q * scale_;
  for (size_t i = 0; i < history_.size(); ++i) {
    const double back = dot(history_[i].change, q) * history_[i].ro;
    q = q + history_[i].step * (weights[i] - back);
  }
  return q;
}

// Moves the parameters as far as the search says, and gives how far; `at` is the point there.
double LBFGS::search(const Closure& closure, double t, double slope, Point& at, int64_t& calls) {
  const Tensor start = flat(false);
  const auto probe = [&](double length) {
    move(direction_, length);
    Point p = evaluate(closure);
    ++calls;
    place(start);
    const double along = dot(p.gradient, direction_);
    return Probe{length, p.loss, std::move(p.gradient), along};
  };
  WolfeSearch search(probe, Probe{0, at.loss, at.gradient, slope}, largest(direction_), o_.tolerance_change);
  Probe found = search.run(t);
  at = {found.f, std::move(found.g)};
  move(direction_, found.t);
  return found.t;
}

Tensor LBFGS::take_step_with(const Closure& closure) {
  const NoGrad off;
  Tensor first;
  Point at = evaluate([&] { return first = closure(); });
  first = first.detach();
  int64_t calls = 1;
  const int64_t most = o_.max_eval ? o_.max_eval : o_.max_iter * 5 / 4;
  for (int64_t n = 1; n <= o_.max_iter && !(largest(at.gradient) <= o_.tolerance_grad); ++n) {
    if (++iterations_ == 1) {
      history_.clear();
      scale_ = 1;
    } else {
      remember(at.gradient);
    }
    direction_ = direction(at.gradient);
    gradient_ = at.gradient;
    const double loss_before = at.loss;
    t_ = o_.lr;
    if (iterations_ == 1) t_ *= std::min(1.0, 1 / at.gradient.abs().sum().item<double>());
    const double slope = dot(at.gradient, direction_);
    if (slope > -o_.tolerance_change) break;
    if (o_.line_search == LbfgsOptions::LineSearch::kStrongWolfe) {
      t_ = search(closure, t_, slope, at, calls);
    } else {
      move(direction_, t_);
      if (n == o_.max_iter) break;  // the gradient there is the next step's
      at = evaluate(closure);
      ++calls;
    }
    if (calls >= most || largest(direction_ * t_) <= o_.tolerance_change ||
        std::abs(at.loss - loss_before) < o_.tolerance_change)
      break;
  }
  return first;
}

void LBFGS::take_step() {
  fail("LBFGS: a step needs a closure that computes the loss and its gradients: step(closure)");
}

void LBFGS::set_options(const LbfgsOptions& options, size_t group) {
  checked(group);
  check_options(options);
  o_ = options;
}

double LBFGS::lr(size_t group) const {
  checked(group);
  return o_.lr;
}
void LBFGS::set_lr(double lr, size_t group) {
  LbfgsOptions o = options(group);
  o.lr = lr;
  set_options(o, group);
}
double LBFGS::momentum(size_t group) const {
  checked(group);
  return 0;
}
void LBFGS::set_momentum(double momentum, size_t group) {
  checked(group);
  HEARTH_CHECK(momentum == 0, "LBFGS: there is no momentum that could be ", momentum);
}

std::unique_ptr<Optimizer> LBFGS::like(const std::vector<Parameters>& groups) const {
  HEARTH_CHECK(groups.size() == 1, "LBFGS: like: expected parameters for 1 groups, but got ", groups.size());
  return std::make_unique<LBFGS>(groups[0], o_);
}

// "numbers" (f64): learning rate, iterations, calls, length, scale, and each pair's ro. "direction", "gradient": the
// last iteration's. "changes", "steps" [pairs, elements].
Optimizer::StateDict LBFGS::state_dict() {
  std::vector<double> numbers{o_.lr, static_cast<double>(iterations_), static_cast<double>(calls_), t_, scale_};
  std::vector<Tensor> changes, steps;
  for (const Pair& p : history_) {
    numbers.push_back(p.ro);
    changes.push_back(p.change);
    steps.push_back(p.step);
  }
  StateDict out;
  out["numbers"] = from_values(numbers, {static_cast<int64_t>(numbers.size())}, {.device = kCpu});
  if (direction_.defined()) {
    out["direction"] = direction_.clone();
    out["gradient"] = gradient_.clone();
  }
  if (!changes.empty()) {
    out["changes"] = stack(changes);
    out["steps"] = stack(steps);
  }
  return out;
}

void LBFGS::load_state_dict(const StateDict& state) {
  const NoGrad off;
  const auto find = [&](const char* name) {
    const auto it = state.find(name);
    return it == state.end() ? Tensor() : it->second;
  };
  for (const auto& [name, t] : state) {
    HEARTH_CHECK(name == "numbers" || name == "direction" || name == "gradient" || name == "changes" || name == "steps",
                 "LBFGS: the state has an unexpected \"", name, "\"");
    HEARTH_CHECK(t.defined(), "LBFGS: \"", name, "\" of the state is undefined");
  }
  const Tensor numbers = find("numbers"), now = flat(false);
  HEARTH_CHECK(numbers.defined() && numbers.dtype() == f64 && numbers.dim() == 1 && numbers.numel() >= 5,
               "LBFGS: the state has no \"numbers\" of f64 [5 or more]");
  const std::vector<double> n = numbers.to_vector<double>();
  for (double v : n) HEARTH_CHECK(std::isfinite(v), "LBFGS: \"numbers\" of the state has ", v);
  const auto is_count = [](double v) { return v >= 0 && v <= 9007199254740992.0 && v == std::floor(v); };
  HEARTH_CHECK(n[0] >= 0 && is_count(n[1]) && is_count(n[2]),
               "LBFGS: \"numbers\" of the state has no learning rate and two counts in front, but ", n[0], ", ", n[1],
               " and ", n[2]);
  const auto pairs = static_cast<int64_t>(n.size()) - 5;
  const auto fit = [&](const char* name, const Shape& shape, bool wanted) {
    const Tensor t = find(name);
    HEARTH_CHECK(t.defined() == wanted, "LBFGS: the state has ", wanted ? "no \"" : "an unexpected \"", name, "\"");
    if (!wanted) return t;
    HEARTH_CHECK(t.shape() == shape && is_floating_point(t.dtype()), "LBFGS: \"", name, "\" of the state is ",
                 t.dtype(), " ", t.shape(), ", but must be of numbers ", shape);
    return t.to(now.device()).to(now.dtype()).clone();
  };
  const bool begun = n[1] > 0;
  const Tensor direction = fit("direction", now.shape(), begun), gradient = fit("gradient", now.shape(), begun);
  const Tensor changes = fit("changes", {pairs, now.numel()}, pairs > 0),
               steps = fit("steps", {pairs, now.numel()}, pairs > 0);
  o_.lr = n[0];
  iterations_ = static_cast<int64_t>(n[1]);
  calls_ = static_cast<int64_t>(n[2]);
  t_ = n[3];
  scale_ = n[4];
  direction_ = direction;
  gradient_ = gradient;
  history_.clear();
  for (int64_t i = 0; i < pairs; ++i)
    history_.push_back({changes.select(0, i), steps.select(0, i), n[static_cast<size_t>(5 + i)]});
}

}  // namespace hearth::optim
