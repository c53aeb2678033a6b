#include "core/nn/assign.h"

#include "core/autograd/swap_memory.h"
#include "core/base/error.h"
#include "core/base/name_check.h"

namespace hearth::nn {

NameDifferences assign_state_dict(ModuleBase& module, const StateDict& given, bool strict) {
  const StateDict state = detail::ModuleAccess::upgraded(module, given);
  StateDict own = module.state_dict();
  const NameCheck check = check_names(
      own, state,
      [](const std::string& name, const Tensor& mine, const Tensor& theirs) -> std::string {
        if (!theirs.defined()) return name + " is undefined";
        if (!(theirs.shape() == mine.shape()))
          return concat(name, " has shape ", theirs.shape(), ", expected ", mine.shape());
        if (mine.requires_grad() && !theirs.is_floating_point())
          return concat(name, " requires a gradient, but the given tensor is ", theirs.dtype());
        return "";
      },
      strict);
  HEARTH_CHECK(check.ok(), "assign_state_dict: ", check.wrong());
  for (auto& [name, t] : own) {
    const auto found = state.find(name);
    if (found != state.end() && found->second.impl() != t.impl()) swap_memory(t, found->second);
  }
  return check.differences();
}

}  // namespace hearth::nn
