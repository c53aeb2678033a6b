#include "core/autograd/anomaly.h"

#include "core/base/error.h"
#include "core/base/thread_state.h"
#include "core/op/machinery.h"

namespace hearth {
namespace {

// Looking at a tensor is not itself recorded, traced or looked at.
struct Aside {
  Interposer* interposer = std::exchange(thread_state.interposer, nullptr);
  bool grad = std::exchange(thread_state.grad_enabled, false);
  ~Aside() {
    thread_state.interposer = interposer;
    thread_state.grad_enabled = grad;
  }
};

bool has_nan(const Tensor& t) {
  if (!t.defined() || !is_differentiable(t.dtype()) || t.device().is_meta()) return false;
  const Aside aside;
  const Tensor c = machinery::transfer(t.layout().contiguous ? t : machinery::copy(t, MemoryFormat::kContiguous), kCpu);
  return visit_any(c.dtype(), [&]<class T>() {
    const T* p = static_cast<const T*>(c.raw_data());
    for (int64_t i = 0, n = c.numel(); i < n; ++i) {
      if constexpr (is_complex_number<T>) {
        if (p[i] != p[i]) return true;
      } else if (const auto v = convert<double>(p[i]); v != v) {
        return true;
      }
    }
    return false;
  });
}

}  // namespace

AnomalyMode::AnomalyMode(AnomalyOptions options)
    : options_(options), previous_(std::exchange(thread_state.anomaly, true)), guard_(*this) {}
AnomalyMode::~AnomalyMode() { thread_state.anomaly = previous_; }

void AnomalyMode::intercept(OpCall& c) {
  bool known = false;
  if (options_.check_forward) {
    for (int i = 0; i < c.inputs(); ++i) {
      known |=
          c.is_tensor(i) ? has_nan(c.input(i)) : c.is_scalar(i) && c.scalar(i).to<double>() != c.scalar(i).to<double>();
    }
  }
  c.proceed();
  // Views and uninitialised memory hold what others wrote.
  if (!options_.check_forward || known || c.op.kind == OpKind::kView) return;
  for (int k = 0; k < c.op.visible; ++k) {
    HEARTH_CHECK(!has_nan(c.out[k]), c.op.name, ": result ", k, " of shape ", c.out[k].shape(),
                 " has NaN, but no operand has (anomaly mode)");
  }
  for (int i = 0; i < c.inputs(); ++i) {
    HEARTH_CHECK(!c.writes(i) || !c.is_tensor(i) || !has_nan(c.input(i)), c.op.name, ": operand ", i, " of shape ",
                 c.input(i).shape(), " has NaN now, but no operand had (anomaly mode)");
  }
}

void autograd::check_gradients(Node& node, std::span<const Tensor> gradients) {
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (!has_nan(gradients[i])) continue;
    fail(node.op->name, ": its backward gave operand ", i, " (", gradients[i].dtype(), " ", gradients[i].shape(),
         ") a gradient with NaN",
         node.scope && !node.scope->empty() ? "; the op was recorded in " + *node.scope : std::string(),
         " (anomaly mode)");
  }
}

}  // namespace hearth
