/// Tensor: an n-dimensional array of one dtype on one device, with value semantics of a handle.
///
/// Methods that are ops are defined in `core/ops/<family>.cc`, methods of autograd in core/autograd. A program that
/// calls them links those targets; //core has them all.
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

#include "core/base/hook_handle.h"
#include "core/device/default_device.h"
#include "core/tensor/scalar.h"
#include "core/tensor/tensor_impl.h"

namespace hearth {

class Index;                    // core/ops/index.h
class Indexed;                  // core/ops/index.h
struct Sorted;                  // core/ops/sort.h
enum class Rounding : uint8_t;  // core/ops/arithmetic.h
class Generator;                // core/tensor/generator.h
class Tensor;
struct BackwardOptions;

/// How a new tensor is made: zeros({3}, {.dtype = f64, .requires_grad = true}).
struct TensorOptions {
  /// The element type. Without one, each function documents the type it takes.
  std::optional<DType> dtype = std::nullopt;
  /// Where the memory is allocated. Without one it is this thread's default (DefaultDevice): the CPU, if nothing else
  /// was said.
  std::optional<Device> device = std::nullopt;
  /// Marks the tensor as a leaf that collects a gradient. Only for floating-point tensors: otherwise throws Error.
  bool requires_grad = false;
  /// Where the tensor is to be made.
  Device place() const { return device ? *device : default_device(); }
};

/// How to() and copy_() bring values to another device.
struct TransferOptions {
  /// The call returns when the copy between the CPU and a GPU is queued, not when it is done. From the CPU: of a tensor
  /// in pinned memory (pin_memory()), whose values must not be changed before the copy is done; other tensors are
  /// waited for. To the CPU: the result is in pinned memory, and has its values when the stream's work is done
  /// (synchronize()).
  bool non_blocking = false;
};

/// A handle of an n-dimensional array: torch.Tensor.
///
/// Copying a Tensor copies the handle: both handles name the same memory. clone() copies the elements. A
/// default-constructed tensor is undefined: every method except defined(), is(), impl(), ref(), take() and assignment
/// throws Error.
///
/// Const calls may run concurrently. A call that changes values (its name ends in _), gradients or autograd state needs
/// exclusive use of the tensor.
///
/// In-place methods. name_() computes what name() computes and writes it into this tensor, cast to this tensor's dtype.
/// Operands broadcast to this tensor; the shape of this tensor never changes. name_() throws Error if
/// - the result has another shape than this tensor;
/// - the result's kind is higher than this dtype's (bool < integers < floats): x.add_(0.5) of an integer x;
/// - the memory is read-only, or several elements of this tensor share one address (as after expand());
/// - an operand shares memory with this tensor in another layout (t.add_(t.t())). Ops that are not elementwise also
///   refuse this tensor itself as an operand. clone() the operand;
/// - gradients are recorded and this tensor is a leaf that requires one, or a view of such a leaf. Write under NoGrad.
///
/// name_() of a temporary, x[0].mul_(2), writes into the memory that the temporary looks into and returns the tensor
/// itself in place of a reference, which would outlive the temporary. Its arguments are those of name_() of a named
/// tensor.
///
/// Operators. + - * / with a temporary operand write the result into its memory where nobody else can see it. && || !
/// have no operators: use logical_and(), logical_or() and logical_not().
class Tensor {
 public:
  /// An undefined tensor.
  Tensor() = default;
  /// A handle of an existing tensor object. For code that implements ops.
  explicit Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}
  /// Another handle of the same tensor. No values are copied.
  Tensor(const Tensor&) = default;
  /// Takes the handle over and leaves the other one undefined.
  Tensor(Tensor&&) noexcept = default;
  ~Tensor() = default;

  /// y = t: a named tensor becomes another handle of t. No values are copied.
  Tensor& operator=(const Tensor&) & = default;
  /// y = std::move(t): a named tensor takes the handle over and leaves t undefined. No values are copied.
  Tensor& operator=(Tensor&&) & noexcept = default;
  /// x[0] = t: assignment to a temporary writes the values of t into the memory that the temporary looks into, as
  /// copy_() does. t broadcasts; leading dimensions of size 1 that the target lacks are dropped. std::move(y) = t
  /// writes too. Throws Error if the temporary or t is undefined.
  Tensor operator=(const Tensor& values) &&;
  /// x.slice(0, 1, 3) = 5: fills the memory that the temporary looks into, as fill_() does.
  Tensor operator=(Scalar value) &&;

  // ---- Properties
  /// False for a default-constructed tensor.
  bool defined() const { return impl_.get() != nullptr; }
  /// Deleted, because it could mean two things: use defined() or item<bool>().
  explicit operator bool() const = delete;
  /// The type of the elements.
  DType dtype() const { return checked().dtype; }
  /// Where the memory is.
  Device device() const { return checked().device(); }
  /// The size of each dimension.
  const Shape& shape() const { return checked().layout.shape; }
  /// The distance of neighbours along each dimension, in elements.
  const Strides& strides() const { return checked().layout.strides; }
  /// Shape, strides and offset together.
  const Layout& layout() const { return checked().layout; }
  /// The number of dimensions; 0 for a tensor of one element without dimensions.
  int dim() const { return checked().layout.rank(); }
  /// The size of dimension d, which may count from the end. Throws Error if there is no such dimension.
  int64_t size(int64_t d) const { return shape()[wrap_dim(d, dim(), "size")]; }
  /// The stride of dimension d, in elements. d may count from the end. Throws Error if there is no such dimension.
  int64_t stride(int64_t d) const { return strides()[wrap_dim(d, dim(), "stride")]; }
  /// The number of elements.
  int64_t numel() const { return checked().layout.numel; }
  /// The place of the first element in the storage, in elements.
  int64_t storage_offset() const { return checked().layout.offset; }
  /// The size of one element in bytes. PyTorch calls it element_size().
  size_t itemsize() const { return size_of(dtype()); }
  /// numel() * itemsize().
  size_t nbytes() const { return static_cast<size_t>(numel()) * itemsize(); }
  /// True if the elements lie in row-major order without gaps; with kChannelsLast, if the tensor has 4 dimensions
  /// (N, C, H, W) and at least one element, and its memory is in the order N, H, W, C without gaps.
  bool is_contiguous(MemoryFormat format = MemoryFormat::kContiguous) const {
    return format == MemoryFormat::kChannelsLast ? layout().channels_last() : layout().contiguous;
  }
  /// True for f16, bf16, f32 and f64.
  bool is_floating_point() const { return hearth::is_floating_point(dtype()); }
  /// True for c64 and c128.
  bool is_complex() const { return hearth::is_complex(dtype()); }
  /// True if a view op (core/ops/view.h, expand(), as_strided()) made the tensor. False for the result of detach().
  bool is_view() const { return static_cast<bool>(checked().base); }
  /// True if an op allocated the tensor in InferenceMode, or if it is a view of such a tensor.
  bool is_inference() const { return checked().flags & TensorImpl::kInference; }
  /// Counts the in-place writes to the memory. All tensors that share the memory share the count.
  uint32_t version() const { return checked().storage->version(); }
  /// True if both handles name the same tensor object. Two views of the same memory are different objects.
  bool is(const Tensor& other) const { return impl_.get() == other.impl_.get(); }
  /// The tensor object, null if undefined. For code that implements ops.
  TensorImpl* impl() const { return impl_.get(); }
  /// The counted reference to the tensor object. For code that implements ops.
  const Ref<TensorImpl>& ref() const { return impl_; }
  /// Moves the counted reference out and leaves the handle undefined.
  Ref<TensorImpl> take() && { return std::move(impl_); }

