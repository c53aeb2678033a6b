// Lookups in tables, against PyTorch.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/autograd/backward.h"
#include "core/nn/linear.h"
#include "core/ops/compare.h"
#include "core/ops/embedding.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "tests/core/nn/nn_testing.h"

namespace hearth {
namespace {

// F.embedding([[1, 3], [1, 0]], w, max_norm=1.5, norm_type=p) makes this of w = 3 sin(0.37 i + 1).
const std::vector<double> kTwo = {0.7768438560811425,  0.9046486103091036,  0.9100134190302064,   1.1767604753987886,
                                  0.8425082415498858,  0.39422646959203644, -0.23498110041259457, -1.3005926482581531,
                                  -2.1901750825178987, -0.841028258010225,  -0.9064298258878946,  -0.8491503690861761,
                                  -2.240296238603439,  -1.3671717057444166, -0.30900689620529354};
const std::vector<double> kInf = {1.28049292499291,    1.4911569886760863,  1.499999949275616,    1.499999941732946,
                                  1.073933344681791,   0.5025149074770229,  -0.23498110041259457, -1.3005926482581531,
                                  -2.1901750825178987, -1.3917705584378286, -1.4999999499961643,  -1.4052113851403876,
                                  -2.240296238603439,  -1.3671717057444166, -0.30900689620529354};
// The gradient of a sum weighted by sin(0.37 i + 5), with padding_idx=4 and scale_grad_by_freq=True.
const std::vector<double> kFreq = {0.888826522637821,
                                   0.6629692300821833,
                                   0.34738216236417424,
                                   -0.05615679177011897,
                                   -0.06728696436753825,
                                   -0.06931016199523102,
                                   0.0,
                                   0.0,
                                   0.0,
                                   -0.17232087571561114,
                                   0.19554651510054424,
                                   0.536947602448011,
                                   0.0,
                                   0.0,
                                   0.0};

TEST(Embedding, RowsOfAGreatNormAreScaledInPlace) {
  const Tensor index = tensor({{1, 3}, {1, 0}});
  for (const double p : {2.0, std::numeric_limits<double>::infinity()}) {
    Tensor w = wave({5, 3}, 1) * 3;
    const Tensor y = embedding(w, index, {.max_norm = 1.5, .norm_type = p});
    expect_close({w}, p == 2 ? kTwo : kInf);
    EXPECT_TRUE(y.equal(embedding(w, index)));
  }
  Tensor low = tensor({{3.0, 4.0}, {0.3, 0.4}}, {.dtype = f16});
  embedding(low, tensor({0, 1}, {.dtype = i32}), {.max_norm = 1});
  EXPECT_TRUE(low.equal(tensor({{0.6, 0.8}, {0.3, 0.4}}, {.dtype = f16})));
  Tensor nothing = tensor({{3.0, 4.0}});
  EXPECT_EQ(embedding(nothing, zeros({0}, {.dtype = i64}), {.max_norm = 1}).shape(), (Shape{0, 2}));
  EXPECT_EQ(nothing.to_vector<float>(), (std::vector<float>{3, 4}));
  EXPECT_EQ(message([&] { embedding(low, index, {.max_norm = -1}); }),
            "embedding: max_norm must not be negative, but is -1");
  EXPECT_NE(message([&] { embedding(low, tensor({2}), {.max_norm = 1}); }).find("index 2 is out of range"),
            std::string::npos);
}

TEST(Embedding, GradientsAreSharedByFrequency) {
  const Tensor index = tensor({1, 3, 1, 0, 1, 4, 4}), w = leaf({5, 3}, 1);
  const Tensor y = embedding(w, index, {.padding_idx = -1, .scale_grad_by_freq = true});
  EXPECT_TRUE(y.equal(embedding(w, index)));
  (y * wave({7, 3}, 5)).sum().backward();
  expect_close({w.grad()}, kFreq);
  // Scaling the rows first changes what is looked up, not the gradient; the weight is a leaf all the same.
  Tensor scaled = leaf({5, 3}, 1);
  const Tensor z = embedding(scaled, index, {.padding_idx = 4, .max_norm = 1, .scale_grad_by_freq = true});
  EXPECT_LE(z.square().sum(1).amax().item<double>(), 1);
  (z * wave({7, 3}, 5)).sum().backward();
  expect_close({scaled.grad()}, kFreq);
}

TEST(Embedding, OfATableThatIsThere) {
  const Tensor table = wave({3, 2}, 1);
  const auto frozen = nn::Embedding::from_pretrained(table, true, {.padding_idx = -1});
  EXPECT_FALSE(frozen.weight.requires_grad());
  EXPECT_TRUE(frozen.weight.equal(table));
  EXPECT_EQ(frozen.extra_repr(), "3, 2, padding_idx=2");
  auto trained = nn::Embedding::from_pretrained(table, false);
  EXPECT_TRUE(trained.weight.requires_grad());
  EXPECT_FALSE(table.requires_grad());
  trained.load_state_dict({{"weight", zeros({3, 2})}});
  EXPECT_TRUE(table.equal(zeros({3, 2}, {.dtype = f64})));  // one memory
  EXPECT_TRUE(trained(tensor({2})).equal(zeros({1, 2}, {.dtype = f64})));
  struct Net : nn::Module<Net> {
    nn::Member<nn::Embedding> words{this, "words", nn::Embedding::from_pretrained(ones({3, 2}))};
    Tensor forward(const Tensor& x) const { return words(x); }
  };
  Net net;
  EXPECT_TRUE(net(tensor({0})).equal(ones({1, 2})));
  EXPECT_EQ(net.state_dict().count("words.weight"), 1u);
  EXPECT_EQ(message([] { nn::Embedding::from_pretrained(ones({3})); }),
            "Embedding: a table must have 2 dimensions, but its shape is [3]");
  EXPECT_EQ(message([] { nn::Embedding::from_pretrained(Tensor()); }),
            "Embedding: a table must have 2 dimensions, but it is undefined");
  EXPECT_EQ(message([] {
              nn::Embedding::from_pretrained(ones({3, 2}), true, {.padding_idx = 3});
            }),
            "Embedding: padding_idx 3 is out of range for 3 rows");
}

TEST(Embedding, OptionsOfTheLayer) {
  nn::Embedding m(4, 3, {.padding_idx = 0, .max_norm = 1.5, .norm_type = 1, .scale_grad_by_freq = true});
  EXPECT_EQ(m.extra_repr(), "4, 3, padding_idx=0, max_norm=1.5, norm_type=1.0, scale_grad_by_freq=True");
  const Tensor y = m(arange(4));
  EXPECT_LE(y.abs().sum(1).amax().item<double>(), 1.5 + 1e-6);
  EXPECT_TRUE(m.weight.equal(y));
}

}  // namespace
}  // namespace hearth
