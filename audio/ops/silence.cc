#include "audio/ops/silence.h"

#include <algorithm>
#include <cmath>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/stft.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

// Of a root mean square: below it nothing is quieter.
constexpr double kQuietest = 1e-5;

Tensor decibels(const Tensor& power) { return log10(clamp(power, kQuietest * kQuietest)) * 10; }

}  // namespace

Tensor nonsilent_frames(const Tensor& x, const SilenceOptions& o) {
  const CalledAs called("nonsilent_frames");
  expect_defined("nonsilent_frames", {x});
  expect_dtypes("nonsilent_frames", x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 1, "nonsilent_frames: expected signals [..., time], but the tensor is 0-dim");
  HEARTH_CHECK(o.frame_length >= 1 && o.hop_length >= 1, "nonsilent_frames: frames of ", o.frame_length, " samples, ",
               o.hop_length, " apart, are not possible");
  HEARTH_CHECK(std::isfinite(o.top_db), "nonsilent_frames: top_db must be finite, but is ", o.top_db);
  HEARTH_CHECK(!o.ref || (*o.ref >= 0 && std::isfinite(*o.ref)), "nonsilent_frames: ref must not be negative, but is ",
               o.ref.value_or(0));
  const Tensor padded = pad_signal(x, o.frame_length / 2, o.frame_length / 2, SignalPadding::kConstant);
  HEARTH_CHECK(padded.size(-1) >= o.frame_length && padded.numel() > 0, "nonsilent_frames: ", x.shape(),
               " has no frame of ", o.frame_length, " samples");
  const Tensor power = mean(unfold(square(padded), -1, o.frame_length, o.hop_length), {-1});
  const Tensor below =
      o.ref ? decibels(power) - 20 * std::log10(std::max(*o.ref, kQuietest)) : decibels(power) - decibels(amax(power));
  const Tensor loud = below > -o.top_db;
  return loud.dim() == 1 ? loud : any(reshape(loud, {-1, loud.size(-1)}), {0});
}

std::vector<SampleRange> split_silence(const Tensor& x, const SilenceOptions& o) {
  const CalledAs called("split_silence");
  const std::vector<bool> loud = nonsilent_frames(x, o).to_vector<bool>();
  const auto at = [&](size_t frame) { return std::min(static_cast<int64_t>(frame) * o.hop_length, x.size(-1)); };
  std::vector<SampleRange> ranges;
  for (size_t i = 0; i < loud.size(); ++i) {
    if (!loud[i]) continue;
    if (i == 0 || !loud[i - 1]) ranges.push_back({at(i), 0});
    ranges.back().end = at(i + 1);
  }
  return ranges;
}

Tensor trim_silence(const Tensor& x, const SilenceOptions& o) {
  const CalledAs called("trim_silence");
  const std::vector<SampleRange> ranges = split_silence(x, o);
  return ranges.empty() ? slice(x, -1, 0, 0) : slice(x, -1, ranges.front().begin, ranges.back().end);
}

}  // namespace hearth::audio