  // ---- Values
  /// The address of the first element in CPU memory, for reading; neighbours lie at strides(). Null for an empty tensor
  /// without memory. Throws Error unless T is the C++ type of dtype() and the tensor is on the CPU. PyTorch calls it
  /// const_data_ptr().
  template <class T>
  const T* data() const {
    expect_readable(dtype_of<T>, "data");
    return static_cast<const T*>(impl_->data());
  }
  /// The same without a type.
  const void* raw_data() const {
    expect_on_cpu("raw_data");
    return impl_->data();
  }
  /// The address of the first element, for writing. The call counts as an in-place write: a backward that needs the old
  /// values throws, and weights that were packed from this memory are packed again. Take the pointer anew before each
  /// round of writes that follows other uses of the tensor. Throws Error as data(), and if the memory is read-only
  /// (mapped from a file); clone() such a tensor first.
  template <class T>
  T* mutable_data() {
    expect_readable(dtype_of<T>, "mutable_data");
    return static_cast<T*>(writable("mutable_data"));
  }
  /// The same without a type.
  void* mutable_raw_data() { return writable("mutable_raw_data"); }
  /// The value of a tensor of one element, from any device: float v = loss.item(). Throws Error if there are more
  /// elements or none. Throws Error that names the caller's line for a meta tensor and while a function is traced,
  /// where there are no values.
  Scalar item(std::source_location caller = std::source_location::current()) const;
  /// The same, converted to T. Of a complex tensor: item<std::complex<float>>(); other types throw Error.
  template <class T>
  T item(std::source_location caller = std::source_location::current()) const {
    if constexpr (is_complex_number<T>) {
      expect_one_element();
      return to_vector<T>(caller)[0];
    } else {
      return item(caller).to<T>();
    }
  }
  /// All elements in row-major order, converted to T, from any device. Throws Error for a meta tensor, while a function
  /// is traced, and if the tensor is complex and T is not. PyTorch's nearest is tolist().
  template <class T>
  std::vector<T> to_vector(std::source_location caller = std::source_location::current()) const;

  // ---- Autograd (core/autograd)
  /// True if a gradient flows into this tensor: it is a leaf that was marked so, or computed from one.
  bool requires_grad() const;
  /// Marks a leaf to collect a gradient, or unmarks it. Throws Error when turned on for a dtype that is neither
  /// floating-point nor complex or a tensor made in InferenceMode, and when turned off for a tensor that a recorded op
  /// made.
  Tensor& requires_grad_(bool on = true) &;
  /// True if no recorded op made this tensor.
  bool is_leaf() const;
  /// The accumulated gradient. Undefined until a backward() has reached this tensor. Throws Error for a tensor that a
  /// recorded op made unless retain_grad() was called before backward().
  Tensor grad() const;
  /// Replaces the gradient; an undefined g removes it. Throws Error unless g has this shape, dtype and device. PyTorch
  /// assigns to x.grad.
  void set_grad(const Tensor& g);
  /// Keeps the gradient of a tensor that a recorded op made; a leaf keeps its gradient anyway. Throws Error if the
  /// tensor does not require a gradient.
  void retain_grad() const;
  /// True after retain_grad() of a tensor that a recorded op made.
  bool retains_grad() const;
  /// Adds the gradients of this tensor, which has one element, to grad() of every leaf it was computed from. Throws
  /// Error if it has several elements, if no gradient was recorded, on a second run through a graph that was not
  /// retained, and if a tensor that a gradient needs was written to.
  void backward() const;
  /// The same with options: y.backward({.retain_graph = true}).
  void backward(BackwardOptions options) const;
  /// The same for any number of elements, each weighted by its element of `gradient`, which has this shape and is cast
  /// to this dtype. An undefined `gradient` stands for 1 and needs a tensor of one element.
  void backward(const Tensor& gradient) const;
  /// The same with options.
  void backward(const Tensor& gradient, BackwardOptions options) const;
  /// A tensor over the same memory without gradient history. Writes to one are seen in the other.
  Tensor detach() const;
  /// Removes the gradient history of this tensor. Throws Error for a view.
  Tensor& detach_() &;
  /// Calls `hook` with this tensor's gradient in each backward, once it is complete. A defined result replaces the
  /// gradient. The handle removes the hook. Throws Error if the tensor does not require a gradient; backward throws
  /// Error if the result has another shape or dtype.
  HookHandle register_hook(std::function<Tensor(const Tensor&)> hook) const;
  /// Calls `hook` with this leaf after a backward has added to its grad(). The handle removes the hook. Throws Error
  /// for a tensor that is not a leaf which requires a gradient.
  HookHandle register_post_accumulate_grad_hook(std::function<void(const Tensor&)> hook) const;
  /// The name of the op that made this tensor and passes gradients on; null for a leaf. PyTorch shows it as grad_fn.
  const char* grad_fn_name() const;

  // ---- Copies and conversions (core/ops/copy.cc)
  /// A copy of the elements in new memory. kPreserve keeps the strides where the elements lie without gaps.
  Tensor clone(MemoryFormat format = MemoryFormat::kPreserve) const;
  /// This tensor if it has the format already, else a copy that has it. kChannelsLast needs 4 dimensions.
  Tensor contiguous(MemoryFormat format = MemoryFormat::kContiguous) const;
  /// The values converted to a dtype; this tensor itself if it has the dtype. A float becomes an integer by truncation
  /// towards zero, and a bool by comparison with 0. Of complex numbers a real dtype takes the real parts.
  Tensor to(DType dtype) const;
  /// The values on a device; this tensor itself if it is there. Throws Error for a meta tensor, which has no values. On
  /// the meta device the result has neither values nor gradient history.
  Tensor to(Device device, const TransferOptions& options = {}) const;
  /// The same for a device by name: "cpu", "cuda", "cuda:1", "meta". Throws Error on any other name.
  Tensor to(std::string_view device) const { return to(Device::parse(device)); }
  /// As contiguous(format).
  Tensor to(MemoryFormat format) const;
  /// Converts to the dtype, then brings the values to the device.
  Tensor to(Device device, DType dtype) const;
  /// to() with the device and dtype of o.
  Tensor type_as(const Tensor& o) const { return to(o.device(), o.dtype()); }
  /// The values in pinned CPU memory, which GPUs read and write by themselves: this tensor if it is there. Pinned
  /// memory is kept for reuse. Throws Error for a tensor that is not on the CPU, and Error(kUnsupported) where there is
  /// no GPU.
  Tensor pin_memory() const;
  /// True if the memory is pinned.
  bool is_pinned() const;
  /// to() the CPU.
  Tensor cpu() const { return to(kCpu); }
  /// to() a CUDA device.
  Tensor cuda(int index = 0) const { return to(Device{DeviceType::kCuda, static_cast<int8_t>(index)}); }
  /// Writes the values of `source`, which broadcasts, is converted to this dtype and may be on another device. Unlike
  /// other in-place methods it takes a source of any dtype.
  Tensor& copy_(const Tensor& source, const TransferOptions& options = {}) &;
  /// Writes one number into every element. Throws Error if the number does not fit into the dtype.
  Tensor& fill_(Scalar value) &;
  /// fill_(0).
  Tensor& zero_() & { return fill_(0); }
  /// Writes one number into the elements whose indices are all equal. Throws Error for fewer than 2 dimensions.
  Tensor& fill_diagonal_(Scalar value) &;

  // ---- New tensors on this device, of this dtype if none is given (core/ops/create.cc)
  /// A tensor with uninitialised memory. See hearth::empty().
  Tensor new_empty(const Shape& shape, std::optional<DType> dtype = {}) const;
  /// See hearth::zeros().
  Tensor new_zeros(const Shape& shape, std::optional<DType> dtype = {}) const;
  /// See hearth::ones().
  Tensor new_ones(const Shape& shape, std::optional<DType> dtype = {}) const;
  /// See hearth::full().
  Tensor new_full(const Shape& shape, Scalar value, std::optional<DType> dtype = {}) const;
  /// A copy of `values`, detached: x.new_tensor(tensor({1.0, 2.0})).
  Tensor new_tensor(const Tensor& values, std::optional<DType> dtype = {}) const;

  // ---- Arithmetic of one operand (core/ops/arithmetic.h)
  Tensor abs() const;         ///< The absolute value. See hearth::abs().
  Tensor neg() const;         ///< -x. See hearth::neg().
  Tensor sign() const;        ///< -1, 0 or 1. See hearth::sign().
  Tensor square() const;      ///< x * x. See hearth::square().
  Tensor reciprocal() const;  ///< 1 / x. See hearth::reciprocal().
  Tensor sqrt() const;        ///< The square root. See hearth::sqrt().
  Tensor rsqrt() const;       ///< 1 / sqrt(x). See hearth::rsqrt().
  Tensor floor() const;       ///< Rounds downwards. See hearth::floor().
  Tensor ceil() const;        ///< Rounds upwards. See hearth::ceil().
  Tensor trunc() const;       ///< Rounds towards zero. See hearth::trunc().
  Tensor round() const;       ///< Rounds to the nearest integer, ties to even. See hearth::round().
  Tensor frac() const;        ///< x - trunc(x). See hearth::frac().

