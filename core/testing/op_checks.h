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

// In memory_checks.cc.
int64_t check_bound(const OpRow& row, const OpDef& record);
int64_t check_memory(const OpRow& row, const OpDef& record);

// Fills new CPU storages with one byte while it lives: what no kernel wrote is NaN if the byte is 0xff.
class FilledMemory {
 public:
  explicit FilledMemory(unsigned char byte);
  ~FilledMemory();
  FilledMemory(const FilledMemory&) = delete;
  FilledMemory& operator=(const FilledMemory&) = delete;

 private:
  int previous_;
};

}  // namespace hearth::testing
