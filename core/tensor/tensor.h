// Tensor: an n-dimensional array of one dtype on one device, with value semantics of a handle.
//
// Copying a Tensor copies the handle: both name the same memory. Const calls may run concurrently; a call that changes
// values (name ends in _), gradients or autograd state needs exclusive use. Every op on an undefined tensor throws.
//
// Methods that are ops are defined in `core/ops/<family>.cc`, those of autograd in core/autograd; a program that calls
// them links those targets (//core has them all).
#pragma once

#if __cplusplus < 202002L
#error "Hearth needs C++20: compile with -std=c++20 (in .bazelrc: build --cxxopt=-std=c++20)"
#endif

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/tensor/scalar.h"
#include "core/tensor/tensor_impl.h"

namespace hearth {

class Index;      // core/ops/index.h
class Indexed;    // core/ops/index.h
class Generator;  // core/tensor/generator.h

// How a new tensor is made. Where dtype is left out, each function says what it takes.
struct TensorOptions {
  std::optional<DType> dtype = std::nullopt;
  Device device = kCpu;
  bool requires_grad = false;
};

struct BackwardOptions {
  bool retain_graph = false;  // keep what was saved, so that backward can run again
  bool create_graph = false;  // record the gradients' own computation, for higher derivatives; implies retain_graph
};

// clang-format off
// The methods that write in place, but those whose arguments may stand in braces.
#define HEARTH_IN_PLACE_METHODS(X) \
  X(requires_grad_) X(detach_) X(copy_) X(fill_) X(zero_) X(abs_) X(neg_) X(square_) X(reciprocal_) X(sqrt_) \
  X(rsqrt_) X(exp_) X(exp2_) X(expm1_) X(log_) X(log2_) X(log10_) X(log1p_) X(sin_) X(cos_) X(tan_) X(asin_) \
  X(acos_) X(atan_) X(sinh_) X(cosh_) X(tanh_) X(asinh_) X(acosh_) X(atanh_) X(erf_) X(erfc_) X(erfinv_) \
  X(sigmoid_) X(logit_) X(floor_) X(ceil_) X(round_) X(trunc_) X(frac_) X(sign_) X(relu_) X(add_) X(sub_) \
  X(mul_) X(div_) X(pow_) X(fmod_) X(remainder_) X(floor_divide_) X(bitwise_and_) X(bitwise_or_) \
  X(bitwise_xor_) X(bitwise_not_) X(bitwise_left_shift_) X(bitwise_right_shift_) X(logical_and_) \
  X(logical_or_) X(logical_xor_) X(logical_not_) X(eq_) X(ne_) X(lt_) X(le_) X(gt_) X(ge_) X(atan2_) X(lerp_) \
  X(addcmul_) X(addcdiv_) X(masked_fill_) X(index_fill_) X(masked_scatter_) X(scatter_) X(scatter_add_) \
  X(index_add_) X(uniform_) X(normal_) X(bernoulli_) X(random_)
// clang-format on

class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) noexcept = default;
  ~Tensor() = default;

  // y = t: a named tensor becomes another handle of t. x[0] = t, x.slice(0, 1, 3) = 5: what a temporary looks into gets
  // the values of t, which broadcasts, as copy_() and fill_() do; dimensions of size 1 before the others are left out.
  // So std::move(y) = t writes too. Throws Error where the temporary is undefined.
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & noexcept = default;
  Tensor operator=(const Tensor& values) &&;
  Tensor operator=(Scalar value) &&;

  // ---- what it is
  bool defined() const { return impl_.get() != nullptr; }
  explicit operator bool() const = delete;  // use defined() or item<bool>()
  DType dtype() const { return checked().dtype; }
  Device device() const { return checked().device(); }
  const Shape& shape() const { return checked().layout.shape; }
  const Strides& strides() const { return checked().layout.strides; }
  const Layout& layout() const { return checked().layout; }
  int dim() const { return checked().layout.rank(); }
  int64_t size(int64_t d) const { return shape()[wrap_dim(d, dim(), "size")]; }
  int64_t stride(int64_t d) const { return strides()[wrap_dim(d, dim(), "stride")]; }
  int64_t numel() const { return checked().layout.numel; }
  int64_t storage_offset() const { return checked().layout.offset; }
  size_t itemsize() const { return size_of(dtype()); }
  size_t nbytes() const { return static_cast<size_t>(numel()) * itemsize(); }
  bool is_contiguous(MemoryFormat format = MemoryFormat::kContiguous) const {
    return format == MemoryFormat::kChannelsLast ? layout().channels_last() : layout().contiguous;
  }
  bool is_floating_point() const { return hearth::is_floating_point(dtype()); }
  bool is_view() const { return static_cast<bool>(checked().base); }
  bool is_inference() const { return checked().flags & TensorImpl::kInference; }
  uint32_t version() const { return checked().storage->version(); }
  // True if both handles name the same tensor object.
  bool is(const Tensor& other) const { return impl_.get() == other.impl_.get(); }
  TensorImpl* impl() const { return impl_.get(); }
  const Ref<TensorImpl>& ref() const { return impl_; }
  Ref<TensorImpl> take() && { return std::move(impl_); }

  // ---- values
  // First element in CPU memory, to be read; elements lie at strides(). Throws Error unless T is the tensor's C++ type.
  template <class T>
  const T* data() const {
    expect_readable(dtype_of<T>, "data");
    return static_cast<const T*>(impl_->data());
  }
  const void* raw_data() const {
    expect_on_cpu("raw_data");
    return impl_->data();
  }
  // The same, to be written. Counts as an in-place write: what a gradient kept of this memory, and weights that were
  // packed from it, are known to be stale. Take the pointer anew before each round of writes that follows other uses
  // of the tensor. Throws Error if the memory is read-only (mapped from a file); clone() such a tensor first.
  template <class T>
  T* mutable_data() {
    expect_readable(dtype_of<T>, "mutable_data");
    return static_cast<T*>(mutable_raw_data());
  }
  void* mutable_raw_data();
  // The value of a tensor of one element. Throws Error if there are more or none, and, naming the caller, where there
  // are no values to read: of a meta tensor, and while a function is traced.
  Scalar item(std::source_location caller = std::source_location::current()) const;
  template <class T>
  T item(std::source_location caller = std::source_location::current()) const {
    return item(caller).to<T>();
  }
  // All elements in row-major order, converted to T. Throws Error as item().
  template <class T>
  std::vector<T> to_vector(std::source_location caller = std::source_location::current()) const;

  // ---- autograd (core/autograd)
  bool requires_grad() const;
  Tensor& requires_grad_(bool on = true) &;  // only on a floating-point leaf
  bool is_leaf() const;
  // Undefined until a backward has reached this leaf. Throws Error for a tensor that an op has made, whose gradient is
  // only kept after retain_grad().
  Tensor grad() const;
  void set_grad(const Tensor& g);
  void retain_grad() const;
  bool retains_grad() const;
  // Adds the gradients of this tensor to every leaf it was computed from. `gradient` may be left out for a tensor of
  // one element. Throws Error if no gradient was recorded, or on a second run without retain_graph:
  // y.backward({.retain_graph = true}).
  void backward() const;
  void backward(BackwardOptions options) const;
  void backward(const Tensor& gradient, BackwardOptions options = {}) const;
  Tensor detach() const;  // the same memory, without gradient history
  Tensor& detach_() &;
  // Called with this tensor's gradient when it is complete; a defined result replaces it. The handle removes the hook.
  int64_t register_hook(std::function<Tensor(const Tensor&)> hook) const;
  // Called on a leaf after its gradient has been accumulated.
  int64_t register_post_accumulate_grad_hook(std::function<void(const Tensor&)> hook) const;
  void remove_hook(int64_t handle) const;
  const char* grad_fn_name() const;  // name of the op that made it; null for a leaf

  // ---- copies and conversions (ops/copy)
  Tensor clone(MemoryFormat format = MemoryFormat::kPreserve) const;
  Tensor contiguous(MemoryFormat format = MemoryFormat::kContiguous) const;
  Tensor to(DType dtype) const;
  Tensor to(Device device) const;
  Tensor to(std::string_view device) const { return to(Device::parse(device)); }  // "cpu", "cuda:1"
  Tensor to(MemoryFormat format) const;
  Tensor to(Device device, DType dtype) const;
  Tensor type_as(const Tensor& o) const { return to(o.device(), o.dtype()); }
  Tensor cpu() const { return to(kCpu); }
  Tensor cuda(int index = 0) const { return to(Device{DeviceType::kCuda, static_cast<int8_t>(index)}); }
  Tensor& copy_(const Tensor& source) &;
  Tensor& fill_(Scalar value) &;
  Tensor& zero_() & { return fill_(0); }

  // ---- new tensors on this one's device, of its dtype if none is given (ops/create)
  Tensor new_empty(const Shape& shape, std::optional<DType> dtype = {}) const;
  Tensor new_zeros(const Shape& shape, std::optional<DType> dtype = {}) const;
  Tensor new_ones(const Shape& shape, std::optional<DType> dtype = {}) const;
  Tensor new_full(const Shape& shape, Scalar value, std::optional<DType> dtype = {}) const;

  // ---- pointwise (ops/arithmetic, math, compare, activation); name_ writes into this tensor
  Tensor abs() const, neg() const, square() const, reciprocal() const, sqrt() const;
  Tensor rsqrt() const, exp() const, exp2() const, expm1() const, log() const;
  Tensor log2() const, log10() const, log1p() const, sin() const, cos() const;
  Tensor tan() const, asin() const, acos() const, atan() const, sinh() const;
  Tensor cosh() const, tanh() const, asinh() const, acosh() const, atanh() const;
  Tensor erf() const, erfc() const, erfinv() const, sigmoid() const, logit() const;
  Tensor floor() const, ceil() const, round() const, trunc() const, frac() const;
  Tensor sign() const, relu() const;
  Tensor &abs_() &, &neg_() &, &square_() &, &reciprocal_() &, &sqrt_() &;
  Tensor &rsqrt_() &, &exp_() &, &exp2_() &, &expm1_() &, &log_() &;
  Tensor &log2_() &, &log10_() &, &log1p_() &, &sin_() &, &cos_() &;
  Tensor &tan_() &, &asin_() &, &acos_() &, &atan_() &, &sinh_() &;
  Tensor &cosh_() &, &tanh_() &, &asinh_() &, &acosh_() &, &atanh_() &;
  Tensor &erf_() &, &erfc_() &, &erfinv_() &, &sigmoid_() &, &logit_() &;
  Tensor &floor_() &, &ceil_() &, &round_() &, &trunc_() &, &frac_() &;
  Tensor &sign_() &, &relu_() &;
  Tensor add(const Tensor&o) const, add(Scalar o) const, &add_(const Tensor&o) &, &add_(Scalar o) &;
  Tensor sub(const Tensor&o) const, sub(Scalar o) const, &sub_(const Tensor&o) &, &sub_(Scalar o) &;
  Tensor mul(const Tensor&o) const, mul(Scalar o) const, &mul_(const Tensor&o) &, &mul_(Scalar o) &;
  Tensor div(const Tensor&o) const, div(Scalar o) const, &div_(const Tensor&o) &, &div_(Scalar o) &;
  Tensor pow(const Tensor&o) const, pow(Scalar o) const;
  Tensor remainder(const Tensor&o) const, remainder(Scalar o) const;
  Tensor fmod(const Tensor&o) const, fmod(Scalar o) const;
  Tensor floor_divide(const Tensor&o) const, floor_divide(Scalar o) const;
  Tensor maximum(const Tensor& o) const;
  Tensor minimum(const Tensor& o) const;
  Tensor bitwise_and(const Tensor&o) const, bitwise_and(Scalar o) const;
  Tensor bitwise_or(const Tensor&o) const, bitwise_or(Scalar o) const;
  Tensor bitwise_xor(const Tensor&o) const, bitwise_xor(Scalar o) const;
  Tensor bitwise_left_shift(const Tensor&o) const, bitwise_left_shift(Scalar o) const;
  Tensor bitwise_right_shift(const Tensor&o) const, bitwise_right_shift(Scalar o) const;
  Tensor logical_and(const Tensor& o) const;
  Tensor logical_or(const Tensor& o) const;
  Tensor logical_xor(const Tensor& o) const;
  Tensor &pow_(const Tensor&o) &, &pow_(Scalar o) &, &fmod_(const Tensor&o) &, &fmod_(Scalar o) &;
  Tensor &remainder_(const Tensor&o) &, &remainder_(Scalar o) &, &floor_divide_(const Tensor&o) &,
      &floor_divide_(Scalar o) &;
  Tensor &bitwise_and_(const Tensor&o) &, &bitwise_and_(Scalar o) &, &bitwise_or_(const Tensor&o) &,
      &bitwise_or_(Scalar o) &;
  Tensor &bitwise_xor_(const Tensor&o) &, &bitwise_xor_(Scalar o) &, &bitwise_not_() &;
  Tensor &bitwise_left_shift_(const Tensor&o) &, &bitwise_left_shift_(Scalar o) &;
  Tensor &bitwise_right_shift_(const Tensor&o) &, &bitwise_right_shift_(Scalar o) &;
  Tensor &logical_and_(const Tensor&o) &, &logical_or_(const Tensor&o) &, &logical_xor_(const Tensor&o) &,
      &logical_not_() &;
  Tensor &eq_(const Tensor&o) &, &eq_(Scalar o) &, &ne_(const Tensor&o) &, &ne_(Scalar o) &, &lt_(const Tensor&o) &;
  Tensor &lt_(Scalar o) &, &le_(const Tensor&o) &, &le_(Scalar o) &, &gt_(const Tensor&o) &, &gt_(Scalar o) &;
  Tensor &ge_(const Tensor&o) &, &ge_(Scalar o) &, &atan2_(const Tensor&x) &;
  Tensor xlogy(const Tensor& y) const;
  Tensor bitwise_not() const, logical_not() const, isnan() const, isinf() const, isfinite() const;
  Tensor atan2(const Tensor&x) const, lerp(const Tensor&end, Scalar weight) const,
      lerp(const Tensor&end, const Tensor&weight) const;
  Tensor &lerp_(const Tensor&end, Scalar weight) &, &lerp_(const Tensor&end, const Tensor&weight) &;
  Tensor addcmul(const Tensor&a, const Tensor&b, Scalar value = 1) const,
      &addcmul_(const Tensor&a, const Tensor&b, Scalar value = 1) &;
  Tensor addcdiv(const Tensor&a, const Tensor&b, Scalar value = 1) const,
      &addcdiv_(const Tensor&a, const Tensor&b, Scalar value = 1) &;
  Tensor clamp(std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt) const;
  Tensor& clamp_(std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt) &;
  Tensor clamp(const Tensor&min, const Tensor&max) const, &clamp_(const Tensor&min, const Tensor&max) &;
  Tensor nan_to_num(double nan = 0.0, std::optional<double> posinf = {}, std::optional<double> neginf = {}) const;
  Tensor& nan_to_num_(double nan = 0.0, std::optional<double> posinf = {}, std::optional<double> neginf = {}) &;
  Tensor masked_fill(const Tensor&mask, Scalar value) const, masked_fill(const Tensor&mask, const Tensor&value) const;
  Tensor &masked_fill_(const Tensor&mask, Scalar value) &, &masked_fill_(const Tensor&mask, const Tensor&value) &;
  Tensor eq(const Tensor&o) const, eq(Scalar o) const;
  Tensor ne(const Tensor&o) const, ne(Scalar o) const;
  Tensor lt(const Tensor&o) const, lt(Scalar o) const;
  Tensor le(const Tensor&o) const, le(Scalar o) const;
  Tensor gt(const Tensor&o) const, gt(Scalar o) const;
  Tensor ge(const Tensor&o) const, ge(Scalar o) const;
  bool equal(const Tensor& o) const;
  bool allclose(const Tensor& o, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) const;

  // ---- reductions (ops/reduce, ops/softmax); no dimensions: over all of them
  Tensor sum(const Dims& dims = {}, bool keepdim = false) const;
  Tensor mean(const Dims& dims = {}, bool keepdim = false) const;
  Tensor amax(const Dims& dims = {}, bool keepdim = false) const;
  Tensor amin(const Dims& dims = {}, bool keepdim = false) const;
  Tensor logsumexp(const Dims& dims = {}, bool keepdim = false) const;
  Tensor prod() const, prod(int64_t d, bool keepdim = false) const, all() const,
      all(int64_t d, bool keepdim = false) const;
  Tensor any() const, any(int64_t d, bool keepdim = false) const, max() const, min() const, median() const;
  std::pair<Tensor, Tensor> max(int64_t d, bool keepdim = false) const, min(int64_t d, bool keepdim = false) const,
      median(int64_t d, bool keepdim = false) const;
  Tensor argmax(std::optional<int64_t> d = {}, bool keepdim = false) const,
      argmin(std::optional<int64_t> d = {}, bool keepdim = false) const;
  Tensor var(const Dims& dims = {}, int64_t correction = 1, bool keepdim = false) const;
  Tensor std(const Dims& dims = {}, int64_t correction = 1, bool keepdim = false) const;
  Tensor norm(double p = 2, const Dims&dims = {}, bool keepdim = false) const,
      count_nonzero(const Dims&dims = {}) const;
  Tensor cumsum(int64_t d) const, cumprod(int64_t d) const, softmax(int64_t d) const, log_softmax(int64_t d) const;

  // ---- shapes (ops/view): the result looks into this tensor's memory where it can
  Tensor view(const Dims&shape) const, reshape(const Dims&shape) const, view_as(const Tensor&o) const;
  Tensor reshape_as(const Tensor&o) const, mT() const;  // mT: the last two dimensions exchanged
  Tensor expand(const Dims&shape) const, expand_as(const Tensor&o) const, broadcast_to(const Dims&shape) const;
  Tensor permute(const Dims&dims) const, transpose(int64_t a, int64_t b) const, t() const,
      movedim(int64_t from, int64_t to) const;
  Tensor squeeze() const, squeeze(int64_t d) const, unsqueeze(int64_t d) const;
  Tensor flatten(int64_t start = 0, int64_t end = -1) const, unflatten(int64_t d, const Dims&sizes) const;
  Tensor select(int64_t d, int64_t i) const, narrow(int64_t d, int64_t start, int64_t length) const;
  Tensor slice(int64_t d, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step = 1) const;
  Tensor diagonal(int64_t offset = 0, int64_t d1 = 0, int64_t d2 = 1) const,
      unfold(int64_t d, int64_t size, int64_t step) const;
  Tensor as_strided(const Dims& shape, const Dims& strides, std::optional<int64_t> offset = {}) const;
  std::vector<Tensor> split(int64_t size, int64_t d = 0) const,
      split(std::span<const int64_t> sizes, int64_t d = 0) const;
  std::vector<Tensor> chunk(int64_t n, int64_t d = 0) const, unbind(int64_t d = 0) const;
  Tensor repeat(const Dims&counts) const, tile(const Dims&counts) const, flip(const Dims&dims) const;
  Tensor roll(const Dims&shifts, const Dims&dims = {}) const, tril(int64_t k = 0) const, triu(int64_t k = 0) const;

  // ---- indexing (ops/index)
  Tensor operator[](int64_t i) const { return select(0, i); }
  // Parts by integers, Slice, Ellipsis, None, bool masks and index tensors, as in PyTorch: x.index({0, Slice(1, 3)}).
  // The result is a view, or a copy where a mask or an index tensor is among them; x.index({...}) = t writes into x
  // either way.
  Indexed index(std::initializer_list<Index> at) const;
  Tensor& index_put_(std::initializer_list<Index> at, const Tensor& value, bool accumulate = false) &;
  Tensor& index_put_(std::initializer_list<Index> at, Scalar value) &;
  Tensor index_put(std::initializer_list<Index> at, const Tensor& value, bool accumulate = false) const;
  Tensor take_along_dim(const Tensor& index, std::optional<int64_t> d = {}) const;
  Tensor index_fill(int64_t d, const Tensor&index, Scalar value) const,
      index_fill(int64_t d, const Tensor&index, const Tensor&value) const;
  Tensor &index_fill_(int64_t d, const Tensor&index, Scalar value) &,
      &index_fill_(int64_t d, const Tensor&index, const Tensor&value) &;
  Tensor masked_scatter(const Tensor&mask, const Tensor&source) const,
      &masked_scatter_(const Tensor&mask, const Tensor&source) &;
  Tensor index_select(int64_t d, const Tensor&index) const, masked_select(const Tensor&mask) const, nonzero() const;
  Tensor gather(int64_t d, const Tensor& index) const;
  Tensor scatter(int64_t d, const Tensor&index, const Tensor&source) const,
      scatter(int64_t d, const Tensor&index, Scalar value) const;
  Tensor scatter_add(int64_t d, const Tensor& index, const Tensor& source) const;
  Tensor &scatter_(int64_t d, const Tensor&index, const Tensor&source) &,
      &scatter_add_(int64_t d, const Tensor&index, const Tensor&source) &;
  Tensor index_add(int64_t d, const Tensor&index, const Tensor&source) const,
      &index_add_(int64_t d, const Tensor&index, const Tensor&source) &;

  // ---- linear algebra (ops/matmul)
  Tensor matmul(const Tensor&o) const, mm(const Tensor&o) const, bmm(const Tensor&o) const, dot(const Tensor&o) const;
  Tensor mv(const Tensor&x) const, outer(const Tensor&o) const, inner(const Tensor&o) const, vdot(const Tensor&o) const;

  // ---- random numbers in place (ops/random)
  Tensor& uniform_(double low = 0, double high = 1, Generator* generator = nullptr) &;
  Tensor& normal_(double mean = 0, double std = 1, Generator* generator = nullptr) &;
  Tensor& bernoulli_(double p = 0.5, Generator* generator = nullptr) &;
  Tensor& bernoulli_(const Tensor& p, Generator* generator = nullptr) &;
  Tensor& random_(int64_t low, int64_t high, Generator* generator = nullptr) &;

  // ---- the methods that write in place, on a temporary: x[0].mul_(2). The result is the tensor itself, because a
  // reference to it would outlive it.
