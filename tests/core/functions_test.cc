// Functions made of others, where the op table's samples do not reach.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/distance.h"
#include "core/ops/grid.h"
#include "core/ops/pointwise_functions.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

TEST(Functions, ScalesThatOnlyTheResultHolds) {
  // PyTorch's results, and of renorm the exact one, rounded.
  EXPECT_FLOAT_EQ(ldexp(tensor({1e-30}), tensor({140})).item<float>(), 1.393796579328e12f);
  EXPECT_EQ(ldexp(tensor({1e-300}, {.dtype = f64}), tensor({1000})).item<double>(), std::ldexp(1e-300, 1000));
  EXPECT_EQ(ldexp(ones({1}, {.dtype = f16}), tensor({3})).dtype(), f16);
  EXPECT_EQ(ldexp(tensor({1}), tensor({-1})).dtype(), f32);
  const Tensor far = renorm(full({1, 2}, 6e4, {.dtype = f16}), 2, 0, 5);
  EXPECT_EQ(far.dtype(), f16);
  EXPECT_EQ(far.to(f32).to_vector<float>(), (std::vector<float>{3.53515625f, 3.53515625f}));
}

TEST(Functions, CombinationsAndPlacesOfNothing) {
  EXPECT_EQ(combinations(arange(3), int64_t{10'000'000'000}).shape(), Shape({0, 10'000'000'000}));
  EXPECT_NE(testing::error_of([] { combinations(arange(3), int64_t{10'000'000'000}, true); }).find("are too many"),
            std::string::npos);
  EXPECT_EQ(unravel_index(zeros({0}, {.dtype = i64}), {2, 0})[1].numel(), 0);
  EXPECT_EQ(testing::error_of([] {
              unravel_index(tensor({0}), {2, 0});
            }),
            "unravel_index: a tensor of shape [2, 0] has no places");
}

}  // namespace
}  // namespace hearth
