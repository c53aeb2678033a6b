// The checks of one row. Each reports failures to GoogleTest and gives the number of calls it looked at.
#pragma once

#include <cstdint>

#include "core/testing/op_row.h"

namespace hearth::testing {

struct OpCheck {
  const char* name;
  int64_t (*run)(const OpRow& row, const OpDef& record);
};
std::span<const OpCheck> op_checks();

}  // namespace hearth::testing
