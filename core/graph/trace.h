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

// A size of an input: a number, or a name for one that may differ from call to call.
class Size {
 public:
  // What a named size can be. The function is traced with sizes from min on; the graph takes smaller ones where its ops
  // do, but none above max: it and a server refuse an input by the dimension's name. At least three sizes must be left.
  struct Range {
    int64_t min = 2;
    std::optional<int64_t> max;
  };
  Size(int64_t number) : number_(number) {}
  // at_least: the smallest size that the function can take.
  Size(const char* name, int64_t at_least = 2) : name_(name), number_(at_least) {}
  // Size("length", {.max = 512})
  Size(const char* name, const Range& range) : name_(name), number_(range.min), max_(range.max) {}

  const std::string& name() const { return name_; }
  int64_t number() const { return number_; }  // of a name: the smallest
  const std::optional<int64_t>& max() const { return max_; }

 private:
  std::string name_;
  int64_t number_;
  std::optional<int64_t> max_;
};

// Spec{"image", f32, {"batch", 1, 28, 28}}
struct Spec {
  std::string name;
  DType dtype;
  std::vector<Size> shape;
};

struct TraceOptions {
  std::vector<std::string> outputs;     // names; the default is "output", or "output.0" and so on
  std::map<std::string, Tensor> names;  // what known tensors are called in the graph, as by state_dict()
  bool training = false;                // trace(module): a module in training mode is wanted
};

using Function = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

// Runs fn three times on tensors without data, the named sizes set to different primes. What differs between the runs
// becomes a SizeExpr: whole numbers of the form a * sizes + b or, of one size, (a * size + b) / c rounded down with c
// up to 32, as strides of convolutions and steps of slices make them (fn is run 32 times more for these). A number that
// is not whole may be such a size itself, its square root, logarithm or reciprocal, or 1 / std::sqrt of it, computed in
// double: x / std::sqrt(x.size(1)). Whatever else depends on a size is computed with dim_size(x, d), which is a tensor:
// x * (dim_size(x, 1) + 0.5).pow(-0.25).
//
// Tensors that fn did not make from its inputs become constants that the graph shares with it. Throws Error, naming
// module, op and the way out, where fn reads values, does something else for other sizes, or needs a size that has not
// that form.
Graph trace(const Function& fn, std::span<const Spec> inputs, const TraceOptions& options = {});

// Of a module with forward(tensors...), up to eight of them, giving a Tensor, or several in a std::vector, std::array,
// std::pair or std::tuple. Throws Error if it or a module in it is in training mode, unless options.training says that
// it is meant.
void check_training_mode(bool training, const std::string& name, const TraceOptions& options);
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