  // ---- Complex numbers (core/ops/complex.h)
  Tensor real() const;   ///< The real part. See hearth::real().
  Tensor imag() const;   ///< The imaginary part. See hearth::imag().
  Tensor conj() const;   ///< The complex conjugate. See hearth::conj().
  Tensor angle() const;  ///< The angle of a complex number. See hearth::angle().

  Tensor& abs_() &;         ///< In-place abs().
  Tensor& neg_() &;         ///< In-place neg().
  Tensor& sign_() &;        ///< In-place sign().
  Tensor& square_() &;      ///< In-place square().
  Tensor& reciprocal_() &;  ///< In-place reciprocal().
  Tensor& sqrt_() &;        ///< In-place sqrt().
  Tensor& rsqrt_() &;       ///< In-place rsqrt().
  Tensor& floor_() &;       ///< In-place floor().
  Tensor& ceil_() &;        ///< In-place ceil().
  Tensor& trunc_() &;       ///< In-place trunc().
  Tensor& round_() &;       ///< In-place round().
  Tensor& frac_() &;        ///< In-place frac().

  // ---- Exponentials, logarithms, trigonometry, error functions (core/ops/math.h)
  Tensor exp() const;     ///< e^x. See hearth::exp().
  Tensor exp2() const;    ///< 2^x. See hearth::exp2().
  Tensor expm1() const;   ///< e^x - 1. See hearth::expm1().
  Tensor log() const;     ///< The natural logarithm. See hearth::log().
  Tensor log2() const;    ///< The logarithm to base 2. See hearth::log2().
  Tensor log10() const;   ///< The logarithm to base 10. See hearth::log10().
  Tensor log1p() const;   ///< log(1 + x). See hearth::log1p().
  Tensor sin() const;     ///< The sine. See hearth::sin().
  Tensor cos() const;     ///< The cosine. See hearth::cos().
  Tensor tan() const;     ///< The tangent. See hearth::tan().
  Tensor asin() const;    ///< The inverse sine. See hearth::asin().
  Tensor acos() const;    ///< The inverse cosine. See hearth::acos().
  Tensor atan() const;    ///< The inverse tangent. See hearth::atan().
  Tensor sinh() const;    ///< The hyperbolic sine. See hearth::sinh().
  Tensor cosh() const;    ///< The hyperbolic cosine. See hearth::cosh().
  Tensor tanh() const;    ///< The hyperbolic tangent. See hearth::tanh().
  Tensor asinh() const;   ///< The inverse hyperbolic sine. See hearth::asinh().
  Tensor acosh() const;   ///< The inverse hyperbolic cosine. See hearth::acosh().
  Tensor atanh() const;   ///< The inverse hyperbolic tangent. See hearth::atanh().
  Tensor erf() const;     ///< The error function. See hearth::erf().
  Tensor erfc() const;    ///< 1 - erf(x). See hearth::erfc().
  Tensor erfinv() const;  ///< The inverse error function. See hearth::erfinv().
  Tensor logit() const;   ///< log(x / (1 - x)). See hearth::logit().

  Tensor& exp_() &;     ///< In-place exp().
  Tensor& exp2_() &;    ///< In-place exp2().
  Tensor& expm1_() &;   ///< In-place expm1().
  Tensor& log_() &;     ///< In-place log().
  Tensor& log2_() &;    ///< In-place log2().
  Tensor& log10_() &;   ///< In-place log10().
  Tensor& log1p_() &;   ///< In-place log1p().
  Tensor& sin_() &;     ///< In-place sin().
  Tensor& cos_() &;     ///< In-place cos().
  Tensor& tan_() &;     ///< In-place tan().
  Tensor& asin_() &;    ///< In-place asin().
  Tensor& acos_() &;    ///< In-place acos().
  Tensor& atan_() &;    ///< In-place atan().
  Tensor& sinh_() &;    ///< In-place sinh().
  Tensor& cosh_() &;    ///< In-place cosh().
  Tensor& tanh_() &;    ///< In-place tanh().
  Tensor& asinh_() &;   ///< In-place asinh().
  Tensor& acosh_() &;   ///< In-place acosh().
  Tensor& atanh_() &;   ///< In-place atanh().
  Tensor& erf_() &;     ///< In-place erf().
  Tensor& erfc_() &;    ///< In-place erfc().
  Tensor& erfinv_() &;  ///< In-place erfinv().
  Tensor& logit_() &;   ///< In-place logit().

  // ---- Activation functions (core/ops/activation.h)
  Tensor sigmoid() const;  ///< 1 / (1 + e^-x). See hearth::sigmoid().
  Tensor relu() const;     ///< max(x, 0). See hearth::relu().

  Tensor& sigmoid_() &;  ///< In-place sigmoid().
  Tensor& relu_() &;     ///< In-place relu().

