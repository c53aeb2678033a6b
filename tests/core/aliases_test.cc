// Second names give what the first ones do.
#include "core/ops/aliases.h"

#include <gtest/gtest.h>

#include "core/ops/create.h"
#include "core/ops/reduce.h"

namespace hearth {
namespace {

void same(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.dtype(), b.dtype());
  EXPECT_TRUE(a.equal(b));
}

TEST(Aliases, OfOneOperand) {
  const Tensor x = tensor({-0.75, -0.25, 0.5});
  same(absolute(x), abs(x));
  same(arccos(x), acos(x));
  same(arcsin(x), asin(x));
  same(arctan(x), atan(x));
  same(arcsinh(x), asinh(x));
  same(arctanh(x), atanh(x));
  same(arccosh(x + 2), acosh(x + 2));
  same(fix(x * 3), trunc(x * 3));
  same(negative(x), -x);
}

TEST(Aliases, OfTwo) {
  const Tensor a = tensor({1.0, -2.0, 3.0}), b = tensor({1.0, 4.0, -0.5});
  same(arctan2(a, b), atan2(a, b));
  same(greater(a, b), gt(a, b));
  same(greater_equal(a, 1), ge(a, 1));
  same(less(a, b), lt(a, b));
  same(less_equal(a, 1), le(a, 1));
  same(not_equal(a, b), ne(a, b));
  same(multiply(a, b), a * b);
  same(multiply(a, 2), a * 2);
  same(subtract(a, b), a - b);
  same(divide(a, b), a / b);
  same(divide(a, 2), a / 2);
  same(divide(a, b, Rounding::kFloor), div(a, b, Rounding::kFloor));
}

TEST(Aliases, OfShapes) {
  const Tensor a = arange(6.0).view({2, 3}), b = ones({1, 3});
  same(concatenate({a, b}), cat({a, b}));
  same(concatenate({a, a}, 1), cat({a, a}, 1));
  same(row_stack({a, b}), vstack({a, b}));
  same(swapdims(a, 0, 1), a.t());
  same(adjoint(a), a.t());
  same(ravel(a), arange(6.0));
}

}  // namespace
}  // namespace hearth
