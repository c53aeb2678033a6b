#include "distributed/group/process_group.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/ops/create.h"
#include "core/ops/view.h"
#include "distributed/group/executor.h"
#include "distributed/group/packing.h"
#include "distributed/store/hash.h"

namespace hearth::distributed {

using detail::Operation;
using detail::pack;
using detail::unpack;

// Checks operands and lays their memory out as a backend needs it.
class ProcessGroup::Impl {
 public:
  Impl(int rank, int size, std::shared_ptr<Store> parent_store, BackendFactory factory, const GroupOptions& options)
      : parent_store_(std::move(parent_store)), factory_(std::move(factory)) {
    HEARTH_CHECK(size >= 1 && rank >= 0 && rank < size, "ProcessGroup: rank ", rank, " of ", size,
                 " ranks does not exist");
    check_timeout(options.timeout);
    HEARTH_CHECK(options.recorded > 0, "ProcessGroup: recorded must be at least 1");
    auto store = std::make_shared<PrefixStore>(parent_store_, "group/" + options.name + "/");
    std::unique_ptr<Backend> backend;
    try {
      backend = factory_(store, options.name, rank, size, options.timeout);
    } catch (const BackendError& e) {
      fail(ErrorKind::kIo, "ProcessGroup: the group \"", options.name, "\" of ", size, " ranks, of which this is rank ",
           rank, ", was not made: ", e.what());
    }
    executor_ = std::make_shared<detail::Executor>(rank, size, std::move(store), std::move(backend), options);
  }
  ~Impl() { executor_->close(); }

  static void check_timeout(std::chrono::milliseconds timeout) {
    HEARTH_CHECK(timeout.count() > 0, "ProcessGroup: the timeout must be above 0");
  }

  detail::Executor& executor() { return *executor_; }
  int rank() const { return executor_->rank(); }
  int size() const { return executor_->size(); }

  std::unique_ptr<ProcessGroup> subgroup(const std::vector<int>& ranks) {
    const auto mine = std::find(ranks.begin(), ranks.end(), rank());
    HEARTH_CHECK(mine != ranks.end(), "subgroup: rank ", rank(), " calls it but is not among its ranks");
    std::string list;
    for (size_t i = 0; i < ranks.size(); ++i) {
      check_rank(ranks[i], "subgroup");
      HEARTH_CHECK(std::count(ranks.begin(), ranks.end(), ranks[i]) == 1, "subgroup: rank ", ranks[i],
                   " is named twice");
      list += concat(i ? "," : "", ranks[i]);
    }
    // A key of the store has room for some hundred ranks only.
    if (list.size() > 64) list = concat(ranks.size(), " ranks ", hash_of(list));
    GroupOptions o = executor_->options();
    o.timeout = executor_->timeout();
    {
      const MutexLock lock(mutex_);
      o.name = concat(o.name, "/", list, "#", ++subgroups_[list]);
    }
    return std::make_unique<ProcessGroup>(static_cast<int>(mine - ranks.begin()), static_cast<int>(ranks.size()),
                                          parent_store_, factory_, o);
  }

  void check_rank(int r, const char* op) const {
    HEARTH_CHECK(r >= 0 && r < size(), op, ": there is no rank ", r, " in a group of ", size());
  }
  void check_operand(const Tensor& t, const char* op) const {
    HEARTH_CHECK(t.defined(), op, ": a tensor is undefined");
    if (!executor_->backend().carries(t.device()))
      fail(ErrorKind::kUnsupported, op, ": the backend ", executor_->backend().name(), " does not carry tensors on ",
           t.device());
  }
  void check_written(const Tensor& t, const char* op) const {
    check_operand(t, op);
    HEARTH_CHECK(
        !GradMode::enabled() || !t.requires_grad(), op,
        ": writes to a tensor that requires a gradient; call it under NoGrad, or use a form that has a gradient "
        "(distributed/group/functional.h)");
    HEARTH_CHECK(!t.layout().overlapping(), op, ": several elements of the tensor of shape ", t.shape(),
                 " share one address");
    HEARTH_CHECK(!t.impl()->storage->read_only(), op, ": the tensor's memory is read-only; clone() it");
  }
  void check_reduction(const Tensor& t, ReduceOp op, const char* name) const {
    HEARTH_CHECK(!t.is_complex(), name, ": reductions of ", t.dtype(),
                 " are not supported; those of view_as_real() of it add its parts");
    HEARTH_CHECK(op != ReduceOp::kAvg || t.is_floating_point(), name, ": avg of ", t.dtype(),
                 " is not supported; it takes ", kFloatTypes);
  }

