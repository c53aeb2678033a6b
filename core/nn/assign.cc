#include "core/nn/assign.h"

#include "core/autograd/swap_memory.h"
#include "core/base/error.h"
#include "core/base/name_check.h"

namespace hearth::nn {

void assign_state_dict(ModuleBase& module, const StateDict& state, bool strict) {
  StateDict own = module.state_dict();
  const NameCheck check = check_names(
      own, state,
      [](const std::string& name, const Tensor& mine, const Tensor& given) -> std::string {
        if (!given.defined()) return name + " is undefined";
        if (!(given.shape() == mine.shape()))
          return concat(name, " has shape ", given.shape(), ", expected ", mine.shape());
        if (mine.requires_grad() && !given.is_floating_point())
          return concat(name, " requires a gradient, but the given tensor is ", given.dtype());
        return "";
      },
      strict);
  HEARTH_CHECK(check.ok(), "assign_state_dict: ", check.wrong());
  for (auto& [name, t] : own) {
    const auto found = state.find(name);
    if (found != state.end()) swap_memory(t, found->second);
  }
}

}  // namespace hearth::nn
