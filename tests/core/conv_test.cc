#include "core/ops/conv.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// Whole numbers: every sum is exact, in any order and any dtype that holds it.
Tensor numbers(const Shape& shape, int64_t seed, DType t = f64) {
  return reshape((arange(shape.numel()) * 7 + seed).remainder(5) - 2, shape).to(t);
}

// x surrounded by zeros.
Tensor padded(const Tensor& x, Extent2 p) {
  auto side = [&](int64_t d, int64_t n, const Tensor& t) {
    Shape s = t.shape();
    s[static_cast<int>(d)] = n;
    const Tensor z = zeros(s, {.dtype = t.dtype()});
    return cat({{z, t, z}}, d);
  };
  return side(3, p.w, side(2, p.h, x));
}

// The definition: for each kernel position a product of strided slices.
Tensor by_definition(const Tensor& x, const Tensor& w, const Tensor& b, const Conv2dOptions& o) {
  const Tensor in = padded(x, o.padding);
  const int64_t kh = w.size(2), kw = w.size(3), groups = o.groups;
  const int64_t oh = (in.size(2) - o.dilation.h * (kh - 1) - 1) / o.stride.h + 1,
                ow = (in.size(3) - o.dilation.w * (kw - 1) - 1) / o.stride.w + 1;
  Tensor y = zeros({x.size(0), groups, w.size(0) / groups, oh, ow}, {.dtype = x.dtype()});
  for (int64_t i = 0; i < kh; ++i) {
    for (int64_t j = 0; j < kw; ++j) {
      const int64_t top = i * o.dilation.h, left = j * o.dilation.w;
      const Tensor part = slice(slice(in, 2, top, top + (oh - 1) * o.stride.h + 1, o.stride.h), 3, left,
                                left + (ow - 1) * o.stride.w + 1, o.stride.w);
      const Tensor xs = reshape(part, {x.size(0), groups, 1, x.size(1) / groups, oh, ow});
      const Tensor ws = reshape(select(select(w, 3, j), 2, i), {1, groups, w.size(0) / groups, w.size(1), 1, 1});
      y = y + sum(xs * ws, {3});
    }
  }
  y = reshape(y, {x.size(0), w.size(0), oh, ow});
  return b.defined() ? y + reshape(b, {1, -1, 1, 1}) : y;
}

struct Case {
  Shape x, w;
  Conv2dOptions o;
};
std::vector<Case> cases() {
  return {{{2, 3, 5, 6}, {4, 3, 3, 3}, {.padding = 1}},
          {{2, 4, 7, 8}, {6, 2, 3, 2}, {.stride = {2, 1}, .padding = {0, 1}, .groups = 2}},
          {{1, 2, 9, 9}, {3, 2, 3, 3}, {.stride = 2, .padding = 2, .dilation = 2}},
          {{3, 4, 6, 6}, {4, 1, 3, 3}, {.padding = 1, .groups = 4}},
          {{2, 3, 4, 4}, {5, 3, 1, 1}, {}}};
}

TEST(Conv2d, ValuesInEveryDtypeAndLayout) {
  for (const Case& s : cases()) {
    const Tensor want = by_definition(numbers(s.x, 1), numbers(s.w, 2), numbers({s.w[0]}, 3), s.o);
    for (DType t : {f16, bf16, f32, f64}) {
      const Tensor x = numbers(s.x, 1, t), w = numbers(s.w, 2, t), b = numbers({s.w[0]}, 3, t);
      for (const Tensor& in :
           {x, x.contiguous(MemoryFormat::kChannelsLast), transpose(transpose(x, 2, 3).contiguous(), 2, 3)}) {
        const Tensor y = conv2d(in, w, b, s.o);
        EXPECT_EQ(y.dtype(), t);
        EXPECT_TRUE(y.is_contiguous(MemoryFormat::kChannelsLast));
        EXPECT_TRUE(y.to(f64).equal(want.to(t).to(f64))) << to_string(t) << " " << to_string(s.w);
      }
    }
  }
}

// Gradients and the gradients of those, against the composed definition's.
TEST(Conv2d, GradientsOfGradients) {
  for (const Case& s : cases()) {
    auto run = [&](auto&& f) {
      Tensor x = numbers(s.x, 1).requires_grad_(), w = numbers(s.w, 2).requires_grad_(),
             b = numbers({s.w[0]}, 3).requires_grad_();
      const Tensor y = f(x, w, b);
      Tensor d = numbers(y.shape(), 4).requires_grad_();
      y.backward(d, {.retain_graph = true, .create_graph = true});
      const Tensor gx = x.grad(), gw = w.grad(), gb = b.grad();
      std::vector<Tensor> out{gx.detach(), gw.detach(), gb.detach()};
      for (Tensor* t : {&x, &w, &b}) t->set_grad(Tensor());
      (sum(gx * numbers(s.x, 5)) + sum(gw * numbers(s.w, 6)) + sum(gb * numbers({s.w[0]}, 7))).backward();
      for (const Tensor* t : {&x, &w, &d}) out.push_back(t->grad());
      return out;
    };
    const auto got = run([&](const Tensor& x, const Tensor& w, const Tensor& b) { return conv2d(x, w, b, s.o); });
    const auto want =
        run([&](const Tensor& x, const Tensor& w, const Tensor& b) { return by_definition(x, w, b, s.o); });
    for (size_t i = 0; i < want.size(); ++i)
      EXPECT_TRUE(got[i].equal(want[i])) << "gradient " << i << " of " << to_string(s.w);
  }
}

