// Ops, their gradients and the gradients of those, against PyTorch.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "core/autograd/backward.h"
#include "core/base/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/einsum.h"
#include "core/ops/index.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/order.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
struct Golden {
  const char* name;
  std::vector<int64_t> shape;
  std::vector<double> y, first, second;
};
#include "tests/core/ops_golden.inc"

using V = std::vector<double>;
std::set<std::string> tested;

const Golden& golden(const std::string& name) {
  for (const Golden& g : kGolden) {
    if (name != g.name) continue;
    tested.insert(name);
    return g;
  }
  ADD_FAILURE() << "no golden values for " << name;
  return kGolden[0];
}

Tensor wave(const Shape& shape, int s) { return reshape(sin(arange(shape.numel()).to(f64) * 0.37 + s), shape); }

void expect_near(const V& got, const V& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < want.size(); ++i) {
    if (std::isnan(want[i]) || std::isinf(want[i]))
      EXPECT_EQ(std::isnan(got[i]) ? "nan" : std::to_string(got[i]),
                std::isnan(want[i]) ? "nan" : std::to_string(want[i]))
          << what << " " << i;
    else EXPECT_NEAR(got[i], want[i], 1e-12 * (1 + std::abs(want[i]))) << what << " " << i;
  }
}

void expect_values(const std::string& name, const Tensor& t) {
  const Golden& g = golden(name);
  EXPECT_EQ(t.shape(), Shape{std::span<const int64_t>(g.shape)}) << name;
  expect_near(t.to_vector<double>(), g.y, name);
}

using F = std::function<Tensor(const std::vector<Tensor>&)>;
void check(const std::string& name, const std::vector<Shape>& shapes, const F& f) {
  const Golden& golden_values = golden(name);
  std::vector<Tensor> leaves;
  for (size_t k = 0; k < shapes.size(); ++k)
    leaves.push_back(wave(shapes[k], static_cast<int>(k) + 1).requires_grad_());
  const Tensor y = f(leaves);
  EXPECT_EQ(y.shape(), Shape{std::span<const int64_t>(golden_values.shape)}) << name;
  expect_near(y.to_vector<double>(), golden_values.y, name);
  const Tensor s = (y * wave(y.shape(), 5)).sum();
  const auto gradients = [&](const Tensor& of, bool create) {
    std::vector<Tensor> g = leaves;
    if (of.requires_grad()) g = grad({&of, 1}, leaves, {}, {.create_graph = create}, true);
    for (size_t k = 0; k < g.size(); ++k) {
      if (!of.requires_grad() || !g[k].defined()) g[k] = zeros_like(leaves[k]);
    }
    return g;
  };
  const auto flat = [](const std::vector<Tensor>& g) {
    V out;
    for (const Tensor& t : g) {
      for (double v : t.to_vector<double>()) out.push_back(v);
    }
    return out;
  };
  const auto first = gradients(s, true);
  expect_near(flat(first), golden_values.first, name + ", gradient");
  Tensor total = zeros({}, {.dtype = f64});
  for (size_t k = 0; k < first.size(); ++k)
    total = total + (first[k] * wave(first[k].shape(), 6 + static_cast<int>(k))).sum();
  expect_near(flat(gradients(total, false)), golden_values.second, name + ", gradient's gradient");
}

using In = const std::vector<Tensor>&;

