// The running average of a model.
#include <gtest/gtest.h>

#include <cmath>
#include <complex>

#include "core/autograd/guards.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/optim/ema.h"
#include "core/optim/swa.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

TEST(EMA, UpdatesAndSwaps) {
  Tensor p = ones({4}, {.requires_grad = true}), count = tensor(1);
  optim::EMA ema({p, count}, 0.5);
  {
    NoGrad off;
    p.fill_(3);
    count.fill_(5);
  }
  ema.update();
  EXPECT_EQ(ema.averages()[0].to_vector<double>(), (std::vector<double>{2, 2, 2, 2}));
  EXPECT_EQ(ema.averages()[1].item<int64_t>(), 5);  // is no number to be averaged
  ema.swap();
  EXPECT_EQ(p.detach().to_vector<double>(), (std::vector<double>{2, 2, 2, 2}));
  EXPECT_EQ(ema.averages()[0].to_vector<double>(), (std::vector<double>{3, 3, 3, 3}));
  ema.swap();
  EXPECT_EQ(p.detach().to_vector<double>(), (std::vector<double>{3, 3, 3, 3}));
  EXPECT_EQ(testing::error_of([&] { optim::EMA({p}, 1.5); }), "EMA: the decay must be from 0 to 1, but is 1.5");
  EXPECT_EQ(testing::error_of([&] {
              ema.load_state_dict({{"0", zeros({3})}, {"2", zeros({1})}});
            }),
            "EMA: the state does not fit: 0 is f32 [3], expected f32 [4]; missing: 1; unexpected: 2");
}

TEST(EMA, TiedTensorsHaveOneAverage) {
  Tensor w = ones({2}), other = zeros({2});
  optim::EMA ema({w, other, w}, 0.5);
  w.fill_(3);
  ema.update();
  EXPECT_EQ(ema.averages()[0].to_vector<double>(), (std::vector<double>{2, 2}));  // not taken in twice
  ema.swap();
  EXPECT_EQ(w.to_vector<double>(), (std::vector<double>{2, 2}));
  ema.swap();
  EXPECT_EQ(w.to_vector<double>(), (std::vector<double>{3, 3}));
  EXPECT_EQ(ema.averages()[2].to_vector<double>(), (std::vector<double>{2, 2}));
  optim::EMA again({w, other, w}, 0.5);
  again.load_state_dict(ema.state_dict());
  EXPECT_EQ(again.averages()[2].to_vector<double>(), (std::vector<double>{2, 2}));
}

TEST(EMA, AveragesOf16BitTensorsAreKeptWider) {
  for (DType t : {f16, bf16}) {
    Tensor p = ones({1}, {.dtype = t});
    optim::EMA ema({p}, 0.999);
    p.fill_(1.5);
    for (int i = 0; i < 100; ++i) ema.update();
    const double average = ema.averages()[0].item<double>();
    EXPECT_NEAR(average, 1.5 - 0.5 * std::pow(0.999, 100), 1e-5);
    ema.swap();
    EXPECT_EQ(p.item<double>(), Tensor(full({1}, average)).to(t).item<double>());
    EXPECT_EQ(ema.averages()[0].item<double>(), 1.5);
    ema.swap();
    EXPECT_EQ(p.item<double>(), 1.5);
    EXPECT_EQ(ema.averages()[0].item<double>(), average);
    // What is written meanwhile counts.
    ema.swap();
    p.fill_(2);
    ema.swap();
    EXPECT_EQ(p.item<double>(), 1.5);
    EXPECT_EQ(ema.averages()[0].item<double>(), 2);
    // As earlier versions saved them.
    ema.load_state_dict({{"0", full({1}, 1.25, {.dtype = t})}});
    EXPECT_EQ(ema.averages()[0].item<double>(), 1.25);
  }
}

TEST(AveragedTensors, TiedTensorsHaveOneAverage) {
  Tensor w = ones({2}), z = complex(ones({1}), zeros({1}));
  optim::AveragedTensors a({w, z, w});
  a.update();
  w.fill_(3);
  z.copy_(complex(zeros({1}), ones({1})));
  a.update();
  EXPECT_EQ(a.averages()[0].to_vector<float>(), (std::vector<float>{2, 2}));
  EXPECT_EQ(a.averages()[1].to_vector<std::complex<float>>()[0], std::complex<float>(0.5f, 0.5f));
  a.swap();
  EXPECT_EQ(w.to_vector<float>(), (std::vector<float>{2, 2}));
  a.swap();
  EXPECT_EQ(w.to_vector<float>(), (std::vector<float>{3, 3}));
  EXPECT_EQ(a.averages()[2].to_vector<float>(), (std::vector<float>{2, 2}));
}

TEST(AveragedTensors, AveragesOf16BitTensorsAreKeptWider) {
  for (DType t : {f16, bf16}) {
    Tensor p = ones({1}, {.dtype = t});
    optim::AveragedTensors a({p});
    for (int i = 0; i < 3; ++i) {
      p.fill_(i == 2 ? 2 : 1);
      a.update();
    }
    const double average = a.averages()[0].item<double>();
    EXPECT_NEAR(average, 4.0 / 3, 1e-6);
    a.swap();
    EXPECT_EQ(p.item<double>(), Tensor(full({1}, average)).to(t).item<double>());
    a.swap();
    EXPECT_EQ(p.item<double>(), 2);
    EXPECT_EQ(a.averages()[0].item<double>(), average);
  }
}

TEST(AveragedTensors, StateGoesOn) {
  Tensor p = ones({2}), q = zeros({2});
  optim::AveragedTensors a({p}), b({q});
  for (int i = 0; i < 3; ++i) {
    p.fill_(i);
    a.update();
  }
  auto state = a.state_dict();
  EXPECT_EQ(state.at("count").item<int64_t>(), 3);
  b.load_state_dict(state);
  EXPECT_EQ(b.count(), 3);
  p.fill_(5);
  q.fill_(5);
  a.update();
  b.update();
  EXPECT_EQ(b.averages()[0].to_vector<float>(), (std::vector<float>{2, 2}));
  EXPECT_TRUE(b.averages()[0].equal(a.averages()[0]));
  state.erase("0");
  EXPECT_EQ(testing::error_of([&] { b.load_state_dict(state); }),
            "AveragedTensors: the state does not fit: missing: 0");
  state["count"] = tensor(-1);
  EXPECT_EQ(testing::error_of([&] { b.load_state_dict(state); }),
            "AveragedTensors: the state does not fit: 'count' is -1");
  state.erase("count");
  EXPECT_EQ(testing::error_of([&] { b.load_state_dict(state); }),
            "AveragedTensors: the state does not fit: 'count' must be one i64");
  EXPECT_EQ(b.count(), 4);
}

}  // namespace
}  // namespace hearth
