// Errors name the function that was called before the op that found them.
#include "core/base/called_as.h"

#include <gtest/gtest.h>

#include "core/base/parallel.h"
#include "core/nn/attention.h"
#include "core/nn/linear.h"
#include "core/nn/rnn.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/einsum.h"
#include "core/ops/embedding.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/loss.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

#define EXPECT_SAYS(call, text) EXPECT_EQ(error_of([&] { call; }), text)

TEST(CalledAs, TheFunctionBeforeTheOp) {
  const Tensor x = zeros({3, 5});
  EXPECT_SAYS(one_hot(tensor({7}), 5), "one_hot: scatter: index 7 is out of range for a dimension of size 5");
  EXPECT_SAYS(randint(5, 5, {2}), "randint: there are no integers in [5, 5)");
  EXPECT_SAYS(randint(0, 300, {2}, {.dtype = u8}), "randint: integers in [0, 300) do not fit into u8");
  EXPECT_SAYS(randint_like(x, 2, 1), "randint_like: there are no integers in [2, 1)");
  EXPECT_SAYS(max(zeros({0, 3}), 0), "max: dimension 0 of shape [0, 3] has no elements");
  EXPECT_SAYS(min(x, 2), "min: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(max(zeros({0})), "max: amax: dimension 0 of shape [0] has no elements");
  EXPECT_SAYS(embedding(x, tensor({3})), "embedding: index 3 is out of range for a dimension of size 3");
  EXPECT_SAYS(cross_entropy(x, tensor({0, 7, 1})), "cross_entropy: target 7 is out of range for 5 classes");
  EXPECT_SAYS(nll_loss(x, tensor({0, -1, 1})), "nll_loss: gather: index -1 is out of range for a dimension of size 5");
  EXPECT_SAYS(x.index({5}), "index: select: index 5 is out of range for dimension 0 of size 3");
  EXPECT_SAYS(x.view({4}), "view: a tensor of shape [3, 5] (15 elements) cannot take the shape [4] (4 elements)");
  EXPECT_SAYS(x.reshape({4}), "reshape: a tensor of shape [3, 5] (15 elements) cannot take the shape [4] (4 elements)");
  EXPECT_SAYS(x.unflatten(1, {2, 2}),
              "unflatten: a tensor of shape [5] (5 elements) cannot take the shape [2, 2] (4 elements)");
}

// The first word is the user's.
TEST(CalledAs, EveryCompositionBeginsWithItsName) {
  const Tensor x = zeros({3, 5}), i = zeros({3, 5}, {.dtype = i64});
  const auto begins = [](const std::string& name, auto call) {
    const std::string error = error_of(call);
    EXPECT_EQ(error.rfind(name + ":", 0), 0u) << name << " answers: " << error;
  };
  begins("einsum", [&] { einsum("ij,jk->ik", {x, i.transpose(0, 1)}); });
  begins("stack", [&] { stack({x, zeros({2, 5})}); });
  begins("var", [&] { var(x, {4}); });
  begins("std", [&] { std(x, {4}); });
  begins("norm", [&] { norm(x, 2, {4}); });
  begins("logsumexp", [&] { logsumexp(x, {4}); });
  begins("count_nonzero", [&] { count_nonzero(x, {4}); });
  begins("any", [&] { any(x, {4}); });
  begins("addmm", [&] { addmm(x, x, x); });
  begins("linear", [&] { linear(x, zeros({4, 4})); });
  begins("inner", [&] { inner(x, zeros({4})); });
  begins("scaled_dot_product_attention", [&] {
    scaled_dot_product_attention(zeros({1, 2, 3}), zeros({1, 2, 4}), zeros({1, 2, 4}));
  });
  begins("masked_scatter", [&] { masked_scatter(x, x, x); });
  begins("take_along_dim", [&] { take_along_dim(x, i.to(f32), 0); });
  begins("index_fill", [&] { index_fill(x, 0, i, 1); });
  begins("randn", [&] { randn({2}, {.dtype = i64}); });
  begins("dropout", [&] { dropout(x, 2); });
  begins("roll", [&] { roll(x, {1}, {5}); });
  begins("tril", [&] { tril(zeros({2})); });
  begins("cumprod", [&] { cumprod(x, 2); });
}

TEST(CalledAs, ModulesToo) {
  nn::Embedding table(3, 4);
  EXPECT_SAYS(table(tensor({3})), "Embedding: embedding: index 3 is out of range for a dimension of size 3");
  const auto begins = [](const std::string& name, auto call) {
    const std::string error = error_of(call);
    EXPECT_EQ(error.rfind(name + ":", 0), 0u) << name << " answers: " << error;
  };
  nn::LSTM lstm(4, 5);
  begins("LSTM", [&] { lstm(zeros({2, 3, 6})); });
  nn::GRU gru(4, 5);
  begins("GRU", [&] { gru(zeros({2, 3, 6})); });
  nn::MultiheadAttention attention(8, 2);
  const Tensor t = zeros({2, 3, 8});
  begins("MultiheadAttention", [&] { attention(t, t, t, nn::AttentionMasks{.attention = zeros({9, 9})}); });
}

TEST(CalledAs, OutermostAndOnlyWhileItRuns) {
  const auto inner = [] {
    const CalledAs called("inner");
    fail("op: wrong");
  };
  EXPECT_SAYS(inner(), "inner: op: wrong");
  const auto outer = [&] {
    const CalledAs called("outer");
    EXPECT_SAYS(inner(), "outer: op: wrong");
    EXPECT_SAYS(fail("outer: itself"), "outer: itself");
    EXPECT_SAYS(fail("outermost: another"), "outer: outermost: another");
    inner();
  };
  EXPECT_SAYS(outer(), "outer: op: wrong");
  EXPECT_SAYS(fail("op: wrong"), "op: wrong");
}

TEST(CalledAs, InTheThreadsThatHelp) {
  const ThreadWidth width(4);
  const CalledAs called("caller");
  for (int64_t bad = 0; bad < 8; ++bad) {
    EXPECT_SAYS(parallel_for(8, 1,
                             [&](int64_t begin, int64_t) {
                               if (begin == bad) fail("op: block ", begin);
                             }),
                concat("caller: op: block ", bad));
  }
}

}  // namespace
}  // namespace hearth