  // Where a tensor's memory is, on any device.
  static void* memory_of(const Tensor& t) { return t.impl()->data(); }

  // What is read: the tensor's memory, or a dense copy.
  static const void* read(Operation& op, const Tensor& t) {
    const NoGrad off;
    op.held.push_back(t.is_contiguous() ? t : t.contiguous());
    return memory_of(op.held.back());
  }
  // What is read, apart from what is written.
  static const void* read_apart(Operation& op, const Tensor& t, const Tensor& written) {
    const NoGrad off;
    if (written.defined() && t.impl()->storage.get() == written.impl()->storage.get()) return read(op, t.clone());
    return read(op, t);
  }
  // What is written: the tensor's memory, or a dense tensor that is copied back; `values`: which holds t's values.
  static void* write(Operation& op, const Tensor& t, bool values) {
    const NoGrad off;
    if (t.is_contiguous()) {
      op.held.push_back(t);
      op.written.push_back(t);
      return memory_of(op.held.back());
    }
    Tensor dense =
        values ? t.clone(MemoryFormat::kContiguous) : empty(t.shape(), {.dtype = t.dtype(), .device = t.device()});
    op.held.push_back(dense);
    op.copy_back.emplace_back(t, dense);
    return memory_of(dense);
  }

  Operation operation(OpType type, const Tensor& t) {
    Operation op;
    op.transfer.call = {.type = type, .dtype = t.dtype(), .shape = t.shape()};
    op.transfer.count = t.numel();
    op.transfer.stream = current_stream(t.device());
    return op;
  }

