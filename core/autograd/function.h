// Function: functions whose gradient is written by hand.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/autograd/guards.h"
#include "core/op/grad_context.h"
#include "core/op/op_def.h"

namespace hearth {

/// What forward tells autograd.
class ForwardContext {
 public:
  /// Keeps tensors for backward, which reads them with BackwardContext::saved(). Members must not hold them: only what
  /// is saved here is checked for in-place writes and freed after backward. In the gradient of the gradient, a tensor
  /// that is neither operand nor result is a constant.
  void save(std::initializer_list<Tensor> tensors) { save(std::span<const Tensor>(tensors.begin(), tensors.size())); }
  /// As above.
  void save(std::span<const Tensor> tensors);
  /// Says that no gradient passes through this result. Results of integer dtypes have none anyway.
  void mark_non_differentiable(const Tensor& result) { constants_.push_back(result); }
  /// Says that forward has written to this operand in place and gives it as a result.
  void mark_dirty(const Tensor& operand) { dirty_.push_back(operand); }
  /// True if the gradient of operand i is wanted. Always false from operand 64 on.
  bool needs(int i) const { return i < 64 && needs_ >> i & 1; }

 private:
  friend struct FunctionAccess;
  std::vector<Tensor> saved_, constants_, dirty_;
  uint64_t needs_ = 0;
};

/// What backward is given.
class BackwardContext {
 public:
  /// For Function.
  explicit BackwardContext(GradContext& g);
  /// The gradient of a result; undefined if none came. With one result it is always defined.
  const Tensor& grad(int result = 0) const { return g_.grad(result); }
  /// True if a gradient came for this result.
  bool has_grad(int result = 0) const { return g_.has_grad(result); }
  /// True if the gradient of this operand is wanted.
  bool needs(int operand) const { return g_.needs(operand); }
  /// The i-th saved tensor. Throws Error if an earlier backward has freed it or it was written to since.
  Tensor saved(int i) const;
  /// The number of saved tensors.
  int saved_count() const;
  /// Gives operand i its gradient, in the operand's shape or in one that the operand broadcasts to. An operand that is
  /// not set gets no gradient. Throws Error for any other shape.
  void set(int i, Tensor g);

 private:
  GradContext& g_;
};

namespace detail {

// What a function's node holds: the object, and for each saved tensor the operand (0, 1, …) or result (-1, -2, …)
// that it was, or kNeither.
struct FunctionAttrs {
  static constexpr int kNeither = INT32_MIN;
  std::shared_ptr<void> object;
  std::vector<int> saved;
  static constexpr auto fields() { return std::make_tuple(); }
  bool operator==(const FunctionAttrs&) const = default;
};

class FunctionCall {
 public:
  FunctionCall(const OpDef& op, std::shared_ptr<void> object) : op_(op), object_(std::move(object)) {}
  void add(const Tensor& t) { operands_.push_back(t); }
  void add(const std::optional<Tensor>& t) { operands_.push_back(t); }
  void add(const std::vector<Tensor>& tensors) { operands_.insert(operands_.end(), tensors.begin(), tensors.end()); }
  template <class T>
  void add(const T&) {}

  ForwardContext& begin();
  void finish(std::span<Tensor* const> results);

 private:
  const OpDef& op_;
  std::shared_ptr<void> object_;
  std::vector<std::optional<Tensor>> operands_;
  ForwardContext context_;
  bool wanted_ = false;
};

}  // namespace detail

/// A function whose gradient is written by hand. Derive from it:
///
///   struct Cube : Function<Cube> {
///     static constexpr const char* kName = "cube";
///     double scale = 1;  // members that forward sets are there in backward
///     Tensor forward(ForwardContext& c, const Tensor& x, double by) {
///       scale = by;
///       c.save({x});
///       return x * x * x * by;
///     }
///     void backward(BackwardContext& c) {
///       const Tensor x = c.saved(0);
///       c.set(0, c.grad() * x * x * (3 * scale));
///     }
///   };
///   Tensor y = Cube::apply(x, 2.0);
///
/// forward runs without being recorded. It may take any arguments; those that are a Tensor, a `std::optional<Tensor>`
/// or a `std::vector<Tensor>` are the operands, counted in their order. It returns a Tensor, a pair, tuple or array of
/// Tensors, or a vector of them: at most 4. If backward is written with public ops, it has a gradient itself.
/// graph::trace records the ops of forward.
template <class D>
class Function {
 public:
  /// Calls forward with these arguments and records the call if a gradient is wanted. Returns what forward returns.
  /// Throws Error for an undefined operand or result.
  template <class... A>
  static auto apply(A&&... a) {
    static constexpr OpDef record = {
        .name = D::kName,
        .dtypes = kAllTypes | kComplexTypes,
        .min_inputs = 0,
        .max_inputs = 255,
        .attrs = &attrs_type<detail::FunctionAttrs>,
        .infer = nullptr,
        .backward =
            [](GradContext& g) {
              BackwardContext c(g);
              static_cast<D*>(g.attrs<detail::FunctionAttrs>().object.get())->backward(c);
            },
    };
    auto object = std::make_shared<D>();
    detail::FunctionCall call(record, object);
    (call.add(a), ...);
    ForwardContext& c = call.begin();
    auto results = [&] {
      NoGrad off;
      return object->forward(c, std::forward<A>(a)...);
    }();
    using R = decltype(results);
    std::vector<Tensor*> list;
    if constexpr (std::is_same_v<R, Tensor>) {
      list.push_back(&results);
    } else if constexpr (requires { std::tuple_size<R>::value; }) {
      std::apply([&](auto&... r) { (list.push_back(&r), ...); }, results);
    } else {
      for (Tensor& r : results) list.push_back(&r);
    }
    call.finish(list);
    return results;
  }
};

}  // namespace hearth
