// Writing into a tensor that the op reads as well.
#include <gtest/gtest.h>

#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/norm.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;
using Values = std::vector<double>;

Tensor counted(const Shape& shape) { return arange(shape.numel()).to(f64).view(shape); }

const std::string over(const char* op, int i) {
  return concat(op, ": cannot write in place: operand ", i,
                " is the tensor that is written, and elements of it are read after others were written; clone() it "
                "first");
}
const std::string partly(const char* op, int i) {
  return concat(op, ": cannot write in place: operand ", i,
                " lies in the memory that is written, in another order; clone() it first");
}

TEST(InPlace, StructuredOpsRefuseTheirSource) {
  Tensor x = counted({4});
  const Tensor reversed = tensor({3, 2, 1, 0});
  EXPECT_EQ(error_of([&] { x.index_add_(0, reversed, x); }), over("index_add", 2));
  EXPECT_EQ(error_of([&] { x.scatter_(0, reversed, x); }), over("scatter", 2));
  EXPECT_EQ(error_of([&] { x.scatter_add_(0, reversed, x); }), over("scatter_add", 2));
  EXPECT_EQ(error_of([&] { x.index_add_(0, tensor({0, 1}), slice(x, 0, 1, 3)); }), partly("index_add", 2));
  EXPECT_EQ(error_of([&] { x.scatter_(0, reversed, expand(x[0], {4})); }), partly("scatter", 2));
  Tensor indices = tensor({1, 0});
  EXPECT_EQ(error_of([&] { indices.scatter_(0, indices, tensor({7, 8})); }), over("scatter", 1));
  EXPECT_EQ(x.to_vector<double>(), (Values{0, 1, 2, 3}));
  // Of other memory, and of another part of the same.
  x.index_add_(0, reversed, x.clone());
  EXPECT_EQ(x.to_vector<double>(), (Values{3, 3, 3, 3}));
  Tensor halves = counted({2, 3}), first = halves[0];
  first.index_add_(0, tensor({2, 1, 0}), halves[1]);
  EXPECT_EQ(halves.to_vector<double>(), (Values{5, 5, 5, 3, 4, 5}));
}

TEST(InPlace, ElementwiseOpsTakeTheTensorItself) {
  Tensor x = counted({2, 3});
  x += x;
  x.copy_(x);
  x.mul_(view(x, {2, 3}));
  EXPECT_EQ(x.to_vector<double>(), (Values{0, 4, 16, 36, 64, 100}));
  Tensor row = x[0];
  row += x[1];
  EXPECT_EQ(x.to_vector<double>(), (Values{36, 68, 116, 36, 64, 100}));
  // Columns lie between one another.
  Tensor column = select(x, 1, 0);
  column += select(x, 1, 2);
  EXPECT_EQ(x.to_vector<double>(), (Values{152, 68, 116, 136, 64, 100}));
  Tensor left = slice(x, 1, 0, 1);
  left.copy_(slice(x, 1, 2, 3));
  EXPECT_EQ(x.to_vector<double>(), (Values{116, 68, 116, 100, 64, 100}));
}

TEST(InPlace, PartialOverlapsAreRefused) {
  Tensor x = counted({6});
  Tensor tail = slice(x, 0, 1, 6), even = slice(x, 0, 0, 6, 2);
  EXPECT_EQ(error_of([&] { tail.copy_(slice(x, 0, 0, 5)); }), partly("copy", 0));
  EXPECT_EQ(error_of([&] { even += slice(x, 0, 0, 3); }), partly("add", 1));
  EXPECT_EQ(error_of([&] { even += slice(x, 0, 2, 5); }), partly("add", 1));
  EXPECT_EQ(error_of([&] { x += x[2]; }), partly("add", 1));
  Tensor m = counted({3, 3});
  EXPECT_EQ(error_of([&] { m.add_(m.t()); }), partly("add", 1));
  // With gaps: the diagonal meets the middle column in one element, the left half never the right one.
  Tensor diagonal_of = diagonal(m);
  EXPECT_EQ(error_of([&] { diagonal_of += select(m, 1, 1); }), partly("add", 1));
  Tensor wide = counted({4, 8}), half = slice(wide, 1, 0, 4, 2);
  half += slice(wide, 1, 4, 8, 2);
  half += slice(wide, 1, 1, 4, 2);
  EXPECT_EQ(error_of([&] { half += slice(wide, 1, 2, 6, 2); }), partly("add", 1));
  even += slice(x, 0, 1, 6, 2);
  EXPECT_EQ(x.to_vector<double>(), (Values{1, 1, 5, 3, 9, 5}));
}

// Elements of two sizes: neither the order nor the distance of addresses is that of the indices.
TEST(InPlace, TheSameMemoryAsRealAndAsComplexNumbers) {
  Tensor z = complex(counted({64}), counted({64}));
  const auto as = [](const char* op, const char* seen, const char* written) {
    return concat(op, ": cannot write in place: operand 1 lies, as ", seen, ", in the memory that is written as ",
                  written, "; clone() it first");
  };
  const Tensor flat = reshape(view_as_real(z), {128});
  EXPECT_EQ(error_of([&] { z.add_(slice(flat, 0, 0, 64)); }), as("add", "f64", "c128"));
  Tensor half = slice(z, 0, 0, 16);
  EXPECT_EQ(error_of([&] { half.add_(slice(flat, 0, 16, 32)); }), as("add", "f64", "c128"));
  EXPECT_NE(error_of([&] { z.copy_(slice(flat, 0, 0, 64)); }), "no error");
  EXPECT_NE(error_of([&] { z.mul_(real(z)); }), "no error");
  half.add_(slice(flat, 0, 32, 48));  // beyond it
  EXPECT_EQ(real(half)[1].item<double>(), 1 + 16);
}

TEST(InPlace, ViewsAreNotWritten) {
  Tensor out = zeros({2, 3});
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(error_of([&] { run_into(kDetach, out, {x}); }), "detach: a view cannot be written into a given tensor");
}

// Gradients of parameters that no row went through.
TEST(InPlace, NormsOfZeroRows) {
  for (int round = 0; round < 4; ++round) {
    const Tensor w = ones({5}, {.requires_grad = true}), b = zeros({5}, {.requires_grad = true});
    for (int k = 0; k < 8; ++k) full({5}, 7.0);  // memory that is likely to be used again
    layer_norm(zeros({0, 5}), {5}, w, b).sum().backward();
    EXPECT_EQ(w.grad().to_vector<double>(), Values(5, 0));
    EXPECT_EQ(b.grad().to_vector<double>(), Values(5, 0));
    const Tensor v = ones({5}, {.requires_grad = true});
    rms_norm(zeros({0, 5}), {5}, v).sum().backward();
    EXPECT_EQ(v.grad().to_vector<double>(), Values(5, 0));
  }
}

}  // namespace
}  // namespace hearth
