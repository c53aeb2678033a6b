// Core's op table: one row for each record, see core/testing/op_table.h. Rows are in the files beside this one.
#include "core/testing/op_table.h"

int main(int argc, char** argv) {
  using namespace hearth::testing;
  return run_op_table(argc, argv, [] {
    OpTable table;
    table.owns = [](std::string_view name) { return name.find("::") == std::string_view::npos; };
    return table;
  });
}
