/// Indexing by integers, slices, masks and index tensors; gathering and scattering.
///
/// The results of the functions are new tensors of x's dtype. Index tensors are i64 or i32; throws Error for another
/// dtype or an index out of range. Negative indices count from the end in index(), index_put_(), index_fill() and
/// take_along_dim(); the others refuse them. A 0-dim tensor is taken as one of one element along dimension 0.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// The type of Ellipsis.
struct EllipsisIndex {};
/// The type of None.
struct NoneIndex {
  /// An end of a Slice that is left open.
  operator std::optional<int64_t>() const { return std::nullopt; }
};
/// In x.index({...}): all dimensions that the other indices leave. Python's `...`.
constexpr EllipsisIndex Ellipsis;
/// In x.index({...}): a new dimension of size 1. In a Slice: an end that is left open.
constexpr NoneIndex None;

/// The places start, start + step, ... below end, Python's start:end:step. Slice(None, 2) is :2, Slice() is : alone.
/// See slice() in view.h for bounds.
struct Slice {
  /// The first place; the dimension's start if there is none.
  std::optional<int64_t> start;
  /// The place behind the last; the dimension's end if there is none.
  std::optional<int64_t> end;
  /// The distance of places, at least 1.
  int64_t step = 1;
  /// Slice(start, end, step).
  Slice(std::optional<int64_t> s = {}, std::optional<int64_t> e = {}, int64_t st = 1) : start(s), end(e), step(st) {}
};

/// One part of x.index({...}): an integer, a Slice, Ellipsis, None, an i64 or i32 index tensor, or a bool mask, which
/// stands for as many dimensions as it has. A mask without dimensions, or a bool, makes a new dimension: of size 1 if
/// it is true, of size 0 if it is false.
class Index {
 public:
  /// What the part is.
  enum class Kind : uint8_t {
    kInteger,   ///< A place of a dimension.
    kSlice,     ///< Some places of a dimension.
    kEllipsis,  ///< All dimensions that the other parts leave.
    kNone,      ///< A new dimension of size 1.
    kBool,      ///< A new dimension of size 1 or 0.
    kTensor,    ///< An index tensor or a mask.
  };
  /// Place i of a dimension, which vanishes. Counts from the end if negative.
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Index(T i)
      : kind_(Kind::kInteger), integer_(static_cast<int64_t>(i)) {}
  /// A new dimension: of size 1 if b is true, of size 0 if it is false.
  template <class T>
  requires std::is_same_v<T, bool> Index(T b) : kind_(Kind::kBool), integer_(b) {}
  /// Some places of a dimension.
  Index(Slice s) : kind_(Kind::kSlice), slice_(s) {}
  /// All dimensions that the other parts leave. At most one part may be an Ellipsis.
  Index(EllipsisIndex) : kind_(Kind::kEllipsis) {}
  /// A new dimension of size 1.
  Index(NoneIndex) : kind_(Kind::kNone) {}
  /// An index tensor or a bool mask.
  Index(Tensor t) : kind_(Kind::kTensor), tensor_(std::move(t)) {}
  Kind kind() const { return kind_; }               ///< What the part is.
  int64_t integer() const { return integer_; }      ///< The place, of kInteger.
  bool boolean() const { return integer_ != 0; }    ///< The value, of kBool.
  const Slice& slice() const { return slice_; }     ///< The places, of kSlice.
  const Tensor& tensor() const { return tensor_; }  ///< The index tensor or mask, of kTensor.

 private:
  Kind kind_;
  int64_t integer_ = 0;
  Slice slice_;
  Tensor tensor_;
};

namespace detail {
struct Places;
}

/// The result of x.index({...}): a Tensor that also knows where it was read from.
///
/// As a temporary on the left of = += -= *= /= it writes into x. It does so also if masks or index tensors are among
/// the parts, although the result is a copy then:
///
///     x.index({mask}) = 0;
///     x.index({Slice(), at}) += t;
///
/// If several indices name one place the last one counts; index_put_() with `accumulate` adds them all. The copy is
/// made although nobody reads it; index_put_() does without. `auto y = x.index({...})` keeps x alive for as long as y,
/// which `Tensor y` does not.
class Indexed : public Tensor {
 public:
  /// Another handle of the same part.
  Indexed(const Indexed&) = default;
  /// Takes the handle over and leaves the other one undefined.
  Indexed(Indexed&&) noexcept = default;
  ~Indexed() = default;
  /// y = other: a named object becomes another handle of the same part. No values are copied.
  Indexed& operator=(const Indexed&) & = default;
  /// y = other: a named object takes the handle over. No values are copied.
  Indexed& operator=(Indexed&&) & noexcept = default;
  /// y = t: a named object becomes another handle of t. No values are copied.
  Indexed& operator=(const Tensor& t) & { return *this = Indexed(t, nullptr); }
  /// x.index({...}) = t: writes the values of t, which broadcasts and is cast to the dtype of x, into x. Leading
  /// dimensions of size 1 that the part lacks are dropped.
  Tensor operator=(const Tensor& values) &&;
  /// Writes one number into every place of the part. Throws Error if it does not fit into the dtype.
  Tensor operator=(Scalar value) &&;
  /// x.index({...}) = y.index({...}): copies values too.
  Tensor operator=(const Indexed& values) && { return std::move(*this) = static_cast<const Tensor&>(values); }

  /// Writes the tensor back to where it was read from. Called by the operators.
  Tensor put_back() &&;

