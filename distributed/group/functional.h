// Collectives with a gradient: they take a tensor and give a new one.
#pragma once

#include "core/tensor/tensor.h"
#include "distributed/group/process_group.h"

/// Collectives with a gradient. All ranks must run backward through them too, in the same order. Their gradients have
/// gradients themselves. torch.distributed.nn.functional.
namespace hearth::distributed::functional {

/// The sum or average of all ranks' x. Throws Error for another reduction.
Tensor all_reduce(const Tensor& x, ProcessGroup& group, ReduceOp op = ReduceOp::kSum);
/// The root's x. Its gradient is the sum of all ranks'; the other ranks' x gets zeros.
Tensor broadcast(const Tensor& x, ProcessGroup& group, int root);
/// All ranks' x: [size(), x's shape].
Tensor all_gather(const Tensor& x, ProcessGroup& group);
/// x is [size(), ...]: the sum or average over ranks of this rank's part, [...]. Throws Error for another reduction.
Tensor reduce_scatter(const Tensor& x, ProcessGroup& group, ReduceOp op = ReduceOp::kSum);
/// Part r of x goes to rank r; x is cut evenly along the first dimension.
Tensor all_to_all(const Tensor& x, ProcessGroup& group);

}  // namespace hearth::distributed::functional
