// The tensors in a value: in an argument of a module's forward, or in its result.
//
// Known are Tensor and types derived from it, and std::optional, vector, array, pair, tuple and map (its values) of
// known types. A type of one's own tells its tensors by a member, or for a type that cannot be changed by a function
// found by argument-dependent lookup, tensors_of(value):
//
//   struct Result {
//     Tensor scores;
//     std::vector<Tensor> states;
//     auto tensors() { return std::tie(scores, states); }
//   };
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::nn::detail {

/// What is known of a type: it is or may hold tensors that can be seen; it surely holds none; neither.
enum class Holds { kTensors, kNone, kUnknown };

template <class T>
concept TellsByMember = requires(T& t) {
  std::tuple_size<decltype(t.tensors())>::value;
};
template <class T>
concept TellsByFunction = requires(T& t) {
  std::tuple_size<decltype(tensors_of(t))>::value;
};

template <class T>
constexpr Holds holds_of();

template <class T>
struct Known {
  static constexpr Holds holds = std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_pointer_v<T> ||
                                         std::is_void_v<T> || std::is_convertible_v<T, std::string_view> ||
                                         std::is_same_v<T, std::nullptr_t> || std::is_same_v<T, std::nullopt_t>
                                     ? Holds::kNone
                                     : Holds::kUnknown;
};
template <class T>
struct Known<std::optional<T>> {
  static constexpr Holds holds = holds_of<T>();
};
template <class T, class A>
struct Known<std::vector<T, A>> {
  static constexpr Holds holds = holds_of<T>();
};
template <class T, size_t n>
struct Known<std::array<T, n>> {
  static constexpr Holds holds = holds_of<T>();
};
template <class K, class T, class C, class A>
struct Known<std::map<K, T, C, A>> {
  static constexpr Holds holds = holds_of<T>();
};
template <class K, class T, class H, class E, class A>
struct Known<std::unordered_map<K, T, H, E, A>> {
  static constexpr Holds holds = holds_of<T>();
};
template <class... T>
struct Known<std::tuple<T...>> {
  static constexpr Holds holds = ((holds_of<T>() == Holds::kUnknown) || ...)   ? Holds::kUnknown
                                 : ((holds_of<T>() == Holds::kTensors) || ...) ? Holds::kTensors
                                                                               : Holds::kNone;
};
template <class A, class B>
struct Known<std::pair<A, B>> : Known<std::tuple<A, B>> {};

template <class T>
constexpr Holds holds_of() {
  using V = std::remove_cvref_t<T>;
  if constexpr (std::is_base_of_v<Tensor, V> || TellsByMember<V> || TellsByFunction<V>) return Holds::kTensors;
  else return Known<V>::holds;
}

/// Calls f(Tensor&) for every tensor in a value, in the order of members; an empty optional has none.
template <class T, class F>
void visit_tensors(T& value, F&& f) {
  using V = std::remove_const_t<T>;
  if constexpr (holds_of<V>() == Holds::kNone) {
    return;
  } else if constexpr (std::is_base_of_v<Tensor, V>) {
    f(static_cast<Tensor&>(value));
  } else if constexpr (TellsByMember<V>) {
    std::apply([&](auto&... part) { (visit_tensors(part, f), ...); }, value.tensors());
  } else if constexpr (TellsByFunction<V>) {
    std::apply([&](auto&... part) { (visit_tensors(part, f), ...); }, tensors_of(value));
  } else if constexpr (requires { std::tuple_size<V>::value; }) {
    std::apply([&](auto&... part) { (visit_tensors(part, f), ...); }, value);
  } else if constexpr (requires { value.has_value(); }) {
    if (value) visit_tensors(*value, f);
  } else if constexpr (requires { typename V::mapped_type; }) {
    for (auto& [key, part] : value) visit_tensors(part, f);
  } else {
    for (auto& part : value) visit_tensors(part, f);
  }
}

}  // namespace hearth::nn::detail
