// trace: runs a function of tensors once without data and keeps what it did as a Graph.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/graph/graph.h"

namespace hearth::graph {

/// A size of an input: a number, or a name for a size that may differ from call to call.
class Size {
 public:
  /// The values that a named size can have. There must be at least three.
  struct Range {
    int64_t min = 2;  ///< The function is traced with sizes from here on. The graph takes smaller ones if its ops do.
    std::optional<int64_t> max;  ///< The graph, and a server, refuse larger ones and name the dimension.
  };
  /// A fixed size.
  Size(int64_t number) : number_(number) {}
  /// A named size. `at_least` is the smallest size that the function can take.
  Size(const char* name, int64_t at_least = 2) : name_(name), number_(at_least) {}
  /// A named size with a range: `Size("length", {.max = 512})`.
  Size(const char* name, const Range& range) : name_(name), number_(range.min), max_(range.max) {}

  /// The name; empty for a fixed size.
  const std::string& name() const { return name_; }
  /// The fixed size, or the smallest value of a named one.
  int64_t number() const { return number_; }
  /// The largest value of a named size, if there is one.
  const std::optional<int64_t>& max() const { return max_; }

 private:
  std::string name_;
  int64_t number_;
  std::optional<int64_t> max_;
};

/// An input of a function to be traced: `Spec{"image", f32, {"batch", 1, 28, 28}}`.
struct Spec {
  std::string name;         ///< The input's name in the graph.
  DType dtype;              ///< The dtype.
  std::vector<Size> shape;  ///< The sizes.
};

/// Options of trace().
struct TraceOptions {
  /// The names of the outputs. The default is "output" for one, "output.0" and so on for several.
  std::vector<std::string> outputs;
  /// The names in the graph of tensors that the function uses. trace(module) adds its parameters and buffers.
  std::map<std::string, Tensor> names;
  /// trace(module): the module may be in training mode.
  bool training = false;
};

/// A function of tensors that can be traced.
using Function = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

/// Runs fn once for each of three choices of the named sizes, and of one that is far from these (by 8192, or about as
/// far as fn takes it), on tensors without data, and keeps its ops as a graph.
///
/// What differs between the runs becomes a SizeExpr: whole numbers of the form a * sizes + b or, of one size, (a * size
/// + b) / c rounded down with c up to 1024, as strides of convolutions and steps of slices make them. (For the latter
/// fn runs 64 times more, and where c is above 32, 2048 times.) A number that is not whole may be a size itself, its
/// square root, logarithm or reciprocal, or 1 / std::sqrt of it, computed in double: `x / std::sqrt(x.size(1))`.
/// Compute anything else that depends on a size with dim_size(x, d), which is a tensor: `x * (dim_size(x, 1) +
/// 0.5).pow(-0.25)`.
///
/// Tensors that fn did not make from its inputs become constants, whose memory the graph shares. Throws Error, naming
/// the module, the op and a remedy, if fn reads values, does something else for other sizes, or needs a size that does
/// not have this form.
Graph trace(const Function& fn, std::span<const Spec> inputs, const TraceOptions& options = {});

/// Throws Error if `training` is true, unless the options allow it. `name` is the path of the module. For
/// trace(module).
void check_training_mode(bool training, const std::string& name, const TraceOptions& options);
/// Throws Error: the module cannot be called with n tensors. For trace(module).
[[noreturn]] void bad_input_count(size_t n);

namespace detail {

inline std::vector<Tensor> results(const Tensor& t) { return {t}; }
inline std::vector<Tensor> results(std::vector<Tensor> t) { return t; }
template <size_t n>
std::vector<Tensor> results(const std::array<Tensor, n>& t) {
  return {t.begin(), t.end()};
}
template <class... T>
std::vector<Tensor> results(const std::tuple<T...>& t) {
  return std::apply([](const auto&... each) { return std::vector<Tensor>{each...}; }, t);
}
inline std::vector<Tensor> results(const std::pair<Tensor, Tensor>& t) { return {t.first, t.second}; }

// Calls module with in.size() tensors, if it can be called with n or more.
template <size_t n, class M>
std::vector<Tensor> call(M& module, std::span<const Tensor> in) {
  if constexpr (n > 8) {
    bad_input_count(in.size());
  } else {
    if (in.size() != n) return call<n + 1>(module, in);
    return [&]<size_t... i>(std::index_sequence<i...>)->std::vector<Tensor> {
      if constexpr (requires { results(module(in[i]...)); }) return results(module(in[i]...));
      else bad_input_count(n);
    }
    (std::make_index_sequence<n>());
  }
}

}  // namespace detail

/// Traces a module with forward(tensors...), of up to eight tensors. It gives a Tensor, or several in a std::vector,
/// std::array, std::pair or std::tuple. Throws Error as above, and if the module or one in it is in training mode,
/// unless options.training allows it.
template <class M>
requires requires(M& m) { m.state_dict(); }
Graph trace(M& module, std::initializer_list<Spec> inputs, TraceOptions options = {}) {
  for (auto& [name, m] : module.named_modules()) check_training_mode(m->training(), name, options);
  for (auto& [name, t] : module.named_parameters()) options.names.emplace(name, t);
  for (auto& [name, t] : module.named_buffers()) options.names.emplace(name, t);
  const auto fn = [&](std::span<const Tensor> in) { return detail::call<1>(module, in); };
  return trace(fn, {inputs.begin(), inputs.size()}, options);
}

}  // namespace hearth::graph