TEST(Ops, Pointwise) {
  check("xlogy", {{3, 4}, {4}}, [](In in) { return xlogy(in[0], abs(in[1])); });
  check("xlogy of a number", {{5}}, [](In in) { return xlogy(2.5, in[0] + 2); });
  check("xlogy with a number", {{5}}, [](In in) { return xlogy(in[0], 2.5); });
  expect_values("xlogy at its edges", xlogy(tensor({0.0, 0.0, 0.0, 1.0, 2.0, nan}, {.dtype = f64}),
                                            tensor({0.0, -1.0, inf, 0.0, 3.0, 0.0}, {.dtype = f64})));
  for (DType t : {f16, bf16, f32})
    EXPECT_EQ(xlogy(tensor({2.0}, {.dtype = t}), tensor({1.0}, {.dtype = t})).dtype(), t);
  EXPECT_EQ(xlogy(tensor({2}), tensor({4})).dtype(), f32);
  check("prelu", {{2, 3, 2}, {3}}, [](In in) { return prelu(in[0], in[1]); });
  check("prelu of one weight", {{2, 3}, {1}}, [](In in) { return prelu(in[0], in[1]); });
  check("glu", {{2, 6}}, [](In in) { return glu(in[0], 1); });
  const Tensor a = tensor({7, -7, 7, -7, 0, 5}), b = tensor({3, 3, -3, -3, 4, 5});
  const Tensor f = tensor({7.5, -7.5, 0.1, -3.0, 1.0}, {.dtype = f64});
  expect_values("div trunc of integers", div(a, b, Rounding::kTrunc));
  expect_values("div floor of integers", div(a, b, Rounding::kFloor));
  EXPECT_EQ(div(a, b, Rounding::kTrunc).dtype(), i64);
  expect_values("div trunc of floats", div(f, 2, Rounding::kTrunc));
  expect_values("div floor of floats", div(f, -2, Rounding::kFloor));
  expect_values("round to 2", round(wave({7}, 3) * 10, 2));
  expect_values("round to -1", round(wave({7}, 3) * 100, -1));
}

TEST(Ops, InPlaceFormsWriteTheSame) {
  const Tensor x = tensor({5, -3, 12, 7}), y = tensor({2, 3, -5, 1});
  const auto same = [&](auto in_place, const Tensor& want) {
    Tensor t = x.clone();
    EXPECT_TRUE(in_place(t).is(t));
    EXPECT_TRUE(t.equal(want.to(i64)));
  };
  same([&](Tensor& t) -> Tensor& { return t.pow_(2); }, pow(x, 2));
  same([&](Tensor& t) -> Tensor& { return t.fmod_(y); }, fmod(x, y));
  same([&](Tensor& t) -> Tensor& { return t.remainder_(y); }, remainder(x, y));
  same([&](Tensor& t) -> Tensor& { return t.floor_divide_(y); }, floor_divide(x, y));
  same([&](Tensor& t) -> Tensor& { return t.bitwise_and_(y); }, x& y);
  same([&](Tensor& t) -> Tensor& { return t.bitwise_or_(6); }, x | 6);
  same([&](Tensor& t) -> Tensor& { return t.bitwise_xor_(y); }, x ^ y);
  same([&](Tensor& t) -> Tensor& { return t.bitwise_not_(); }, ~x);
  same([&](Tensor& t) -> Tensor& { return t.bitwise_left_shift_(2); }, bitwise_left_shift(x, 2));
  same([&](Tensor& t) -> Tensor& { return t.bitwise_right_shift_(1); }, bitwise_right_shift(x, 1));
  same([&](Tensor& t) -> Tensor& { return t.logical_and_(y); }, logical_and(x, y));
  same([&](Tensor& t) -> Tensor& { return t.logical_or_(y); }, logical_or(x, y));
  same([&](Tensor& t) -> Tensor& { return t.logical_xor_(y); }, logical_xor(x, y));
  same([&](Tensor& t) -> Tensor& { return t.logical_not_(); }, logical_not(x));
  same([&](Tensor& t) -> Tensor& { return t.eq_(5); }, x == 5);
  same([&](Tensor& t) -> Tensor& { return t.ne_(y); }, x != y);
  same([&](Tensor& t) -> Tensor& { return t.lt_(y); }, x < y);
  same([&](Tensor& t) -> Tensor& { return t.le_(7); }, x <= 7);
  same([&](Tensor& t) -> Tensor& { return t.gt_(y); }, x > y);
  same([&](Tensor& t) -> Tensor& { return t.ge_(12); }, x >= 12);
  same([&](Tensor& t) -> Tensor& { return t.clamp_(y, full_like(y, 6)); }, clamp(x, y, full_like(y, 6)));
  same([&](Tensor& t) -> Tensor& { return t.masked_fill_(x > 6, scalar_tensor(9)); }, where(x > 6, Scalar(9), x));
  same([&](Tensor& t) -> Tensor& { return t.index_fill_(0, tensor({1, 3}), 8); }, tensor({5, 8, 12, 8}));
  same([&](Tensor& t) -> Tensor& { return t.masked_scatter_(x > 6, y); }, tensor({5, -3, 2, 3}));
  Tensor f = tensor({nan, inf, 1.0});
  EXPECT_EQ(f.nan_to_num_(0, 2.0).to_vector<double>(), (V{0, 2, 1}));
  Tensor e = tensor({1.0, 2.0});
  EXPECT_EQ(e.lerp_(tensor({3.0, 4.0}), tensor({0.5, 1.0})).to_vector<double>(), (V{2, 4}));
  EXPECT_TRUE(tensor({1.0, 2.0}).atan2_(tensor({3.0, 1.0})).equal(atan2(tensor({1.0, 2.0}), tensor({3.0, 1.0}))));
}