  Work all_reduce(const Tensor& t, ReduceOp reduce, bool now) {
    check_written(t, "all_reduce");
    check_reduction(t, reduce, "all_reduce");
    Operation op = operation(OpType::kAllReduce, t);
    op.transfer.call.reduce = reduce;
    op.transfer.out = write(op, t, true);
    op.transfer.in = op.transfer.out;
    return executor_->submit(std::move(op), now);
  }
  Work reduce(const Tensor& t, int root, ReduceOp reduce, bool now) {
    check_rank(root, "reduce");
    // On every rank, so that all throw or none.
    check_written(t, "reduce");
    check_reduction(t, reduce, "reduce");
    Operation op = operation(OpType::kReduce, t);
    op.transfer.call.reduce = reduce;
    op.transfer.call.root = root;
    if (rank() == root) {
      op.transfer.out = write(op, t, true);
      op.transfer.in = op.transfer.out;
    } else {
      op.transfer.in = read(op, t);
    }
    return executor_->submit(std::move(op), now);
  }
  Work broadcast(const Tensor& t, int root, bool now) {
    check_rank(root, "broadcast");
    // On the root too, so that all ranks throw or none.
    check_written(t, "broadcast");
    Operation op = operation(OpType::kBroadcast, t);
    op.transfer.call.root = root;
    if (rank() == root) op.transfer.in = read(op, t);
    else op.transfer.out = write(op, t, false);
    return executor_->submit(std::move(op), now);
  }
  // Of all_gather and the like: `all` has a part of t's shape for each rank.
  void check_parts(const Tensor& all, const Tensor& t, const char* op) const {
    HEARTH_CHECK(all.dtype() == t.dtype(), op, ": the tensors have dtypes ", all.dtype(), " and ", t.dtype());
    HEARTH_CHECK(all.device() == t.device(), op, ": the tensors are on ", all.device(), " and ", t.device());
    Shape stacked = t.shape(), joined = t.shape();
    bool right = false;
    if (stacked.rank() < kMaxRank) {
      stacked.insert(0, size());
      right = all.shape() == stacked;
    }
    if (joined.rank() > 0) {
      joined[0] *= size();
      right |= all.shape() == joined;
    }
    HEARTH_CHECK(right, op, ": a part of shape ", t.shape(), " for each of ", size(), " ranks makes ", stacked,
                 joined.rank() > 0 ? concat(" or ", joined) : std::string(), ", but the tensor is ", all.shape());
  }
  Work all_gather(const Tensor& out, const Tensor& t, bool now) {
    check_operand(t, "all_gather");
    check_written(out, "all_gather");
    check_parts(out, t, "all_gather");
    Operation op = operation(OpType::kAllGather, t);
    op.transfer.in = read_apart(op, t, out);
    op.transfer.out = write(op, out, false);
    return executor_->submit(std::move(op), now);
  }
  Work reduce_scatter(const Tensor& out, const Tensor& t, ReduceOp reduce, bool now) {
    check_operand(t, "reduce_scatter");
    check_written(out, "reduce_scatter");
    check_parts(t, out, "reduce_scatter");
    check_reduction(t, reduce, "reduce_scatter");
    Operation op = operation(OpType::kReduceScatter, out);
    op.transfer.call.reduce = reduce;
    op.transfer.in = read_apart(op, t, out);
    op.transfer.out = write(op, out, false);
    return executor_->submit(std::move(op), now);
  }
  Work gather(const Tensor& out, const Tensor& t, int root, bool now) {
    check_rank(root, "gather");
    check_operand(t, "gather");
    Operation op = operation(OpType::kGather, t);
    op.transfer.call.root = root;
    if (rank() == root) {
      check_written(out, "gather");
      check_parts(out, t, "gather");
      op.transfer.in = read_apart(op, t, out);
      op.transfer.out = write(op, out, false);
    } else {
      HEARTH_CHECK(!out.defined(), "gather: only the root, rank ", root, ", gets a result");
      op.transfer.in = read(op, t);
    }
    return executor_->submit(std::move(op), now);
  }
  Work scatter(const Tensor& out, const Tensor& t, int root, bool now) {
    check_rank(root, "scatter");
    check_written(out, "scatter");
    Operation op = operation(OpType::kScatter, out);
    op.transfer.call.root = root;
    if (rank() == root) {
      check_operand(t, "scatter");
      check_parts(t, out, "scatter");
      op.transfer.in = read_apart(op, t, out);
    } else {
      HEARTH_CHECK(!t.defined(), "scatter: only the root, rank ", root, ", gives a tensor");
    }
    op.transfer.out = write(op, out, false);
    return executor_->submit(std::move(op), now);
  }
  Work all_to_all(const Tensor& out, const Tensor& t, const std::vector<int64_t>* out_rows,
                  const std::vector<int64_t>* in_rows, bool now) {
    check_operand(t, "all_to_all");
    check_written(out, "all_to_all");
    HEARTH_CHECK(out.dtype() == t.dtype() && out.dim() == t.dim() && t.dim() > 0,
                 "all_to_all: the tensors must have one dtype and number of dimensions, but are ", t.dtype(), " ",
                 t.shape(), " and ", out.dtype(), " ", out.shape());
    HEARTH_CHECK(out.device() == t.device(), "all_to_all: the tensors are on ", t.device(), " and ", out.device());
    Shape row = t.shape(), other = out.shape();
    row.erase(0);
    other.erase(0);
    HEARTH_CHECK(row == other, "all_to_all: the rows have shapes ", row, " and ", other);
    Operation op = operation(OpType::kAllToAll, t);
    op.transfer.call.shape = row;
    op.transfer.in_counts = counts(t, in_rows, row);
    op.transfer.out_counts = counts(out, out_rows, row);
    HEARTH_CHECK(
        op.transfer.in_counts[static_cast<size_t>(rank())] == op.transfer.out_counts[static_cast<size_t>(rank())],
        "all_to_all: this rank gives itself another number of rows than it takes from itself");
    op.transfer.in = read_apart(op, t, out);
    op.transfer.out = write(op, out, false);
    return executor_->submit(std::move(op), now);
  }
  // Elements for each rank.
  std::vector<int64_t> counts(const Tensor& t, const std::vector<int64_t>* rows, const Shape& row) const {
    if (!rows) {
      HEARTH_CHECK(t.size(0) % size() == 0, "all_to_all: ", size(), " ranks do not divide the first dimension of ",
                   t.shape());
      return std::vector<int64_t>(static_cast<size_t>(size()), t.size(0) / size() * row.numel());
    }
    HEARTH_CHECK(static_cast<int>(rows->size()) == size(), "all_to_all: expected a number of rows for each of ", size(),
                 " ranks, but got ", rows->size());
    std::vector<int64_t> out;
    int64_t sum = 0;
    for (const int64_t r : *rows) {
      HEARTH_CHECK(r >= 0 && r <= t.size(0), "all_to_all: ", r, " rows of a tensor of shape ", t.shape());
      sum += r;
      out.push_back(r * row.numel());
    }
    HEARTH_CHECK(sum == t.size(0), "all_to_all: the parts have ", sum, " rows together, but the tensor is ", t.shape());
    return out;
  }
  Work barrier(bool now) {
    Operation op;
    op.transfer.call = {.type = OpType::kBarrier};
    return executor_->submit(std::move(op), now);
  }
  Work direct(OpType type, const Tensor& t, int peer, uint32_t tag) {
    const char* name = type == OpType::kSend ? "send" : "recv";
    check_rank(peer, name);
    HEARTH_CHECK(peer != rank(), name, ": rank ", rank(), " cannot exchange with itself");
    if (type == OpType::kSend) check_operand(t, name);
    else check_written(t, name);
    Operation op = operation(type, t);
    op.transfer.call.peer = peer;
    op.transfer.call.tag = tag;
    if (type == OpType::kSend) op.transfer.in = read(op, t);
    else op.transfer.out = write(op, t, false);
    return executor_->post(std::move(op));
  }

