// What a user writes without looking it up: short forms that must compile and mean the obvious.
#include <gtest/gtest.h>

#include <vector>

#include "core/hearth.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

TEST(Api, OneIntegerStandsForAListOfOne) {
  const Tensor x = tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}});
  EXPECT_EQ(x.sum(1).to_vector<float>(), (std::vector<float>{6, 15}));
  EXPECT_EQ(sum(x, 0).to_vector<float>(), (std::vector<float>{5, 7, 9}));
  EXPECT_EQ(x.mean(-1, true).shape(), (Shape{2, 1}));
  EXPECT_EQ(x.reshape(-1).shape(), Shape{6});
  EXPECT_EQ(x.view(6).shape(), Shape{6});
  EXPECT_EQ(zeros(3).shape(), Shape{3});
  EXPECT_EQ(ones(size_t{2}).shape(), Shape{2});
  EXPECT_EQ(zeros(0).shape(), Shape{0});
  EXPECT_EQ(x.flip(0).to_vector<float>(), (std::vector<float>{4, 5, 6, 1, 2, 3}));
}

TEST(Api, ShapeOfTwoIntegersIsTheirList) {
  EXPECT_EQ(Shape(2, 3), (Shape{2, 3}));
  EXPECT_EQ(Shape(2, 3, 4).rank(), 3);
  EXPECT_EQ(Dims::filled(2, 3), (Dims{3, 3}));
}

TEST(Api, TensorFromANumberOrAVector) {
  EXPECT_EQ(tensor(3.0).dim(), 0);
  EXPECT_EQ(tensor(3.0).dtype(), DType::kF32);
  EXPECT_EQ(tensor(3).dtype(), DType::kI64);
  EXPECT_EQ(tensor(true).dtype(), DType::kBool);
  EXPECT_EQ(tensor({3}).shape(), Shape{1});
  EXPECT_EQ(tensor(std::vector<double>{1, 2}).dtype(), DType::kF64);
  EXPECT_EQ(tensor(std::vector<int64_t>{}).shape(), Shape{0});
  EXPECT_EQ(tensor(std::vector<bool>{true, false, true}).to_vector<bool>(), (std::vector<bool>{true, false, true}));
  EXPECT_TRUE(tensor(std::vector<float>{1, 2}, {.requires_grad = true}).requires_grad());
}

TEST(Api, ItemIsANumber) {
  const Tensor loss = tensor(2.5);
  const float v = loss.item();
  const double d = loss.item();
  const int64_t n = tensor(7).item();
  EXPECT_EQ(v, 2.5f);
  EXPECT_EQ(d, 2.5);
  EXPECT_EQ(n, 7);
}

TEST(Api, BackwardWithOptions) {
  const Tensor x = tensor({3.0}, {.requires_grad = true});
  const Tensor y = (x * x).sum();
  y.backward({.retain_graph = true});
  y.backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{12}));
  EXPECT_NE(error_of([&] { y.backward(); }), "no error");
}

TEST(Api, GradOfOneTensor) {
  const Tensor x = tensor(3.0, {.requires_grad = true}), w = tensor(2.0, {.requires_grad = true});
  const Tensor y = w * x * x;
  const float twelve = grad(y, x, {}, {.retain_graph = true}).item();
  EXPECT_EQ(twelve, 12.0f);
  const std::vector<Tensor> both = grad(y, {x, w});
  ASSERT_EQ(both.size(), 2u);
  const float nine = both[1].item();
  EXPECT_EQ(nine, 9.0f);
  EXPECT_FALSE(x.grad().defined());
}

TEST(Api, GradOfANonLeafNamesTheWayOut) {
  const Tensor x = tensor({1.0, 2.0}, {.requires_grad = true});
  const Tensor y = x * 2;
  y.sum().backward();
  EXPECT_EQ(
      error_of([&] { y.grad(); }),
      "grad: this tensor is not a leaf, it was made by mul: its gradient is only kept after retain_grad(), called "
      "before backward()");
  const Tensor z = x * 2;
  z.retain_grad();
  EXPECT_FALSE(z.grad().defined());
  z.sum().backward();
  EXPECT_EQ(z.grad().to_vector<float>(), (std::vector<float>{1, 1}));
}

TEST(Api, DeviceByName) {
  const Tensor x = ones({2});
  EXPECT_EQ(x.to("cpu").device(), kCpu);
  EXPECT_EQ(x.to("meta").device(), kMeta);
  EXPECT_NE(error_of([&] { x.to("gpu"); }).find("gpu"), std::string::npos);
}

TEST(Api, SliceWithNone) {
  const Tensor x = arange(5);
  EXPECT_EQ(x.index({Slice(None, 2)}).to_vector<int64_t>(), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(x.index({Slice(3, None)}).to_vector<int64_t>(), (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(x.index({None, Slice(None, None, 2)}).shape(), (Shape{1, 3}));
}

TEST(MutableData, CountsAsAWrite) {
  Tensor x = tensor({1.0, 2.0});
  const uint32_t before = x.version();
  x.data<float>();
  EXPECT_EQ(x.version(), before);
  x.mutable_data<float>()[0] = 5;
  EXPECT_GT(x.version(), before);
}

// linear() keeps its weight packed; a write through a pointer must reach it.
TEST(MutableData, PackedWeightsAreMadeAnew) {
  NoGrad no_grad;
  Tensor w = ones({64, 64});
  const Tensor x = ones({64, 64});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(linear(x, w).to_vector<float>()[0], 64.0f);
  float* p = w.mutable_data<float>();
  for (int i = 0; i < 64 * 64; ++i) p[i] = 2;
  EXPECT_EQ(linear(x, w).to_vector<float>()[0], 128.0f);
}

TEST(MutableData, WhatAGradientKeptIsRefused) {
  Tensor x = tensor({1.0, 2.0}), w = tensor({3.0, 4.0}, {.requires_grad = true});
  const Tensor y = (x * w).sum();
  x.mutable_data<float>()[0] = 100;
  EXPECT_NE(error_of([&] { y.backward(); }), "no error");
}

TEST(MutableData, RefusesReadOnlyMemory) {
  static const float values[] = {1, 2};
  Tensor x = from_blob(const_cast<float*>(values), {2}, DType::kF32, nullptr, /*read_only=*/true);
  EXPECT_EQ(x.data<float>()[1], 2.0f);
  EXPECT_EQ(
      error_of([&] { x.mutable_data<float>(); }),
      "mutable_data: the tensor's memory is read-only (mapped from a file, or wrapped as such); clone() the tensor "
      "to change it");
}

}  // namespace
}  // namespace hearth
