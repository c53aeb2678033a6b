// Kernels whose several ways the op table's small samples do not all take, against the CPU's.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/autograd/backward.h"
#include "core/device/cuda/runtime.h"
#include "core/device/cuda_graph.h"
#include "core/device/stream.h"
#include "core/op/attrs/linalg.h"
#include "core/op/run.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/ctc_loss.h"
#include "core/ops/distance.h"
#include "core/ops/join.h"
#include "core/ops/linalg_decompositions.h"
#include "core/ops/scatter_reduce.h"
#include "core/ops/search.h"
#include "core/ops/softmax.h"
#include "core/ops/sort.h"
#include "core/ops/variates.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"
#include "core/testing/tensors.h"

namespace hearth {
namespace {

using testing::error_of;
using testing::from_wide;
using testing::noise;
using testing::same_bits;
using testing::to_wide;

class CudaOps : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device";
  }
};

using In = std::span<const Tensor>;

// f of the operands on the GPU, and on the CPU.
std::pair<Tensor, Tensor> on_both(std::vector<Tensor> in, const std::function<Tensor(In)>& f) {
  const Tensor want = f(in);
  for (Tensor& x : in) x = x.to(kCuda);
  return {f(in).cpu(), want};
}

// Whole numbers below `limit` without a pattern.
Tensor places(const Shape& shape, int64_t limit, DType t = i64) {
  std::vector<long double> v = to_wide(noise(shape, f64, 0, 1, 77));
  for (long double& x : v) x = std::floor(x * static_cast<long double>(limit));
  return from_wide(v, shape, t);
}

// Equal numbers with their signs, also of zeros; NaN where there is one.
void expect_same(const Tensor& got, const Tensor& want) {
  const std::vector<long double> a = to_wide(got), b = to_wide(want);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i])) EXPECT_TRUE(std::isnan(a[i])) << i;
    else EXPECT_TRUE(a[i] == b[i] && std::signbit(a[i]) == std::signbit(b[i])) << i << ": " << a[i] << ", " << b[i];
  }
}

TEST_F(CudaOps, ScatterReducePutsTogetherInOrder) {
  const Tensor index = places({700, 3}, 9);
  for (const DType t : {f32, f64, u8, i8, i64}) {
    Tensor source = noise({700, 3}, t, -2, 2, 5), x = noise({9, 4}, t, -2, 2, 6);
    if (t == f32) {
      // Zeros of both signs, of which the first counts, and a NaN.
      std::vector<long double> v = to_wide(source);
      for (size_t i = 0; i < v.size(); ++i) v[i] = i % 7 < 4 ? (i % 7 % 2 == 0 ? -0.0L : 0.0L) : -std::fabs(v[i]);
      v[40] = std::numeric_limits<long double>::quiet_NaN();
      source = from_wide(v, {700, 3}, t);
      x = from_wide(std::vector<long double>(36, -3.0L), {9, 4}, t);
    }
    for (const ScatterMode how : {ScatterMode::kProd, ScatterMode::kAmax, ScatterMode::kAmin}) {
      const auto [got, want] =
          on_both({x, index, source}, [&](In in) { return scatter_reduce(in[0], 0, in[1], in[2], how); });
      SCOPED_TRACE(std::string(to_string(t)) + " " + std::to_string(static_cast<int>(how)));
      expect_same(got, want);
    }
  }
}

TEST_F(CudaOps, ScatterReduceTellsOfAWrongIndex) {
  const Tensor x = noise({4, 3}, f32).to(kCuda), index = tensor({1, 4, 0}, {.dtype = i64}).reshape({1, 3}).to(kCuda);
  const Tensor y = scatter_reduce(x, 0, index, noise({1, 3}, f32).to(kCuda), ScatterMode::kAmax);
  EXPECT_EQ(error_of([&] { synchronize(kCuda); }), "scatter_reduce: index 4 is out of range for a dimension of size 4");
}

TEST_F(CudaOps, SearchesInEveryLayout) {
  for (const DType t : {f16, f32, f64, u8, i64}) {
    const Tensor lines = sort(noise({3, 5, 40}, t, -3, 3), -1).values, values = noise({3, 5, 60}, t, -4, 4, 3);
    for (const testing::Arrangement a : testing::kArrangements) {
      for (const bool right : {false, true}) {
        const auto [got, want] = on_both({arranged(lines, a), arranged(values, a)},
                                         [&](In in) { return searchsorted(in[0], in[1], {.right = right}); });
        EXPECT_TRUE(same_bits(got, want)) << to_string(t) << " " << to_string(a);
        const auto [one, want_one] = on_both({arranged(lines[1][2], a), arranged(values, a)}, [&](In in) {
          return searchsorted(in[0], in[1], {.out_int32 = true, .right = right});
        });
        EXPECT_TRUE(same_bits(one, want_one)) << to_string(t) << " " << to_string(a);
      }
    }
  }
}

