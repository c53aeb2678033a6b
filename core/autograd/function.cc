#include "core/autograd/function.h"

#include <algorithm>

#include "core/autograd/edge.h"
#include "core/autograd/record.h"
#include "core/base/error.h"
#include "core/op/run.h"

namespace hearth {

void ForwardContext::save(std::span<const Tensor> tensors) {
  saved_.insert(saved_.end(), tensors.begin(), tensors.end());
}

struct FunctionAccess {
  static auto& saved(ForwardContext& c) { return c.saved_; }
  static auto& constants(ForwardContext& c) { return c.constants_; }
  static auto& dirty(ForwardContext& c) { return c.dirty_; }
  static auto& needs(ForwardContext& c) { return c.needs_; }
};

namespace {

const detail::FunctionAttrs& attrs(const GradContext& g) { return g.attrs<detail::FunctionAttrs>(); }

bool among(const std::vector<Tensor>& list, const Tensor& t) {
  return std::any_of(list.begin(), list.end(), [&](const Tensor& x) { return x.is(t); });
}

}  // namespace

BackwardContext::BackwardContext(GradContext& g) : g_(g) {}

int BackwardContext::saved_count() const { return static_cast<int>(attrs(g_).saved.size()); }

Tensor BackwardContext::saved(int i) const {
  Node& node = g_.node();
  HEARTH_CHECK(i >= 0 && i < saved_count(), node.op->name, ": backward asks for saved tensor ", i,
               ", but forward saved ", saved_count());
  const int from = attrs(g_).saved[static_cast<size_t>(i)];
  const NodeOutput& kept = node.outputs()[static_cast<size_t>(i)];
  Edge edge;
  if (from >= 0) {
    edge = node.inputs()[static_cast<size_t>(from)].edge;
  } else if (from != detail::FunctionAttrs::kNeither) {
    edge = {Ref<Node>::share(&node), {}, static_cast<uint8_t>(-1 - from)};
  }
  return unpack_saved(node, kept.saved, kept.layout, kept.dtype, edge);
}

void BackwardContext::set(int i, Tensor g) {
  const char* name = g_.node().op->name;
  HEARTH_CHECK(i >= 0 && i < g_.inputs(), name, ": backward gives operand ", i, " a gradient, but there are ",
               g_.inputs(), " operands");
  if (!g.defined() || !g_.needs(i)) return;
  HEARTH_CHECK(broadcastable_to(g_.input_shape(i), g.shape()), name, ": backward gives operand ", i,
               " a gradient of shape ", g.shape(), ", but the operand's shape is ", g_.input_shape(i));
  g_.set(i, std::move(g));
}

namespace detail {

ForwardContext& FunctionCall::begin() {
  for (size_t i = 0; i < operands_.size(); ++i) {
    const auto& t = operands_[i];
    HEARTH_CHECK(!t || t->defined(), op_.name, ": operand ", i, " is an undefined tensor");
    if (!t || !GradMode::enabled() || !needs_grad(*t->impl())) continue;
    wanted_ = true;
    if (i < 64) FunctionAccess::needs(context_) |= uint64_t{1} << i;
  }
  return context_;
}

void FunctionCall::finish(std::span<Tensor* const> results) {
  HEARTH_CHECK(results.size() <= kMaxOutputs, op_.name, ": forward gives ", results.size(), " tensors; at most ",
               kMaxOutputs, " are possible");
  const auto operand = [&](const Tensor& t) {
    for (size_t i = 0; i < operands_.size(); ++i) {
      if (operands_[i] && operands_[i]->is(t)) return static_cast<int>(i);
    }
    return FunctionAttrs::kNeither;
  };
  const auto result = [&](const Tensor& t) {
    for (size_t k = 0; k < results.size(); ++k) {
      if (results[k]->is(t)) return static_cast<int>(k);
    }
    return -1;
  };
  for (const Tensor* r : results) HEARTH_CHECK(r->defined(), op_.name, ": forward gives an undefined tensor");
  auto& dirty = FunctionAccess::dirty(context_);
  for (const Tensor& t : dirty) {
    HEARTH_CHECK(operand(t) >= 0 && result(t) >= 0, op_.name,
                 ": a tensor that is marked dirty must be an operand and a result");
    if (wanted_) autograd::check_write(op_, *t.impl());
  }
  if (!wanted_) return;

  auto& saved = FunctionAccess::saved(context_);
  auto& constants = FunctionAccess::constants(context_);
  HEARTH_CHECK(saved.size() < 256, op_.name, ": forward saves ", saved.size(), " tensors; at most 255 are possible");
  FunctionAttrs attrs{object_, {}};
  for (const Tensor& t : saved) {
    HEARTH_CHECK(t.defined(), op_.name, ": forward saves an undefined tensor");
    const int from = operand(t), to = result(t);
    const bool passes =
        to >= 0 && (from < 0 || among(dirty, t)) && !among(constants, t) && is_differentiable(t.dtype());
    attrs.saved.push_back(passes ? -1 - to : from >= 0 && !among(dirty, t) ? from : FunctionAttrs::kNeither);
  }
  Ref<Node> node = Node::make(op_, static_cast<int>(operands_.size()), static_cast<int>(saved.size()), &attrs);
  node->visible = static_cast<uint8_t>(results.size());
  uint64_t number = 0;
  for (size_t i = 0; i < operands_.size(); ++i) {
    const auto& present = operands_[i];
    if (!present) continue;
    const Ref<TensorImpl>& t = present->ref();
    Edge edge = autograd::grad_edge(t);
    if (edge.valid()) number = autograd::number_above(number, edge);
    autograd::fill_input(node->inputs()[i], *t, std::move(edge));
  }
  node->topological_number = number;
  autograd::note_scope(*node);
  for (size_t k = 0; k < saved.size(); ++k) {
    NodeOutput& out = node->outputs()[k];
    out.dtype = saved[k].dtype();
    out.layout = saved[k].layout();
    out.device = saved[k].device();
    autograd::keep(op_, out.saved, saved[k]);
  }
  for (size_t k = 0; k < results.size(); ++k) {
    Tensor& r = *results[k];
    const bool differentiable = is_differentiable(r.dtype()) && !among(constants, r);
    if (among(dirty, r)) {
      autograd::set_written(*r.impl(), differentiable ? node : Ref<Node>(), static_cast<int>(k));
      continue;
    }
    // An operand that is handed through, or a tensor with a history already, keeps it: the result is another handle.
    if (operand(r) >= 0 || needs_grad(*r.impl()) || result(r) != static_cast<int>(k)) r = alias(r, r.layout(), true);
    if (differentiable) autograd::set_history(*r.impl(), node, static_cast<int>(k));
  }
}

}  // namespace detail
}  // namespace hearth
