// ProcessGroup: ranks that compute together, and what they exchange.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"
#include "distributed/group/backend.h"
#include "distributed/group/recorder.h"
#include "distributed/group/work.h"
#include "distributed/store/store.h"

namespace hearth::distributed {

/// How a group behaves.
struct GroupOptions {
  /// As it stands in errors and in the store; groups that share a store need different names.
  std::string name = "world";
  /// For each operation, from its beginning.
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
  /// Compares what all ranks call before each collective: differences are found within milliseconds, not at the
  /// timeout. Costs some exchanges with the store for each call. For debugging.
  bool check = false;
  /// How long a rank that has failed waits for word from the others, for the error's text.
  std::chrono::milliseconds grace = std::chrono::milliseconds(500);
  /// How many of the last operations are remembered, at least 1.
  size_t recorded = 256;
};

/// Ranks that compute together: torch.distributed's process group.
///
/// All ranks call the same collectives in the same order, with the same dtype and shape (unless said otherwise).
/// Tensors may have any strides and are written in place, whatever their history: a tensor that requires a gradient is
/// refused while gradients are recorded (see functional.h for forms that have one). Tensors lie on devices that the
/// backend carries: the CPU.
///
/// Forms that end in _async return at once; the tensors must be left alone until Work::wait(). The others return when
/// the result is there. Calls may come from several threads, if they come in the same order on all ranks.
///
/// Errors. What the caller got wrong throws Error(kInvalidArgument) and leaves the group as it was. If ranks are
/// missing at the timeout, have died or call something else, every rank throws Error(kIo) that names the operation, its
/// number, dtype and shape, who is missing and what each other rank was doing. The group cannot be used after that.
class ProcessGroup {
 public:
  /// All ranks of the group make it, with one store, the same options and the same kind of backend. Throws Error if
  /// they do not all come within the timeout.
  ProcessGroup(int rank, int size, std::shared_ptr<Store> store, BackendFactory factory,
               const GroupOptions& options = {});
  /// Finishes what is queued, and tells the others.
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  /// This rank, from 0.
  int rank() const;
  /// The number of ranks.
  int size() const;
  /// "gloo", "threads".
  const char* backend() const;
  /// The options that it was made with.
  const GroupOptions& options() const;
  /// The group's part of the store.
  const std::shared_ptr<Store>& store() const;
  /// The last operations of this rank, oldest first.
  std::vector<Recorded> record() const;

  /// A group of these ranks of this one, in this order; all of them call it, and only they. Throws Error unless this
  /// rank is among them and each is named once.
  std::unique_ptr<ProcessGroup> subgroup(const std::vector<int>& ranks);
  /// A group of the same ranks; all of them call it. The order of its operations is its own: what runs in the
  /// background, or in backward, does not mix with the operations of this one.
  std::unique_ptr<ProcessGroup> duplicate();
  /// In place of GroupOptions::timeout, for operations that begin from now on and for new subgroups.
  void set_timeout(std::chrono::milliseconds timeout);

  /// Every rank's tensor becomes the reduction of all.
  void all_reduce(const Tensor& t, ReduceOp op = ReduceOp::kSum);
  /// The same without waiting.
  Work all_reduce_async(const Tensor& t, ReduceOp op = ReduceOp::kSum);
  /// Several tensors of one dtype in one exchange.
  void all_reduce(std::span<const Tensor> tensors, ReduceOp op = ReduceOp::kSum);
  /// The same without waiting.
  Work all_reduce_async(std::span<const Tensor> tensors, ReduceOp op = ReduceOp::kSum);

  /// The root's tensor becomes the reduction of all; the others keep theirs. Like broadcast, it refuses on every rank a
  /// tensor that it could not write to.
  void reduce(const Tensor& t, int root, ReduceOp op = ReduceOp::kSum);
  /// The same without waiting.
  Work reduce_async(const Tensor& t, int root, ReduceOp op = ReduceOp::kSum);

