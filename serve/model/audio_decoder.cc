// The decoder "audio" of wav, flac, ogg (Vorbis and Opus), mp3 and aiff: f32 [channels, samples], full scale at 1. In
// the signature's preprocess_input, "sample_rate" is the rate that sounds are brought to, and "channels" is "1" for the
// mean of the channels; without them they stay as they are.
#include "audio/codec/codec.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>

#include "absl/strings/numbers.h"
#include "audio/ops/resample.h"
#include "audio/stream/resample_stream.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "serve/model/decoder.h"

namespace hearth::serve {
namespace {

using Options = std::map<std::string, std::string>;

// Of a sound, as it is in the file and as the model gets it: 35 minutes at 16 kHz.
constexpr int64_t kMaxSamples = int64_t{1} << 25;
// Others need filters that are large, and are of no sound that people record.
constexpr int64_t kLowestRate = 1000, kHighestRate = 768000;
// Of a filter between two rates: 16 MB while it is made. Between rates that are usual it has some thousands.
constexpr double kMaxFilterValues = 1 << 21;
// Of one that a stream holds for as long as it lives: 256 KB.
constexpr double kMaxStreamFilterValues = 1 << 16;

absl::StatusOr<std::optional<int64_t>> wanted_rate(const Options& input) {
  const auto at = input.find("sample_rate");
  if (at == input.end()) return std::nullopt;
  int64_t rate = 0;
  if (!absl::SimpleAtoi(at->second, &rate) || rate < kLowestRate || rate > kHighestRate) {
    return absl::InternalError(
        concat("the model's signature asks for sound at the impossible rate \"", at->second, "\""));
  }
  return rate;
}

absl::StatusOr<bool> wants_mono(const Options& input) {
  const auto at = input.find("channels");
  if (at == input.end()) return false;
  if (at->second == "1") return true;
  return absl::InternalError(
      concat("the model's signature asks for sound of \"", at->second, "\" channels; only \"1\" can be made"));
}

absl::Status check_rates(int64_t from, int64_t rate, double max_filter_values) {
  if (from < kLowestRate || from > kHighestRate) {
    return absl::InvalidArgumentError(
        concat("the sound has ", from, " samples a second; from ", kLowestRate, " to ", kHighestRate, " are taken"));
  }
  const audio::ResampleOptions o;
  const int64_t common = std::gcd(from, rate), rows = rate / common;
  const double reach = std::ceil(static_cast<double>(o.lowpass_filter_width * from) /
                                 (static_cast<double>(std::min(from, rate)) * o.rolloff));
  if ((2 * reach + 1) * static_cast<double>(rows) > max_filter_values) {
    return absl::InvalidArgumentError(
        concat("the sound has ", from, " samples a second; from it to the model's ", rate, " the filter is too large"));
  }
  return absl::OkStatus();
}

// By the header alone, so that nothing is decoded in vain.
absl::Status check_resampling(const audio::AudioInfo& info, bool mono, int64_t rate) {
  const int64_t from = info.sample_rate;
  if (absl::Status s = check_rates(from, rate, kMaxFilterValues); !s.ok()) return s;
  // Samples are at most 2^25, and the rate 2^20.
  if (info.frames * (mono ? 1 : info.channels) * rate / from > kMaxSamples) {
    return absl::ResourceExhaustedError(
        concat("at the model's rate the sound has more than ", kMaxSamples, " samples"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tensor>> decode(std::string_view file, const Options& input) {
  const auto rate = wanted_rate(input);
  if (!rate.ok()) return rate.status();
  const auto mono = wants_mono(input);
  if (!mono.ok()) return mono.status();
  const auto bytes = std::as_bytes(std::span(file.data(), file.size()));
  const auto info = audio::audio_info(bytes);
  if (!info.ok()) return info.status();
  if (info->frames > kMaxSamples / info->channels)
    return absl::ResourceExhaustedError(concat("the sound has more than ", kMaxSamples, " samples"));
  const int64_t to = rate->value_or(info->sample_rate);
  if (to != info->sample_rate) {
    if (absl::Status s = check_resampling(*info, *mono, to); !s.ok()) return s;
  }
  const auto sound = audio::decode_audio(bytes, {.mono = *mono, .max_samples = kMaxSamples});
  if (!sound.ok()) return sound.status();
  if (sound->samples.numel() == 0) return absl::InvalidArgumentError("the sound has no samples");
  const InferenceMode no_gradients;
  if (!isfinite(sound->samples).all().item<bool>())
    return absl::InvalidArgumentError("the sound has samples that are not numbers, or not finite");
  return std::vector<Tensor>{audio::resample(sound->samples, sound->sample_rate, to)};
}

class SameRate final : public Resampler {
 public:
  absl::StatusOr<Tensor> feed(const Tensor& samples, bool) override { return samples; }
  int64_t bytes() const override { return 0; }
};

class OtherRate final : public Resampler {
 public:
  OtherRate(int64_t from, int64_t to) : most_(kMaxSamples * from / to), stream_(from, to) {}
  absl::StatusOr<Tensor> feed(const Tensor& samples, bool last) override {
    if (samples.size(1) > most_) return absl::ResourceExhaustedError("at the model's rate the samples are too many");
    const InferenceMode no_gradients;
    std::vector<Tensor> parts = {zeros({1, 0})};
    if (samples.size(1) > 0) {
      parts.push_back(stream_(samples));
      begun_ = true;
    }
    if (last && begun_) parts.push_back(stream_.finish());
    return cat(parts, 1);
  }
  int64_t bytes() const override { return stream_.bytes(); }

 private:
  const int64_t most_;
  audio::ResampleStream stream_;
  bool begun_ = false;
};

absl::StatusOr<std::unique_ptr<Resampler>> resampler(int64_t from, int64_t to) {
  if (from == to) return std::make_unique<SameRate>();
  if (to < kLowestRate || to > kHighestRate) return absl::InternalError("the model's rate is impossible");
  if (absl::Status s = check_rates(from, to, kMaxStreamFilterValues); !s.ok()) return s;
  return std::make_unique<OtherRate>(from, to);
}

}  // namespace

constexpr Decoder kAudioDecoder{"audio", decode, resampler};
HEARTH_DECODER(kAudioDecoder);

}  // namespace hearth::serve
