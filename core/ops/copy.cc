// Copies, conversions and single values: methods of Tensor.
#include "core/base/error.h"
#include "core/op/grad_context.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"

namespace hearth {

Tensor Tensor::clone(MemoryFormat format) const { return machinery::copy(*this, format); }

Tensor Tensor::contiguous(MemoryFormat format) const {
  if (format == MemoryFormat::kPreserve || is_contiguous(format)) return *this;
  return machinery::copy(*this, format);
}

Tensor Tensor::to(DType t) const { return machinery::cast(*this, t); }
Tensor Tensor::to(MemoryFormat format) const { return contiguous(format); }

Tensor Tensor::to(Device d, const TransferOptions& o) const {
  if (device() == d) return *this;
  if (d.is_meta())
    return detail::empty_strided(shape(), layout().dense ? strides() : contiguous_strides(shape()), dtype(), d, "to");
  return machinery::transfer(*this, d, o.non_blocking);
}

Tensor Tensor::to(Device d, DType t) const { return to(t).to(d); }

Tensor Tensor::pin_memory() const {
  expect_on_cpu("pin_memory");
  if (is_pinned()) return *this;
  Tensor pinned = detail::empty_pinned(shape(), strides_for(layout(), MemoryFormat::kPreserve), dtype(), "pin_memory");
  machinery::copy_into(pinned, *this);
  return pinned;
}

bool Tensor::is_pinned() const { return checked().storage->pinned(); }

Tensor& Tensor::copy_(const Tensor& source, const TransferOptions& o) & {
  const bool moves = defined() && source.defined() && source.device() != device() && !source.device().is_meta();
  // To the CPU the host copies on from what has arrived.
  machinery::copy_into(*this, moves ? source.to(device(), device().is_cpu() ? TransferOptions{} : o) : source);
  return *this;
}

Tensor& Tensor::fill_(Scalar value) & {
  machinery::fill_into(*this, value);
  return *this;
}

void detail::expect_values(const Tensor& t, const char* op, const std::source_location* caller) {
  if (!t.device().is_meta() && !tracing()) return;
  const std::string where = caller ? concat(" (", caller->file_name(), ":", caller->line(), ")") : std::string();
  if (tracing()) fail(op, ": a tensor has no values while a function is traced", where);
  fail(op, ": a meta tensor has no values", where);
}

Scalar Tensor::item(std::source_location caller) const {
  expect_one_element();
  detail::expect_values(*this, "item", &caller);
  if (!device().is_cpu()) return cpu().item(caller);
  expect_real("item");
  const void* p = raw_data();
  return visit(dtype(), [&]<class T>() -> Scalar {
    const T v = *static_cast<const T*>(p);
    if constexpr (std::is_same_v<T, bool>) return v;
    else if constexpr (std::is_integral_v<T>) return static_cast<int64_t>(v);
    else return static_cast<double>(static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(v));
  });
}

}  // namespace hearth
