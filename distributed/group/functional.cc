#include "distributed/group/functional.h"

#include "core/autograd/function.h"
#include "core/base/error.h"
#include "core/ops/create.h"

namespace hearth::distributed::functional {
namespace {

void check_linear(ReduceOp op, const char* name) {
  if (op != ReduceOp::kSum && op != ReduceOp::kAvg)
    fail(ErrorKind::kUnsupported, "functional::", name, ": ", to_string(op),
         " has no gradient here; it takes sum and avg");
}

struct AllReduce : Function<AllReduce> {
  static constexpr const char* kName = "distributed::all_reduce";
  ProcessGroup* group = nullptr;
  ReduceOp op{};
  Tensor forward(ForwardContext&, const Tensor& x, ProcessGroup* g, ReduceOp o) {
    group = g;
    op = o;
    Tensor out = x.clone(MemoryFormat::kContiguous);
    g->all_reduce(out, o);
    return out;
  }
  void backward(BackwardContext& c) { c.set(0, functional::all_reduce(c.grad(), *group, op)); }
};

// The sum of all ranks' x on the root, zeros on the others: broadcast's gradient.
struct SumToRoot : Function<SumToRoot> {
  static constexpr const char* kName = "distributed::reduce";
  ProcessGroup* group = nullptr;
  int root = 0;
  Tensor forward(ForwardContext&, const Tensor& x, ProcessGroup* g, int r) {
    group = g;
    root = r;
    Tensor out = x.clone(MemoryFormat::kContiguous);
    g->reduce(out, r);
    return g->rank() == r ? out : zeros_like(out);
  }
  void backward(BackwardContext& c) { c.set(0, functional::broadcast(c.grad(), *group, root)); }
};

struct Broadcast : Function<Broadcast> {
  static constexpr const char* kName = "distributed::broadcast";
  ProcessGroup* group = nullptr;
  int root = 0;
  Tensor forward(ForwardContext&, const Tensor& x, ProcessGroup* g, int r) {
    group = g;
    root = r;
    Tensor out = x.clone(MemoryFormat::kContiguous);
    g->broadcast(out, r);
    return out;
  }
  void backward(BackwardContext& c) { c.set(0, SumToRoot::apply(c.grad(), group, root)); }
};

struct AllGather : Function<AllGather> {
  static constexpr const char* kName = "distributed::all_gather";
  ProcessGroup* group = nullptr;
  Tensor forward(ForwardContext&, const Tensor& x, ProcessGroup* g) {
    group = g;
    return g->all_gather(x);
  }
  void backward(BackwardContext& c) { c.set(0, functional::reduce_scatter(c.grad(), *group)); }
};

struct ReduceScatter : Function<ReduceScatter> {
  static constexpr const char* kName = "distributed::reduce_scatter";
  ProcessGroup* group = nullptr;
  ReduceOp op{};
  Tensor forward(ForwardContext&, const Tensor& x, ProcessGroup* g, ReduceOp o) {
    group = g;
    op = o;
    Shape shape = x.shape();
    shape.erase(0);
    Tensor out = empty(shape, {.dtype = x.dtype(), .device = x.device()});
    g->reduce_scatter(out, x, o);
    return out;
  }
  void backward(BackwardContext& c) {
    const Tensor all = functional::all_gather(c.grad(), *group);
    c.set(0, op == ReduceOp::kAvg ? all / group->size() : all);
  }
};

struct AllToAll : Function<AllToAll> {
  static constexpr const char* kName = "distributed::all_to_all";
  ProcessGroup* group = nullptr;
  Tensor forward(ForwardContext&, const Tensor& x, ProcessGroup* g) {
    group = g;
    Tensor out = empty(x.shape(), {.dtype = x.dtype(), .device = x.device()});
    g->all_to_all(out, x);
    return out;
  }
  void backward(BackwardContext& c) { c.set(0, functional::all_to_all(c.grad(), *group)); }
};

}  // namespace

Tensor all_reduce(const Tensor& x, ProcessGroup& group, ReduceOp op) {
  check_linear(op, "all_reduce");
  return AllReduce::apply(x, &group, op);
}
Tensor broadcast(const Tensor& x, ProcessGroup& group, int root) { return Broadcast::apply(x, &group, root); }
Tensor all_gather(const Tensor& x, ProcessGroup& group) { return AllGather::apply(x, &group); }
Tensor reduce_scatter(const Tensor& x, ProcessGroup& group, ReduceOp op) {
  check_linear(op, "reduce_scatter");
  HEARTH_CHECK(x.dim() > 0 && x.size(0) == group.size(), "functional::reduce_scatter: expected a tensor of shape [",
               group.size(), ", ...], but got ", x.shape());
  return ReduceScatter::apply(x, &group, op);
}
Tensor all_to_all(const Tensor& x, ProcessGroup& group) { return AllToAll::apply(x, &group); }

}  // namespace hearth::distributed::functional