  // ---- Several tensors in one exchange.

  // Checks them, and makes their call: one shape stands for all.
  Operation listed(OpType type, std::span<const Tensor> tensors, const char* name) const {
    Operation op;
    int64_t sum = 0;
    uint64_t h = tensors.size();
    for (const Tensor& t : tensors) {
      check_operand(t, name);
      HEARTH_CHECK(t.device() == tensors[0].device(), name,
                   ": tensors of one exchange must be on one device, but are on ", tensors[0].device(), " and ",
                   t.device());
      HEARTH_CHECK(t.dtype() == tensors[0].dtype(), name, ": tensors of one exchange must have one dtype, but have ",
                   tensors[0].dtype(), " and ", t.dtype());
      sum += t.numel();
      for (const int64_t size : t.shape()) h = (h ^ static_cast<uint64_t>(size)) * 0xBF58476D1CE4E5B9u + 1;
      h = (h ^ h >> 29) * 0x9E3779B97F4A7C15u;
    }
    const DType dtype = tensors.empty() ? DType::kF32 : tensors[0].dtype();
    op.transfer.call = {
        .type = type, .dtype = dtype, .shape = {sum}, .tensors = static_cast<int>(tensors.size()), .shapes = h};
    op.transfer.count = sum;
    if (!tensors.empty()) op.transfer.stream = current_stream(tensors[0].device());
    return op;
  }
  void check_all_written(std::span<const Tensor> tensors, const char* name) const {
    for (const Tensor& t : tensors) check_written(t, name);
  }