#define HEARTH_ON_TEMPORARY(name)                        \
  template <class... A>                                  \
  Tensor name(A&&... a)&& {                              \
    return std::move(this->name(std::forward<A>(a)...)); \
  }
  HEARTH_IN_PLACE_METHODS(HEARTH_ON_TEMPORARY)
#undef HEARTH_ON_TEMPORARY
  Tensor clamp_(std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt) && {
    return std::move(clamp_(min, max));
  }
  Tensor clamp_(const Tensor& min, const Tensor& max) && { return std::move(clamp_(min, max)); }
  Tensor nan_to_num_(double nan = 0.0, std::optional<double> posinf = {}, std::optional<double> neginf = {}) && {
    return std::move(nan_to_num_(nan, posinf, neginf));
  }
  Tensor index_put_(std::initializer_list<Index> at, const Tensor& value, bool accumulate = false) &&;
  Tensor index_put_(std::initializer_list<Index> at, Scalar value) &&;

 private:
  const TensorImpl& checked() const {
    if (!impl_) [[unlikely]]
      undefined();
    return *impl_;
  }
  [[noreturn]] static void undefined();
  void expect_readable(DType t, const char* caller) const;
  void expect_on_cpu(const char* caller) const {
    if (!checked().device().is_cpu()) [[unlikely]]
      not_on_cpu(caller);
  }
  [[noreturn, gnu::cold]] void not_on_cpu(const char* caller) const;

  Ref<TensorImpl> impl_;
};

