#include "core/op/machinery.h"

#include "core/base/error.h"
#include "core/op/interposer.h"

namespace hearth::machinery {

Tensor cast(const Tensor& t, DType dtype) {
  if (!t.defined()) return run(kCopy, {t}, CopyAttrs{});  // names itself
  if (t.dtype() == dtype) return t;
  return run(kCopy, {t}, CopyAttrs{.dtype = dtype});
}

Tensor widened(const Tensor& t) { return t.defined() && is_half(t.dtype()) ? cast(t, DType::kF32) : t; }

Tensor copy(const Tensor& t, MemoryFormat format) { return run(kCopy, {t}, CopyAttrs{.format = format}); }

Tensor transfer(const Tensor& t, Device device, bool non_blocking) {
  if (t.device() == device) return t;
  HEARTH_CHECK(!t.device().is_meta() || tracing(), "to: a meta tensor has no values to bring to ", device);
  return run(kTransfer, {t}, TransferAttrs{device, non_blocking});
}

void copy_into(Tensor& to, const Tensor& from) { run_into(kCopy, to, {from}, CopyAttrs{}); }
void fill_into(Tensor& t, Scalar value) { run_into(kFill, t, {value}); }
Tensor add(const Tensor& a, const Tensor& b) { return run(kAdd, {a, b}); }
void add_into(Tensor& a, const Tensor& b) { run_into(kAdd, a, {a, b}); }

Tensor conj(const Tensor& t) { return t.defined() && t.is_complex() ? run(kConj, {t}) : t; }

Tensor sum_to(const Tensor& t, const Shape& shape) {
  if (t.shape() == shape) return t;
  return run(kSumTo, {t}, ShapeAttrs{shape});
}

Tensor expand(const Tensor& t, const Shape& shape) {
  if (t.shape() == shape) return t;
  return run(kExpand, {t}, ShapeAttrs{shape});
}

Tensor as_strided(const Tensor& t, const StridedAttrs& region) { return run(kAsStrided, {t}, region); }

Tensor view_write(const Tensor& t, const Tensor& source, const StridedAttrs& region) {
  return run(kViewWrite, {t, source}, region);
}

Tensor view_add(const Tensor& t, const Tensor& source, const StridedAttrs& region) {
  return run(kViewAdd, {t, source}, region);
}

Tensor full(const Shape& shape, Scalar value, DType dtype, Device device) {
  Tensor t = detail::empty(shape, dtype, device, "full");
  fill_into(t, value);
  return t;
}

}  // namespace hearth::machinery