  Work all_reduce(std::span<const Tensor> tensors, ReduceOp reduce, bool now) {
    check_all_written(tensors, "all_reduce");
    for (const Tensor& t : tensors) check_reduction(t, reduce, "all_reduce");
    Operation op = listed(OpType::kAllReduce, tensors, "all_reduce");
    op.transfer.call.reduce = reduce;
    Tensor flat = pack(op, tensors, 1, true);
    op.transfer.out = memory_of(flat);
    op.transfer.in = op.transfer.out;
    unpack(op, flat, tensors, 1);
    return executor_->submit(std::move(op), now);
  }
  Work broadcast(std::span<const Tensor> tensors, int root, bool now) {
    check_rank(root, "broadcast");
    check_all_written(tensors, "broadcast");
    Operation op = listed(OpType::kBroadcast, tensors, "broadcast");
    op.transfer.call.root = root;
    Tensor flat = pack(op, tensors, 1, rank() == root);
    if (rank() == root) {
      op.transfer.in = memory_of(flat);
    } else {
      op.transfer.out = memory_of(flat);
      unpack(op, flat, tensors, 1);
    }
    return executor_->submit(std::move(op), now);
  }
  void check_lists(std::span<const Tensor> alls, std::span<const Tensor> parts, const char* name) const {
    HEARTH_CHECK(alls.size() == parts.size(), name, ": ", parts.size(), " tensors for ", alls.size());
    for (size_t i = 0; i < alls.size(); ++i) {
      check_operand(alls[i], name);
      check_operand(parts[i], name);
      check_parts(alls[i], parts[i], name);
    }
  }
  Work all_gather(std::span<const Tensor> outs, std::span<const Tensor> tensors, bool now) {
    check_lists(outs, tensors, "all_gather");
    check_all_written(outs, "all_gather");
    Operation op = listed(OpType::kAllGather, tensors, "all_gather");
    Tensor flat = pack(op, tensors, 1, true);
    op.transfer.in = memory_of(flat);
    Tensor all = pack(op, outs, size(), false);
    op.transfer.out = memory_of(all);
    unpack(op, all, outs, size());
    return executor_->submit(std::move(op), now);
  }
  Work reduce_scatter(std::span<const Tensor> outs, std::span<const Tensor> tensors, ReduceOp reduce, bool now) {
    check_lists(tensors, outs, "reduce_scatter");
    check_all_written(outs, "reduce_scatter");
    for (const Tensor& t : tensors) check_reduction(t, reduce, "reduce_scatter");
    Operation op = listed(OpType::kReduceScatter, outs, "reduce_scatter");
    op.transfer.call.reduce = reduce;
    Tensor all = pack(op, tensors, size(), true);
    op.transfer.in = memory_of(all);
    Tensor flat = pack(op, outs, 1, false);
    op.transfer.out = memory_of(flat);
    unpack(op, flat, outs, 1);
    return executor_->submit(std::move(op), now);
  }