  // ---- Arithmetic of several operands (core/ops/arithmetic.h, core/ops/math.h)
  Tensor add(const Tensor& o) const;  ///< this + o. See hearth::add().
  Tensor add(Scalar o) const;         ///< this + o.
  Tensor& add_(const Tensor& o) &;    ///< In-place add().
  Tensor& add_(Scalar o) &;           ///< In-place add().
  /// this + alpha * o. See hearth::add().
  Tensor add(const Tensor& o, Scalar alpha) const;
  Tensor& add_(const Tensor& o, Scalar alpha) &;  ///< In-place add().
  Tensor sub(const Tensor& o) const;              ///< this - o. See hearth::sub().
  Tensor sub(Scalar o) const;                     ///< this - o.
  Tensor& sub_(const Tensor& o) &;                ///< In-place sub().
  Tensor& sub_(Scalar o) &;                       ///< In-place sub().
  /// this - alpha * o. See hearth::sub().
  Tensor sub(const Tensor& o, Scalar alpha) const;
  Tensor& sub_(const Tensor& o, Scalar alpha) &;  ///< In-place sub().
  Tensor mul(const Tensor& o) const;              ///< this * o. See hearth::mul().
  Tensor mul(Scalar o) const;                     ///< this * o.
  Tensor& mul_(const Tensor& o) &;                ///< In-place mul().
  Tensor& mul_(Scalar o) &;                       ///< In-place mul().
  Tensor div(const Tensor& o) const;              ///< this / o. See hearth::div().
  Tensor div(Scalar o) const;                     ///< this / o.
  Tensor& div_(const Tensor& o) &;                ///< In-place div().
  Tensor& div_(Scalar o) &;                       ///< In-place div().
  /// this / o, rounded to an integer. See hearth::div().
  Tensor div(const Tensor& o, Rounding rounding) const;
  Tensor div(Scalar o, Rounding rounding) const;       ///< The same by a number.
  Tensor& div_(const Tensor& o, Rounding rounding) &;  ///< In-place div().
  Tensor& div_(Scalar o, Rounding rounding) &;         ///< In-place div().
  Tensor floor_divide(const Tensor& o) const;          ///< floor(this / o). See hearth::floor_divide().
  Tensor floor_divide(Scalar o) const;                 ///< floor(this / o).
  Tensor& floor_divide_(const Tensor& o) &;            ///< In-place floor_divide().
  Tensor& floor_divide_(Scalar o) &;                   ///< In-place floor_divide().
  Tensor remainder(const Tensor& o) const;             ///< The remainder, with the sign of o. See hearth::remainder().
  Tensor remainder(Scalar o) const;                    ///< The remainder, with the sign of o.
  Tensor& remainder_(const Tensor& o) &;               ///< In-place remainder().
  Tensor& remainder_(Scalar o) &;                      ///< In-place remainder().
  Tensor fmod(const Tensor& o) const;                  ///< The remainder, with the sign of this. See hearth::fmod().
  Tensor fmod(Scalar o) const;                         ///< The remainder, with the sign of this.
  Tensor& fmod_(const Tensor& o) &;                    ///< In-place fmod().
  Tensor& fmod_(Scalar o) &;                           ///< In-place fmod().
  Tensor pow(const Tensor& o) const;                   ///< this^o. See hearth::pow().
  Tensor pow(Scalar o) const;                          ///< this^o.
  Tensor& pow_(const Tensor& o) &;                     ///< In-place pow().
  Tensor& pow_(Scalar o) &;                            ///< In-place pow().
  Tensor maximum(const Tensor& o) const;               ///< The greater element of both. See hearth::maximum().
  Tensor minimum(const Tensor& o) const;               ///< The smaller element of both. See hearth::minimum().
  Tensor atan2(const Tensor& x) const;                 ///< The angle of the point (x, this). See hearth::atan2().
  Tensor& atan2_(const Tensor& x) &;                   ///< In-place atan2().
  Tensor xlogy(const Tensor& y) const;                 ///< this * log(y). See hearth::xlogy().
  /// this + weight * (end - this). See hearth::lerp().
  Tensor lerp(const Tensor& end, Scalar weight) const;
  Tensor lerp(const Tensor& end, const Tensor& weight) const;  ///< The same with a weight for each element.
  Tensor& lerp_(const Tensor& end, Scalar weight) &;           ///< In-place lerp().
  Tensor& lerp_(const Tensor& end, const Tensor& weight) &;    ///< In-place lerp().
  /// this + value * a * b. See hearth::addcmul().
  Tensor addcmul(const Tensor& a, const Tensor& b, Scalar value = 1) const;
  Tensor& addcmul_(const Tensor& a, const Tensor& b, Scalar value = 1) &;  ///< In-place addcmul().
  /// this + value * a / b. See hearth::addcdiv().
  Tensor addcdiv(const Tensor& a, const Tensor& b, Scalar value = 1) const;
  Tensor& addcdiv_(const Tensor& a, const Tensor& b, Scalar value = 1) &;  ///< In-place addcdiv().
  /// The values limited to [min, max]. See hearth::clamp().
  Tensor clamp(std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt) const;
  /// The same with bounds for each element. An undefined tensor is no bound.
  Tensor clamp(const Tensor& min, const Tensor& max) const;
  /// clamp() by another name.
  Tensor clip(std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt) const { return clamp(min, max); }
  Tensor clamp_min(Scalar min) const;         ///< clamp() with a lower bound alone.
  Tensor clamp_min(const Tensor& min) const;  ///< The same with a bound for each element.
  Tensor clamp_max(Scalar max) const;         ///< clamp() with an upper bound alone.
  Tensor clamp_max(const Tensor& max) const;  ///< The same with a bound for each element.
  Tensor& clamp_min_(Scalar min) &;           ///< In-place clamp_min().
  Tensor& clamp_min_(const Tensor& min) &;    ///< In-place clamp_min().
  Tensor& clamp_max_(Scalar max) &;           ///< In-place clamp_max().
  Tensor& clamp_max_(const Tensor& max) &;    ///< In-place clamp_max().
  /// This tensor where the bool tensor is true, else `other`. See hearth::where().
  Tensor where(const Tensor& condition, const Tensor& other) const;
  Tensor where(const Tensor& condition, Scalar other) const;  ///< The same with a number.
  /// Whether elements are close to those of o. See hearth::isclose().
  Tensor isclose(const Tensor& o, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) const;
  Tensor round(int64_t decimals) const;  ///< Rounded to so many digits after the point. See hearth::round().
  /// In-place clamp().
  Tensor& clamp_(std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt) &;
  Tensor& clamp_(const Tensor& min, const Tensor& max) &;  ///< In-place clamp().
  /// NaN and infinities replaced by numbers. See hearth::nan_to_num().
  Tensor nan_to_num(double nan = 0.0, std::optional<double> posinf = {}, std::optional<double> neginf = {}) const;
  /// In-place nan_to_num().
  Tensor& nan_to_num_(double nan = 0.0, std::optional<double> posinf = {}, std::optional<double> neginf = {}) &;
  /// `value` where the bool mask is true, else this tensor. The mask broadcasts with this tensor. The result has this
  /// dtype. Throws Error if the mask is not bool, or the number does not fit into the dtype.
  Tensor masked_fill(const Tensor& mask, Scalar value) const;
  /// The same with the elements of `value`, which broadcasts and is cast to this dtype.
  Tensor masked_fill(const Tensor& mask, const Tensor& value) const;
  Tensor& masked_fill_(const Tensor& mask, Scalar value) &;         ///< In-place masked_fill().
  Tensor& masked_fill_(const Tensor& mask, const Tensor& value) &;  ///< In-place masked_fill().

  // ---- Comparison, logic and bits (core/ops/compare.h). The in-place forms write 1 or 0 in this dtype.
  Tensor eq(const Tensor& o) const;  ///< this == o. See hearth::eq().
  Tensor eq(Scalar o) const;         ///< this == o.
  Tensor& eq_(const Tensor& o) &;    ///< In-place eq().
  Tensor& eq_(Scalar o) &;           ///< In-place eq().
  Tensor ne(const Tensor& o) const;  ///< this != o. See hearth::ne().
  Tensor ne(Scalar o) const;         ///< this != o.
  Tensor& ne_(const Tensor& o) &;    ///< In-place ne().
  Tensor& ne_(Scalar o) &;           ///< In-place ne().
  Tensor lt(const Tensor& o) const;  ///< this < o. See hearth::lt().
  Tensor lt(Scalar o) const;         ///< this < o.
  Tensor& lt_(const Tensor& o) &;    ///< In-place lt().
  Tensor& lt_(Scalar o) &;           ///< In-place lt().
  Tensor le(const Tensor& o) const;  ///< this <= o. See hearth::le().
  Tensor le(Scalar o) const;         ///< this <= o.
  Tensor& le_(const Tensor& o) &;    ///< In-place le().
  Tensor& le_(Scalar o) &;           ///< In-place le().
  Tensor gt(const Tensor& o) const;  ///< this > o. See hearth::gt().
  Tensor gt(Scalar o) const;         ///< this > o.
  Tensor& gt_(const Tensor& o) &;    ///< In-place gt().
  Tensor& gt_(Scalar o) &;           ///< In-place gt().
  Tensor ge(const Tensor& o) const;  ///< this >= o. See hearth::ge().
  Tensor ge(Scalar o) const;         ///< this >= o.
  Tensor& ge_(const Tensor& o) &;    ///< In-place ge().
  Tensor& ge_(Scalar o) &;           ///< In-place ge().
  /// True if shape and all values are equal. See hearth::equal().
  bool equal(const Tensor& o) const;
  /// True if all values are equal within a tolerance. See hearth::allclose().
  bool allclose(const Tensor& o, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) const;
  Tensor isnan() const;                               ///< True where an element is NaN. See hearth::isnan().
  Tensor isinf() const;                               ///< True where an element is infinite. See hearth::isinf().
  Tensor isfinite() const;                            ///< True where an element is neither. See hearth::isfinite().
  Tensor logical_and(const Tensor& o) const;          ///< Both are not 0. See hearth::logical_and().
  Tensor& logical_and_(const Tensor& o) &;            ///< In-place logical_and().
  Tensor logical_or(const Tensor& o) const;           ///< One is not 0. See hearth::logical_or().
  Tensor& logical_or_(const Tensor& o) &;             ///< In-place logical_or().
  Tensor logical_xor(const Tensor& o) const;          ///< Exactly one is not 0. See hearth::logical_xor().
  Tensor& logical_xor_(const Tensor& o) &;            ///< In-place logical_xor().
  Tensor logical_not() const;                         ///< True where an element is 0. See hearth::logical_not().
  Tensor& logical_not_() &;                           ///< In-place logical_not().
  Tensor bitwise_and(const Tensor& o) const;          ///< this & o. See hearth::bitwise_and().
  Tensor bitwise_and(Scalar o) const;                 ///< this & o.
  Tensor& bitwise_and_(const Tensor& o) &;            ///< In-place bitwise_and().
  Tensor& bitwise_and_(Scalar o) &;                   ///< In-place bitwise_and().
  Tensor bitwise_or(const Tensor& o) const;           ///< this | o. See hearth::bitwise_or().
  Tensor bitwise_or(Scalar o) const;                  ///< this | o.
  Tensor& bitwise_or_(const Tensor& o) &;             ///< In-place bitwise_or().
  Tensor& bitwise_or_(Scalar o) &;                    ///< In-place bitwise_or().
  Tensor bitwise_xor(const Tensor& o) const;          ///< this ^ o. See hearth::bitwise_xor().
  Tensor bitwise_xor(Scalar o) const;                 ///< this ^ o.
  Tensor& bitwise_xor_(const Tensor& o) &;            ///< In-place bitwise_xor().
  Tensor& bitwise_xor_(Scalar o) &;                   ///< In-place bitwise_xor().
  Tensor bitwise_left_shift(const Tensor& o) const;   ///< this * 2^o. See hearth::bitwise_left_shift().
  Tensor bitwise_left_shift(Scalar o) const;          ///< this * 2^o.
  Tensor& bitwise_left_shift_(const Tensor& o) &;     ///< In-place bitwise_left_shift().
  Tensor& bitwise_left_shift_(Scalar o) &;            ///< In-place bitwise_left_shift().
  Tensor bitwise_right_shift(const Tensor& o) const;  ///< floor(this / 2^o). See hearth::bitwise_right_shift().
  Tensor bitwise_right_shift(Scalar o) const;         ///< floor(this / 2^o).
  Tensor& bitwise_right_shift_(const Tensor& o) &;    ///< In-place bitwise_right_shift().
  Tensor& bitwise_right_shift_(Scalar o) &;           ///< In-place bitwise_right_shift().
  Tensor bitwise_not() const;                         ///< ~this. See hearth::bitwise_not().
  Tensor& bitwise_not_() &;                           ///< In-place bitwise_not().

