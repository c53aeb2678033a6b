// Hooks of modules: before and after forward, and on the gradients of what forward takes and gives.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/hook_handle.h"
#include "core/nn/computed_parameters.h"
#include "core/nn/tensors_of.h"
#include "core/tensor/tensor.h"

namespace hearth::nn {

class ModuleBase;

/// The tensors that a hook is shown, in their order (tensors_of.h says which are seen): those in forward's arguments or
/// in its result, or their gradients. Assigning to one replaces it: inputs[0] = x.
class HookTensors {
 public:
  /// The number of tensors.
  size_t size() const { return tensors_.size(); }
  /// True if there are no tensors.
  bool empty() const { return tensors_.empty(); }
  /// Tensor i, which may be assigned to. Throws Error if there is none.
  Tensor& operator[](size_t i) { return at(i); }
  /// Tensor i. Throws Error if there is none.
  const Tensor& operator[](size_t i) const { return at(i); }
  /// Of a result: it is, or holds, something of a type that does not tell its tensors.
  bool opaque() const { return opaque_; }
  /// Of a result: there is none, because forward or a hook before it threw. Only hooks that are always called see this.
  bool thrown() const { return thrown_; }
  /// The tensors, for pass_gate and the like.
  std::span<Tensor* const> tensors() const { return tensors_; }

  /// Walks over the tensors: for (Tensor& t : inputs).
  class Iterator {
   public:
    /// For begin() and end().
    explicit Iterator(Tensor* const* p) : p_(p) {}
    /// The current tensor, which may be assigned to.
    Tensor& operator*() const { return **p_; }
    /// Goes on to the next tensor.
    Iterator& operator++() {
      ++p_;
      return *this;
    }
    /// True unless both stand at the same tensor.
    bool operator!=(const Iterator& o) const { return p_ != o.p_; }

   private:
    Tensor* const* p_;
  };
  /// The first tensor.
  Iterator begin() { return Iterator(tensors_.data()); }
  /// One past the last tensor.
  Iterator end() { return Iterator(tensors_.data() + tensors_.size()); }

 private:
  friend class HookedCall;
  Tensor& at(size_t i) const;
  std::vector<Tensor*> tensors_;
  bool opaque_ = false;
  bool thrown_ = false;
};

/// Sees the tensors among forward's arguments before it runs, and may replace them.
using ForwardPreHook = std::function<void(ModuleBase& module, HookTensors& inputs)>;
/// Sees what forward was called with (after the pre-hooks) and the tensors in its result, which it may replace.
using ForwardHook = std::function<void(ModuleBase& module, const HookTensors& inputs, HookTensors& result)>;
/// Sees the gradients of the result's tensors before any goes on into the module, and may replace them. One is
/// undefined where no gradient came.
using FullBackwardPreHook = std::function<void(ModuleBase& module, HookTensors& grad_output)>;
/// Sees the gradients of the tensors among forward's arguments, which it may replace, and those of the result.
using FullBackwardHook =
    std::function<void(ModuleBase& module, HookTensors& grad_input, const HookTensors& grad_output)>;

/// Options of ModuleBase::register_forward_hook().
struct ForwardHookOptions {
  /// Call it also when forward or another hook throws; without a result, result.thrown() is true. What it throws itself
  /// is dropped in that case.
  bool always_call = false;
  /// Before the hooks that are there.
  bool prepend = false;
};

namespace detail {

struct AfterForward {
  ForwardHook hook;
  bool always;
};

/// All hooks of a module.
struct ModuleHooks {
  hearth::detail::HookList<ForwardPreHook> before;
  hearth::detail::HookList<AfterForward> after;
  hearth::detail::HookList<FullBackwardPreHook> before_backward;
  hearth::detail::HookList<FullBackwardHook> after_backward;
};

/// What the call operator gives: what forward gives, but by value where that is a reference to something with tensors,
/// which a hook might replace.
template <class R>
using Returned =
    std::conditional_t<std::is_reference_v<R> && holds_of<R>() == Holds::kTensors, std::remove_cvref_t<R>, R>;

/// An argument on its way to forward: where its tensors may be replaced, a copy.
template <class A, bool kCopied>
struct HookedArgument {
  static constexpr bool kCallers = std::is_lvalue_reference_v<A>;
  A&& value;
  explicit HookedArgument(A&& a) : value(std::forward<A>(a)) {}
  A&& pass() { return std::forward<A>(value); }
};
template <class A>
struct HookedArgument<A, true> {
  static constexpr bool kCallers = false;
  std::remove_cvref_t<A> value;
  explicit HookedArgument(A&& a) : value(std::forward<A>(a)) {}
  using Passed =
      std::conditional_t<std::is_lvalue_reference_v<A>, const std::remove_cvref_t<A>&, std::remove_cvref_t<A>&&>;
  Passed pass() { return static_cast<Passed>(value); }
};

/// True for an argument that can be copied and has tensors that can be seen.
template <class A>
constexpr bool kCopyable = holds_of<A>() == Holds::kTensors&& std::is_constructible_v<std::remove_cvref_t<A>, A&&>;
/// As A is passed when it is copied.
template <class A>
using CopyPassed = std::conditional_t<kCopyable<A> && std::is_lvalue_reference_v<A>,
                                      std::add_lvalue_reference_t<const std::remove_cvref_t<A>>, A&&>;
/// A forward that takes arguments by non-const reference gets them themselves; a hook's replacement is then seen by the
/// caller.
template <class A, bool kTakesCopies>
constexpr bool kCopied = kCopyable<A> && (kTakesCopies || !std::is_lvalue_reference_v<A> ||
                                          std::is_const_v<std::remove_reference_t<A>>);

}  // namespace detail

/// One call of a module that has hooks; for Module's call operator.
class HookedCall {
 public:
  /// Of this module, with the hooks that it has now.
  HookedCall(ModuleBase& module, std::shared_ptr<const detail::ModuleHooks> hooks);
  HookedCall(const HookedCall&) = delete;
  HookedCall& operator=(const HookedCall&) = delete;
  ~HookedCall();

