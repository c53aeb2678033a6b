#include "core/ops/matmul.h"

#include <gtest/gtest.h>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// Whole numbers: every product is exact, whatever the order of the sums.
Tensor numbers(const Shape& shape, int64_t seed, DType t = f32) {
  return reshape((arange(shape.numel()) * 7 + seed).remainder(5) - 2, shape).to(t);
}

// The definition, one element at a time, over leading dimensions that are already equal.
Tensor by_definition(const Tensor& a, const Tensor& b) { return sum(unsqueeze(a, -1) * unsqueeze(b, -3), {-2}); }

TEST(Matmul, ShapesAsInPyTorch) {
  struct {
    Shape a, b, out;
  } const cases[] = {{{3}, {3}, {}},
                     {{2, 3}, {3}, {2}},
                     {{3}, {3, 4}, {4}},
                     {{2, 3}, {3, 4}, {2, 4}},
                     {{5, 2, 3}, {3}, {5, 2}},
                     {{3}, {5, 3, 4}, {5, 4}},
                     {{5, 2, 3}, {3, 4}, {5, 2, 4}},
                     {{2, 3}, {5, 3, 4}, {5, 2, 4}},
                     {{6, 1, 2, 3}, {5, 3, 4}, {6, 5, 2, 4}},
                     {{1, 5, 2, 3}, {6, 1, 3, 4}, {6, 5, 2, 4}},
                     {{2, 0}, {0, 4}, {2, 4}},
                     {{0, 2, 3}, {3, 4}, {0, 2, 4}}};
  for (const auto& s : cases) {
    const Tensor a = numbers(s.a, 1), b = numbers(s.b, 2), y = matmul(a, b);
    ASSERT_EQ(y.shape(), s.out) << to_string(s.a) << " x " << to_string(s.b);
    const Tensor want = by_definition(s.a.rank() == 1 ? unsqueeze(a, 0) : a, s.b.rank() == 1 ? unsqueeze(b, 1) : b);
    EXPECT_TRUE(y.equal(reshape(want, s.out))) << to_string(s.a) << " x " << to_string(s.b);
  }
}

TEST(Matmul, EveryNumberType) {
  for (DType t : {u8, i8, i16, i32, i64, f16, bf16, f32, f64}) {
    const Tensor a = numbers({4, 9}, 3, t), b = numbers({9, 6}, 1, t);
    const Tensor y = matmul(a, b);
    EXPECT_EQ(y.dtype(), t);
    EXPECT_TRUE(y.to(f64).equal(by_definition(numbers({4, 9}, 3, i64), numbers({9, 6}, 1, i64)).to(t).to(f64)))
        << to_string(t);
  }
  EXPECT_THROW(matmul(ones({2, 2}, {.dtype = boolean}), ones({2, 2}, {.dtype = boolean})), Error);
}

TEST(Matmul, Family) {
  const Tensor a = numbers({3, 4}, 1), b = numbers({4, 5}, 2), x = numbers({4}, 3), y = numbers({4}, 4),
               in = numbers({5}, 5);
  EXPECT_TRUE(mm(a, b).equal(by_definition(a, b)));
  EXPECT_TRUE(mv(a, x).equal(sum(a * x, {1})));
  EXPECT_TRUE(dot(x, y).equal(sum(x * y)));
  EXPECT_TRUE(outer(x, y).equal(unsqueeze(x, 1) * y));
  EXPECT_TRUE(addmm(in, a, b, 3, 2).equal(in * 3 + by_definition(a, b) * 2));
  EXPECT_TRUE(linear(a, numbers({5, 4}, 2), in).equal(by_definition(a, transpose(numbers({5, 4}, 2), 0, 1)) + in));
  EXPECT_TRUE(linear(x, numbers({5, 4}, 2)).equal(sum(numbers({5, 4}, 2) * x, {1})));
  const Tensor deep = numbers({2, 3, 6, 4}, 7), w = numbers({5, 4}, 2);
  EXPECT_TRUE(
      linear(permute(deep, {1, 0, 2, 3}), w).equal(permute(by_definition(deep, transpose(w, 0, 1)), {1, 0, 2, 3})));
}