 private:
  const std::shared_ptr<Store> parent_store_;
  const BackendFactory factory_;
  std::shared_ptr<detail::Executor> executor_;
  Mutex mutex_;
  std::map<std::string, int> subgroups_ ABSL_GUARDED_BY(mutex_);  // how often a group of these ranks was made
};

ProcessGroup::ProcessGroup(int rank, int size, std::shared_ptr<Store> store, BackendFactory factory,
                           const GroupOptions& options)
    : impl_(std::make_unique<Impl>(rank, size, std::move(store), std::move(factory), options)) {}
ProcessGroup::~ProcessGroup() = default;

int ProcessGroup::rank() const { return impl_->rank(); }
int ProcessGroup::size() const { return impl_->size(); }
const char* ProcessGroup::backend() const { return impl_->executor().backend().name(); }
const GroupOptions& ProcessGroup::options() const { return impl_->executor().options(); }
const std::shared_ptr<Store>& ProcessGroup::store() const { return impl_->executor().store(); }
std::vector<Recorded> ProcessGroup::record() const { return impl_->executor().recorder().list(); }
std::unique_ptr<ProcessGroup> ProcessGroup::subgroup(const std::vector<int>& ranks) { return impl_->subgroup(ranks); }
std::unique_ptr<ProcessGroup> ProcessGroup::duplicate() {
  std::vector<int> all(static_cast<size_t>(size()));
  std::iota(all.begin(), all.end(), 0);
  return subgroup(all);
}
void ProcessGroup::set_timeout(std::chrono::milliseconds timeout) {
  Impl::check_timeout(timeout);
  impl_->executor().set_timeout(timeout);
}

void ProcessGroup::all_reduce(const Tensor& t, ReduceOp op) { impl_->all_reduce(t, op, true).wait(); }
Work ProcessGroup::all_reduce_async(const Tensor& t, ReduceOp op) { return impl_->all_reduce(t, op, false); }
void ProcessGroup::all_reduce(std::span<const Tensor> tensors, ReduceOp op) {
  impl_->all_reduce(tensors, op, true).wait();
}
Work ProcessGroup::all_reduce_async(std::span<const Tensor> tensors, ReduceOp op) {
  return impl_->all_reduce(tensors, op, false);
}
void ProcessGroup::reduce(const Tensor& t, int root, ReduceOp op) { impl_->reduce(t, root, op, true).wait(); }
Work ProcessGroup::reduce_async(const Tensor& t, int root, ReduceOp op) { return impl_->reduce(t, root, op, false); }
void ProcessGroup::broadcast(const Tensor& t, int root) { impl_->broadcast(t, root, true).wait(); }
Work ProcessGroup::broadcast_async(const Tensor& t, int root) { return impl_->broadcast(t, root, false); }
void ProcessGroup::broadcast(std::span<const Tensor> tensors, int root) {
  impl_->broadcast(tensors, root, true).wait();
}
Work ProcessGroup::broadcast_async(std::span<const Tensor> tensors, int root) {
  return impl_->broadcast(tensors, root, false);
}
void ProcessGroup::all_gather(const Tensor& out, const Tensor& t) { impl_->all_gather(out, t, true).wait(); }
Work ProcessGroup::all_gather_async(const Tensor& out, const Tensor& t) { return impl_->all_gather(out, t, false); }
void ProcessGroup::all_gather(std::span<const Tensor> outs, std::span<const Tensor> tensors) {
  impl_->all_gather(outs, tensors, true).wait();
}
Work ProcessGroup::all_gather_async(std::span<const Tensor> outs, std::span<const Tensor> tensors) {
  return impl_->all_gather(outs, tensors, false);
}
void ProcessGroup::reduce_scatter(const Tensor& out, const Tensor& t, ReduceOp op) {
  impl_->reduce_scatter(out, t, op, true).wait();
}
Work ProcessGroup::reduce_scatter_async(const Tensor& out, const Tensor& t, ReduceOp op) {
  return impl_->reduce_scatter(out, t, op, false);
}
void ProcessGroup::reduce_scatter(std::span<const Tensor> outs, std::span<const Tensor> tensors, ReduceOp op) {
  impl_->reduce_scatter(outs, tensors, op, true).wait();
}
Work ProcessGroup::reduce_scatter_async(std::span<const Tensor> outs, std::span<const Tensor> tensors, ReduceOp op) {
  return impl_->reduce_scatter(outs, tensors, op, false);
}
void ProcessGroup::gather(const Tensor& out, const Tensor& t, int root) { impl_->gather(out, t, root, true).wait(); }
Work ProcessGroup::gather_async(const Tensor& out, const Tensor& t, int root) {
  return impl_->gather(out, t, root, false);
}
void ProcessGroup::scatter(const Tensor& out, const Tensor& t, int root) { impl_->scatter(out, t, root, true).wait(); }
Work ProcessGroup::scatter_async(const Tensor& out, const Tensor& t, int root) {
  return impl_->scatter(out, t, root, false);
}
void ProcessGroup::all_to_all(const Tensor& out, const Tensor& t) {
  impl_->all_to_all(out, t, nullptr, nullptr, true).wait();
}
Work ProcessGroup::all_to_all_async(const Tensor& out, const Tensor& t) {
  return impl_->all_to_all(out, t, nullptr, nullptr, false);
}
void ProcessGroup::all_to_all(const Tensor& out, const Tensor& t, const std::vector<int64_t>& out_rows,
                              const std::vector<int64_t>& in_rows) {
  impl_->all_to_all(out, t, &out_rows, &in_rows, true).wait();
}
Work ProcessGroup::all_to_all_async(const Tensor& out, const Tensor& t, const std::vector<int64_t>& out_rows,
                                    const std::vector<int64_t>& in_rows) {
  return impl_->all_to_all(out, t, &out_rows, &in_rows, false);
}
void ProcessGroup::barrier() { impl_->barrier(true).wait(); }
Work ProcessGroup::barrier_async() { return impl_->barrier(false); }
Tensor ProcessGroup::all_gather(const Tensor& t) {
  impl_->check_operand(t, "all_gather");
  Shape shape = t.shape();
  shape.insert(0, size());
  Tensor out = empty(shape, {.dtype = t.dtype(), .device = t.device()});
  all_gather(out, t);
  return out;
}
Work ProcessGroup::send_async(const Tensor& t, int to, uint32_t tag) {
  return impl_->direct(OpType::kSend, t, to, tag);
}
Work ProcessGroup::recv_async(const Tensor& t, int from, uint32_t tag) {
  return impl_->direct(OpType::kReceive, t, from, tag);
}
}  // namespace hearth::distributed
