// The op table: puts every op of a program through the same checks, and fails by name for one that has no row.
//
// Each row becomes a test suite named after its op, with the tests Values (against the row's reference, in every dtype,
// for several layouts in memory, operands unchanged), Dtypes (the record runs in all it states and refuses others by
// name), Meta (shapes, strides and dtypes without data), Gradients (gradcheck and gradgradcheck), Trace (a graph of the
// call gives the same bits, also for batch sizes it was not traced with), Targets (Values for each instruction set that
// the processor has), Threads (the same bits for 1, 2 and 4), Bound (name_ and out= forms, also where operands and
// result share memory) and Memory (nothing depends on what lay in new memory, also with sizes of 0).
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/registry.h"
#include "core/testing/op_row.h"

namespace hearth::testing {

/// Rows that a source file brings into the table of the program that links it.
struct OpRows {
  void (*add)(std::vector<OpRow>& rows);
};
/// Those of all files that list some by HEARTH_OP_ROWS, in no particular order.
std::span<const OpRows* const> op_rows();

struct OpTable {
  std::vector<OpRow> rows;
  // The ops that must have a row in this table: core's have no "::" in their names, a room's begin with its own.
  std::function<bool(std::string_view)> owns;
};

/// main() of a test program. `make` is called once GoogleTest has read its flags; the rows of op_rows() are added to
/// those that it gives.
int run_op_table(int argc, char** argv, const std::function<OpTable()>& make);

}  // namespace hearth::testing

/// Lists a function, void f(std::vector<OpRow>&), whose rows belong to the table of the program. In a .cc file, in the
/// namespace of the function.
#define HEARTH_OP_ROWS(function)                                            \
  static constexpr ::hearth::testing::OpRows function##_in_table{function}; \
  HEARTH_REGISTER(hearth_op_rows, ::hearth::testing::OpRows, function##_in_table)
