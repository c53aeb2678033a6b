#include "core/kernels/cpu/channels_last.h"

#include "core/kernels/cpu/copy.h"
#include "core/kernels/cpu/onednn.h"

namespace hearth::cpu {

Tensor channels_last(const Tensor& t) {
  const Layout& l = t.layout();
  const Strides want = channels_last_strides(l.shape);
  bool same = true;
  for (int d = 0; d < 4; ++d) same &= l.shape[d] == 1 || l.strides[d] == want[d];
  if (same || l.numel == 0) return t;
  Tensor to = hearth::detail::empty_strided(l.shape, want, t.dtype(), t.device());
  if (l.contiguous && (t.dtype() == DType::kF32 || t.dtype() == DType::kBF16)) {
    const auto type = onednn::type_of(t.dtype());
    const dnnl::memory::dims shape(l.shape.begin(), l.shape.end());
    using Tag = dnnl::memory::format_tag;
    onednn::reorder({shape, type, Tag::nchw}, t.raw_data(), {shape, type, Tag::nhwc}, to.raw_data());
  } else {
    copy_tensor(to, t);
  }
  return to;
}

Tensor row_major(const Tensor& t) {
  if (t.layout().contiguous) return t;
  Tensor to = hearth::detail::empty(t.shape(), t.dtype(), t.device());
  copy_tensor(to, t);
  return to;
}

}  // namespace hearth::cpu
