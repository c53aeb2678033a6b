#include "core/autograd/gate.h"

#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "core/autograd/edge.h"
#include "core/autograd/guards.h"
#include "core/autograd/record.h"
#include "core/base/error.h"
#include "core/op/grad_context.h"
#include "core/op/interposer.h"

namespace hearth::autograd {
namespace {

struct GateAttrs {
  std::shared_ptr<const GateFunction> f;
  std::vector<size_t> places;  // of the node's operands among the tensors
  size_t count = 0;            // of tensors
  static constexpr auto fields() { return std::make_tuple(); }
  bool operator==(const GateAttrs&) const = default;
};

void gate_backward(GradContext& g) {
  const auto& a = g.attrs<GateAttrs>();
  std::vector<Tensor> gradients(a.count);
  for (size_t k = 0; k < a.places.size(); ++k) gradients[a.places[k]] = g.grad(static_cast<int>(k));
  (*a.f)(gradients);
  for (size_t k = 0; k < a.places.size(); ++k) {
    const auto i = static_cast<int>(k);
    Tensor r = std::exchange(gradients[a.places[k]], Tensor());
    HEARTH_CHECK(!r.defined() || (r.shape() == g.input_shape(i) && r.dtype() == g.input_dtype(i)),
                 "backward hook: it replaced gradient ", a.places[k], ", of dtype ", g.input_dtype(i), " and shape ",
                 g.input_shape(i), ", by one of dtype ", r.dtype(), " and shape ", r.shape());
    g.set(i, std::move(r));
  }
  for (size_t i = 0; i < a.count; ++i) {
    HEARTH_CHECK(!gradients[i].defined(), "backward hook: it gave a gradient to tensor ", i, ", which wants none");
  }
}

// Its nodes are made here; it is never run forward.
constinit const OpDef kGate = {
    .name = "gate",
    .dtypes = kAllTypes | kComplexTypes,
    .min_inputs = 0,
    .max_inputs = 255,
    .attrs = &attrs_type<GateAttrs>,
    .infer = nullptr,
    .backward = gate_backward,
};

}  // namespace

bool pass_gate(std::span<Tensor* const> tensors, GateFunction f) {
  if (!GradMode::enabled() || tracing()) return false;
  GateAttrs attrs;
  attrs.count = tensors.size();
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i]->defined() && tensors[i]->requires_grad()) attrs.places.push_back(i);
  }
  const size_t n = attrs.places.size();
  if (n == 0) return false;
  HEARTH_CHECK(n <= 255, "backward hook: ", n, " tensors want a gradient; at most 255 are possible");
  attrs.f = std::make_shared<const GateFunction>(std::move(f));
  const Ref<Node> node = Node::make(kGate, static_cast<int>(n), 0, &attrs);
  node->visible = static_cast<uint8_t>(n);
  uint64_t number = 0;
  for (size_t k = 0; k < n; ++k) {
    const Tensor& t = *tensors[attrs.places[k]];
    Edge edge = grad_edge(t.ref());
    number = number_above(number, edge);
    fill_input(node->inputs()[k], *t.impl(), std::move(edge));
  }
  node->topological_number = number;
  note_scope(*node);
  for (size_t k = 0; k < n; ++k) {
    Tensor& t = *tensors[attrs.places[k]];
    // A tensor that nobody else holds changes its history; it can be written as before.
    if (t.impl()->use_count() > 1 || t.impl()->base) {
      t = detail::alias(t, t.layout(), true);
      t.impl()->flags |= TensorImpl::kGated;
    }
    set_history(*t.impl(), node, static_cast<int>(k));
  }
  return true;
}

}  // namespace hearth::autograd
