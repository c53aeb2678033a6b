#include "core/optim/fused_optimizer.h"

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "core/autograd/guards.h"
#include "core/device/capture.h"
#include "core/op/machinery.h"
#include "core/ops/create.h"
#include "core/ops/view.h"

namespace hearth::optim {
namespace {

DType state_dtype(DType parameter) { return is_half(parameter) ? f32 : parameter; }

// The state as the parameter is now: of its device and the dtype that follows from its own, and in its memory order,
// which a step is fastest in.
Tensor fitting(const Tensor& state, const Tensor& p, const Shape& shape) {
  const DType dtype = state_dtype(p.dtype());
  if (shape != p.shape())
    return state.defined() ? state.to(p.device()).to(dtype) : zeros(shape, {.dtype = dtype, .device = p.device()});
  if (!state.defined()) return zeros_like(p, dtype);
  if (state.dtype() == dtype && state.device() == p.device() && (state.strides() == p.strides() || !p.layout().dense))
    return state;
  Tensor moved = empty_like(p, dtype);
  moved.copy_(state.to(p.device()));
  return moved;
}

// One parameter in a step.
struct Work {
  size_t slot;
  const Tensor* parameter;
  Tensor gradient;
  std::array<Tensor, 3> states;
};

// One call of the record.
struct Call {
  std::vector<Operand> rows;
  std::vector<size_t> work;  // which parameters
};

// States of the form in which parameters had no names: "state.<i>.<name>", and "steps" of all so many.
Optimizer::StateDict by_parameter(const Optimizer::StateDict& old, int64_t parameters) {
  Optimizer::StateDict out;
  for (const auto& [name, t] : old) {
    if (name == "steps" && t.defined() && t.shape() == Shape{parameters}) {
      for (int64_t i = 0; i < parameters; ++i) out[std::to_string(i) + ".step"] = t.select(0, i);
    } else if (name.starts_with("state.")) {
      out[name.substr(6)] = t;
    } else {
      out[name] = t;
    }
  }
  return out;
}

}  // namespace

void infer_update(OpCall& c) {
  const int row = c.op.row;
  for (int r = 0; r < c.rows(); ++r) {
    const Tensor& p = c.input(r * row);
    if (!c.op.dtypes.contains(p.dtype()))
      fail(ErrorKind::kUnsupported, c.op.name, ": dtype ", p.dtype(), " is not supported; it takes ", c.op.dtypes);
    for (int k = 1; k < row; ++k) {
      if (!c.is_tensor(r * row + k)) continue;
      const Tensor& t = c.input(r * row + k);
      const bool fits = k == 1 ? c.op.dtypes.contains(t.dtype()) : t.dtype() == state_dtype(p.dtype());
      HEARTH_CHECK(fits && t.shape() == p.shape(), c.op.name, ": operand ", k, " of row ", r, " is ", t.dtype(), " ",
                   t.shape(), ", which does not fit the parameter, ", p.dtype(), " ", p.shape());
    }
  }
}

void FusedOptimizer::add_slots(const Parameters& parameters) {
  add(parameters);
  slots_.emplace_back(this->parameters(groups() - 1).size());
}

// A captured call runs again at each replay, with the numbers that it would have in a step of that time: they are
// written anew, and the step is counted.
void FusedOptimizer::capture_call(size_t group, const std::vector<Operand>& rows, const std::vector<size_t>& slots) {
  // The operands themselves would keep nothing alive: they refer to tensors of the step.
  auto held = std::make_shared<std::vector<std::optional<Tensor>>>();
  for (const Operand& o : rows) held->push_back(o.is_tensor() ? std::optional(o.tensor()) : std::nullopt);
  Capture::current()->before_replay([this, group, held, slots] {
    const NoGrad off;
    const size_t states = columns(group, momentum(group)).size();
    const int64_t now = phase(group, slots_[group][slots[0]]);
    for (size_t r = 0; r < slots.size(); ++r) {
      const Slot& s = slots_[group][slots[r]];
      bool same = phase(group, s) == now;
      for (size_t k = 0; k < states; ++k) {
        const std::optional<Tensor>& captured = (*held)[r * (2 + states) + 2 + k];
        same &= !captured || (s.states[k].defined() && s.states[k].is(*captured));
      }
      HEARTH_CHECK(same, name(), ": the state of the parameter \"", names(group)[slots[r]],
                   "\" has been replaced since its step was captured; capture the step again");
    }
    update(group, now, std::vector<Operand>(held->begin(), held->end()));
    for (const size_t i : slots) ++slots_[group][i].steps;
  });
}

void FusedOptimizer::take_step() {
  std::vector<Work> work;
  for (size_t g = 0; g < groups(); ++g) {
    const std::vector<Column> states = columns(g, momentum(g));
    work.clear();
    work.reserve(slots_[g].size());
    std::map<int64_t, Call> calls;
    bool captured = false;
    for (size_t i = 0; i < slots_[g].size(); ++i) {
      const Tensor& p = parameters(g)[i];
      Tensor gradient = p.grad();
      if (!gradient.defined()) continue;
      captured = Capture::current() && p.device().is_cuda();
      const Slot& s = slots_[g][i];
      Work& w = work.emplace_back(Work{i, &p, std::move(gradient), s.states});
      Call& call = calls[phase(g, s)];
      call.work.push_back(work.size() - 1);
      std::vector<Operand>& rows = call.rows;
      if (rows.empty()) rows.reserve((slots_[g].size() - i) * (2 + states.size()));
      rows.emplace_back(p);
      rows.emplace_back(w.gradient);
      for (size_t k = 0; k < states.size(); ++k) {
        const std::optional<Shape> shape = states[k].shape_for(p);
        if (states[k].use < Use::kUsed || !shape) {
          rows.emplace_back(std::nullopt);
          continue;
        }
        HEARTH_CHECK(!w.states[k].defined() || w.states[k].shape() == *shape, name(), ": the parameter \"", names(g)[i],
                     "\" has the shape ", p.shape(), " now, but its ", states[k].name, " has ", w.states[k].shape());
        HEARTH_CHECK(!captured || (w.states[k].defined() && fitting(w.states[k], p, *shape).is(w.states[k])), name(),
                     ": make a step before one is captured: the parameter \"", names(g)[i],
                     "\" has no state yet, which each replay would begin anew");
        w.states[k] = fitting(w.states[k], p, *shape);
        rows.emplace_back(w.states[k]);
      }
    }
    for (const auto& [phase, call] : calls) {
      update(g, phase, call.rows);
      // Only now: a call that was refused has changed nothing. Those before it stay done.
      if (captured) {
        std::vector<size_t> slots;
        for (const size_t i : call.work) slots.push_back(work[i].slot);
        capture_call(g, call.rows, slots);
        continue;
      }
      for (const size_t i : call.work) {
        Slot& s = slots_[g][work[i].slot];
        s.states = std::move(work[i].states);
        ++s.steps;
      }
    }
  }
}

Optimizer::StateDict FusedOptimizer::state_dict() {
  StateDict out;
  for (size_t g = 0; g < groups(); ++g) {
    const std::vector<Column> states = columns(g, momentum(g));
    for (size_t i = 0; i < slots_[g].size(); ++i) {
      const Slot& s = slots_[g][i];
      const std::string of = names(g)[i] + ".";
      out[of + "step"] = from_values(std::vector<int64_t>{s.steps}, {}, {.device = kCpu});
      for (size_t k = 0; k < states.size(); ++k) {
        if (states[k].use != Use::kNever && s.states[k].defined()) out[of + states[k].name] = s.states[k];
      }
    }
    out["group." + std::to_string(g)] = from_values(std::vector<double>{lr(g), momentum(g)}, {2}, {.device = kCpu});
  }
  return out;
}

void FusedOptimizer::load_state_dict(const StateDict& given) {
  std::optional<StateDict> converted;
  if (!named() && given.contains("steps")) {
    int64_t parameters = 0;
    for (const std::vector<Slot>& group : slots_) parameters += std::ssize(group);
    converted = by_parameter(given, parameters);
  }
  const StateDict& state = converted ? *converted : given;
  std::string wrong;
  const auto note = [&](const std::string& text) { wrong += (wrong.empty() ? "" : "; ") + text; };
  std::set<std::string> known;
  const auto find = [&](const std::string& name, const Shape& shape, DType dtype, bool is_state) -> const Tensor* {
    const auto it = state.find(name);
    known.insert(name);
    if (it == state.end() || !it->second.defined()) {
      note("missing: " + name);
      return nullptr;
    }
    const Tensor& t = it->second;
    // States in another floating dtype are of a parameter that was converted since: they are converted, too.
    const bool converts = is_state && is_floating_point(t.dtype());
    if (t.shape() == shape && (t.dtype() == dtype || converts)) return &t;
    note(concat(name, " is ", t.dtype(), " ", t.shape(), ", expected ", dtype, " ", shape));
    return nullptr;
  };
  constexpr int64_t kMostSteps = int64_t{1} << 53;  // what a double counts exactly
  std::vector<std::vector<Slot>> slots;
  std::vector<std::pair<double, double>> rates(groups());
  for (size_t g = 0; g < groups(); ++g) {
    slots.emplace_back(slots_[g].size());
    if (const Tensor* t = find("group." + std::to_string(g), {2}, f64, false)) {
      const std::vector<double> v = t->to_vector<double>();
      rates[g] = {v[0], v[1]};
      try {
        HEARTH_CHECK(std::isfinite(v[0]) && std::isfinite(v[1]), "learning rate and momentum must be finite, but are ",
                     v[0], " and ", v[1]);
        check_rates(g, v[0], v[1]);
      } catch (const Error& e) {
        note(concat("group.", g, ": ", e.what()));
      }
    }
    const std::vector<Column> columns = this->columns(g, rates[g].second);
    for (size_t i = 0; i < slots[g].size(); ++i) {
      Slot& slot = slots[g][i];
      const Tensor& p = parameters(g)[i];
      const std::string of = names(g)[i] + ".";
      if (const Tensor* t = find(of + "step", {}, i64, false)) slot.steps = t->item<int64_t>();
      if (slot.steps < 0 || slot.steps > kMostSteps)
        note(concat(of, "step must be from 0 to ", kMostSteps, ", but is ", slot.steps));
      for (size_t k = 0; k < columns.size(); ++k) {
        const std::string full = of + columns[k].name;
        const std::optional<Shape> shape = columns[k].shape_for(p);
        if (!shape) continue;
        const bool needed = columns[k].use == Use::kAlways && slot.steps > 0;
        if (!needed && (columns[k].use == Use::kNever || !state.contains(full))) continue;
        if (const Tensor* t = find(full, *shape, state_dtype(p.dtype()), true)) slot.states[k] = *t;
      }
    }
  }
  for (const auto& [name, t] : state) {
    if (!known.contains(name)) note("unexpected: " + name);
  }
  HEARTH_CHECK(wrong.empty(), name(), ": the state does not fit: ", wrong);
  NoGrad off;
  for (size_t g = 0; g < groups(); ++g) {
    for (size_t i = 0; i < slots[g].size(); ++i) {
      const Tensor& p = parameters(g)[i];
      for (Tensor& t : slots[g][i].states) {
        if (!t.defined()) continue;
        const DType dtype = state_dtype(p.dtype());
        Tensor own =
            t.shape() == p.shape() ? empty_like(p, dtype) : empty(t.shape(), {.dtype = dtype, .device = p.device()});
        own.copy_(t.to(p.device()));
        t = std::move(own);
      }
    }
  }
  for (size_t g = 0; g < groups(); ++g) {
    set_lr(rates[g].first, g);
    set_momentum(rates[g].second, g);
  }
  slots_ = std::move(slots);
}

}  // namespace hearth::optim