// Rows and columns of several tiles, and a width that ends within one.
TEST_F(CudaOps, DistancesOfManyRows) {
  for (const double p : {0.0, 0.7, 1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()}) {
    for (const DType t : {f32, f64}) {
      std::vector<long double> v = to_wide(noise({2, 70, 21}, t, -2, 2, 1));
      v[30] = std::numeric_limits<long double>::quiet_NaN();
      v[2 * 70 * 21 - 1] = std::numeric_limits<long double>::infinity();
      const Tensor x = from_wide(v, {2, 70, 21}, t), y = noise({2, 45, 21}, t, -2, 2, 2);
      for (const testing::Arrangement a : testing::kArrangements) {
        const auto [got, want] =
            on_both({arranged(x, a), arranged(y, a)}, [&](In in) { return cdist(in[0], in[1], p); });
        const double tolerance = t == f32 ? 2e-6 : 1e-14;
        EXPECT_TRUE(got.allclose(want, tolerance, tolerance, true)) << p << " " << to_string(t);
      }
    }
  }
}

TEST_F(CudaOps, Permutations) {
  std::vector<long double> v;
  for (int b = 0; b < 6; ++b) {
    for (int i = 0; i < 5; ++i) v.push_back(1 + i + (b * 5 + i * 3) % (70 - i));
  }
  const Tensor pivots = from_wide(v, {2, 3, 5}, i32);
  for (const bool inverse : {false, true}) {
    for (const testing::Arrangement a : testing::kArrangements) {
      const auto [got, want] = on_both({arranged(pivots, a)}, [&](In in) {
        return run(kLinalgPermutation, {in[0]}, PermutationAttrs{70, inverse});
      });
      EXPECT_TRUE(same_bits(got, want)) << inverse << " " << to_string(a);
    }
  }
  run(kLinalgPermutation, {tensor({2, 9}, {.dtype = i32}).to(kCuda)}, PermutationAttrs{4, false});
  EXPECT_EQ(error_of([] { synchronize(kCuda); }),
            "linalg_permutation: index 8 is out of range for a dimension of size 4");
}

// The CPU's numbers, and as many counters taken from the generator. Between two devices a number may be another where
// its functions round differently, though hardly any is.
TEST_F(CudaOps, VariatesAreTheCpus) {
  const auto draw = [](const std::vector<Tensor>& operands, const auto& f) {
    Tensor results[2];
    for (const Device d : {kCpu, kCuda}) {
      std::vector<Tensor> in;
      for (const Tensor& x : operands) in.push_back(x.to(d));
      manual_seed(11);
      results[d.is_cpu() ? 0 : 1] = cat({f(in).cpu().reshape({-1}), f(in).cpu().reshape({-1})}, 0);
    }
    const auto a = to_wide(results[0]), b = to_wide(results[1]);
    size_t others = 0;
    for (size_t i = 0; i < a.size(); ++i)
      others += std::isnan(a[i]) ? !std::isnan(b[i]) : !(std::fabs(a[i] - b[i]) <= 1e-2L * std::fabs(a[i]));
    EXPECT_LE(others, a.size() / 200);
  };
  for (const DType t : {f16, f32, f64}) {
    SCOPED_TRACE(to_string(t));
    const Tensor rates = noise({40, 30}, t, 0.05, 60).t();
    draw({rates}, [](const std::vector<Tensor>& in) { return poisson(in[0]); });
    draw({rates}, [](const std::vector<Tensor>& in) { return standard_gamma(in[0]); });
    draw({rates}, [](const std::vector<Tensor>& in) { return log_standard_gamma(in[0] / 100); });
    draw({places({30, 40}, 90, t), noise({30, 40}, t, 0, 1, 8)},
         [](const std::vector<Tensor>& in) { return binomial(in[0], in[1]); });
  }
}

TEST_F(CudaOps, CapturedDrawsGoOn) {
  const Tensor rates = full({50}, 7.5, {.device = kCuda});
  manual_seed(4);
  std::vector<Tensor> want;
  for (int i = 0; i < 3; ++i) want.push_back(poisson(rates).cpu());
  Tensor y = poisson(rates);
  CudaGraph graph(kCuda, [&] { y = poisson(rates); });
  manual_seed(4);
  for (int i = 0; i < 3; ++i) {
    graph.replay();
    EXPECT_TRUE(y.cpu().equal(want[static_cast<size_t>(i)])) << i;
  }
}

// ---- CTC: more states and classes than a block has threads, and labels that come again.

struct Ctc {
  Tensor log_probs, targets, input_lengths, target_lengths;
};