  /// Calls the hooks before forward, self.forward(a...) and the hooks after it, and gives the result. Rethrows what
  /// they throw, after the hooks that are always called.
  template <class Self, class... A>
  static auto run(std::shared_ptr<const detail::ModuleHooks> hooks, Self& self, ModuleBase& base, A&&... a)
      -> detail::Returned<decltype(self.forward(std::forward<A>(a)...))> {
    using Result = decltype(self.forward(std::forward<A>(a)...));
    using Return = detail::Returned<Result>;
    constexpr bool kTakesCopies = requires { self.forward(std::declval<detail::CopyPassed<A>>()...); };
    HookedCall call(base, std::move(hooks));
    std::tuple<detail::HookedArgument<A, detail::kCopied<A, kTakesCopies>>...> arguments(
        detail::HookedArgument<A, detail::kCopied<A, kTakesCopies>>(std::forward<A>(a))...);
    std::apply([&](auto&... x) { (call.add_input(x), ...); }, arguments);
    const auto forward = [&]() -> Return {
      try {
        call.before();
        const detail::ComputedScope computed(base);  // of what the hooks have written
        const GiveBack back{[&] { std::apply([&](auto&... x) { (call.give_back(x), ...); }, arguments); }};
        return std::apply([&](auto&... x) -> Return { return self.forward(x.pass()...); }, arguments);
      } catch (...) {
        call.fail();
        throw;
      }
    };
    if constexpr (std::is_void_v<Return>) {
      forward();
      call.finish();
    } else {
      Return result = forward();
      call.add_result(result);
      call.finish();
      return result;
    }
  }

 private:
  struct Gradients;
  template <class F>
  struct GiveBack {
    F f;
    ~GiveBack() { f(); }
  };
  template <class F>
  GiveBack(F) -> GiveBack<F>;
  template <class X>
  void add_input(X& argument) {
    using T = std::remove_reference_t<decltype(argument.value)>;
    if constexpr (detail::holds_of<T>() == detail::Holds::kTensors && !std::is_const_v<T>) {
      detail::visit_tensors(argument.value, [&](Tensor& t) {
        if (X::kCallers) callers_.push_back(inputs_.tensors_.size());
        inputs_.tensors_.push_back(&t);
      });
    }
  }
  // After forward: the caller's own variables name what they did before the gate.
  template <class X>
  void give_back(X& argument) {
    using T = std::remove_reference_t<decltype(argument.value)>;
    if constexpr (X::kCallers && detail::holds_of<T>() == detail::Holds::kTensors && !std::is_const_v<T>) {
      if (gated_.empty()) return;
      detail::visit_tensors(argument.value, [&](Tensor& t) {
        for (const auto& [gated, given] : gated_) {
          if (t.is(gated)) t = given;
        }
      });
    }
  }
  template <class T>
  void add_result(T& value) {
    if constexpr (detail::holds_of<T>() == detail::Holds::kTensors && !std::is_const_v<T>) {
      detail::visit_tensors(value, [&](Tensor& t) { result_.tensors_.push_back(&t); });
    } else if constexpr (detail::holds_of<T>() != detail::Holds::kNone) {
      result_.opaque_ = true;
    }
  }
  void before();
  void pass_inputs();
  void finish();  // after(), and fail() if that throws
  void after();
  void fail() noexcept;
  static HookTensors over(std::span<Tensor> tensors);

  ModuleBase& module_;
  std::shared_ptr<const detail::ModuleHooks> hooks_;
  HookTensors inputs_, result_;
  std::vector<size_t> callers_;                   // inputs that are variables of the caller
  std::vector<std::pair<Tensor, Tensor>> gated_;  // what they name while forward runs, and what they named
  std::vector<Tensor> shown_;                     // what hooks after forward see of the arguments
  size_t called_ = 0;                             // hooks after forward that have been called
  bool has_result_ = false;
  std::shared_ptr<Gradients> gradients_;  // of this call, if backward has hooks
};

}  // namespace hearth::nn
