#include "distributed/parallel/grad_norm.h"

#include <cmath>

namespace hearth::distributed {

optim::ReduceFunction reduce_norm(ProcessGroup& group, double p) {
  return [&group, p](Tensor sum) {
    // NCCL's maximum loses a NaN.
    if (std::isinf(p)) return group.all_gather(sum).amax();
    group.all_reduce(sum);
    return sum;
  };
}

}  // namespace hearth::distributed
