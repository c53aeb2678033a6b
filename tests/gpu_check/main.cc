// Everything that a GPU is asked, in one program that needs no more than its files beside it: tools/gpu_check packs it.
//
//   gpu_check [GoogleTest's flags]      the tests of the CUDA backend and the op table's calls on a GPU
//   gpu_check speed|training [SMALL]    rows of measurements; sizes are divided by SMALL
//
// The tests of the op table run on the GPU if HEARTH_TEST_DEVICE=cuda.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "core/testing/op_table.h"
#include "tests/gpu_check/measure.h"

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "speed" || what == "training") {
    const hearth::gpu_check::Options options{.small = argc > 2 ? std::max(1, std::atoi(argv[2])) : 1};
    return what == "speed" ? hearth::gpu_check::speed(options) != 0 : hearth::gpu_check::training(options) != 0;
  }
  return hearth::testing::run_op_table(argc, argv, [] {
    hearth::testing::OpTable table;
    table.owns = [](std::string_view name) { return name.find("::") == std::string_view::npos; };
    return table;
  });
}
