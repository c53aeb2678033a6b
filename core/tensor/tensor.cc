#include "core/tensor/tensor.h"

#include "core/base/error.h"
#include "core/base/slab.h"
#include "core/base/thread_state.h"

namespace hearth {

Ref<TensorImpl> TensorImpl::make() { return Ref<TensorImpl>::adopt(slab::make<TensorImpl>()); }
void TensorImpl::destroy(TensorImpl* t) { slab::destroy(t); }

void Tensor::undefined() { fail("the tensor is undefined: it was default-constructed and never assigned"); }

void Tensor::expect_readable(DType t, const char* caller) const {
  HEARTH_CHECK(dtype() == t, caller, ": the tensor holds ", dtype(), ", not ", t);
  expect_on_cpu(caller);
}

void Tensor::expect_one_element() const {
  HEARTH_CHECK(numel() == 1, "item: the tensor of shape ", shape(), " does not have exactly one element");
}

void Tensor::expect_real(const char* caller) const {
  HEARTH_CHECK(!is_complex(), caller, ": a ", dtype(), " tensor holds complex numbers: ", caller,
               "<std::complex<double>>() reads them");
}

void Tensor::not_on_cpu(const char* caller) const {
  fail(caller, ": the tensor's memory is on ", device(), ", which the CPU cannot read; call cpu() first");
}

void* Tensor::writable(const char* caller) {
  expect_on_cpu(caller);
  Storage& s = *checked().storage;
  HEARTH_CHECK(!s.read_only(), caller, ": the tensor's memory is read-only (mapped from a file, or wrapped as such);",
               " clone() the tensor to change it");
  s.bump_version();
  return checked().data();
}

namespace detail {
namespace {
uint8_t flags_of_new() { return thread_state.inference ? TensorImpl::kInference : 0; }

// `storage` makes the memory of so many bytes.
template <class F>
Tensor strided(const Shape& shape, const Strides& strides, DType dtype, const char* op, F storage) {
  checked_numel(shape, size_of(dtype), op);
  Ref<TensorImpl> t = TensorImpl::make();
  t->dtype = dtype;
  t->flags = flags_of_new();
  t->layout = Layout(shape, strides, 0);
  const auto count = t->layout.dense ? t->layout.numel : t->layout.end();
  t->storage = storage(static_cast<size_t>(count) * size_of(dtype));
  return Tensor(std::move(t));
}
}  // namespace

Tensor empty_strided(const Shape& shape, const Strides& strides, DType dtype, Device device, const char* op) {
  return strided(shape, strides, dtype, op, [&](size_t bytes) { return Storage::make(bytes, device); });
}

Tensor empty_pinned(const Shape& shape, const Strides& strides, DType dtype, const char* op) {
  return strided(shape, strides, dtype, op, Storage::make_pinned);
}

Tensor empty(const Shape& shape, DType dtype, Device device, const char* op) {
  const int64_t numel = checked_numel(shape, size_of(dtype), op);
  Ref<TensorImpl> t = TensorImpl::make();
  t->dtype = dtype;
  t->flags = flags_of_new();
  t->layout.shape = shape;
  t->layout.strides = contiguous_strides(shape);
  t->layout.numel = numel;
  t->storage = Storage::make(static_cast<size_t>(numel) * size_of(dtype), device);
  return Tensor(std::move(t));
}

Tensor alias(const Tensor& t, const Layout& layout, bool detached) {
  Ref<TensorImpl> v = TensorImpl::make();
  v->dtype = t.dtype();
  v->layout = layout;
  v->storage = t.impl()->storage;
  v->flags = t.impl()->flags & TensorImpl::kInference;
  if (!detached) {
    const TensorImpl& i = *t.impl();
    v->base = i.base && !(i.flags & TensorImpl::kOwnLeaf) ? i.base : t.ref();
  }
  return Tensor(std::move(v));
}

}  // namespace detail
}  // namespace hearth
