// Values of torch.signal.windows, which complex_table_test does not have.
#include "core/ops/window.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

void near(const Tensor& window, const std::vector<double>& want) {
  const std::vector<double> got = window.to_vector<double>();
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-15) << i;
}

TEST(Windows, AsInPyTorch) {
  const TensorOptions o{.dtype = f64};
  const double terms[] = {0.5, 0.3, 0.2};
  near(nuttall_window(5, true, o),
       {0.0003628000000000381, 0.11051525304987178, 0.7982580969501282, 0.7982580969501283, 0.11051525304987185});
  near(nuttall_window(4, false, o),
       {0.0003628000000000381, 0.5292297999999999, 0.5292297999999998, 0.0003628000000000381});
  near(general_cosine_window(5, terms, true, o),
       {0.4, 0.24549150281252627, 0.8045084971874736, 0.8045084971874739, 0.24549150281252627});
  near(general_cosine_window(4, terms, false, o), {0.4, 0.55, 0.55, 0.4});
  near(general_hamming_window(5, true, 0.54, o),
       {0.08, 0.3978521825875242, 0.9121478174124757, 0.9121478174124759, 0.3978521825875243});
  near(exponential_window(5, true, {}, 1, o),
       {0.0820849986238988, 0.22313016014842982, 0.6065306597126334, 0.6065306597126334, 0.22313016014842982});
  near(exponential_window(4, true, 0.0, 2, o), {1.0, 0.6065306597126334, 0.36787944117144233, 0.22313016014842982});
  EXPECT_EQ(nuttall_window(0).numel(), 0);
  EXPECT_EQ(nuttall_window(1).item<float>(), 1);
}

TEST(Windows, WhatTheyRefuse) {
  EXPECT_EQ(error_of([] { general_cosine_window(4, {}); }), "general_cosine_window: there are no coefficients");
  EXPECT_EQ(error_of([] { exponential_window(4, true, {}, 0); }), "exponential_window: tau must be positive, but is 0");
  EXPECT_EQ(error_of([] { exponential_window(4, false, 1.0); }),
            "exponential_window: a symmetric window has its center in the middle");
  EXPECT_EQ(error_of([] { nuttall_window(-1); }), "general_cosine_window: the length must not be negative, but is -1");
}

}  // namespace
}  // namespace hearth