  // ---- Reductions (core/ops/reduce.h, core/ops/order.h). Without dimensions they run over all elements.
  /// The sum. See hearth::sum().
  Tensor sum(const Dims& dims = {}, bool keepdim = false) const;
  /// The mean. See hearth::mean().
  Tensor mean(const Dims& dims = {}, bool keepdim = false) const;
  /// The greatest value. See hearth::amax().
  Tensor amax(const Dims& dims = {}, bool keepdim = false) const;
  /// The smallest value. See hearth::amin().
  Tensor amin(const Dims& dims = {}, bool keepdim = false) const;
  /// log(sum(e^x)), without overflow. See hearth::logsumexp().
  Tensor logsumexp(const Dims& dims = {}, bool keepdim = false) const;
  Tensor prod() const;                                 ///< The product. See hearth::prod().
  Tensor prod(int64_t d, bool keepdim = false) const;  ///< The product along dimension d.
  Tensor all() const;                                  ///< True if no element is 0. See hearth::all().
  Tensor all(int64_t d, bool keepdim = false) const;   ///< The same along dimension d.
  Tensor any() const;                                  ///< True if one element is not 0. See hearth::any().
  Tensor any(int64_t d, bool keepdim = false) const;   ///< The same along dimension d.
  Tensor max() const;                                  ///< The greatest value. See hearth::max().
  Tensor min() const;                                  ///< The smallest value. See hearth::min().
  Tensor median() const;                               ///< The middle value. See hearth::median().
  /// The greatest values along dimension d and their i64 indices. See hearth::max().
  std::pair<Tensor, Tensor> max(int64_t d, bool keepdim = false) const;
  /// The smallest values along dimension d and their i64 indices. See hearth::min().
  std::pair<Tensor, Tensor> min(int64_t d, bool keepdim = false) const;
  /// The middle values along dimension d and their i64 indices. See hearth::median().
  std::pair<Tensor, Tensor> median(int64_t d, bool keepdim = false) const;
  /// The i64 index of the greatest value. See hearth::argmax().
  Tensor argmax(std::optional<int64_t> d = {}, bool keepdim = false) const;
  /// The i64 index of the smallest value. See hearth::argmin().
  Tensor argmin(std::optional<int64_t> d = {}, bool keepdim = false) const;
  /// The variance. See hearth::var().
  Tensor var(const Dims& dims = {}, int64_t correction = 1, bool keepdim = false) const;
  /// The standard deviation. See hearth::std().
  Tensor std(const Dims& dims = {}, int64_t correction = 1, bool keepdim = false) const;
  /// The p-norm. See hearth::norm().
  Tensor norm(double p = 2, const Dims& dims = {}, bool keepdim = false) const;
  /// The number of elements that are not 0. See hearth::count_nonzero().
  Tensor count_nonzero(const Dims& dims = {}) const;
  /// The sum of the elements that are not NaN. See hearth::nansum().
  Tensor nansum(const Dims& dims = {}, bool keepdim = false) const;
  Tensor trace() const;  ///< The sum of a matrix's diagonal. See hearth::trace().

  // ---- Along one dimension (core/ops/scan.h, core/ops/softmax.h, core/ops/sort.h)
  Tensor cumsum(int64_t d) const;                    ///< Running sums. See hearth::cumsum().
  Tensor cumprod(int64_t d) const;                   ///< Running products. See hearth::cumprod().
  Tensor softmax(int64_t d) const;                   ///< e^x / sum(e^x). See hearth::softmax().
  Tensor log_softmax(int64_t d) const;               ///< x - log(sum(e^x)). See hearth::log_softmax().
  Tensor cumsum(int64_t d, DType dtype) const;       ///< cumsum() of to(dtype).
  Tensor softmax(int64_t d, DType dtype) const;      ///< softmax() of to(dtype).
  Tensor log_softmax(int64_t d, DType dtype) const;  ///< log_softmax() of to(dtype).
  /// The k-th smallest elements and their i64 indices. See hearth::kthvalue().
  std::pair<Tensor, Tensor> kthvalue(int64_t k, int64_t d = -1, bool keepdim = false) const;
  /// The elements in order, and where they stood. See hearth::sort().
  Sorted sort(int64_t d = -1, bool descending = false) const;
  /// Where the elements in order stand. See hearth::argsort().
  Tensor argsort(int64_t d = -1, bool descending = false) const;
  /// The k largest or smallest elements, and where they stood. See hearth::topk().
  Sorted topk(int64_t k, int64_t d = -1, bool largest = true) const;

