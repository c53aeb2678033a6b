#include "core/kernels/cpu/channels_last.h"

#include <algorithm>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
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
    const dnnl::memory::dims image{1, l.shape[1], l.shape[2], l.shape[3]};
    using Tag = dnnl::memory::format_tag;
    const onednn::Md from_md(image, type, Tag::nchw), to_md(image, type, Tag::nhwc);
    const int64_t bytes = l.numel / l.shape[0] * static_cast<int64_t>(size_of(t.dtype()));
    parallel_for(l.shape[0], std::max<int64_t>(1, 65536 / bytes), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        onednn::reorder(from_md, static_cast<const char*>(t.raw_data()) + i * bytes, to_md,
                        static_cast<char*>(to.impl()->data()) + i * bytes);
      }
    });
  } else {
    copy_tensor(to, t);
  }
  return to;
}

Tensor channels_last(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return channels_last(t);
  Tensor to = hearth::detail::empty_strided(t.shape(), channels_last_strides(t.shape()), dtype, t.device());
  copy_tensor(to, t);
  return to;
}

}  // namespace hearth::cpu