  /// Every rank's tensor becomes the root's.
  void broadcast(const Tensor& t, int root);
  /// The same without waiting.
  Work broadcast_async(const Tensor& t, int root);
  /// Several tensors of one dtype in one exchange.
  void broadcast(std::span<const Tensor> tensors, int root);
  /// The same without waiting.
  Work broadcast_async(std::span<const Tensor> tensors, int root);

  /// `out` becomes all ranks' tensors, one after another. It has size() times as many elements as t: a shape of
  /// [size(), t's shape] or t's with a first dimension size() times as large.
  void all_gather(const Tensor& out, const Tensor& t);
  /// The same without waiting.
  Work all_gather_async(const Tensor& out, const Tensor& t);
  /// A new tensor [size(), t's shape].
  Tensor all_gather(const Tensor& t);
  /// Several tensors of one dtype in one exchange: outs[i] is for tensors[i].
  void all_gather(std::span<const Tensor> outs, std::span<const Tensor> tensors);
  /// The same without waiting.
  Work all_gather_async(std::span<const Tensor> outs, std::span<const Tensor> tensors);

  /// `t` holds a part for each rank, as all_gather's result; `out` becomes the reduction of this rank's part.
  void reduce_scatter(const Tensor& out, const Tensor& t, ReduceOp op = ReduceOp::kSum);
  /// The same without waiting.
  Work reduce_scatter_async(const Tensor& out, const Tensor& t, ReduceOp op = ReduceOp::kSum);
  /// Several tensors of one dtype in one exchange: outs[i] is for tensors[i].
  void reduce_scatter(std::span<const Tensor> outs, std::span<const Tensor> tensors, ReduceOp op = ReduceOp::kSum);
  /// The same without waiting.
  Work reduce_scatter_async(std::span<const Tensor> outs, std::span<const Tensor> tensors,
                            ReduceOp op = ReduceOp::kSum);

  /// The root's `out` becomes all ranks' tensors, as in all_gather; the others give an undefined `out`.
  void gather(const Tensor& out, const Tensor& t, int root);
  /// The same without waiting.
  Work gather_async(const Tensor& out, const Tensor& t, int root);

  /// Each rank's `out` becomes its part of the root's `t`; the others give an undefined `t`.
  void scatter(const Tensor& out, const Tensor& t, int root);
  /// The same without waiting.
  Work scatter_async(const Tensor& out, const Tensor& t, int root);

  /// Part r of `t` goes to rank r, and part r of `out` comes from it; both are cut evenly along the first dimension.
  void all_to_all(const Tensor& out, const Tensor& t);
  /// The same without waiting.
  Work all_to_all_async(const Tensor& out, const Tensor& t);
  /// The same with uneven parts: in_rows[r] rows of `t` go to rank r, out_rows[r] rows of `out` come from it. Rank a's
  /// in_rows[b] must be rank b's out_rows[a]. The tensors have one dtype and rows of one shape.
  void all_to_all(const Tensor& out, const Tensor& t, const std::vector<int64_t>& out_rows,
                  const std::vector<int64_t>& in_rows);
  /// The same without waiting.
  Work all_to_all_async(const Tensor& out, const Tensor& t, const std::vector<int64_t>& out_rows,
                        const std::vector<int64_t>& in_rows);

  /// Gives the tensor to a rank, which receives it with the same tag, dtype and shape. Returns when it has been taken.
  void send(const Tensor& t, int to, uint32_t tag = 0) { send_async(t, to, tag).wait(); }
  /// The same without waiting. Any number of sends and receives may be on their way, in any order.
  Work send_async(const Tensor& t, int to, uint32_t tag = 0);
  /// The tensor becomes what a rank sends.
  void recv(const Tensor& t, int from, uint32_t tag = 0) { recv_async(t, from, tag).wait(); }
  /// The same without waiting.
  Work recv_async(const Tensor& t, int from, uint32_t tag = 0);

  /// Returns when all ranks have come here.
  void barrier();
  /// The same without waiting.
  Work barrier_async();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::distributed
