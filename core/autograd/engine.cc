#include <algorithm>
#include <array>
#include <bit>
#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/autograd/anomaly.h"
#include "core/autograd/backward.h"
#include "core/autograd/edge.h"
#include "core/autograd/guards.h"
#include "core/autograd/hooks.h"
#include "core/base/error.h"
#include "core/base/spin_lock.h"
#include "core/op/grad_context.h"
#include "core/op/grad_meta.h"
#include "core/op/machinery.h"

namespace hearth {
namespace {

// One node or leaf of the run.
struct Place {
  Node* node = nullptr;
  TensorImpl* leaf = nullptr;
  int32_t waiting = 0;  // edges that have not delivered yet
  bool needed = true;   // leads to something asked for
  // One for each visible output. captured: for grad(), the index of the input that the output is.
  int32_t own_captured[kMaxOutputs] = {-1, -1, -1, -1};
  Tensor own_grads[kMaxOutputs];
  int32_t* captured = own_captured;
  Tensor* grads = own_grads;
  std::unique_ptr<int32_t[]> more_captured;
  std::unique_ptr<Tensor[]> more_grads;

  void set_node(Node* n) {
    node = n;
    if (!n || n->visible <= kMaxOutputs) return;
    more_captured = std::make_unique<int32_t[]>(n->visible);
    std::fill_n(more_captured.get(), n->visible, -1);
    captured = more_captured.get();
    more_grads = std::make_unique<Tensor[]>(n->visible);
    grads = more_grads.get();
  }
};

// Places by the address of their node or leaf. Small graphs stay on the stack.
class Places {
 public:
  Places() { std::fill_n(small_slots_, kSmallSlots, -1); }

  // The place of a key; `fresh` is set if it was not known.
  Place& at(const void* key, bool& fresh) {
    if (count_ * 2 >= n_slots_) grow();
    size_t s = slot(key);
    while (slots_[s] >= 0) {
      if (keys_[static_cast<size_t>(slots_[s])] == key) {
        fresh = false;
        return get(slots_[s]);
      }
      s = (s + 1) & (n_slots_ - 1);
    }
    fresh = true;
    slots_[s] = static_cast<int32_t>(count_);
    keys_.push_back(key);
    if (count_ >= kSmallPlaces) more_.push_back(std::make_unique<Place>());
    return get(static_cast<int32_t>(count_++));
  }
  Place& at(const void* key) {
    bool fresh;
    return at(key, fresh);
  }
  Place& get(int32_t i) { return i < kSmallPlaces ? small_[i] : *more_[static_cast<size_t>(i - kSmallPlaces)]; }
  int32_t size() const { return static_cast<int32_t>(count_); }

 private:
  static constexpr int kSmallPlaces = 12;
  static constexpr size_t kSmallSlots = 64;
  // Addresses are multiples of 64: their low bits tell nothing.
  size_t slot(const void* key) const {
    return static_cast<size_t>((reinterpret_cast<uintptr_t>(key) >> 6) * 0x9E3779B97F4A7C15u >> 32) & (n_slots_ - 1);
  }
  void grow() {
    n_slots_ *= 4;
    big_slots_.assign(n_slots_, -1);
    slots_ = big_slots_.data();
    for (size_t i = 0; i < count_; ++i) {
      size_t s = slot(keys_[i]);
      while (slots_[s] >= 0) s = (s + 1) & (n_slots_ - 1);
      slots_[s] = static_cast<int32_t>(i);
    }
  }

