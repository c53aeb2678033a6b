// trace: runs a function of tensors once without data and keeps what it did as a Graph.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/graph/graph.h"

namespace hearth::graph {

// A size of an input: a number, or a name for one that may differ from call to call.
class Size {
 public:
  Size(int64_t number) : number_(number) {}
  // at_least: the smallest size that the function can take.
  Size(const char* name, int64_t at_least = 2) : name_(name), number_(at_least) {}

  const std::string& name() const { return name_; }
  int64_t number() const { return number_; }

 private:
  std::string name_;
  int64_t number_;
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
// must be a whole number of the form a * sizes + b; it becomes a SizeExpr. Tensors that fn did not make from its inputs
// become constants that the graph shares with it. Throws Error, naming op and module, where fn reads values, does
// something else for other sizes, or needs a size that has not that form.
Graph trace(const Function& fn, std::span<const Spec> inputs, const TraceOptions& options = {});

// Of a module with forward(tensors...) giving a Tensor. Throws Error if it or a module in it is in training mode,
// unless options.training says that it is meant.
void check_training_mode(bool training, const std::string& name, const TraceOptions& options);
[[noreturn]] void bad_input_count(size_t n);
template <class M>
requires requires(M& m) { m.state_dict(); }
Graph trace(M& module, std::initializer_list<Spec> inputs, TraceOptions options = {}) {
  for (auto& [name, m] : module.named_modules()) check_training_mode(m->training(), name, options);
  for (auto& [name, t] : module.named_parameters()) options.names.emplace(name, t);
  for (auto& [name, t] : module.named_buffers()) options.names.emplace(name, t);
  const auto fn = [&](std::span<const Tensor> in) -> std::vector<Tensor> {
    if constexpr (requires { module(in[0]); }) {
      if (in.size() == 1) return {module(in[0])};
    }
    if constexpr (requires { module(in[0], in[1]); }) {
      if (in.size() == 2) return {module(in[0], in[1])};
    }
    if constexpr (requires { module(in[0], in[1], in[2]); }) {
      if (in.size() == 3) return {module(in[0], in[1], in[2])};
    }
    bad_input_count(in.size());
  };
  return trace(fn, {inputs.begin(), inputs.size()}, options);
}

}  // namespace hearth::graph