TEST(Conv2d, OnlySomeGradients) {
  const Tensor x = numbers({2, 3, 5, 5}, 1), w = numbers({4, 3, 3, 3}, 2);
  Tensor b = numbers({4}, 3).requires_grad_();
  conv2d(x, w, b).sum().backward();
  EXPECT_TRUE(b.grad().equal(full({4}, 18, {.dtype = f64})));
  Tensor v = w.clone().requires_grad_();
  conv2d(x, v).sum().backward();
  Tensor v2 = w.clone().requires_grad_();
  by_definition(x, v2, Tensor(), {}).sum().backward();
  EXPECT_TRUE(v.grad().equal(v2.grad()));
}

TEST(Conv1d, IsConv2dOfHeightOne) {
  const Tensor x = numbers({2, 4, 11}, 1), w = numbers({6, 2, 3}, 2), b = numbers({6}, 3);
  const Tensor y = conv1d(x, w, b, {.stride = 2, .padding = 1, .dilation = 2, .groups = 2});
  const Tensor want = by_definition(unsqueeze(x, 2), unsqueeze(w, 2), b,
                                    {.stride = {1, 2}, .padding = {0, 1}, .dilation = {1, 2}, .groups = 2});
  EXPECT_TRUE(y.equal(squeeze(want, 2)));
  EXPECT_TRUE(conv1d(select(x, 0, 1), w, b, {.groups = 2}).equal(select(conv1d(x, w, b, {.groups = 2}), 0, 1)));
}

TEST(Conv2d, SizesOfZeroAndOneImage) {
  EXPECT_EQ(conv2d(zeros({0, 3, 5, 5}), zeros({4, 3, 3, 3})).shape(), (Shape{0, 4, 3, 3}));
  Tensor w = zeros({4, 3, 3, 3}).requires_grad_();
  conv2d(zeros({0, 3, 5, 5}), w).sum().backward();
  EXPECT_TRUE(w.grad().equal(zeros({4, 3, 3, 3})));
  const Tensor x = numbers({3, 5, 5}, 1), k = numbers({4, 3, 3, 3}, 2);
  EXPECT_TRUE(conv2d(x, k).equal(squeeze(conv2d(unsqueeze(x, 0), k), 0)));
}

TEST(Conv2d, ConstantWeightsFollowInPlaceWrites) {
  NoGrad no_grad;
  const Tensor x = numbers({4, 16, 12, 12}, 1, f32);
  Tensor w = numbers({32, 16, 3, 3}, 2, f32);
  for (int round = 0; round < 2; ++round) {
    const Tensor want = by_definition(x, w, Tensor(), {});
    for (int call = 0; call < 3; ++call)
      EXPECT_TRUE(conv2d(x, w).equal(want)) << "round " << round << ", call " << call;
    w.add_(1);
  }
}

void expect_error(const std::function<void()>& f, const std::string& text) {
  try {
    f();
    ADD_FAILURE() << "no error; expected: " << text;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what();
  }
}

TEST(Conv2d, Errors) {
  const Tensor x = ones({2, 3, 8, 8}), w = ones({4, 3, 3, 3});
  expect_error([&] { conv2d(x, ones({4, 2, 3, 3})); }, "the input of shape [2, 3, 8, 8] has 3");
  expect_error([&] { conv2d(x, w, std::nullopt, {.groups = 2}); }, "cannot be cut into 2 groups");
  expect_error([&] { conv2d(x, w, ones({3})); }, "bias has shape [3]; expected [4]");
  expect_error([&] { conv2d(x, ones({4, 3, 9, 9})); }, "is larger than the input");
  expect_error([&] { conv2d(x, w, std::nullopt, {.stride = 0}); }, "must be at least 1");
  expect_error([&] { conv2d(ones({3, 8}), w); }, "need 4 dimensions");
  expect_error([&] { conv2d(x.to(f64), w); }, "f64");
  expect_error([&] { conv2d(x.to(i64), w.to(i64)); }, "i64 is not supported");
  expect_error([&] { conv2d(x, w, std::nullopt, {.padding = INT64_MAX / 2 + 1}); }, "larger");
  expect_error([&] { conv1d(x, ones({4, 3, 3})); }, "conv1d: expected");
}

}  // namespace
}  // namespace hearth