TEST(Ops, Indexing) {
  check("take_along_dim", {{4, 3}}, [](In in) { return take_along_dim(in[0], tensor({{2, 0, 1}}), 1); });
  check("take_along_dim, x stretched", {{1, 3}}, [](In in) {
    return take_along_dim(in[0], tensor({{2, 0}, {1, 1}, {0, 2}}), 1);
  });
  check("take_along_dim of all", {{2, 3}}, [](In in) { return take_along_dim(in[0], tensor({{5, 0}, {3, 3}})); });
  check("index_fill", {{3, 4}}, [](In in) { return index_fill(in[0], 1, tensor({2, 0}), 7.5); });
  check("index_fill by a tensor", {{3, 4}, {2}}, [](In in) { return index_fill(in[0], 0, tensor({1}), in[1].sum()); });
  check("index_copy", {{2, 4}, {2, 2}}, [](In in) { return index_copy(in[0], 1, tensor({3, 0}), in[1]); });
  check("masked_scatter", {{2, 3}, {6}}, [](In in) {
    return masked_scatter(in[0], tensor({{true, false, true}, {false, true, true}}), in[1]);
  });
  check("masked_scatter, stretched", {{2, 3}, {2, 2}}, [](In in) {
    return masked_scatter(in[0], tensor({{true}, {false}}), in[1]);
  });
  check("scatter of a number", {{2, 3}}, [](In in) { return scatter(in[0], 1, tensor({{0, 2}, {1, 1}}), 4.0); });
  check("repeat", {{2, 3}}, [](In in) { return repeat(in[0], {2, 3, 2}); });
  check("repeat of one", {{1, 2}}, [](In in) { return repeat(in[0], {4, 1}); });
  check("tile", {{2, 3}}, [](In in) { return in[0].tile({2}); });
  check("index_put", {{3, 2}, {2}}, [](In in) { return in[0].index_put({tensor({0, 2}), tensor({1, 1})}, in[1]); });
  check("index_put, accumulated", {{3, 2}, {3, 2}}, [](In in) {
    return in[0].index_put({tensor({0, 2, 0})}, in[1], true);
  });
  check("index by tensors", {{2, 3, 4}}, [](In in) {
    return in[0].index({tensor({0, 1}), Slice(), tensor({{2}, {0}})});
  });
  check("index by a mask", {{2, 3}}, [](In in) {
    return in[0].index({Slice(), tensor({true, false, true})}) * in[0].sum();
  });
  const Tensor i = tensor({{5, -3, 5, 0}, {7, 0, -3, 9}});
  expect_values("argwhere", argwhere(i > 0));
  const auto at = where(i > 0);
  ASSERT_EQ(at.size(), 2u);
  EXPECT_EQ(i.index({at[0], at[1]}).to_vector<double>(), (V{5, 5, 7, 9}));
  EXPECT_EQ(tensor({1, 2, 3}).repeat({0}).shape(), (Shape{0}));
  EXPECT_EQ(ones({2, 0}).repeat({2, 3}).shape(), (Shape{4, 0}));
  // A copy, never the operand's memory.
  const Tensor x = tensor({1, 2});
  EXPECT_NE(x.repeat({1}).raw_data(), x.raw_data());
  Tensor stretched = tensor({1}).repeat({3});
  stretched[0].fill_(7);
  EXPECT_EQ(stretched.to_vector<double>(), (V{7, 1, 1}));
}

