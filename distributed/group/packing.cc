#include "distributed/group/packing.h"

#include "core/autograd/guards.h"
#include "core/ops/create.h"
#include "core/ops/view.h"

namespace hearth::distributed::detail {
namespace {

// The parts of one tensor, of which the first element of each is at `at`.
Tensor piece(const Tensor& flat, const Tensor& t, int64_t parts, int64_t at) {
  return flat.narrow(1, at, t.numel() / parts);
}

}  // namespace

Tensor pack(Operation& op, std::span<const Tensor> tensors, int64_t parts, bool values) {
  const NoGrad off;
  int64_t sum = 0;
  for (const Tensor& t : tensors) sum += t.numel() / parts;
  Tensor flat = empty({parts, sum}, {.dtype = op.transfer.call.dtype, .device = op.transfer.stream.device});
  op.held.push_back(flat);
  if (!values) return flat;
  int64_t at = 0;
  for (const Tensor& t : tensors) {
    Tensor place = piece(flat, t, parts, at);
    place.copy_(t.detach().reshape({parts, t.numel() / parts}));
    at += t.numel() / parts;
  }
  return flat;
}

void unpack(Operation& op, const Tensor& flat, std::span<const Tensor> tensors, int64_t parts) {
  const NoGrad off;
  int64_t at = 0;
  for (const Tensor& t : tensors) {
    Tensor to = t.detach();
    // [parts * n, ...] as [parts, n, ...].
    if (parts > 1 && t.size(0) != parts) to = to.unflatten(0, {parts, t.size(0) / parts});
    op.copy_back.emplace_back(to, piece(flat, t, parts, at).reshape(to.shape()));
    at += t.numel() / parts;
  }
}

}  // namespace hearth::distributed::detail
