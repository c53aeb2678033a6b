// The decoder "audio" of wav, flac, ogg (Vorbis and Opus), mp3 and aiff: f32 [channels, samples], full scale at 1. In
// the signature's preprocess_input, "sample_rate" is the rate that sounds are brought to, and "channels" is "1" for the
// mean of the channels; without them they stay as they are.
#include "audio/codec/codec.h"

#include <optional>

#include "absl/strings/numbers.h"
#include "audio/ops/resample.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/compare.h"
#include "core/ops/reduce.h"
#include "serve/model/decoder.h"

namespace hearth::serve {
namespace {

using Options = std::map<std::string, std::string>;

// Of a sound, as it is in the file and as the model gets it: 35 minutes at 16 kHz.
constexpr int64_t kMaxSamples = int64_t{1} << 25;
// Others need filters that are large, and are of no sound that people record.
constexpr int64_t kLowestRate = 1000, kHighestRate = 768000;

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

absl::StatusOr<Tensor> at_rate(const audio::Audio& sound, int64_t rate) {
  const int64_t from = sound.sample_rate;
  if (from == rate) return sound.samples;
  if (from < kLowestRate || from > kHighestRate) {
    return absl::InvalidArgumentError(
        concat("the sound has ", from, " samples a second; from ", kLowestRate, " to ", kHighestRate, " are taken"));
  }
  // Both are at most 2^25 and 2^20.
  if (sound.samples.numel() * rate / from > kMaxSamples) {
    return absl::ResourceExhaustedError(
        concat("at the model's rate the sound has more than ", kMaxSamples, " samples"));
  }
  return audio::resample(sound.samples, from, rate);
}

absl::StatusOr<std::vector<Tensor>> decode(std::string_view file, const Options& input) {
  const auto rate = wanted_rate(input);
  if (!rate.ok()) return rate.status();
  const auto mono = wants_mono(input);
  if (!mono.ok()) return mono.status();
  const auto sound = audio::decode_audio(std::as_bytes(std::span(file.data(), file.size())),
                                         {.mono = *mono, .max_samples = kMaxSamples});
  if (!sound.ok()) return sound.status();
  if (sound->samples.numel() == 0) return absl::InvalidArgumentError("the sound has no samples");
  const InferenceMode no_gradients;
  if (!isfinite(sound->samples).all().item<bool>())
    return absl::InvalidArgumentError("the sound has samples that are not numbers, or not finite");
  auto samples = at_rate(*sound, rate->value_or(sound->sample_rate));
  if (!samples.ok()) return samples.status();
  return std::vector<Tensor>{*std::move(samples)};
}

}  // namespace

constexpr Decoder kAudioDecoder{"audio", decode};
HEARTH_DECODER(kAudioDecoder);

}  // namespace hearth::serve