// Arithmetic and comparison (ops/pointwise); comparisons give bool tensors. && || ! have no operators: use logical_and
// etc.
#define HEARTH_OPERATOR(op)                             \
  Tensor operator op(const Tensor& a, const Tensor& b); \
  Tensor operator op(const Tensor& a, Scalar b);        \
  Tensor operator op(Scalar a, const Tensor& b);
HEARTH_OPERATOR(+)
HEARTH_OPERATOR(-)
HEARTH_OPERATOR(*)
HEARTH_OPERATOR(/)
HEARTH_OPERATOR(==)
HEARTH_OPERATOR(!=)
HEARTH_OPERATOR(<)
HEARTH_OPERATOR(<=)
HEARTH_OPERATOR(>)
HEARTH_OPERATOR(>=)
HEARTH_OPERATOR(&)
HEARTH_OPERATOR(|)
HEARTH_OPERATOR(^)
#undef HEARTH_OPERATOR
Tensor operator-(const Tensor& a);
Tensor operator~(const Tensor& a);
// Reuse the memory of a temporary operand where nobody can see it.
#define HEARTH_OPERATOR(op)                        \
  Tensor operator op(Tensor&& a, const Tensor& b); \
  Tensor operator op(const Tensor& a, Tensor&& b); \
  Tensor operator op(Tensor&& a, Tensor&& b);      \
  Tensor operator op(Tensor&& a, Scalar b);        \
  Tensor operator op(Scalar a, Tensor&& b);