TEST(Ops, Order) {
  check("median", {{3, 5}}, [](In in) { return median(in[0]); });
  check("median along", {{3, 4}}, [](In in) { return median(in[0], 1).first; });
  check("median, kept", {{3, 4}}, [](In in) { return median(in[0], 0, true).first; });
  expect_values("median of integers", median(tensor({4, 1, 3, 2})));
  const Tensor with_nan = tensor({{1.0, nan, 0.0}, {3.0, 1.0, 2.0}}, {.dtype = f64});
  expect_values("median with nan", median(with_nan, 1).first);
  EXPECT_EQ(median(with_nan, 1).second.to_vector<double>(), (V{1, 2}));
  EXPECT_EQ(median(tensor({{2, 1}, {2, 1}, {0, 3}}), 0).second.to_vector<double>(), (V{0, 0}));
  // Every dtype, and strides that are not row-major.
  for (DType t : {u8, i8, i16, i32, i64, f16, bf16, f32, f64}) {
    const Tensor x = tensor({{5, 1, 4}, {2, 8, 6}}, {.dtype = t});
    const auto [v, at] = median(x.t(), 1);
    EXPECT_EQ(v.dtype(), t);
    EXPECT_EQ(v.to_vector<double>(), (V{2, 1, 4}));
    EXPECT_EQ(at.to_vector<double>(), (V{1, 0, 0}));
  }
  EXPECT_EQ(median(scalar_tensor(3.0), 0).first.item<double>(), 3);

  const Tensor i = tensor({{5, -3, 5, 0}, {7, 0, -3, 9}});
  expect_values("isin", isin(i, tensor({0, 5, 11})));
  expect_values("isin, inverted", isin(i, tensor({0, 5, 11}), true));
  expect_values("isin, promoted", isin(i, tensor({0.5, -3.0})));
  expect_values("isin of floats", isin(tensor({1.5, -0.0, nan, 0.0, 2.0, 1.5}), tensor({nan, 0.0, 1.5})));
  expect_values("isin of a number", isin(i, 5));
  for (DType t : {boolean, u8, i8, i16, i32, i64, f16, bf16, f32, f64}) {
    EXPECT_EQ(isin(tensor({{0, 1}, {2, 3}}, {.dtype = t}).t(), tensor({{1}, {0}}, {.dtype = t})).to_vector<double>(),
              t == boolean ? (V{1, 1, 1, 1}) : (V{1, 0, 1, 0}));
  }
  EXPECT_EQ(isin(i, zeros({0}, {.dtype = i64})).any().item<bool>(), false);
}

TEST(Ops, Unique) {
  const auto compare = [](const std::string& what, const Unique& u) {
    expect_values("unique values " + what, u.values);
    expect_values("unique inverse " + what, u.inverse);
    expect_values("unique counts " + what, u.counts);
  };
  const Tensor i = tensor({{5, -3, 5, 0}, {7, 0, -3, 9}});
  compare("of integers", unique(i));
  compare("of floats", unique(tensor({2.5, -1.0, 2.5, 0.0, -1.0, 7.0})));
  compare("of bools", unique(i > 0));
  const Tensor rows = tensor({{1, 2, 1}, {0, 3, 0}, {1, 2, 1}, {0, 2, 0}});
  compare("along 0", unique(rows, 0));
  compare("along 1", unique(rows, -1));
  EXPECT_EQ(unique(i.t().to(f16)).values.dtype(), f16);
  EXPECT_EQ(unique(tensor({nan, 1.0, nan})).counts.to_vector<double>(), (V{1, 1, 1}));
  EXPECT_EQ(unique(zeros({0})).values.shape(), (Shape{0}));
}

