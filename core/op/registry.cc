#include <cstring>
#include <string_view>

#include "core/op/op_def.h"

extern "C" {
// The linker's bounds of the section that HEARTH_OP fills; weak, for a program that has no op at all.
extern const hearth::OpDef* const __start_hearth_ops[] __attribute__((weak));
extern const hearth::OpDef* const __stop_hearth_ops[] __attribute__((weak));
}

namespace hearth {

std::span<const OpDef* const> all_ops() {
  if (!__start_hearth_ops) return {};
  return {__start_hearth_ops, __stop_hearth_ops};
}

const OpDef* find_op(std::string_view name) {
  for (const OpDef* op : all_ops()) {
    if (name == op->name) return op;
  }
  return nullptr;
}

}  // namespace hearth
