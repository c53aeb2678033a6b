#include "core/base/registry.h"

#include <string_view>

#include "core/op/op_def.h"

namespace hearth {

HEARTH_REGISTRY(hearth_ops, OpDef, all_ops)

const OpDef* find_op(std::string_view name) {
  for (const OpDef* op : all_ops()) {
    if (name == op->name) return op;
  }
  return nullptr;
}

}  // namespace hearth