TEST(Ops, Reductions) {
  const Tensor i = tensor({{5, -3, 5, 0}, {7, 0, -3, 9}});
  expect_values("count_nonzero", count_nonzero(i));
  expect_values("count_nonzero along", count_nonzero(i, {0}));
  EXPECT_EQ(max(i).item<double>(), 9);
  EXPECT_EQ(min(i).item<double>(), -3);
}

TEST(Ops, MatrixProducts) {
  check("addmm", {{4}, {2, 3}, {3, 4}}, [](In in) { return addmm(in[0], in[1], in[2], 0.5, 2); });
  check("baddbmm", {{2, 4}, {3, 2, 3}, {3, 3, 4}}, [](In in) { return baddbmm(in[0], in[1], in[2], 0.5, 2); });
  check("addbmm", {{2, 4}, {3, 2, 3}, {3, 3, 4}}, [](In in) { return addbmm(in[0], in[1], in[2], 0.5, 2); });
  check("addmv", {{2}, {2, 3}, {3}}, [](In in) { return addmv(in[0], in[1], in[2], 0.5, 2); });
  check("addr", {{2, 3}, {2}, {3}}, [](In in) { return addr(in[0], in[1], in[2], 0.5, 2); });
  check("inner", {{2, 3}, {4, 5, 3}}, [](In in) { return inner(in[0], in[1]); });
  check("inner of vectors", {{3}, {3}}, [](In in) { return inner(in[0], in[1]); });
  check("vdot", {{5}, {5}}, [](In in) { return vdot(in[0], in[1]); });
  check("einsum ij,jk", {{2, 3}, {3, 4}}, [](In in) { return einsum("ij,jk", in); });
  check("einsum bij,bkj", {{2, 3, 4}, {2, 5, 4}}, [](In in) { return einsum("bij, bkj -> bki", in); });
  check("einsum ii", {{3, 3}}, [](In in) { return einsum("ii", {in[0] * in[0]}); });
  check("einsum iij", {{3, 3, 2}}, [](In in) { return einsum("iij->ji", {in[0] * in[0]}); });
  check("einsum dots", {{2, 3, 4}, {4, 2}}, [](In in) { return einsum("...ij,j...->i...", in); });
  check("einsum of three", {{2, 3}, {3, 4}, {4, 2}}, [](In in) { return einsum("ij,jk,kl->il", in); });
  check("einsum sums", {{2, 3}, {4, 5}}, [](In in) { return einsum("ij,kl->jl", in); });
}

TEST(Ops, Losses) {
  check("cross_entropy of probabilities", {{3, 4}, {3, 4}}, [](In in) { return cross_entropy(in[0], abs(in[1])); });
  check("cross_entropy of weighted probabilities", {{3, 4, 2}, {3, 4, 2}},
        [](In in) { return cross_entropy(in[0], abs(in[1]), {.weight = abs(wave({4}, 9)), .label_smoothing = 0.2}); });
  check("cross_entropy of one sample", {{4}}, [](In in) { return cross_entropy(in[0], scalar_tensor(2)); });
}

TEST(Ops, AllGoldenValuesWereAskedFor) {
  for (const Golden& g : kGolden) EXPECT_TRUE(tested.contains(g.name)) << g.name;
}