TEST(Matmul, GradientsAndTheirGradients) {
  struct {
    Shape a, b;
  } const cases[] = {{{2, 3}, {3, 4}}, {{5, 2, 3}, {3, 4}}, {{2, 3}, {5, 3, 4}}, {{3}, {3}}, {{3}, {5, 3, 2}}};
  for (const auto& s : cases) {
    Tensor a = numbers(s.a, 1, f64), b = numbers(s.b, 2, f64);
    a.requires_grad_();
    b.requires_grad_();
    const Tensor y = matmul(a, b), d = numbers(y.shape(), 4, f64);
    y.backward(d, {.retain_graph = true});
    // The product is linear in each operand: the gradient follows from the definition.
    Tensor a2 = a.detach().requires_grad_(), b2 = b.detach().requires_grad_();
    reshape(by_definition(s.a.rank() == 1 ? unsqueeze(a2, 0) : a2, s.b.rank() == 1 ? unsqueeze(b2, 1) : b2), y.shape())
        .backward(d);
    EXPECT_TRUE(a.grad().equal(a2.grad()));
    EXPECT_TRUE(b.grad().equal(b2.grad()));
  }
}

TEST(Matmul, LinearGradients) {
  for (const Shape& shape : {Shape{3}, Shape{6, 3}, Shape{2, 5, 3}}) {
    Tensor x = numbers(shape, 1, f64).requires_grad_(), w = numbers({4, 3}, 2, f64).requires_grad_(),
           b = numbers({4}, 3, f64).requires_grad_();
    const Tensor y = linear(x, w, b), d = numbers(y.shape(), 5, f64);
    y.backward(d);
    Tensor x2 = x.detach().requires_grad_(), w2 = w.detach().requires_grad_(), b2 = b.detach().requires_grad_();
    (sum(unsqueeze(x2, -2) * w2, {-1}) + b2).backward(d);
    EXPECT_TRUE(x.grad().equal(x2.grad()));
    EXPECT_TRUE(w.grad().equal(w2.grad()));
    EXPECT_TRUE(b.grad().equal(b2.grad()));
  }
}

// Packed weights are dropped when the weights are written to.
TEST(Matmul, ConstantWeightsFollowInPlaceWrites) {
  NoGrad no_grad;
  const Tensor x = numbers({256, 128}, 1);
  Tensor w = numbers({96, 128}, 2);
  for (int round = 0; round < 3; ++round) {
    const Tensor want = by_definition(x, transpose(w, 0, 1));
    for (int call = 0; call < 3; ++call)
      EXPECT_TRUE(linear(x, w).equal(want)) << "round " << round << ", call " << call;
    w.add_(1);
  }
}

TEST(Linear, GradientsFromASlice) {
  // The incoming gradient begins inside of a larger tensor's memory.
  const Tensor x = arange(6).to(f32).reshape({2, 3}), g = arange(12).to(f32).reshape({4, 3}).slice(0, 2, 4);
  const Tensor w = ones({3, 3}, {.requires_grad = true}), b = zeros({3}, {.requires_grad = true});
  linear(x, w, b).backward(g);
  EXPECT_TRUE(b.grad().equal(g.sum({0})));
  EXPECT_TRUE(w.grad().equal(matmul(g.t(), x)));
}

void expect_error(const std::function<void()>& f, const std::string& text) {
  try {
    f();
    ADD_FAILURE() << "no error; expected: " << text;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what();
  }
}

TEST(Matmul, Errors) {
  expect_error([] { matmul(ones({8, 16}), ones({32, 4})); }, "matmul: inner sizes differ: [8, 16] x [32, 4]");
  expect_error([] { matmul(ones({3}), ones({4})); }, "inner sizes differ");
  expect_error([] { matmul(ones({}), ones({4})); }, "at least one dimension");
  expect_error([] { matmul(ones({2, 3, 4}), ones({3, 4, 5})); }, "broadcast");
  expect_error([] { matmul(ones({2, 3}), ones({3, 4}, {.dtype = f64})); }, "f64");
  expect_error([] { mm(ones({2, 3, 4}), ones({4, 5})); }, "mm: expected 2 and 2 dimensions");
  expect_error([] { linear(ones({2, 3}), ones({5, 4})); }, "the last dimension must be 4");
  expect_error([] { linear(ones({2, 3}), ones({5, 3}), ones({4})); }, "bias has shape [4]");
  expect_error([] { matmul(Tensor(), ones({2, 2})); }, "undefined");
}

}  // namespace
}  // namespace hearth
