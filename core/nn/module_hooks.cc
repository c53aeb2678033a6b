#include "core/nn/module_hooks.h"

#include <map>

#include "core/autograd/gate.h"
#include "core/autograd/hooks.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/nn/module.h"

namespace hearth::nn {

Tensor& HookTensors::at(size_t i) const {
  HEARTH_CHECK(i < tensors_.size(), "hook: there is no tensor ", i, "; there are ", tensors_.size());
  return *tensors_[i];
}

HookTensors HookedCall::over(std::span<Tensor> tensors) {
  HookTensors out;
  for (Tensor& t : tensors) out.tensors_.push_back(&t);
  return out;
}

// What backward's hooks of one call share. The gradients of the result wait here, apart for each backward that is
// running, until those of the arguments are there.
struct HookedCall::Gradients : std::enable_shared_from_this<Gradients> {
  ModuleBase& module;
  const std::shared_ptr<const detail::ModuleHooks> hooks;
  size_t inputs = 0, results = 0;
  bool inputs_pass = false;  // an argument wants a gradient
  Mutex mutex;
  std::map<const void*, std::vector<Tensor>> of_result ABSL_GUARDED_BY(mutex);

  Gradients(ModuleBase& m, std::shared_ptr<const detail::ModuleHooks> h) : module(m), hooks(std::move(h)) {}

  std::vector<Tensor> take(const void* run) {
    const MutexLock lock(mutex);
    auto found = of_result.extract(run);
    return found ? std::move(found.mapped()) : std::vector<Tensor>(results);
  }

  void at_result(std::span<Tensor> gradients) {
    HookTensors grad_output = over(gradients);
    hooks->before_backward.call(module, grad_output);
    if (!hooks->after_backward.any()) return;
    if (!inputs_pass) {
      std::vector<Tensor> none(inputs);
      HookTensors grad_input = over(none);
      hooks->after_backward.call(module, grad_input, std::as_const(grad_output));
      for (const Tensor& t : none)
        HEARTH_CHECK(!t.defined(), "backward hook: it gave a gradient to an argument of ", module.type_name(),
                     ", but none wants one");
      return;
    }
    const void* const run = autograd::current_backward();
    {
      const MutexLock lock(mutex);
      of_result[run].assign(gradients.begin(), gradients.end());
    }
    // Should it not come to the arguments: backward throws, or no gradient reaches them.
    autograd::on_backward_end([self = weak_from_this(), run](bool) {
      if (const auto g = self.lock()) (void)g->take(run);
    });
  }

  void at_inputs(std::span<Tensor> gradients) {
    std::vector<Tensor> of_this_run = take(autograd::current_backward());
    HookTensors grad_input = over(gradients);
    const HookTensors grad_output = over(of_this_run);
    hooks->after_backward.call(module, grad_input, grad_output);
  }
};

HookedCall::HookedCall(ModuleBase& module, std::shared_ptr<const detail::ModuleHooks> hooks)
    : module_(module), hooks_(std::move(hooks)) {}
HookedCall::~HookedCall() = default;

void HookedCall::before() {
  hooks_->before.call(module_, inputs_);
  if (hooks_->before_backward.any() || hooks_->after_backward.any()) pass_inputs();
  // Forward may consume its arguments: later hooks see copies of the handles.
  shown_.reserve(inputs_.size());
  if (hooks_->after.any()) {
    for (const Tensor* t : inputs_.tensors_) shown_.push_back(*t);
  }
  inputs_ = over(shown_);
}

void HookedCall::pass_inputs() {
  gradients_ = std::make_shared<Gradients>(module_, hooks_);
  gradients_->inputs = inputs_.size();
  for (size_t i : callers_) gated_.emplace_back(Tensor(), *inputs_.tensors_[i]);
  gradients_->inputs_pass = autograd::pass_gate(
      inputs_.tensors(), [g = gradients_](std::span<Tensor> gradients) { g->at_inputs(gradients); });
  for (size_t k = 0; k < callers_.size(); ++k) gated_[k].first = *inputs_.tensors_[callers_[k]];
}

void HookedCall::after() {
  has_result_ = true;
  for (; called_ < hooks_->after.size();) {
    if (const auto h = hooks_->after.get(called_++)) h->hook(module_, std::as_const(inputs_), result_);
  }
  if (!gradients_) return;
  HEARTH_CHECK(!result_.opaque(), "backward hook: the result of ", module_.type_name(),
               " is of a type that does not tell its tensors; give it a member tensors() (core/nn/tensors_of.h)");
  gradients_->results = result_.size();
  autograd::pass_gate(result_.tensors(), [g = gradients_](std::span<Tensor> gradients) { g->at_result(gradients); });
}

void HookedCall::finish() {
  try {
    after();
  } catch (...) {
    fail();
    throw;
  }
}

void HookedCall::fail() noexcept {
  if (!has_result_) result_.thrown_ = true;
  while (called_ < hooks_->after.size()) {
    const auto h = hooks_->after.get(called_++);
    if (!h || !h->always) continue;
    try {
      h->hook(module_, std::as_const(inputs_), result_);
    } catch (...) {  // NOLINT(bugprone-empty-catch): the first exception is on its way
    }
  }
}

}  // namespace hearth::nn
