#include "core/autograd/swap_memory.h"

#include <algorithm>
#include <utility>

#include "core/autograd/edge.h"
#include "core/base/error.h"
#include "core/op/grad_meta.h"

namespace hearth {

Tensor swap_memory(Tensor& t, const Tensor& with, std::optional<uint32_t> version) {
  HEARTH_CHECK(t.defined() && with.defined(), "swap_memory: a tensor is undefined");
  HEARTH_CHECK(t.is_leaf(), "swap_memory: the tensor is no leaf, it was made by ", t.grad_fn_name(),
               ", whose gradient is that of the memory it has");
  HEARTH_CHECK(!t.requires_grad() || is_differentiable(with.dtype()),
               "swap_memory: the tensor requires a gradient, but the new memory holds ", with.dtype());
  TensorImpl& i = *t.impl();
  Storage& next = *with.impl()->storage;
  const bool same = i.storage == with.impl()->storage;
  const uint32_t wanted = version.value_or(std::max(t.version() + 1, next.version()));
  HEARTH_CHECK(next.version() <= wanted, "swap_memory: the memory shall have version ", wanted,
               ", but has been written to and has version ", next.version());
  Tensor old = detail::alias(t, t.layout(), true);
  if (!same) i.storage->drop_attachment();
  next.raise_version(wanted);
  i.dtype = with.dtype();
  i.layout = with.layout();
  i.storage = with.impl()->storage;
  i.base.reset();
  i.flags &= static_cast<uint8_t>(~TensorImpl::kUntracked);
  if (GradMeta* m = grad_meta(i); m && m->grad.defined()) {
    const Tensor& g = m->grad;
    if (!(g.shape() == t.shape()) || g.dtype() != t.dtype() || g.device() != t.device()) m->grad = Tensor();
  }
  return old;
}

}  // namespace hearth
