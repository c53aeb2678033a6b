#include "examples/audio/utterances.h"

#include <cmath>
#include <filesystem>
#include <map>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "audio/ops/augment.h"
#include "audio/ops/silence.h"
#include "core/hearth.h"
#include "examples/audio/ctc_net.h"
#include "examples/audio/sound.h"

namespace hearth::audio {
namespace {

constexpr double kSpeeds[] = {0.75, 0.81, 0.87, 0.93, 1, 1.08, 1.16, 1.25, 1.35};
constexpr int64_t kCount = std::size(kSpeeds), kAsSpoken = 4;

double uniform(Generator& random, double low, double high) {
  return low + (high - low) * (random.next_u32() / 4294967296.0);
}
int64_t whole(Generator& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random.next_u32() % static_cast<uint64_t>(high - low + 1));
}

absl::StatusOr<std::vector<Tensor>> load(const std::string& path) {
  const auto sound = load_sound(path, kCtcRate);
  if (!sound.ok()) return sound.status();
  const Tensor voice =
      trim_silence((*sound)[0], {.top_db = 40, .frame_length = kCtcFrameSize, .hop_length = kCtcHop}).contiguous();
  if (voice.numel() < kCtcFrameSize)
    return absl::InvalidArgumentError(absl::StrCat(path, ": there is hardly any sound"));
  std::vector<Tensor> versions;
  for (const double speed : kSpeeds)
    versions.push_back(speed == 1 ? voice : audio::speed(voice, kCtcRate, speed).contiguous());
  return versions;
}

// As another throat, room and microphone would change it; and stripes that nobody hears.
Tensor changed(Tensor mels, Generator& random) {
  const Tensor at = linspace(-1, 1, kCtcMels).unsqueeze(1);
  mels = mels + at * uniform(random, -0.2, 0.2) + square(at) * uniform(random, -0.2, 0.2);
  return spec_augment(
      mels, {.n_time_masks = 1, .time_mask_param = 5, .n_freq_masks = 1, .freq_mask_param = 5, .iid_masks = false},
      &random);
}

}  // namespace

absl::StatusOr<std::vector<Voice>> load_voices(const std::vector<Clip>& clips) {
  std::map<std::string, Voice> voices;
  for (const Clip& clip : clips) {
    auto versions = load(clip.path);
    if (!versions.ok()) return versions.status();
    const std::string directory = std::filesystem::path(clip.path).parent_path().string();
    Voice& voice = voices[directory];
    voice.name = directory;
    voice.recordings.emplace_back(clip.label, *std::move(versions));
  }
  std::vector<Voice> all;
  for (auto& [directory, voice] : voices) all.push_back(std::move(voice));
  return all;
}

Utterances::Utterances(std::vector<Voice> voices, const UtteranceOptions& options)
    : voices_(std::move(voices)), options_(options) {}

std::pair<Tensor, std::vector<int64_t>> Utterances::sound(int64_t i, Generator& random) const {
  std::optional<Generator> fixed;
  if (!options_.augment) fixed.emplace(options_.seed * 1000003 + static_cast<uint64_t>(i));
  Generator& r = fixed ? *fixed : random;
  const Voice& voice = voices_[static_cast<size_t>(whole(r, 0, static_cast<int64_t>(voices_.size()) - 1))];
  const int64_t speed = options_.augment ? whole(r, 1, kCount - 2) : kAsSpoken;
  std::vector<Tensor> parts;
  std::vector<int64_t> symbols;
  const auto silence = [&](double least, double most) {
    parts.push_back(zeros({static_cast<int64_t>(uniform(r, least, most) * kCtcRate)}));
  };
  silence(0.1, 0.4);
  for (int64_t left = whole(r, options_.least, options_.most); left > 0; --left) {
    const auto& [symbol, versions] =
        voice.recordings[static_cast<size_t>(whole(r, 0, static_cast<int64_t>(voice.recordings.size()) - 1))];
    const int64_t version = options_.augment ? speed + whole(r, -1, 1) : speed;
    const double loudness = options_.augment ? uniform(r, 0.6, 1.4) : 1;
    parts.push_back(versions[static_cast<size_t>(version)] * loudness);
    symbols.push_back(symbol + 1);
    silence(0.03, 0.3);
  }
  silence(0.3, 0.5);
  Tensor x = cat(parts);
  if (options_.augment) {
    x = x * std::pow(10, uniform(r, -0.6, 0.3));
    x = x + randn(x.shape(), {}, &r) * std::pow(10, uniform(r, -5, -2.3));
  }
  return {x, symbols};
}

data::Example Utterances::get(int64_t i, Generator& random) const {
  const auto [x, symbols] = sound(i, random);
  Tensor mels = ctc_mels(x);
  if (options_.augment) mels = changed(mels, random);
  return {{"features", ctc_steps(mels)}, {"symbols", from_values(symbols, {static_cast<int64_t>(symbols.size())})}};
}

}  // namespace hearth::audio