  size_t count_ = 0, n_slots_ = kSmallSlots;
  int32_t small_slots_[kSmallSlots];
  std::vector<int32_t> big_slots_;
  int32_t* slots_ = small_slots_;
  std::vector<const void*> keys_;
  Place small_[kSmallPlaces];
  std::vector<std::unique_ptr<Place>> more_;
};

// True if nobody but this handle can see the tensor's memory, so that it may be kept or written to.
bool sole_owner(const Tensor& t) {
  const TensorImpl& i = *t.impl();
  return i.use_count() == 1 && !i.base && i.storage->use_count() == 1 && i.storage->owned() && i.layout.dense;
}

class Run {
 public:
  explicit Run(const BackwardOptions& options)
      : retain_graph_(options.retain_graph || options.create_graph),
        create_graph_(options.create_graph),
        outer_(std::exchange(innermost, this)) {
    if (!outer_ && !for_next.empty()) at_end_.swap(for_next);
  }
  // Ends the run, if it has not ended: it throws.
  ~Run() {
    end(false);
    innermost = outer_;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  static constinit thread_local Run* innermost;  // of this thread
  // What shall be called after the next run.
  static constinit thread_local std::vector<std::function<void(bool)>> for_next;

  void at_end(std::function<void(bool)> f) { at_end_.push_back(std::move(f)); }

  // Calls what waits for the end. The first exception of a callback, if there is one.
  std::exception_ptr end(bool complete) {
    std::exception_ptr first;
    // A callback may add others.
    for (size_t i = 0; i < at_end_.size(); ++i) {
      const std::function<void(bool)> f = std::move(at_end_[i]);
      try {
        f(complete);
      } catch (...) {
        if (!first) first = std::current_exception();
      }
    }
    at_end_.clear();
    return first;
  }
  // Everything that was asked for is there.
  void complete() {
    if (const std::exception_ptr e = end(true)) std::rethrow_exception(e);
  }

  void start(const Edge& e, const Tensor& gradient) {
    Place& p = discover(e);
    (void)p;
    roots_.push_back({e, gradient});
  }

  // Only what leads to these is computed.
  void restrict_to(std::span<const Edge> inputs) {
    restricted_ = true;
    for (int32_t i = 0; i < places_.size(); ++i) places_.get(i).needed = false;
    for (const Edge& e : inputs) {
      if (Place& p = place(e); reached(p)) p.needed = true;
    }
    // Nodes in rising order: what a node leads to is decided before it.
    std::vector<Place*> order;
    for (int32_t i = 0; i < places_.size(); ++i) {
      if (places_.get(i).node) order.push_back(&places_.get(i));
    }
    std::sort(order.begin(), order.end(),
              [](Place* a, Place* b) { return a->node->topological_number < b->node->topological_number; });
    for (Place* p : order) {
      for (NodeInput& in : p->node->inputs()) {
        if (in.edge.valid()) p->needed |= place(in.edge).needed;
      }
    }
  }

  // Results are to be captured instead of accumulated.
  void capture(std::span<const Edge> inputs) {
    restrict_to(inputs);
    capturing_ = true;
    captured_.resize(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Edge& e = inputs[i];
      Place& p = place(e);
      if (!reached(p)) continue;
      if (p.captured[e.output] < 0) {
        p.captured[e.output] = static_cast<int32_t>(i);
      } else {
        same_.push_back({static_cast<int32_t>(i), p.captured[e.output]});
      }
    }
  }

  std::vector<Tensor> run() {
    for (auto& [edge, gradient] : roots_) ++place(edge).waiting;
    for (auto& [edge, gradient] : roots_) deliver(edge, std::move(gradient));
    while (!ready_.empty()) {
      std::pop_heap(ready_.begin(), ready_.end(), lower);
      Place* p = ready_.back();
      ready_.pop_back();
      run_node(*p);
    }
    for (auto [to, from] : same_) captured_[static_cast<size_t>(to)] = captured_[static_cast<size_t>(from)];
    return std::move(captured_);
  }

 private:
  static bool lower(const Place* a, const Place* b) {
    return a->node->topological_number < b->node->topological_number;
  }

  // False of a place that the outputs do not lead to.
  static bool reached(const Place& p) { return p.node || p.leaf; }

  Place& place(const Edge& e) {
    return places_.at(e.leaf ? static_cast<const void*>(e.leaf.get()) : static_cast<const void*>(e.node.get()));
  }

  // Finds what can be reached and counts the edges into it.
  Place& discover(const Edge& root) {
    std::vector<Node*> open;
    auto visit = [&](const Edge& e) -> Place& {
      bool fresh;
      Place& p =
          places_.at(e.leaf ? static_cast<const void*>(e.leaf.get()) : static_cast<const void*>(e.node.get()), fresh);
      if (fresh) {
        p.set_node(e.node.get());
        p.leaf = e.leaf.get();
        if (p.node) open.push_back(p.node);
      }
      return p;
    };
    Place& first = visit(root);
    while (!open.empty()) {
      Node* n = open.back();
      open.pop_back();
      for (NodeInput& in : n->inputs()) {
        if (in.edge.valid()) ++visit(in.edge).waiting;
      }
    }
    return first;
  }

  void deliver(const Edge& e, Tensor g) {
    Place& p = place(e);
    if (g.defined() && p.needed) {
      Tensor& sum = p.grads[e.output];
      if (!sum.defined()) {
        sum = std::move(g);
      } else if (!create_graph_ && sole_owner(sum) && sum.dtype() == g.dtype() && sum.shape() == g.shape()) {
        machinery::add_into(sum, g);
      } else {
        sum = machinery::add(sum, g);
      }
    }
    if (--p.waiting > 0) return;
    if (p.leaf) return finish_leaf(p);
    ready_.push_back(&p);
    std::push_heap(ready_.begin(), ready_.end(), lower);
  }

  void finish_leaf(Place& p) {
    Tensor g = std::move(p.grads[0]);
    if (!g.defined()) return;
    Ref<TensorImpl> leaf = Ref<TensorImpl>::share(p.leaf);
    GradMeta& meta = autograd::ensure_meta(*leaf);
    if (meta.hooks) g = autograd::run_leaf_hooks(meta, std::move(g));
    if (capturing_) {
      if (p.captured[0] >= 0) captured_[static_cast<size_t>(p.captured[0])] = std::move(g);
      return;
    }
    {
      SpinLock hold(meta.lock);
      if (!meta.grad.defined()) {
        const bool take = create_graph_ || sole_owner(g);
        meta.grad = take ? std::move(g) : machinery::copy(g);
      } else if (create_graph_) {
        meta.grad = machinery::add(meta.grad, g);
      } else {
        machinery::add_into(meta.grad, g);
      }
    }
    if (meta.hooks) autograd::run_after_accumulate(meta, Tensor(leaf));
  }

  void run_node(Place& p) {
    Node& n = *p.node;
    bool any = false;
    for (int i = 0; i < n.visible; ++i) {
      Tensor& g = p.grads[i];
      if (!g.defined()) continue;
      if (n.hooks) g = autograd::run_output_hooks(n, i, std::move(g));
      if (p.captured[i] >= 0) captured_[static_cast<size_t>(p.captured[i])] = g;
      any = true;
    }
    const auto inputs = n.inputs();
    constexpr size_t kFew = 8;
    std::array<Tensor, kFew> few;
    std::vector<Tensor> many;
    std::span<Tensor> results(few.data(), std::min(inputs.size(), kFew));
    if (inputs.size() > kFew) {
      many.resize(inputs.size());
      results = many;
    }
    uint64_t unwanted = 0;
    bool wanted = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].edge.valid()) continue;
      if (!restricted_ || place(inputs[i].edge).needed) {
        wanted = true;
      } else if (i < 64) {
        unwanted |= uint64_t{1} << i;
      }
    }
    if (any && wanted) {
      GradContext context(n, std::span<const Tensor>(p.grads, n.visible), results, unwanted);
      n.op->backward(context);
      if (thread_state.anomaly) [[unlikely]]
        autograd::check_gradients(n, results);
      if (!retain_graph_) n.release_saved();
    }
    for (int i = 0; i < n.visible; ++i) p.grads[i] = Tensor();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].edge.valid()) deliver(inputs[i].edge, std::move(results[i]));
    }
  }

  struct Root {
    Edge edge;
    Tensor gradient;
  };
  struct Same {
    int32_t to, from;
  };

  const bool retain_graph_, create_graph_;
  Run* outer_;
  std::vector<std::function<void(bool)>> at_end_;
  bool restricted_ = false;
  bool capturing_ = false;
  Places places_;
  std::vector<Root> roots_;
  std::vector<Place*> ready_;
  std::vector<Tensor> captured_;
  std::vector<Same> same_;
};

