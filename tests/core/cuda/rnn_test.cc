// Recurrent layers on a GPU against the CPU's, with more units than a grid's threads take at once, and lengths that do
// not fit.
#include "core/ops/rnn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd/backward.h"
#include "core/device/cuda/runtime.h"
#include "core/device/stream.h"
#include "core/ops/create.h"
#include "core/testing/error_of.h"
#include "core/testing/tensors.h"

namespace hearth {
namespace {

using testing::error_of;
using testing::from_wide;
using testing::noise;
using testing::to_wide;

constexpr Device kGpu{DeviceType::kCuda, 0};
constexpr int64_t kTime = 4, kBatch = 30, kHidden = 33, kState = 29, kFeatures = 5;

class CudaRnn : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device";
  }
};

enum class Kind { kLstm, kProjectedLstm, kGru, kTanh, kRelu };

Tensor lengths_on(Device device) {
  std::vector<long double> lengths;
  for (int64_t i = 0; i < kBatch; ++i) lengths.push_back(static_cast<long double>(i % (kTime + 1)));
  return from_wide(lengths, {kBatch}, i64).to(device);
}

// The results, then the gradients of all that goes in.
std::vector<Tensor> run_on(Device device, Kind kind, DType t, bool reverse, bool with_lengths) {
  const bool projected = kind == Kind::kProjectedLstm, has_c = projected || kind == Kind::kLstm;
  const int64_t gates = has_c ? 4 : kind == Kind::kGru ? 3 : 1, state = projected ? kState : kHidden;
  std::vector<Tensor> x;
  const auto make = [&](const Shape& shape) {
    x.push_back(noise(shape, t, -0.25, 0.25, x.size() + 1).to(device).requires_grad_());
    return x.back();
  };
  const Tensor input = make({kTime, kBatch, kFeatures});
  RecurrentWeights w{make({gates * kHidden, kFeatures}), make({gates * kHidden, state}), make({gates * kHidden}),
                     make({gates * kHidden}), std::nullopt};
  if (projected) w.weight_hr = make({state, kHidden});
  const Tensor h0 = make({kBatch, state}), c0 = has_c ? make({kBatch, kHidden}) : Tensor();
  RecurrentOptions o{.reverse = reverse};
  if (with_lengths) o.lengths = lengths_on(device);
  std::vector<Tensor> results;
  if (has_c) {
    LstmResult r = lstm(input, w, h0, c0, o);
    results = {r.output, r.h, r.c};
  } else {
    RecurrentResult r =
        kind == Kind::kGru
            ? gru(input, w, h0, o)
            : rnn(input, w, h0, kind == Kind::kRelu ? RnnNonlinearity::kRelu : RnnNonlinearity::kTanh, o);
    results = {r.output, r.h};
  }
  std::vector<Tensor> weights;
  for (const Tensor& y : results) weights.push_back(noise(y.shape(), t, -1, 1, weights.size() + 20).to(device));
  for (const Tensor& g : grad(results, x, weights)) results.push_back(g);
  for (Tensor& r : results) r = r.detach().to(kCpu);
  return results;
}

TEST_F(CudaRnn, AgreesWithTheCpu) {
  for (Kind kind : {Kind::kLstm, Kind::kProjectedLstm, Kind::kGru, Kind::kTanh, Kind::kRelu}) {
    for (DType t : {f32, f64}) {
      for (bool reverse : {false, true}) {
        for (bool with_lengths : {false, true}) {
          const auto want = run_on(kCpu, kind, t, reverse, with_lengths),
                     got = run_on(kGpu, kind, t, reverse, with_lengths);
          ASSERT_EQ(got.size(), want.size());
          // Of a result's largest value. The weights are so small that no step makes an error grow.
          const long double tolerance = t == f64 ? 1e-14L : 2e-6L;
          for (size_t i = 0; i < want.size(); ++i) {
            const auto a = to_wide(got[i]), b = to_wide(want[i]);
            ASSERT_EQ(a.size(), b.size());
            long double largest = 0;
            for (const long double v : b) largest = std::max(largest, std::abs(v));
            for (size_t k = 0; k < a.size(); ++k) {
              ASSERT_LE(std::abs(a[k] - b[k]), tolerance * largest)
                  << "kind " << static_cast<int>(kind) << ", " << to_string(t) << (reverse ? ", reverse" : "")
                  << (with_lengths ? ", lengths" : "") << ", result " << i << ", element " << k;
            }
          }
        }
      }
    }
  }
}

TEST_F(CudaRnn, LengthsThatDoNotFit) {
  const RecurrentWeights w{zeros({6, 2}).to(kGpu), zeros({6, 2}).to(kGpu), std::nullopt, std::nullopt, std::nullopt};
  const Tensor x = zeros({4, 2, 2}).to(kGpu);
  for (bool reverse : {false, true}) {
    EXPECT_EQ(error_of([&] {
                gru(x, w, std::nullopt,
                    {.reverse = reverse, .lengths = from_wide(std::vector<long double>{3, 9}, {2}, i64).to(kGpu)});
                synchronize(kGpu);
              }),
              "gru: index 9 is out of range for a dimension of size 5");
  }
}

}  // namespace
}  // namespace hearth
