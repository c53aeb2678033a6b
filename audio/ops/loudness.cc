#include "audio/ops/loudness.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "audio/ops/biquad.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::audio {

Tensor loudness(const Tensor& x, int64_t sample_rate) {
  const CalledAs called("loudness");
  expect_defined("loudness", {x});
  expect_dtypes("loudness", x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 2 && x.size(-2) >= 1 && x.size(-2) <= 5,
               "loudness: expected sounds [..., channels, time] of 1 to 5 channels, but got ", x.shape());
  HEARTH_CHECK(sample_rate >= 1, "loudness: the sample rate must be positive, but is ", sample_rate);
  const int64_t block = std::llround(0.4 * static_cast<double>(sample_rate));
  const int64_t step = std::llround(0.25 * static_cast<double>(block));
  HEARTH_CHECK(step >= 1 && x.size(-1) >= block, "loudness: ", x.size(-1), " samples at ", sample_rate,
               " Hz are shorter than a block of 0.4 s");
  // The K-weighting: a head's high shelf, and a high-pass.
  const Tensor weighted =
      highpass_biquad(treble_biquad(x, sample_rate, 4, 1500, 1 / std::numbers::sqrt2), sample_rate, 38, 0.5);
  const Tensor energy = mean(square(unfold(weighted, -1, block, step)), {-1});  // [..., channels, blocks]
  const std::vector<double> weights = {1, 1, 1, 1.41, 1.41};
  const Tensor of_channel = slice(tensor(weights, {.dtype = x.dtype(), .device = x.device()}), 0, 0, x.size(-2));
  const auto level = [](const Tensor& power) { return log10(power) * 10 - 0.691; };
  const Tensor loud = level(sum(energy * of_channel.unsqueeze(1), {-2}));  // [..., blocks]
  // Of the blocks that count.
  const auto gated = [&](const Tensor& counts) {
    const Tensor e = sum(where(counts.unsqueeze(-2), energy, 0), {-1}) / count_nonzero(counts, {-1}).unsqueeze(-1);
    return level(sum(e * of_channel, {-1}));
  };
  const Tensor audible = gt(loud, -70);
  return gated(logical_and(audible, gt(loud, (gated(audible) - 10).unsqueeze(-1))));
}

}  // namespace hearth::audio
