// Gradients of clamp, hardtanh and relu6 at the bounds.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Row {
  std::vector<double> given, gradients;
};
#include "tests/core/clamp_golden.inc"

template <class F>
void check(const std::vector<Row>& rows, F f) {
  for (const Row& r : rows) {
    std::vector<Tensor> leaves;
    for (double v : r.given) leaves.push_back(full({1}, v, {.requires_grad = true}));
    f(leaves).backward();
    for (size_t i = 0; i < leaves.size(); ++i) {
      EXPECT_EQ(leaves[i].grad().item<double>(), r.gradients[i])
          << "operand " << i << " of " << ::testing::PrintToString(r.given);
    }
  }
}

using In = const std::vector<Tensor>&;

TEST(Clamp, GradientsAtTensors) {
  check(kTensors, [](In x) { return clamp(x[0], x[1], x[2]); });
}
TEST(Clamp, GradientsAtNumbers) {
  check(kNumbers, [](In x) { return clamp(x[0], -1, 2); });
  check(kLower, [](In x) { return clamp(x[0], -1); });
  check(kUpper, [](In x) { return clamp(x[0], std::nullopt, 2); });
  check(kWrongOrder, [](In x) { return clamp(x[0], 2, -1); });
}
TEST(Clamp, GradientsOfHardtanh) {
  check(kHardtanh, [](In x) { return hardtanh(x[0], -1, 2); });
  check(kRelu6, [](In x) { return relu6(x[0]); });
}

TEST(Clamp, HardtanhOfIntegers) {
  for (DType t : {u8, i8, i32, i64}) {
    const Tensor x = tensor({0, 1, 5}).to(t);
    const Tensor y = hardtanh(x, -0.5, 1.5);
    EXPECT_EQ(y.dtype(), t);
    EXPECT_EQ(y.to_vector<int>(), (std::vector<int>{0, 1, 1}));
    EXPECT_EQ(relu6(x).dtype(), t);
  }
  EXPECT_EQ(testing::error_of([] { hardtanh(tensor({1.0}), 2, 1); }), "hardtanh: min 2 is above max 1");
  EXPECT_NE(testing::error_of([] { hardtanh(tensor({1}).to(boolean)); }).find("hardtanh: dtype bool"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth
