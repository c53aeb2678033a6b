#include "core/ops/repeat_interleave.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

TEST(RepeatInterleave, TakesACountForEachElement) {
  const Tensor x = tensor({{1, 2}, {3, 4}, {5, 6}});
  const Tensor y = repeat_interleave(x, tensor({2, 0, 1}), 0);
  EXPECT_EQ(y.shape(), (Shape{3, 2}));
  EXPECT_EQ(y.to_vector<int64_t>(), (std::vector<int64_t>{1, 2, 1, 2, 5, 6}));
  EXPECT_EQ(repeat_interleave(x, tensor({0, 3}), -1).to_vector<int64_t>(),
            (std::vector<int64_t>{2, 2, 2, 4, 4, 4, 6, 6, 6}));
  // One count for all, also as a 0-dim tensor.
  EXPECT_EQ(repeat_interleave(x, tensor({2}), 1).to_vector<int64_t>(), repeat_interleave(x, 2, 1).to_vector<int64_t>());
  EXPECT_EQ(repeat_interleave(x, tensor(2), 1).to_vector<int64_t>(), repeat_interleave(x, 2, 1).to_vector<int64_t>());
  EXPECT_EQ(repeat_interleave(tensor(7), tensor({3}), 0).to_vector<int64_t>(), (std::vector<int64_t>{7, 7, 7}));
  EXPECT_EQ(repeat_interleave(x, tensor({0, 0, 0}), 0).shape(), (Shape{0, 2}));
  EXPECT_EQ(repeat_interleave(zeros({0, 2}), empty({0}, {.dtype = i64}), 0).shape(), (Shape{0, 2}));
}

TEST(RepeatInterleave, ZeroDimensionsAndZeroSizes) {
  EXPECT_EQ(repeat_interleave(tensor(7), 3, 0).to_vector<int64_t>(), (std::vector<int64_t>{7, 7, 7}));
  EXPECT_EQ(repeat_interleave(zeros({2, 3}), 0, 1).shape(), (Shape{2, 0}));
  EXPECT_EQ(repeat_interleave(zeros({0, 3}), 4, 1).shape(), (Shape{0, 12}));
  EXPECT_EQ(repeat_interleave(zeros({3, 0}), 4, 0).shape(), (Shape{12, 0}));
  EXPECT_EQ(repeat_interleave(zeros({1, 1, 1, 1, 1, 1, 2, 1}), 2, 6).shape(), (Shape{1, 1, 1, 1, 1, 1, 4, 1}));
}

TEST(RepeatInterleave, GivesNewMemory) {
  const Tensor x = zeros({2, 2});
  Tensor y = repeat_interleave(x, 1, 0);
  y.mutable_data<float>()[0] = 1;
  EXPECT_EQ(x.data<float>()[0], 0);
}

TEST(RepeatInterleave, PassesGradients) {
  Tensor x = zeros({3});
  x.requires_grad_();
  sum(repeat_interleave(x, tensor({2, 0, 5}), 0)).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{2, 0, 5}));
}

TEST(RepeatInterleave, RefusesByName) {
  const Tensor x = zeros({3, 2});
  EXPECT_EQ(error_of([&] { repeat_interleave(x, -1, 0); }),
            "repeat_interleave: the count must not be negative, but is -1");
  EXPECT_EQ(error_of([&] {
              repeat_interleave(x, tensor({1, 2}), 0);
            }),
            "repeat_interleave: counts must be integers of shape [3], but are i64 [2]");
  EXPECT_EQ(error_of([&] {
              repeat_interleave(x, tensor({1.0, 2.0, 3.0}), 0);
            }),
            "repeat_interleave: counts must be integers of shape [3], but are f32 [3]");
  EXPECT_EQ(error_of([&] {
              repeat_interleave(x, tensor({1, -2, 3}), 0);
            }),
            "repeat_interleave: counts must not be negative, but one is -2");
  EXPECT_NE(error_of([&] { repeat_interleave(x, 1, 2); }), testing::kNoError);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_NE(error_of([&] { repeat_interleave(x, kMost, 0); }), testing::kNoError);
  EXPECT_NE(error_of([&] { repeat_interleave(x, kMost / 4, 0); }), testing::kNoError);
  EXPECT_NE(error_of([&] { repeat_interleave(x, tensor({kMost, kMost, int64_t{1}}), 0); }), testing::kNoError);
}

}  // namespace
}  // namespace hearth