Ctc ctc_sequences(DType t, DType whole, bool joined, int64_t classes, int64_t steps, int64_t longest) {
  const std::vector<int64_t> lengths{longest, 0, 3, 12, 7}, inputs{steps, 4, 2, steps, 22};
  std::vector<long double> labels;
  for (size_t n = 0; n < lengths.size(); ++n) {
    for (int64_t i = 0; i < (joined ? lengths[n] : longest); ++i)
      labels.push_back(static_cast<long double>(1 + (i * i / 3 + static_cast<int64_t>(n)) % (classes - 1)));
  }
  const auto all = static_cast<int64_t>(labels.size()), count = static_cast<int64_t>(lengths.size());
  return {noise({steps, count, classes}, t, -3, 0, 9),
          from_wide(labels, joined ? Shape{all} : Shape{count, longest}, whole), tensor(inputs).to(whole),
          tensor(lengths).to(whole)};
}

// Losses, then the gradient.
std::vector<Tensor> ctc_on(Device device, const Ctc& c, bool zero_infinity, testing::Arrangement a) {
  const Tensor x = arranged(c.log_probs, a).to(device).requires_grad_();
  const Tensor losses =
      ctc_loss(x, arranged(c.targets, a).to(device), c.input_lengths.to(device), c.target_lengths.to(device),
               {.reduction = Reduction::kNone, .zero_infinity = zero_infinity});
  losses.backward(noise({5}, losses.dtype(), -1, 1, 4).to(device));
  return {losses.detach().cpu(), x.grad().cpu()};
}

TEST_F(CudaOps, CtcLoss) {
  struct Size {
    int64_t classes, steps, longest;
  };
  for (const auto& [classes, steps, longest] : {Size{7, 30, 14}, Size{400, 150, 140}}) {
    for (const bool joined : {false, true}) {
      for (const bool zero_infinity : {false, true}) {
        for (const testing::Arrangement a : testing::kArrangements) {
          const bool wide = a != testing::Arrangement::kGaps;
          SCOPED_TRACE(std::to_string(classes) + (joined ? " joined " : " padded ") + to_string(a));
          const Ctc c = ctc_sequences(wide ? f64 : f32, wide ? i64 : i32, joined, classes, steps, longest);
          const auto got = ctc_on(kCuda, c, zero_infinity, a), want = ctc_on(kCpu, c, zero_infinity, a);
          // A target of three labels does not fit into two steps.
          EXPECT_EQ(std::isinf(to_wide(want[0])[2]), !zero_infinity);
          for (size_t k = 0; k < 2; ++k) {
            const double tolerance = wide ? 1e-12 : 1e-6;
            EXPECT_TRUE(got[k].allclose(want[k], tolerance, tolerance, true)) << k;
          }
        }
      }
    }
  }
}

TEST_F(CudaOps, CtcLossTellsOfWrongLengthsAndClasses) {
  const Ctc c = ctc_sequences(f32, i64, false, 7, 30, 14);
  const auto error = [&](const Tensor& targets, const Tensor& inputs, const Tensor& labels) {
    const Tensor loss = ctc_loss(c.log_probs.to(kCuda), targets.to(kCuda), inputs.to(kCuda), labels.to(kCuda));
    return error_of([] { synchronize(kCuda); });
  };
  EXPECT_EQ(error(c.targets + 2, c.input_lengths, c.target_lengths),
            "ctc_loss: index 7 is out of range for a dimension of size 7");
  EXPECT_EQ(error(c.targets, c.input_lengths + 1, c.target_lengths),
            "ctc_loss: index 31 is out of range for a dimension of size 31");
  EXPECT_EQ(error(c.targets, c.input_lengths, c.target_lengths - 1),
            "ctc_loss: index -1 is out of range for a dimension of size 15");
}

TEST_F(CudaOps, CtcLossIsCaptured) {
  const Ctc c = ctc_sequences(f32, i64, true, 7, 30, 14);
  const std::vector<Tensor> want = ctc_on(kCuda, c, true, testing::Arrangement::kAsMade);
  Tensor x = c.log_probs.to(kCuda).requires_grad_(), losses;
  const Tensor targets = c.targets.to(kCuda), inputs = c.input_lengths.to(kCuda), labels = c.target_lengths.to(kCuda),
               g = noise({5}, f32, -1, 1, 4).to(kCuda);
  CudaGraph graph(kCuda, [&] {
    losses = ctc_loss(x, targets, inputs, labels, {.reduction = Reduction::kNone, .zero_infinity = true});
    losses.backward(g);
  });
  graph.replay();
  EXPECT_TRUE(same_bits(losses.detach().cpu(), want[0]));
  EXPECT_TRUE(same_bits(x.grad().cpu(), want[1]));
}

}  // namespace
}  // namespace hearth
