// Indexing by integers, slices, masks and index tensors; gathering and scattering. Results are new tensors.
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

struct EllipsisIndex {};
// A new dimension of size 1; in a Slice, an end that is left open.
struct NoneIndex {
  operator std::optional<int64_t>() const { return std::nullopt; }
};
constexpr EllipsisIndex Ellipsis;  // all dimensions that the other indices leave
constexpr NoneIndex None;

// start, start + step, ... below end, as Python's start:end:step; step >= 1. Slice(None, 2) is :2.
struct Slice {
  std::optional<int64_t> start, end;
  int64_t step = 1;
  Slice(std::optional<int64_t> s = {}, std::optional<int64_t> e = {}, int64_t st = 1) : start(s), end(e), step(st) {}
};

// One part of x.index({...}): an integer, a Slice, Ellipsis, None, an i64 index tensor, or a bool mask, which stands
// for as many dimensions as it has. A mask without dimensions, or a bool, makes a new dimension: of size 1 if it is
// true, of size 0 if it is false.
class Index {
 public:
  enum class Kind : uint8_t { kInteger, kSlice, kEllipsis, kNone, kBool, kTensor };
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Index(T i)
      : kind_(Kind::kInteger), integer_(static_cast<int64_t>(i)) {}
  template <class T>
  requires std::is_same_v<T, bool> Index(T b) : kind_(Kind::kBool), integer_(b) {}
  Index(Slice s) : kind_(Kind::kSlice), slice_(s) {}
  Index(EllipsisIndex) : kind_(Kind::kEllipsis) {}
  Index(NoneIndex) : kind_(Kind::kNone) {}
  Index(Tensor t) : kind_(Kind::kTensor), tensor_(std::move(t)) {}
  Kind kind() const { return kind_; }
  int64_t integer() const { return integer_; }
  bool boolean() const { return integer_ != 0; }
  const Slice& slice() const { return slice_; }
  const Tensor& tensor() const { return tensor_; }

 private:
  Kind kind_;
  int64_t integer_ = 0;
  Slice slice_;
  Tensor tensor_;
};

namespace detail {
struct Places;
}

// What x.index({...}) gives: a Tensor, of which only one thing differs. As a temporary on the left of = += -= *= /= it
// writes into x also where masks or index tensors are among the parts, although the result is a copy then:
//
//   x.index({mask}) = 0;   x.index({Slice(), at}) += t;
//
// Of several indices that name one place the last one counts; index_put_ with `accumulate` adds them all. The copy is
// made although nobody reads it; index_put_ does without. `auto y = x.index({...})` keeps x alive for as long as y,
// which `Tensor y` does not.
class Indexed : public Tensor {
 public:
  Indexed(const Indexed&) = default;
  Indexed(Indexed&&) noexcept = default;
  ~Indexed() = default;
  Indexed& operator=(const Indexed&) & = default;
  Indexed& operator=(Indexed&&) & noexcept = default;
  Indexed& operator=(const Tensor& t) & { return *this = Indexed(t, nullptr); }
  Tensor operator=(const Tensor& values) &&;
  Tensor operator=(Scalar value) &&;
  Tensor operator=(const Indexed& values) && { return std::move(*this) = static_cast<const Tensor&>(values); }

  // Writes the tensor back to where it was read from. Called by the operators.
  Tensor put_back() &&;

 private:
  friend class Tensor;
  Indexed(Tensor t, std::shared_ptr<const detail::Places> p) : Tensor(std::move(t)), places_(std::move(p)) {}
  std::shared_ptr<const detail::Places> places_;  // null: the tensor is a view
};
#define HEARTH_OPERATOR(op)                     \
  template <class T>                            \
  Tensor operator op(Indexed&& a, const T& b) { \
    static_cast<Tensor&>(a) op b;               \
    return std::move(a).put_back();             \
  }
HEARTH_OPERATOR(+=)
HEARTH_OPERATOR(-=)
HEARTH_OPERATOR(*=)
HEARTH_OPERATOR(/=)
#undef HEARTH_OPERATOR

// Index tensors are i64 (or i32); an index out of range throws. Negative indices count from the end in index(),
// index_put_(), index_fill() and take_along_dim(); the others refuse them. A 0-dim tensor is taken as one of one
// element along dimension 0.
Tensor index_select(const Tensor& x, int64_t d, const Tensor& index);  // index is 1-D
Tensor gather(const Tensor& x, int64_t d, const Tensor& index);        // out[i][j] = x[index[i][j]][j] for d = 0
Tensor scatter(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source);
Tensor scatter(const Tensor& x, int64_t d, const Tensor& index, Scalar value);
Tensor scatter_add(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source);  // sums in a fixed order
Tensor index_add(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source);
// gather with an index that broadcasts to x, and x to it, but along d; without d over all elements in row-major order.
Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<int64_t> d = {});
// x with the slices at `index` (1-D) along d replaced: by a number, a 0-dim tensor, or the source's slices. The
// gradient of a 0-dim value counts a slice once, however often the index names it.
Tensor index_fill(const Tensor& x, int64_t d, const Tensor& index, Scalar value);
Tensor index_fill(const Tensor& x, int64_t d, const Tensor& index, const Tensor& value);
Tensor index_copy(const Tensor& x, int64_t d, const Tensor& index, const Tensor& source);
// x with the elements where mask is true replaced by the source's, one after the other in row-major order.
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source);
Tensor masked_select(const Tensor& x, const Tensor& mask);  // 1-D
Tensor nonzero(const Tensor& x);                            // [count, rank] i64
Tensor argwhere(const Tensor& x);                           // nonzero
std::vector<Tensor> where(const Tensor& condition);         // nonzero's columns, for index()
Tensor one_hot(const Tensor& index, int64_t classes);       // i64, with a last dimension of `classes`
extern constinit const OpDef kIndexSelect, kGather, kScatter, kScatterAdd, kIndexAdd;
// What index() and index_put_() come to: IndexAttrs name dimensions of operand 0, operand 1 (1-D) counts their places
// in row-major order, and the result or operand 2 has a row for each: [places, other dimensions...].
extern constinit const OpDef kIndex, kIndexPut;

}  // namespace hearth
