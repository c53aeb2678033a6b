#include "core/device/matmul_precision.h"

#include <atomic>

#include "core/base/error.h"

namespace hearth {
namespace {

std::atomic<MatmulPrecision> process_precision = MatmulPrecision::kHighest;

}  // namespace

void set_float32_matmul_precision(MatmulPrecision precision) {
  HEARTH_CHECK(precision <= MatmulPrecision::kMedium, "set_float32_matmul_precision: ", static_cast<int>(precision),
               " is no precision");
  process_precision.store(precision, std::memory_order_relaxed);
}
MatmulPrecision get_float32_matmul_precision() { return process_precision.load(std::memory_order_relaxed); }

}  // namespace hearth