  // ---- Shapes (core/ops/view.h). The results are views of this memory; reshape() and flatten() copy where they must.
  /// The same elements in row-major order in another shape, as a view. See hearth::view().
  Tensor view(const Dims& shape) const;
  Tensor view_as(const Tensor& o) const;  ///< view() in the shape of o.
  /// The same elements in row-major order in another shape. See hearth::reshape().
  Tensor reshape(const Dims& shape) const;
  Tensor reshape_as(const Tensor& o) const;      ///< reshape() to the shape of o.
  Tensor expand(const Dims& shape) const;        ///< Stretches dimensions of size 1. See hearth::expand().
  Tensor expand_as(const Tensor& o) const;       ///< expand() to the shape of o.
  Tensor broadcast_to(const Dims& shape) const;  ///< expand() by another name.
  /// The sum over the dimensions that expand() from `shape` to this shape would stretch. Throws Error if `shape` does
  /// not expand to this shape.
  Tensor sum_to_size(const Shape& shape) const;
  Tensor permute(const Dims& dims) const;        ///< Dimensions in another order. See hearth::permute().
  Tensor transpose(int64_t a, int64_t b) const;  ///< Exchanges two dimensions. See hearth::transpose().
  /// The transposed matrix; this tensor if it has fewer than 2 dimensions. Throws Error for more than 2.
  Tensor t() const;
  Tensor T() const { return t(); }  ///< t() by another name.
  /// Exchanges the last two dimensions. Throws Error for fewer than 2 dimensions.
  Tensor mT() const;
  Tensor H() const;                                ///< t() of the complex conjugate.
  Tensor mH() const;                               ///< mT() of the complex conjugate.
  Tensor movedim(int64_t from, int64_t to) const;  ///< Moves a dimension. See hearth::movedim().
  Tensor moveaxis(int64_t from, int64_t to) const { return movedim(from, to); }  ///< movedim() by another name.
  Tensor swapaxes(int64_t a, int64_t b) const { return transpose(a, b); }        ///< transpose() by another name.
  Tensor squeeze() const;             ///< Drops the dimensions of size 1. See hearth::squeeze().
  Tensor squeeze(int64_t d) const;    ///< Drops dimension d if its size is 1.
  Tensor unsqueeze(int64_t d) const;  ///< Adds a dimension of size 1. See hearth::unsqueeze().
  /// Joins dimensions start to end into one. See hearth::flatten().
  Tensor flatten(int64_t start = 0, int64_t end = -1) const;
  /// Cuts dimension d into several. See hearth::unflatten().
  Tensor unflatten(int64_t d, const Dims& sizes) const;
  Tensor select(int64_t d, int64_t i) const;  ///< Place i of dimension d. See hearth::select().
  /// `length` places of dimension d from `start`. See hearth::narrow().
  Tensor narrow(int64_t d, int64_t start, int64_t length) const;
  /// Every step-th place of dimension d from start to end - 1. See hearth::slice().
  Tensor slice(int64_t d, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step = 1) const;
  /// The diagonal of two dimensions. See hearth::diagonal().
  Tensor diagonal(int64_t offset = 0, int64_t d1 = 0, int64_t d2 = 1) const;
  /// Windows along dimension d. See hearth::unfold().
  Tensor unfold(int64_t d, int64_t size, int64_t step) const;
  /// A view of the same storage with any shape, strides (at least 0) and offset, in elements from the start of the
  /// storage; the offset of this tensor if none is given. Throws Error if it reaches outside of the storage. A gradient
  /// needs a tensor without gaps; elements that the view shows several times get the sum of the gradients.
  Tensor as_strided(const Dims& shape, const Dims& strides, std::optional<int64_t> offset = {}) const;
  /// Parts of `size` places along dimension d. See hearth::split().
  std::vector<Tensor> split(int64_t size, int64_t d = 0) const;
  /// Parts of the given sizes along dimension d. See hearth::split().
  std::vector<Tensor> split(std::span<const int64_t> sizes, int64_t d = 0) const;
  /// The same: x.split({2, 3}, 1).
  std::vector<Tensor> split(std::initializer_list<int64_t> sizes, int64_t d = 0) const {
    return split(std::span(sizes.begin(), sizes.size()), d);
  }
  /// At most n parts of equal size along dimension d; the last may be smaller. See hearth::chunk().
  std::vector<Tensor> chunk(int64_t n, int64_t d = 0) const;
  /// A tensor for each place of dimension d. See hearth::unbind().
  std::vector<Tensor> unbind(int64_t d = 0) const;

  // ---- The elements in another order or number (core/ops/rearrange.h). The results are new tensors.
  /// Copies side by side. See hearth::repeat().
  Tensor repeat(const Dims& counts) const;
  /// As repeat(), but `counts` may have fewer entries than there are dimensions: the missing first ones are 1.
  Tensor tile(const Dims& counts) const;
  Tensor flip(const Dims& dims) const;  ///< Reverses dimensions. See hearth::flip().
  /// Moves elements around. See hearth::roll().
  Tensor roll(const Dims& shifts, const Dims& dims = {}) const;
  Tensor tril(int64_t k = 0) const;  ///< The lower triangle. See hearth::tril().
  Tensor triu(int64_t k = 0) const;  ///< The upper triangle. See hearth::triu().
  Tensor& tril_(int64_t k = 0) &;    ///< In-place tril().
  Tensor& triu_(int64_t k = 0) &;    ///< In-place triu().
  /// The matrix with this diagonal, or a matrix's diagonal. See hearth::diag().
  Tensor diag(int64_t offset = 0) const;
  /// Each element several times in a row; without d of all elements in row-major order. See
  /// hearth::repeat_interleave().
  Tensor repeat_interleave(int64_t count, std::optional<int64_t> d = {}) const;
  /// The same with a count for each. See hearth::repeat_interleave().
  Tensor repeat_interleave(const Tensor& counts, std::optional<int64_t> d = {}) const;

  // ---- Indexing (core/ops/index.h)
  /// Place i of dimension 0, as a view: x[0] = t writes into x. i may count from the end.
  Tensor operator[](int64_t i) const { return select(0, i); }
  /// A part by integers, Slice, Ellipsis, None, bool masks and index tensors, as in PyTorch: x.index({0, Slice(1, 3)}).
  /// The result is a view; it is a copy if a mask, a bool or an index tensor is among the indices. x.index({...}) = t
  /// writes into x in both cases. Throws Error for too many indices, for one out of range, and for a mask whose shape
  /// does not fit.
  Indexed index(std::initializer_list<Index> at) const;
  /// Writes `value`, which broadcasts and is cast to this dtype, into the part that index() names. With `accumulate` it
  /// is added instead (as add_() does if index() gives a view); every value for a place counts. Without `accumulate`
  /// the last value for a place stays.
  Tensor& index_put_(std::initializer_list<Index> at, const Tensor& value, bool accumulate = false) &;
  /// The same with one number.
  Tensor& index_put_(std::initializer_list<Index> at, Scalar value) &;
  /// A copy of this tensor, changed by index_put_().
  Tensor index_put(std::initializer_list<Index> at, const Tensor& value, bool accumulate = false) const;
  /// See hearth::index_select().
  Tensor index_select(int64_t d, const Tensor& index) const;
  /// See hearth::take_along_dim().
  Tensor take_along_dim(const Tensor& index, std::optional<int64_t> d = {}) const;
  Tensor masked_select(const Tensor& mask) const;       ///< See hearth::masked_select().
  Tensor nonzero() const;                               ///< See hearth::nonzero().
  Tensor gather(int64_t d, const Tensor& index) const;  ///< See hearth::gather().
  /// See hearth::scatter().
  Tensor scatter(int64_t d, const Tensor& index, const Tensor& source) const;
  /// See hearth::scatter().
  Tensor scatter(int64_t d, const Tensor& index, Scalar value) const;
  /// In-place scatter().
  Tensor& scatter_(int64_t d, const Tensor& index, const Tensor& source) &;
  /// In-place scatter() of a number: zeros({n, c}).scatter_(1, y, 1).
  Tensor& scatter_(int64_t d, const Tensor& index, Scalar value) &;
  /// See hearth::scatter_add().
  Tensor scatter_add(int64_t d, const Tensor& index, const Tensor& source) const;
  /// In-place scatter_add().
  Tensor& scatter_add_(int64_t d, const Tensor& index, const Tensor& source) &;
  /// See hearth::index_add().
  Tensor index_add(int64_t d, const Tensor& index, const Tensor& source) const;
  /// In-place index_add().
  Tensor& index_add_(int64_t d, const Tensor& index, const Tensor& source) &;
  /// See hearth::index_fill().
  Tensor index_fill(int64_t d, const Tensor& index, Scalar value) const;
  /// See hearth::index_fill().
  Tensor index_fill(int64_t d, const Tensor& index, const Tensor& value) const;
  /// In-place index_fill().
  Tensor& index_fill_(int64_t d, const Tensor& index, Scalar value) &;
  /// In-place index_fill().
  Tensor& index_fill_(int64_t d, const Tensor& index, const Tensor& value) &;
  /// See hearth::masked_scatter().
  Tensor masked_scatter(const Tensor& mask, const Tensor& source) const;
  /// In-place masked_scatter().
  Tensor& masked_scatter_(const Tensor& mask, const Tensor& source) &;

  // ---- Linear algebra (core/ops/matmul.h)
  Tensor matmul(const Tensor& o) const;  ///< The matrix product, batched. See hearth::matmul().
  Tensor mm(const Tensor& o) const;      ///< The product of two matrices. See hearth::mm().
  Tensor bmm(const Tensor& o) const;     ///< Products of matrices, one for each batch entry. See hearth::bmm().
  Tensor mv(const Tensor& x) const;      ///< Matrix times vector. See hearth::mv().
  Tensor dot(const Tensor& o) const;     ///< The scalar product of two vectors. See hearth::dot().
  Tensor vdot(const Tensor& o) const;    ///< dot() by another name. See hearth::vdot().
  Tensor outer(const Tensor& o) const;   ///< The outer product of two vectors. See hearth::outer().
  Tensor inner(const Tensor& o) const;   ///< Scalar products over the last dimensions. See hearth::inner().
  /// this * beta + (a b) * alpha of matrices. See hearth::addmm().
  Tensor addmm(const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1) const;
  /// The same of batches of matrices. See hearth::baddbmm().
  Tensor baddbmm(const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1) const;
  Tensor det() const;      ///< The determinant (core/ops/linalg_names.h). See hearth::det().
  Tensor inverse() const;  ///< The inverse (core/ops/linalg_names.h). See hearth::inverse().