HEARTH_OPERATOR(+)
HEARTH_OPERATOR(-)
HEARTH_OPERATOR(*)
HEARTH_OPERATOR(/)
#undef HEARTH_OPERATOR
Tensor& operator+=(Tensor& a, const Tensor& b);
Tensor& operator-=(Tensor& a, const Tensor& b);
Tensor& operator*=(Tensor& a, const Tensor& b);
Tensor& operator/=(Tensor& a, const Tensor& b);
Tensor& operator+=(Tensor& a, Scalar b);
Tensor& operator-=(Tensor& a, Scalar b);
Tensor& operator*=(Tensor& a, Scalar b);
Tensor& operator/=(Tensor& a, Scalar b);
// Of a temporary: x[0] += 1.
inline Tensor operator+=(Tensor&& a, const Tensor& b) { return std::move(a += b); }
inline Tensor operator-=(Tensor&& a, const Tensor& b) { return std::move(a -= b); }
inline Tensor operator*=(Tensor&& a, const Tensor& b) { return std::move(a *= b); }
inline Tensor operator/=(Tensor&& a, const Tensor& b) { return std::move(a /= b); }
inline Tensor operator+=(Tensor&& a, Scalar b) { return std::move(a += b); }
inline Tensor operator-=(Tensor&& a, Scalar b) { return std::move(a -= b); }
inline Tensor operator*=(Tensor&& a, Scalar b) { return std::move(a *= b); }
inline Tensor operator/=(Tensor&& a, Scalar b) { return std::move(a /= b); }

