// Modules as text: to_string(net), std::cout << net, summary(net, x).
#pragma once

#include <iosfwd>
#include <memory>
#include <string>

#include "core/autograd/guards.h"
#include "core/nn/module.h"

namespace hearth::nn {

/// The module and all below as PyTorch prints them, a line for each; of activations and some seldom used layers only
/// the names:
///
///   Net(
///     (hidden): Linear(in_features=784, out_features=100, bias=True)
///     (out): Linear(in_features=100, out_features=10, bias=True)
///   )
///
/// Equal neighbours in a ModuleList are one line: "(0-5): 6 x Block(". See ModuleBase::repr_name() and extra_repr().
std::string to_string(const ModuleBase& module);
/// Prints to_string(module).
std::ostream& operator<<(std::ostream& out, const ModuleBase& module);

/// A table of the module and all below: path, type, and the number of elements of the parameters that are its own;
/// below it the sums, and the bytes of parameters and buffers. A parameter that several modules share counts once.
std::string summary(const ModuleBase& module);

namespace detail {

// Notes what modules give while one runs.
class SummaryRun {
 public:
  explicit SummaryRun(ModuleBase& module);
  ~SummaryRun();
  SummaryRun(const SummaryRun&) = delete;
  SummaryRun& operator=(const SummaryRun&) = delete;
  std::string text() const;

 private:
  struct Notes;
  ModuleBase& module_;
  std::unique_ptr<Notes> notes_;
};

}  // namespace detail

/// The same with the shapes of what each module gives for these inputs, or "-" for one that is not called: the module
/// runs once, in evaluation mode and without gradients; its training mode stays. Shapes alone are asked for with inputs
/// and module on the meta device. Throws what the module throws.
template <class M, class... Inputs>
std::string summary(M& module, const Tensor& input, const Inputs&... more) {
  detail::SummaryRun run(module);
  const NoGrad off;
  module(input, more...);
  return run.text();
}

}  // namespace hearth::nn
