#include "distributed/parallel/grad_norm.h"

#include <cmath>

namespace hearth::distributed {

optim::ReduceFunction reduce_norm(ProcessGroup& group, double p) {
  return [&group, p](Tensor sum) {
    group.all_reduce(sum, std::isinf(p) ? ReduceOp::kMax : ReduceOp::kSum);
    return sum;
  };
}

}  // namespace hearth::distributed