  /// Places drawn with this tensor's elements as weights (core/ops/random.h). See hearth::multinomial().
  Tensor multinomial(int64_t count, bool replacement = false, Generator* generator = nullptr) const;

  // ---- Random numbers in place (core/ops/random.cc), from `generator` or else default_generator()
  /// Fills a floating-point tensor uniformly from [low, high); with low if the two are equal. Throws Error unless both
  /// are finite and low <= high.
  Tensor& uniform_(double low = 0, double high = 1, Generator* generator = nullptr) &;
  /// Fills a floating-point tensor from the normal distribution. Throws Error if std is negative.
  Tensor& normal_(double mean = 0, double std = 1, Generator* generator = nullptr) &;
  /// Fills with 1 with probability p, else 0. Throws Error unless 0 <= p <= 1.
  Tensor& bernoulli_(double p = 0.5, Generator* generator = nullptr) &;
  /// The same with a probability for each element; p is floating-point and broadcasts. Throws Error as
  /// hearth::bernoulli().
  Tensor& bernoulli_(const Tensor& p, Generator* generator = nullptr) &;
  /// Fills with integers from [low, high), all equally likely. Throws Error if the range is empty or its ends do not
  /// fit into the dtype.
  Tensor& random_(int64_t low, int64_t high, Generator* generator = nullptr) &;

  /// Fills a floating-point tensor with waiting times: -log(1 - u) / rate of a uniform u. Throws Error unless rate > 0.
  Tensor& exponential_(double rate = 1, Generator* generator = nullptr) &;
  /// Fills with the number of trials up to the first success, from 1 on. Throws Error unless 0 < p < 1.
  Tensor& geometric_(double p, Generator* generator = nullptr) &;
  /// Fills a floating-point tensor with e to the power of what is normally distributed. Throws Error unless std > 0.
  Tensor& log_normal_(double mean = 1, double std = 2, Generator* generator = nullptr) &;
  /// Fills a floating-point tensor from the Cauchy distribution. Throws Error unless sigma > 0.
  Tensor& cauchy_(double median = 0, double sigma = 1, Generator* generator = nullptr) &;

  // ---- In-place methods of a temporary: x[0].mul_(2). They return the tensor itself, because a reference to the
  // temporary would outlive it. The arguments of these methods are forwarded to the ones above. The comment of the
  // class describes them.
  /// @cond
  // clang-format off
#define HEARTH_IN_PLACE_METHODS(X) \
  X(requires_grad_) X(detach_) X(copy_) X(fill_) X(zero_) X(abs_) X(neg_) X(square_) X(reciprocal_) X(sqrt_) \
  X(rsqrt_) X(exp_) X(exp2_) X(expm1_) X(log_) X(log2_) X(log10_) X(log1p_) X(sin_) X(cos_) X(tan_) X(asin_) \
  X(acos_) X(atan_) X(sinh_) X(cosh_) X(tanh_) X(asinh_) X(acosh_) X(atanh_) X(erf_) X(erfc_) X(erfinv_) \
  X(sigmoid_) X(logit_) X(floor_) X(ceil_) X(round_) X(trunc_) X(frac_) X(sign_) X(relu_) X(add_) X(sub_) \
  X(mul_) X(div_) X(pow_) X(fmod_) X(remainder_) X(floor_divide_) X(bitwise_and_) X(bitwise_or_) \
  X(bitwise_xor_) X(bitwise_not_) X(bitwise_left_shift_) X(bitwise_right_shift_) X(logical_and_) \
  X(logical_or_) X(logical_xor_) X(logical_not_) X(eq_) X(ne_) X(lt_) X(le_) X(gt_) X(ge_) X(atan2_) X(lerp_) \
  X(addcmul_) X(addcdiv_) X(masked_fill_) X(index_fill_) X(masked_scatter_) X(scatter_) X(scatter_add_) \
  X(index_add_) X(uniform_) X(normal_) X(bernoulli_) X(random_) \
  X(exponential_) X(geometric_) X(log_normal_) X(cauchy_) X(fill_diagonal_) X(clamp_min_) X(clamp_max_) \
  X(tril_) X(triu_)
  // clang-format on
#define HEARTH_ON_TEMPORARY(name)                        \
  template <class... A>                                  \
  Tensor name(A&&... a)&& {                              \
    return std::move(this->name(std::forward<A>(a)...)); \
  }
  HEARTH_IN_PLACE_METHODS(HEARTH_ON_TEMPORARY)
#undef HEARTH_ON_TEMPORARY
#undef HEARTH_IN_PLACE_METHODS
  /// @endcond
  // The same for those whose arguments may stand in braces, which cannot be forwarded.
  /// In-place clamp() of a temporary.
  Tensor clamp_(std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt) && {
    return std::move(clamp_(min, max));
  }
  /// In-place clamp() of a temporary.
  Tensor clamp_(const Tensor& min, const Tensor& max) && { return std::move(clamp_(min, max)); }
  /// In-place nan_to_num() of a temporary.
  Tensor nan_to_num_(double nan = 0.0, std::optional<double> posinf = {}, std::optional<double> neginf = {}) && {
    return std::move(nan_to_num_(nan, posinf, neginf));
  }
  /// index_put_() of a temporary.
  Tensor index_put_(std::initializer_list<Index> at, const Tensor& value, bool accumulate = false) &&;
  /// index_put_() of a temporary.
  Tensor index_put_(std::initializer_list<Index> at, Scalar value) &&;

 private:
  const TensorImpl& checked() const {
    if (!impl_) [[unlikely]]
      undefined();
    return *impl_;
  }
  [[noreturn]] static void undefined();
  void expect_readable(DType t, const char* caller) const;
  void expect_one_element() const;
  void* writable(const char* caller);
  void expect_real(const char* caller) const;
  void expect_on_cpu(const char* caller) const {
    if (!checked().device().is_cpu()) [[unlikely]]
      not_on_cpu(caller);
  }
  [[noreturn, gnu::cold]] void not_on_cpu(const char* caller) const;

  Ref<TensorImpl> impl_;
};

/// How backward() treats the recorded graph.
struct BackwardOptions {
  /// Keeps the tensors that were saved for the gradients, so that backward can run through the graph again.
  bool retain_graph = false;
  /// Records the computation of the gradients too, for higher derivatives. Implies retain_graph.
  bool create_graph = false;
  /// Of backward() alone: gradients go into these tensors only, y.backward({.inputs = {{a, b}}}), and nothing is
  /// computed that does not lead to them. One that an op made keeps its gradient, as after retain_grad(); one that the
  /// output does not depend on is left as it is, and one that is named twice counts once. Throws Error for an empty
  /// list, and for a tensor that is undefined or does not require a gradient.
  std::optional<std::vector<Tensor>> inputs = std::nullopt;
};

