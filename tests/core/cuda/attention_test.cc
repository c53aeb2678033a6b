// Attention on a GPU against the CPU's, with the same random numbers: what the op table leaves out, dropout and shapes
// on both sides of the kernels' tiles.
#include "core/ops/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/backward.h"
#include "core/device/cuda/runtime.h"
#include "core/tensor/generator.h"
#include "core/testing/tensors.h"

namespace hearth {
namespace {

using testing::noise;
using testing::to_wide;

struct Case {
  const char* name;
  Shape q, k, v;
  AttentionOptions options;
  Shape mask = {};  // added; none where it is empty
};

constexpr Device kGpu{DeviceType::kCuda, 0};

class CudaAttention : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device";
  }
};

// y, then the gradients of q, k, v and the mask, if there is one.
std::vector<Tensor> run_on(Device device, const Case& c, DType t) {
  std::vector<Tensor> x{noise(c.q, t, -1, 1, 1), noise(c.k, t, -1, 1, 2), noise(c.v, t, -1, 1, 3)};
  if (c.mask.rank() > 0) x.push_back(noise(c.mask, t, -2, 2, 4));
  for (Tensor& one : x) one = one.to(device).requires_grad_();
  AttentionOptions o = c.options;
  if (x.size() > 3) o.mask = x[3];
  manual_seed(5);
  const Tensor y = scaled_dot_product_attention(x[0], x[1], x[2], o);
  const Tensor dy = noise(y.shape(), t, -1, 1, 7).to(device);
  std::vector<Tensor> results = grad({&y, 1}, x, {&dy, 1});
  results.insert(results.begin(), y.detach());
  for (Tensor& r : results) r = r.to(kCpu);
  return results;
}

TEST_F(CudaAttention, AgreesWithTheCpu) {
  const Case cases[] = {
      {"one query", {2, 3, 1, 8}, {2, 3, 70, 8}, {2, 3, 70, 5}, {}},
      {"tiles", {1, 2, 70, 13}, {1, 2, 131, 13}, {1, 2, 131, 20}, {}},
      {"causal", {2, 66, 9}, {2, 66, 9}, {2, 66, 9}, {.causal = true}},
      {"window", {90, 4}, {90, 4}, {90, 4}, {.causal = true, .window = 20}},
      {"dropout", {2, 2, 37, 8}, {2, 2, 70, 8}, {2, 2, 70, 8}, {.dropout = 0.25}},
      {"dropout, causal", {1, 2, 70, 8}, {1, 2, 70, 8}, {1, 2, 70, 8}, {.dropout = 0.5, .causal = true}},
      {"all dropped", {2, 5, 4}, {2, 6, 4}, {2, 6, 4}, {.dropout = 1}},
      {"shared heads", {2, 6, 33, 8}, {2, 2, 40, 8}, {2, 2, 40, 8}, {}},
      {"heads shared in two ways", {2, 6, 33, 8}, {2, 2, 40, 8}, {2, 3, 40, 8}, {}},
      {"one head", {2, 4, 9, 8}, {2, 1, 40, 8}, {2, 1, 40, 8}, {}},
      {"mask of all", {2, 2, 35, 8}, {2, 2, 40, 8}, {2, 2, 40, 8}, {}, {2, 2, 35, 40}},
      {"mask of keys", {2, 2, 35, 8}, {2, 2, 40, 8}, {2, 2, 40, 8}, {}, {2, 1, 1, 40}},
      {"mask of queries", {2, 2, 35, 8}, {2, 2, 40, 8}, {2, 2, 40, 8}, {.causal = true}, {35, 1}},
      {"no keys", {2, 3, 4}, {2, 0, 4}, {2, 0, 5}, {}},
      {"no queries", {2, 0, 4}, {2, 3, 4}, {2, 3, 5}, {}},
      {"no matrices", {0, 3, 4}, {0, 3, 4}, {0, 3, 5}, {}},
      {"no values", {2, 3, 4}, {2, 3, 4}, {2, 3, 0}, {}},
      {"heads of size 0", {2, 3, 0}, {2, 4, 0}, {2, 4, 5}, {}},
  };
  for (const Case& c : cases) {
    for (DType t : {f32, f64, f16, bf16}) {
      const std::vector<Tensor> want = run_on(kCpu, c, t), got = run_on(kGpu, c, t);
      ASSERT_EQ(got.size(), want.size());
      // Both round f16 and bf16 once, from sums that differ in their last bits.
      const double tolerance = t == f64 ? 1e-13 : t == f32 ? 1e-5 : t == f16 ? 2e-3 : 1.6e-2;
      for (size_t i = 0; i < want.size(); ++i) {
        ASSERT_EQ(got[i].shape(), want[i].shape()) << c.name << ", result " << i;
        const auto a = to_wide(got[i]), b = to_wide(want[i]);
        for (size_t k = 0; k < a.size(); ++k) {
          ASSERT_LE(std::abs(static_cast<double>(a[k] - b[k])), tolerance * (1 + std::abs(static_cast<double>(b[k]))))
              << c.name << ", " << to_string(t) << ", result " << i << ", element " << k;
        }
      }
    }
  }
}

TEST_F(CudaAttention, LeavesTheGeneratorAsTheCpuDoes) {
  const Case c{"", {2, 5, 4}, {2, 6, 4}, {2, 6, 4}, {.dropout = 0.5}};
  run_on(kCpu, c, f32);
  const GeneratorState want = get_rng_state();
  run_on(kGpu, c, f32);
  EXPECT_EQ(get_rng_state(), want);
}

TEST_F(CudaAttention, TheSameBitsEveryTime) {
  const Case c{"", {1, 4, 70, 13}, {1, 2, 131, 13}, {1, 2, 131, 20}, {.dropout = 0.25}, {70, 131}};
  const auto first = run_on(kGpu, c, f32), again = run_on(kGpu, c, f32);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(to_wide(first[i]), to_wide(again[i])) << i;
}

}  // namespace
}  // namespace hearth
