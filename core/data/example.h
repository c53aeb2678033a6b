// Example: a few tensors with names, such as an input and its target. A batch is an Example too: its tensors have one
// dimension more, the first.
//
//   Example e{x, y};                                        // "input" and "target"
//   Example e{{"input_ids", ids}, {"labels", labels}};
//   e["labels"];
//   auto& [x, y] = e;                                       // exactly two tensors, whatever their names
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::data {

/// An ordered list of tensors, each with a name of its own. Copies share the tensors' memory.
class Example {
 public:
  /// One tensor and its name.
  struct Entry {
    std::string name;  ///< Not empty, and no other entry's.
    Tensor tensor;     ///< May be undefined.
  };

  /// No tensors.
  Example() = default;
  /// "input" and "target". Either may be undefined: an image without a label, for example.
  Example(Tensor input, Tensor target);
  /// The tensors in the given order. Throws Error for a name that is empty or comes twice.
  Example(std::initializer_list<Entry> entries);

  /// The number of tensors.
  size_t size() const { return many_.empty() ? few_count_ : many_.size(); }
  /// True if there are no tensors.
  bool empty() const { return size() == 0; }
  /// The first entry: for (const auto& [name, tensor] : example).
  const Entry* begin() const { return many_.empty() ? few_.data() : many_.data(); }
  /// One past the last entry.
  const Entry* end() const { return begin() + size(); }

  /// The tensor of this name, or null if there is none.
  Tensor* find(std::string_view name);
  /// The tensor of this name, or null if there is none.
  const Tensor* find(std::string_view name) const;
  /// True if there is a tensor of this name.
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// The tensor of this name. Throws Error that lists the names if there is none; set() adds one.
  Tensor& operator[](std::string_view name) &;
  /// The tensor of this name. Throws Error that lists the names if there is none.
  const Tensor& operator[](std::string_view name) const&;
  /// The tensor of this name. Throws Error that lists the names if there is none.
  Tensor operator[](std::string_view name) && { return std::move((*this)[name]); }
  /// Tensors are taken by name; this overload keeps the number 0 from being taken for a null name.
  void operator[](size_t) const = delete;
  /// Replaces the tensor of this name, or adds one at the end. Throws Error for an empty name.
  Example& set(std::string_view name, Tensor tensor);
  /// Takes out the tensor of this name. True if there was one.
  bool erase(std::string_view name);

  /// For structured bindings, auto& [x, y] = example: the first (0) or second (1) tensor. Throws Error that lists the
  /// names unless there are exactly two tensors.
  template <size_t I>
  Tensor& get() & {
    static_assert(I < 2);
    expect_pair();
    return entries()[I].tensor;
  }
  /// The same of an example that is not changed.
  template <size_t I>
  const Tensor& get() const& {
    static_assert(I < 2);
    expect_pair();
    return begin()[I].tensor;
  }
  /// The same of a temporary.
  template <size_t I>
  Tensor&& get() && {
    return std::move(get<I>());
  }

 private:
  static constexpr size_t kFew = 4;

  Entry* entries() { return many_.empty() ? few_.data() : many_.data(); }
  void expect_pair() const {
    if (size() != 2) [[unlikely]]
      not_a_pair();
  }
  [[noreturn]] void not_a_pair() const;

  // Up to kFew entries lie here; more lie in many_, all of them, and few_count_ is 0.
  std::array<Entry, kFew> few_;
  size_t few_count_ = 0;
  std::vector<Entry> many_;
};

/// The names of an example's tensors in their order, as error messages list them: "input", "target".
std::string names_of(const Example& example);

}  // namespace hearth::data

/// Examples take part in structured bindings as pairs of tensors.
template <>
struct std::tuple_size<hearth::data::Example> : std::integral_constant<std::size_t, 2> {};
/// Both parts of the pair are tensors.
template <std::size_t I>
struct std::tuple_element<I, hearth::data::Example> {
  /// The type of both parts.
  using type = hearth::Tensor;
};