// ---- Operators. The comment of the class tells more.
Tensor operator+(const Tensor& a, const Tensor& b);  ///< See add().
Tensor operator+(const Tensor& a, Scalar b);         ///< See add().
Tensor operator+(Scalar a, const Tensor& b);         ///< See add().
Tensor operator+(Tensor&& a, const Tensor& b);       ///< See add().
Tensor operator+(const Tensor& a, Tensor&& b);       ///< See add().
Tensor operator+(Tensor&& a, Tensor&& b);            ///< See add().
Tensor operator+(Tensor&& a, Scalar b);              ///< See add().
Tensor operator+(Scalar a, Tensor&& b);              ///< See add().
Tensor operator-(const Tensor& a, const Tensor& b);  ///< See sub().
Tensor operator-(const Tensor& a, Scalar b);         ///< See sub().
Tensor operator-(Scalar a, const Tensor& b);         ///< See sub().
Tensor operator-(Tensor&& a, const Tensor& b);       ///< See sub().
Tensor operator-(const Tensor& a, Tensor&& b);       ///< See sub().
Tensor operator-(Tensor&& a, Tensor&& b);            ///< See sub().
Tensor operator-(Tensor&& a, Scalar b);              ///< See sub().
Tensor operator-(Scalar a, Tensor&& b);              ///< See sub().
Tensor operator*(const Tensor& a, const Tensor& b);  ///< See mul().
Tensor operator*(const Tensor& a, Scalar b);         ///< See mul().
Tensor operator*(Scalar a, const Tensor& b);         ///< See mul().
Tensor operator*(Tensor&& a, const Tensor& b);       ///< See mul().
Tensor operator*(const Tensor& a, Tensor&& b);       ///< See mul().
Tensor operator*(Tensor&& a, Tensor&& b);            ///< See mul().
Tensor operator*(Tensor&& a, Scalar b);              ///< See mul().
Tensor operator*(Scalar a, Tensor&& b);              ///< See mul().
Tensor operator/(const Tensor& a, const Tensor& b);  ///< See div().
Tensor operator/(const Tensor& a, Scalar b);         ///< See div().
Tensor operator/(Scalar a, const Tensor& b);         ///< See div().
Tensor operator/(Tensor&& a, const Tensor& b);       ///< See div().
Tensor operator/(const Tensor& a, Tensor&& b);       ///< See div().
Tensor operator/(Tensor&& a, Tensor&& b);            ///< See div().
Tensor operator/(Tensor&& a, Scalar b);              ///< See div().
Tensor operator/(Scalar a, Tensor&& b);              ///< See div().
Tensor operator-(const Tensor& a);                   ///< See neg().

Tensor& operator+=(Tensor& a, const Tensor& b);  ///< a.add_(b)
Tensor& operator+=(Tensor& a, Scalar b);         ///< a.add_(b)
Tensor& operator-=(Tensor& a, const Tensor& b);  ///< a.sub_(b)
Tensor& operator-=(Tensor& a, Scalar b);         ///< a.sub_(b)
Tensor& operator*=(Tensor& a, const Tensor& b);  ///< a.mul_(b)
Tensor& operator*=(Tensor& a, Scalar b);         ///< a.mul_(b)
Tensor& operator/=(Tensor& a, const Tensor& b);  ///< a.div_(b)
Tensor& operator/=(Tensor& a, Scalar b);         ///< a.div_(b)
/// x[0] += b: a.add_(b) of a temporary, which is returned.
inline Tensor operator+=(Tensor&& a, const Tensor& b) { return std::move(a += b); }
/// x[0] += b: a.add_(b) of a temporary, which is returned.
inline Tensor operator+=(Tensor&& a, Scalar b) { return std::move(a += b); }
/// x[0] -= b: a.sub_(b) of a temporary, which is returned.
inline Tensor operator-=(Tensor&& a, const Tensor& b) { return std::move(a -= b); }
/// x[0] -= b: a.sub_(b) of a temporary, which is returned.
inline Tensor operator-=(Tensor&& a, Scalar b) { return std::move(a -= b); }
/// x[0] *= b: a.mul_(b) of a temporary, which is returned.
inline Tensor operator*=(Tensor&& a, const Tensor& b) { return std::move(a *= b); }
/// x[0] *= b: a.mul_(b) of a temporary, which is returned.
inline Tensor operator*=(Tensor&& a, Scalar b) { return std::move(a *= b); }
/// x[0] /= b: a.div_(b) of a temporary, which is returned.
inline Tensor operator/=(Tensor&& a, const Tensor& b) { return std::move(a /= b); }
/// x[0] /= b: a.div_(b) of a temporary, which is returned.
inline Tensor operator/=(Tensor&& a, Scalar b) { return std::move(a /= b); }

Tensor operator==(const Tensor& a, const Tensor& b);  ///< Elementwise, gives a bool tensor. See eq().
Tensor operator==(const Tensor& a, Scalar b);         ///< See eq().
Tensor operator==(Scalar a, const Tensor& b);         ///< See eq().
Tensor operator!=(const Tensor& a, const Tensor& b);  ///< Elementwise, gives a bool tensor. See ne().
Tensor operator!=(const Tensor& a, Scalar b);         ///< See ne().
Tensor operator!=(Scalar a, const Tensor& b);         ///< See ne().
Tensor operator<(const Tensor& a, const Tensor& b);   ///< Elementwise, gives a bool tensor. See lt().
Tensor operator<(const Tensor& a, Scalar b);          ///< See lt().
Tensor operator<(Scalar a, const Tensor& b);          ///< See lt().
Tensor operator<=(const Tensor& a, const Tensor& b);  ///< Elementwise, gives a bool tensor. See le().
Tensor operator<=(const Tensor& a, Scalar b);         ///< See le().
Tensor operator<=(Scalar a, const Tensor& b);         ///< See le().
Tensor operator>(const Tensor& a, const Tensor& b);   ///< Elementwise, gives a bool tensor. See gt().
Tensor operator>(const Tensor& a, Scalar b);          ///< See gt().
Tensor operator>(Scalar a, const Tensor& b);          ///< See gt().
Tensor operator>=(const Tensor& a, const Tensor& b);  ///< Elementwise, gives a bool tensor. See ge().
Tensor operator>=(const Tensor& a, Scalar b);         ///< See ge().
Tensor operator>=(Scalar a, const Tensor& b);         ///< See ge().

Tensor operator&(const Tensor& a, const Tensor& b);                                  ///< See bitwise_and().
Tensor operator&(const Tensor& a, Scalar b);                                         ///< See bitwise_and().
Tensor operator&(Scalar a, const Tensor& b);                                         ///< See bitwise_and().
Tensor operator|(const Tensor& a, const Tensor& b);                                  ///< See bitwise_or().
Tensor operator|(const Tensor& a, Scalar b);                                         ///< See bitwise_or().
Tensor operator|(Scalar a, const Tensor& b);                                         ///< See bitwise_or().
Tensor operator^(const Tensor& a, const Tensor& b);                                  ///< See bitwise_xor().
Tensor operator^(const Tensor& a, Scalar b);                                         ///< See bitwise_xor().
Tensor operator^(Scalar a, const Tensor& b);                                         ///< See bitwise_xor().
inline Tensor& operator&=(Tensor& a, const Tensor& b) { return a.bitwise_and_(b); }  ///< See bitwise_and().
inline Tensor& operator|=(Tensor& a, const Tensor& b) { return a.bitwise_or_(b); }   ///< See bitwise_or().
inline Tensor& operator^=(Tensor& a, const Tensor& b) { return a.bitwise_xor_(b); }  ///< See bitwise_xor().
Tensor operator~(const Tensor& a);                                                   ///< See bitwise_not().

/// An operand that may be left out.
using OptionalTensor = std::optional<Tensor>;

/// The tensor as PyTorch prints it: four digits, aligned columns, the middle of long dimensions left out above 1000
/// elements. "tensor(undefined)" for an undefined tensor. std::cout << x needs core/ops/print.h.
std::string to_string(const Tensor& t);

namespace detail {
/// A new tensor with uninitialised memory. Throws Error naming `op` if the shape is negative or too large.
Tensor empty(const Shape& shape, DType dtype, Device device, const char* op = "empty");
/// The same with any strides.
Tensor empty_strided(const Shape& shape, const Strides& strides, DType dtype, Device device, const char* op = "empty");
// The same in pinned CPU memory.
Tensor empty_pinned(const Shape& shape, const Strides& strides, DType dtype, const char* op);
/// Throws Error naming `op`, and its caller if given, for a meta tensor and while a function is traced: there are no
/// values to read.
void expect_values(const Tensor& t, const char* op, const std::source_location* caller = nullptr);
/// A tensor over the same storage with another layout. Records no gradient. It is a view of t unless `detached`.
Tensor alias(const Tensor& t, const Layout& layout, bool detached = false);
}  // namespace detail

template <class T>
std::vector<T> Tensor::to_vector(std::source_location caller) const {
  detail::expect_values(*this, "to_vector", &caller);
  if constexpr (!is_complex_number<T>) expect_real("to_vector");
  std::vector<T> out(static_cast<size_t>(numel()));
  const Tensor source = (dtype() == dtype_of<T> ? *this : to(dtype_of<T>)).contiguous().cpu();
  const T* p = source.data<T>();
  for (size_t i = 0; i < out.size(); ++i) out[i] = p[i];
  return out;
}

}  // namespace hearth