using OptionalTensor = std::optional<Tensor>;

// As PyTorch prints: print(x), or std::ostream << to_string(x) (ops/print).
std::string to_string(const Tensor& t);

namespace detail {
// A new tensor with uninitialised memory. `shape` is checked for overflow in the name of `op`.
Tensor empty(const Shape& shape, DType dtype, Device device, const char* op = "empty");
Tensor empty_strided(const Shape& shape, const Strides& strides, DType dtype, Device device, const char* op = "empty");
// Throws Error naming `op` and its caller where the values of a tensor are not there to be read.
void expect_values(const Tensor& t, const char* op, const std::source_location* caller = nullptr);
// A tensor over the same storage with another layout. No gradient is recorded; `base` is set unless `detached`.
Tensor alias(const Tensor& t, const Layout& layout, bool detached = false);
}  // namespace detail

template <class T>
std::vector<T> Tensor::to_vector(std::source_location caller) const {
  detail::expect_values(*this, "to_vector", &caller);
  std::vector<T> out(static_cast<size_t>(numel()));
  const Tensor source = (dtype() == dtype_of<T> ? *this : to(dtype_of<T>)).contiguous().cpu();
  const T* p = source.data<T>();
  for (size_t i = 0; i < out.size(); ++i) out[i] = p[i];
  return out;
}

}  // namespace hearth