 private:
  friend class Tensor;
  Indexed(Tensor t, std::shared_ptr<const detail::Places> p) : Tensor(std::move(t)), places_(std::move(p)) {}
  std::shared_ptr<const detail::Places> places_;  // null: the tensor is a view
};
/// x.index({...}) += b: computes with what was read, then writes it back.
template <class T>
Tensor operator+=(Indexed&& a, const T& b) {
  static_cast<Tensor&>(a) += b;
  return std::move(a).put_back();
}
/// x.index({...}) -= b: computes with what was read, then writes it back.
template <class T>
Tensor operator-=(Indexed&& a, const T& b) {
  static_cast<Tensor&>(a) -= b;
  return std::move(a).put_back();
}
/// x.index({...}) *= b: computes with what was read, then writes it back.
template <class T>
Tensor operator*=(Indexed&& a, const T& b) {
  static_cast<Tensor&>(a) *= b;
  return std::move(a).put_back();
}
/// x.index({...}) /= b: computes with what was read, then writes it back.
template <class T>
Tensor operator/=(Indexed&& a, const T& b) {
  static_cast<Tensor&>(a) /= b;
  return std::move(a).put_back();
}

/// The slices of x at `index` (1-D) along dimension d: out[i][j] = x[index[i]][j] for d = 0. A slice that is named
/// twice gets the sum of the gradients.
Tensor index_select(const Tensor& x, int64_t d, const Tensor& index);
/// out[i][j] = x[index[i][j]][j] for d = 0. The index has as many dimensions as x, and no greater size but along d. The
/// result has the shape of the index. An element that is named twice gets the sum of the gradients.
Tensor gather(const Tensor& x, int64_t d, const Tensor& index);
/// A copy of x with y[index[i][j]][j] = source[i][j] for d = 0. Index and source have as many dimensions as x; no size
/// of the index is greater than the source's, nor but along d than x's. The source has x's dtype. The last value for a
/// place stays. The source's gradient needs an index of the source's shape.
Tensor scatter(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source);
/// The same with one number for all places. Throws Error if it does not fit into the dtype.
Tensor scatter(const Tensor& x, int64_t d, const Tensor& index, Scalar value);
/// As scatter(), but adds to what is there, in a fixed order. f16 and bf16 are summed in f32 and rounded once; bool
/// takes the logical or.
Tensor scatter_add(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source);
/// A copy of x with the slices of `source` added to the slices at `index` (1-D) along dimension d, in a fixed order.
/// The source has x's dtype and x's shape, but along d the size of the index. f16 and bf16 are summed in f32 and
/// rounded once. Unlike PyTorch's it takes no alpha.
Tensor index_add(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source);
/// gather() with an index that broadcasts to x, and x to it, except along d. Without d, gather() over all elements in
/// row-major order with all of the index; the result is 1-D.
Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<int64_t> d = {});
/// A copy of x with the slices at `index` (1-D) along d replaced by a number. Throws Error if it does not fit into the
/// dtype.
Tensor index_fill(const Tensor& x, int64_t d, const Tensor& index, Scalar value);
/// The same with the value of a 0-dim tensor, cast to x's dtype. Its gradient counts a slice once, however often the
/// index names it.
Tensor index_fill(const Tensor& x, int64_t d, const Tensor& index, const Tensor& value);
/// A copy of x with the slices at `index` (1-D) along d replaced by those of `source`, which has x's dtype and x's
/// shape, but along d the size of the index. The last slice for a place stays.
Tensor index_copy(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source);
/// x with the elements where the bool mask is true replaced by those of `source`, one after the other in row-major
/// order. x and mask broadcast. The source has x's dtype. Throws Error if it has fewer elements than the mask true
/// ones.
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source);
/// The elements where the bool mask is true, in row-major order, [count]. x and mask broadcast. Throws Error for a meta
/// mask and while a function is traced.
Tensor masked_select(const Tensor& x, const Tensor& mask);
/// The places of the elements that are not 0, in row-major order, as i64 [count, rank]. Throws Error for a meta tensor
/// and while a function is traced.
Tensor nonzero(const Tensor& x);
/// nonzero() by another name.
Tensor argwhere(const Tensor& x);
/// The columns of nonzero(), one i64 tensor [count] for each dimension, for index().
std::vector<Tensor> where(const Tensor& condition);
/// i64 tensor of the index's shape and a last dimension of `classes`: 1 at the index, else 0. Without `classes` they
/// are one more than the greatest index, which is read. Throws Error unless classes >= 1 and the indices are below.
Tensor one_hot(const Tensor& index, std::optional<int64_t> classes = {});

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (x, index) -> index_select(x, d, index), with d in DimAttrs.
extern constinit const OpDef kIndexSelect;
/// (x, index) -> gather(x, d, index), with d in DimAttrs.
extern constinit const OpDef kGather;
/// (x, index, source) -> scatter(x, d, index, source), with d in DimAttrs.
extern constinit const OpDef kScatter;
/// (x, index, source) -> scatter_add(x, d, index, source), with d in DimAttrs.
extern constinit const OpDef kScatterAdd;
/// (x, index, source) -> index_add(x, d, index, source), with d in DimAttrs.
extern constinit const OpDef kIndexAdd;
/// What index() comes to. IndexAttrs names dimensions of x; `at` (1-D) counts their places in row-major order. The
/// result has a row for each: [places, other dimensions...].
extern constinit const OpDef kIndex;
/// What index_put_() comes to: (x, at, rows), see kIndex.
extern constinit const OpDef kIndexPut;

}  // namespace hearth
