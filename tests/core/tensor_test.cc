// Tensors, views, promotion, indexing and what bad calls answer.
#include "core/tensor/tensor.h"
#include "core/testing/error_of.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

std::vector<double> values(const Tensor& t) { return t.to_vector<double>(); }
using V = std::vector<double>;

using testing::error_of;

TEST(Tensor, ArithmeticBroadcastsAndPromotes) {
  const Tensor a = tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}}), b = tensor({10.0, 20.0, 30.0});
  EXPECT_EQ(values(a + b), (V{11, 22, 33, 14, 25, 36}));
  EXPECT_EQ(values(a * 2), (V{2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(values(1 - a), (V{0, -1, -2, -3, -4, -5}));
  const Tensor i = tensor({1, 2, 3});
  EXPECT_EQ(i.dtype(), i64);
  EXPECT_EQ((i + 1.5).dtype(), f32);
  EXPECT_EQ((i / 2).dtype(), f32);
  EXPECT_EQ((i.to(u8) + i.to(i8)).dtype(), i16);
  EXPECT_EQ((i.to(f16) + i.to(bf16)).dtype(), f32);
  EXPECT_EQ((i.to(f16) * 3.0).dtype(), f16);
  // A 0-dim tensor does not raise the dtype within its kind.
  EXPECT_EQ((i.to(f32) + scalar_tensor(1.0, {.dtype = f64})).dtype(), f32);
}

TEST(Tensor, LargeAndStridedOperands) {
  const Tensor a = arange(0, 300000).to(f32).view({300, 1000});
  const Tensor s = a.t() + a.t();
  EXPECT_EQ(s.shape(), (Shape{1000, 300}));
  EXPECT_EQ(s[7][11].item<double>(), 2 * 11007);
  const Tensor c = a.slice(1, 1, 999, 7).contiguous();
  EXPECT_EQ(c[3][5].item<double>(), 3000 + 36);
  EXPECT_EQ((a.slice(0, 0, 300, 3) + a.slice(0, 1, 300, 3))[99][999].item<double>(), 297999 + 298999);
  Tensor w = zeros({300, 1000});
  w.slice(1, 0, 1000, 2).add_(a.slice(1, 1, 1000, 2));
  EXPECT_EQ(w[2][4].item<double>(), 2005);
  EXPECT_EQ(w[2][5].item<double>(), 0);
}

TEST(Tensor, Reductions) {
  const Tensor a = arange(0, 24).to(f32).view({2, 3, 4});
  EXPECT_EQ(a.sum().item<double>(), 276);
  EXPECT_EQ(values(a.sum({1})), (V{12, 15, 18, 21, 48, 51, 54, 57}));
  EXPECT_EQ(values(a.mean({0, 2})), (V{7.5, 11.5, 15.5}));
  EXPECT_EQ(values(a.amax({2})), (V{3, 7, 11, 15, 19, 23}));
  EXPECT_EQ(values(a.argmax(1)), (V{2, 2, 2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(a.argmin().item<int64_t>(), 0);
  EXPECT_EQ(zeros({0, 3}).sum().item<double>(), 0);
  EXPECT_EQ(values(zeros({0, 3}).sum({0})), (V{0, 0, 0}));
  EXPECT_NEAR(full({3, 1 << 20}, 0.1f).sum().item<double>() / (3 * (1 << 20) * double{0.1f}), 1, 1e-6);
  EXPECT_NEAR(full({1 << 18, 3}, 0.1f).sum({0})[1].item<double>(), (1 << 18) * double{0.1f}, 0.01);
  EXPECT_NEAR(a.var().item<double>(), 50, 1e-4);
}

TEST(Tensor, ViewsShareMemory) {
  Tensor a = arange(0, 12).to(f32);
  Tensor v = a.view({3, 4});
  v[1].fill_(7);
  EXPECT_EQ(values(a), (V{0, 1, 2, 3, 7, 7, 7, 7, 8, 9, 10, 11}));
  EXPECT_EQ(values(v.t()[0]), (V{0, 7, 8}));
  EXPECT_EQ(values(v.diagonal()), (V{0, 7, 10}));
  EXPECT_EQ(values(v.t().reshape({-1})), (V{0, 7, 8, 1, 7, 9, 2, 7, 10, 3, 7, 11}));
  EXPECT_EQ(values(a.unfold(0, 4, 4)[2]), (V{8, 9, 10, 11}));
}

TEST(Tensor, Indexing) {
  Tensor a = arange(0, 24).view({2, 3, 4});
  EXPECT_EQ(values(a.index({1, Slice(0, 2), 3})), (V{15, 19}));
  EXPECT_EQ(values(a.index({Ellipsis, tensor({0, -1})})), (V{0, 3, 4, 7, 8, 11, 12, 15, 16, 19, 20, 23}));
  EXPECT_EQ(a.index({None, 0}).shape(), (Shape{1, 3, 4}));
  EXPECT_EQ(values(a.index({a > 20})), (V{21, 22, 23}));
  EXPECT_EQ(a.index({tensor({0, 1}), Slice(), tensor({0, 1})}).shape(), (Shape{2, 3}));
  a.index_put_({Slice(), 1}, -1);
  EXPECT_EQ(values(a[0][1]), (V{-1, -1, -1, -1}));
  a.index_put_({a < 0}, 5);
  EXPECT_EQ(values(a[1][1]), (V{5, 5, 5, 5}));
  a.index_put_({Slice(), tensor({0, 2})}, tensor({100}));
  EXPECT_EQ(values(a[1][2]), (V{100, 100, 100, 100}));
  EXPECT_EQ(values(cat({tensor({1, 2}), tensor({3.5})})), (V{1, 2, 3.5}));
  EXPECT_EQ(stack({tensor({1, 2}), tensor({3, 4})}, 1).shape(), (Shape{2, 2}));
  EXPECT_EQ(values(gather(tensor({{1, 2}, {3, 4}}), 1, tensor({{1}, {0}}))), (V{2, 3}));
  EXPECT_EQ(values(scatter_add(zeros({3}), 0, tensor({0, 2, 2}), ones({3}))), (V{1, 0, 2}));
  EXPECT_EQ(values(one_hot(tensor({1, 0}), 3)), (V{0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(values(tensor({1, 2, 3}).roll({1})), (V{3, 1, 2}));
  EXPECT_EQ(values(cumsum(tensor({1, 2, 3}), 0)), (V{1, 3, 6}));
  EXPECT_EQ(values(tensor({{1, 2}, {3, 4}}).tril()), (V{1, 0, 3, 4}));
}

TEST(Tensor, MetaHasShapesOnly) {
  const Tensor m = zeros({2, 3}).to(kMeta);
  EXPECT_EQ((m + m).shape(), (Shape{2, 3}));
  EXPECT_EQ(m.sum({1}).shape(), (Shape{2}));
  EXPECT_TRUE(error_of([&] { m.sum().item(); }).starts_with("item: a meta tensor has no values ("));  // the caller
}

TEST(Compare, NanDiffersFromItself) {
  for (DType t : {f32, f64}) {
    const Tensor x = full({37}, std::nan(""), {.dtype = t});
    EXPECT_TRUE(x.ne(x).all().item<bool>());
    EXPECT_FALSE(x.eq(x).any().item<bool>());
  }
}

}  // namespace
}  // namespace hearth