constinit thread_local Run* Run::innermost = nullptr;
constinit thread_local std::vector<std::function<void(bool)>> Run::for_next;

Tensor root_gradient(const Tensor& output, std::span<const Tensor> gradients, size_t i, const char* op) {
  const Tensor given = i < gradients.size() ? gradients[i] : Tensor();
  if (given.defined()) {
    HEARTH_CHECK(given.shape() == output.shape(), op, ": the gradient has shape ", given.shape(),
                 ", but the output has shape ", output.shape());
    return machinery::cast(given, output.dtype());
  }
  HEARTH_CHECK(output.numel() == 1, op, ": the output has shape ", output.shape(),
               "; without a given gradient it must have one element");
  HEARTH_CHECK(!output.is_complex(), op, ": the output is ", output.dtype(),
               ", and only a real one has a gradient by itself; give the gradient");
  return machinery::full(output.shape(), 1, output.dtype(), output.device());
}

// Where the gradients of these tensors arrive.
std::vector<Edge> edges_of(std::span<const Tensor> inputs, const char* op) {
  std::vector<Edge> edges;
  for (size_t i = 0; i < inputs.size(); ++i) {
    HEARTH_CHECK(inputs[i].defined(), op, ": input ", i, " is an undefined tensor");
    edges.push_back(autograd::grad_edge(inputs[i].ref()));
    HEARTH_CHECK(edges.back().valid(), op, ": input ", i, " does not require a gradient");
  }
  return edges;
}

