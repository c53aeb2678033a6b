// Sound and silence, beside librosa's (tools/golden/silence.py).
#include "audio/ops/silence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth::audio {
namespace {

using testing::error_of;

struct Golden {
  std::string name;
  std::vector<int> channels;
  SilenceOptions options;
  std::vector<SampleRange> split;
  SampleRange trimmed;
};
const std::vector<Golden>& golden() {
  static const std::vector<Golden> all = {
#include "tests/audio/silence_golden.inc"
  };
  return all;
}

// 1000 samples of each level.
Tensor signal(int number, DType t) {
  const double levels[3][10] = {{0, 0.001, 0.5, 0.3, 0, 0, 1e-7, 0.02, 0.4, 0},
                                {0.2, 0, 0, 0, 0, 1e-3, 0, 0, 0, 0.9},
                                {1e-7, 1e-7, 1e-7, 1e-7, 1e-7, 1e-7, 1e-7, 1e-7, 1e-7, 1e-7}};
  std::vector<double> x;
  for (int i = 0; i < 10000; ++i) x.push_back(std::sin(0.05 * i) * levels[number][i / 1000]);
  return tensor(x).to(t);
}

TEST(Silence, IsLibrosas) {
  ASSERT_EQ(golden().size(), 10u);
  for (const Golden& g : golden()) {
    for (DType t : {f32, f64}) {
      std::vector<Tensor> channels;
      for (int c : g.channels) channels.push_back(signal(c, t));
      const Tensor x = channels.size() == 1 ? channels[0] : stack(channels);
      EXPECT_EQ(split_silence(x, g.options), g.split) << g.name;
      const Tensor trimmed = trim_silence(x, g.options);
      EXPECT_TRUE(trimmed.equal(x.slice(-1, g.trimmed.begin, g.trimmed.end))) << concat(g.name, " ", trimmed.shape());
      // Dimensions before the last are all channels.
      EXPECT_EQ(split_silence(x.unsqueeze(0).unsqueeze(0), g.options), g.split) << g.name;
    }
  }
}

TEST(Silence, EdgesOfWhatThereIs) {
  const SilenceOptions o{.frame_length = 4, .hop_length = 2};
  EXPECT_EQ(nonsilent_frames(zeros({0}), o).shape(), Shape({1}));
  EXPECT_EQ(trim_silence(zeros({0}), o).shape(), Shape({0}));
  EXPECT_EQ(split_silence(zeros({3}), {.ref = 1, .frame_length = 4, .hop_length = 2}), std::vector<SampleRange>{});
  EXPECT_EQ(trim_silence(zeros({2, 3}), {.ref = 1, .frame_length = 4, .hop_length = 2}).shape(), Shape({2, 0}));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(split_silence(cat({ones({8}), full({1}, nan), ones({8})}), o), std::vector<SampleRange>{});
  // In a view the samples are the same.
  const Tensor x = stack({signal(0, f32), signal(1, f32)}, 1);
  EXPECT_EQ(split_silence(x.transpose(0, 1)[0]), split_silence(signal(0, f32)));
}

TEST(Silence, SaysWhatIsWrong) {
  const Tensor x = ones({100});
  EXPECT_NE(error_of([&] { nonsilent_frames(x, {.frame_length = 0}); }).find("frames of 0 samples"), std::string::npos);
  EXPECT_NE(error_of([&] { split_silence(x, {.hop_length = 0}); }).find("0 apart"), std::string::npos);
  EXPECT_NE(error_of([&] { trim_silence(x, {.top_db = INFINITY}); }).find("top_db"), std::string::npos);
  EXPECT_NE(error_of([&] { trim_silence(x, {.ref = -1}); }).find("ref must not be negative"), std::string::npos);
  EXPECT_NE(error_of([&] { trim_silence(x[0]); }).find("0-dim"), std::string::npos);
  EXPECT_NE(error_of([&] { trim_silence(zeros({0, 100})); }).find("[0, 100]"), std::string::npos);
  EXPECT_NE(error_of([&] {
              trim_silence(zeros({1, 0}), {.frame_length = 3});
            }).find("no frame of 3"),
            std::string::npos);
  EXPECT_NE(error_of([&] { trim_silence(x.to(f16)); }).find("f16"), std::string::npos);
}

}  // namespace
}  // namespace hearth::audio