TEST(Ops, NewTensors) {
  const Tensor x = tensor({{1, 2}, {3, 4}}, {.dtype = i16});
  EXPECT_EQ(x.new_zeros({3}).dtype(), i16);
  EXPECT_EQ(x.new_ones({3}, f64).dtype(), f64);
  EXPECT_EQ(x.new_full({2}, 7).to_vector<double>(), (V{7, 7}));
  EXPECT_EQ(x.new_empty({2, 5}).shape(), (Shape{2, 5}));
  EXPECT_EQ(zeros_like(x, f32).dtype(), f32);
  EXPECT_EQ(x.type_as(tensor({1.0})).dtype(), f32);
  EXPECT_EQ(x.reshape_as(zeros({4})).shape(), (Shape{4}));
  EXPECT_EQ(ones({2, 3, 4}).mT().shape(), (Shape{2, 4, 3}));
  // Exact where doubles are not.
  const int64_t big = INT64_MAX - 5;
  EXPECT_EQ(arange(big, INT64_MAX, 2).to_vector<int64_t>(), (std::vector<int64_t>{big, big + 2, big + 4}));
  EXPECT_EQ(arange(5, 0, -2).to_vector<double>(), (V{5, 3, 1}));
  EXPECT_EQ(arange(0, 6, 2).to_vector<double>(), (V{0, 2, 4}));
  EXPECT_EQ(arange(3, 3).shape(), (Shape{0}));
  EXPECT_EQ(arange(0, 5, 2).to_vector<double>(), (V{0, 2, 4}));
}

TEST(Ops, RandomNumbers) {
  manual_seed(1);
  const Tensor n = normal(full({20000}, 3.0), full({20000}, 0.5));
  EXPECT_NEAR(n.mean().item<double>(), 3, 0.02);
  EXPECT_NEAR(n.std().item<double>(), 0.5, 0.02);
  EXPECT_NEAR(normal(full({20000}, 3.0), 2.0).std().item<double>(), 2, 0.05);
  EXPECT_NEAR(normal(1.0, full({20000}, 0.5)).mean().item<double>(), 1, 0.02);
  EXPECT_EQ(normal(0, 1, {2, 3}, {.dtype = f64}).dtype(), f64);
  const Tensor r = randint_like(zeros({1000}, {.dtype = i32}), -2, 3);
  EXPECT_EQ(r.dtype(), i32);
  EXPECT_EQ(unique(r).values.to_vector<double>(), (V{-2, -1, 0, 1, 2}));
  Tensor b = zeros({3, 1000});
  b.bernoulli_(tensor({{0.0}, {1.0}, {0.3}}));
  EXPECT_EQ(b[0].sum().item<double>(), 0);
  EXPECT_EQ(b[1].sum().item<double>(), 1000);
  EXPECT_NEAR(b[2].mean().item<double>(), 0.3, 0.06);
  const GeneratorState s = get_rng_state();
  const Tensor first = rand({4});
  set_rng_state(s);
  EXPECT_TRUE(rand({4}).equal(first));
  const uint64_t chosen = seed();
  EXPECT_EQ(initial_seed(), chosen);
}

TEST(Dropout, KeepsLayoutsAndDrawsTheSame) {
  for (DType t : {f32, bf16, f64}) {
    const Tensor plain = rand({2, 3, 4, 5}).to(t) + 1, last = plain.contiguous(MemoryFormat::kChannelsLast);
    Tensor a = plain.detach().clone().requires_grad_(), b = last.detach().clone().requires_grad_();
    manual_seed(3);
    const Tensor x = dropout(a, 0.5);
    manual_seed(3);
    const Tensor y = dropout(b, 0.5);
    EXPECT_TRUE(y.is_contiguous(MemoryFormat::kChannelsLast));
    EXPECT_TRUE(x.equal(y));
    const Tensor g = rand({2, 3, 4, 5}).to(t);
    x.backward(g);
    y.backward(g.contiguous(MemoryFormat::kChannelsLast));
    EXPECT_TRUE(a.grad().equal(b.grad()));
    EXPECT_TRUE(b.grad().is_contiguous(MemoryFormat::kChannelsLast));
    // What was dropped gets no gradient, the rest its share.
    EXPECT_TRUE(a.grad().equal(where(eq(x.detach(), 0), Scalar(0), g * 2)));
  }
}

}  // namespace
}  // namespace hearth