void start(Run& run, std::span<const Tensor> outputs, std::span<const Tensor> gradients, const char* op) {
  HEARTH_CHECK(!outputs.empty(), op, ": there are no outputs");
  HEARTH_CHECK(gradients.empty() || gradients.size() == outputs.size(), op, ": ", outputs.size(), " outputs, but ",
               gradients.size(), " gradients");
  for (size_t i = 0; i < outputs.size(); ++i) {
    HEARTH_CHECK(outputs[i].defined(), op, ": output ", i, " is an undefined tensor");
    const Edge e = autograd::grad_edge(outputs[i].ref());
    HEARTH_CHECK(e.valid(), op, ": output ", i,
                 " does not require a gradient: it was not computed from a tensor that requires one, or under NoGrad");
    run.start(e, root_gradient(outputs[i], gradients, i, op));
  }
}

}  // namespace

void autograd::on_backward_end(std::function<void(bool complete)> f) {
  HEARTH_CHECK(f, "on_backward_end: the function is empty");
  if (Run::innermost) Run::innermost->at_end(std::move(f));
  else Run::for_next.push_back(std::move(f));
}

const void* autograd::current_backward() { return Run::innermost; }

void backward(std::span<const Tensor> outputs, std::span<const Tensor> gradients, BackwardOptions options) {
  GradMode mode(options.create_graph);
  Run run(options);
  std::vector<Edge> edges;
  if (options.inputs) {
    HEARTH_CHECK(!options.inputs->empty(), "backward: the list of inputs is empty");
    edges = edges_of(*options.inputs, "backward");
  }
  start(run, outputs, gradients, "backward");
  if (options.inputs) {
    for (const Tensor& t : *options.inputs) t.retain_grad();
    run.restrict_to(edges);
  }
  run.run();
  run.complete();
}

std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         std::span<const Tensor> gradients, BackwardOptions options, bool allow_unused,
                         bool materialize_grads) {
  HEARTH_CHECK(!options.inputs, "grad: its inputs are an argument; BackwardOptions::inputs is for backward()");
  GradMode mode(options.create_graph);
  Run run(options);
  const std::vector<Edge> edges = edges_of(inputs, "grad");
  start(run, outputs, gradients, "grad");
  run.capture(edges);
  std::vector<Tensor> results = run.run();
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].defined()) continue;
    HEARTH_CHECK(allow_unused || materialize_grads, "grad: the outputs do not depend on input ", i,
                 "; allow_unused gives an undefined gradient for it, and materialize_grads zeros");
    if (materialize_grads) results[i] = machinery::full(inputs[i].shape(), 0, inputs[i].dtype(), inputs[i].device());
  }
  run.complete();
  return results;
}

Tensor grad(const Tensor& output, const Tensor& input, const Tensor& gradient, BackwardOptions options) {
  return std::move(grad(output, {input}, gradient, std::move(options))[0]);
}

std::vector<Tensor> grad(const Tensor& output, std::initializer_list<Tensor> inputs, const Tensor& gradient,
                         BackwardOptions options) {
  return grad({&output, 1}, std::span<const Tensor>(inputs.begin(), inputs.size()), {&gradient, 1}, std::move(options));
}

void Tensor::backward() const { hearth::backward({this, 1}); }
void Tensor::backward(BackwardOptions options) const { hearth::backward({this, 1}, {}, std::move(options)); }
void Tensor::backward(const Tensor& gradient) const { backward(gradient, {}); }
void Tensor::backward(const Tensor& gradient, BackwardOptions options) const {
  hearth::backward({this, 1}, {&gradient, 1}, std::move(options));
}

}  // namespace hearth
