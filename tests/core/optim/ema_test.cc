// The running average of a model.
#include <gtest/gtest.h>

#include "core/autograd/guards.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/optim/ema.h"
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

}  // namespace
}  // namespace hearth
