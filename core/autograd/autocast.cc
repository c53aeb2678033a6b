#include "core/autograd/autocast.h"

#include <utility>
#include <vector>

#include "core/autograd/guards.h"
#include "core/autograd/hooks.h"
#include "core/base/error.h"
#include "core/device/capture.h"
#include "core/op/machinery.h"
#include "core/op/op_call.h"
#include "core/tensor/storage.h"

namespace hearth {
namespace {

constinit thread_local Autocast* innermost = nullptr;

// What the op's floating-point operands are cast to; nullopt if they stay.
std::optional<DType> target_of(const OpCall& c, DType low) {
  const AutocastPolicy policy = c.op.autocast;
  // Pointwise ops find their common dtype themselves.
  if (c.bound || policy == AutocastPolicy::kNone ||
      (policy == AutocastPolicy::kWidest && c.op.promote != Promote::kSame))
    return std::nullopt;
  DType to = policy == AutocastPolicy::kF32 ? DType::kF32 : low;
  bool any = false, first = true;
  for (int i = 0; i < c.inputs(); ++i) {
    if (!c.is_tensor(i) || !c.input(i).defined()) continue;
    const DType d = c.input(i).dtype();
    if (d == DType::kF64 || is_complex(d)) return std::nullopt;
    if (!is_floating_point(d)) continue;
    if (policy == AutocastPolicy::kWidest) {
      any |= !first && d != to;
      to = first ? d : promote(to, d);
      first = false;
    } else {
      any |= d != to;
    }
  }
  return any && c.op.dtypes.contains(to) ? std::optional(to) : std::nullopt;
}

}  // namespace

Autocast::Autocast(std::optional<DType> low) : low_(low), outer_(innermost), backward_(autograd::current_backward()) {
  HEARTH_CHECK(!low || is_half(*low), "Autocast: dtype ", *low, " is not supported; it takes bf16, f16");
  active_.emplace(*this);
  innermost = this;
}

Autocast::~Autocast() {
  active_.reset();
  innermost = outer_;
}

std::optional<DType> Autocast::current() {
  // A guard around backward has no say in it.
  return innermost && autograd::current_backward() == innermost->backward_ ? innermost->low_ : std::nullopt;
}

void Autocast::intercept(OpCall& call) {
  // A guard around this one, or around backward, has no say.
  const std::optional<DType> to =
      innermost == this && low_ && autograd::current_backward() == backward_ ? target_of(call, *low_) : std::nullopt;
  if (!to) return call.proceed();
  std::vector<Tensor> casts;
  std::vector<Operand> operands;
  casts.reserve(call.in.size());
  operands.reserve(call.in.size());
  for (const Operand& o : call.in) {
    const bool cast =
        o.is_tensor() && o.tensor().defined() && is_floating_point(o.tensor().dtype()) && o.tensor().dtype() != *to;
    if (cast)
      operands.emplace_back(casts.emplace_back(*to == *low_ ? low(o.tensor()) : machinery::cast(o.tensor(), *to)));
    else operands.push_back(o);
  }
  struct Restore {
    OpCall& call;
    std::span<const Operand> given;
    ~Restore() { call.in = given; }
  } const restore{call, std::exchange(call.in, operands)};
  call.proceed();
}

// The cast of a parameter is kept: it is used again by the next micro-batch, the next time step, the tied layer.
Tensor Autocast::low(const Tensor& t) {
  // What a capture casts is its own, and must be cast at each replay.
  if (!t.requires_grad() || !t.is_leaf() || Capture::current()) return machinery::cast(t, *low_);
  const Storage* const memory = t.impl()->storage.get();
  const bool recorded = GradMode::enabled();
  const auto it = kept_.find(t.impl());
  if (it != kept_.end() && it->second.version == t.version() && it->second.memory == memory &&
      it->second.recorded == recorded)
    return it->second.cast;
  Tensor cast = machinery::cast(t, *low_);
  kept_[t.impl()] = {t, t.version(), memory, recorded, cast};
  return cast;
}

}  // namespace hearth
