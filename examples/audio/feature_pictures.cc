// Draws what each feature makes of a sound, on one page: docs/features.png.
//
//   feature_pictures FILE [--out=features.png]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "audio/audio.h"
#include "core/hearth.h"
#include "examples/audio/sound.h"
#include "examples/common/canvas.h"

ABSL_FLAG(std::string, out, "features.png", "the picture that is written");

namespace hearth::audio {
namespace {

using examples::Box;
using examples::Canvas;

constexpr int64_t kRate = 16000;
constexpr double kTop = 30, kHeight = 560, kTitle = 42;

struct Picture {
  std::string title, call;
  Tensor rows;  // [rows, frames], the first row at the bottom
};

// Decibels from the loudest down to 80 below it.
Tensor decibels(const Tensor& power) {
  const Tensor db = amplitude_to_db(power, 10, 1e-10, 0, 80);
  return db - db.max();
}

std::vector<Picture> pictures_of(const Tensor& x) {
  const MelOptions mel{.spectrogram = {.n_fft = 400, .hop_length = 160}, .n_mels = 64};
  const Tensor cepstrum = mfcc(x, {.n_mfcc = 20, .mel = mel});
  return {{"Spectrogram", "spectrogram, 201 frequencies", decibels(spectrogram(x, mel.spectrogram))},
          {"Mel bands", "mel_spectrogram, 64 bands", decibels(mel_spectrogram(x, mel))},
          {"Kaldi's filter bank", "kaldi::fbank, 64 bands", kaldi::fbank(x * 32768, {.num_mel_bins = 64}).t()},
          {"Whisper's features", "whisper_log_mel, 80 bands", whisper_log_mel(x)},
          {"Cepstrum", "mfcc, coefficients 1 to 19", cepstrum.slice(0, 1, 20)}};
}

// Dark is much, on a scale from the least to the greatest.
void draw(Canvas& c, const Tensor& rows, const Box& b) {
  const Tensor values = rows.to(f32), low = values.min(), high = values.max();
  // Sixteen greys, which a PNG file packs well.
  const Tensor ink = (floor((values - low) / (high - low + 1e-9) * 15.99) * 17).to(u8);
  c.picture(flip(ink, {0}).contiguous().to_vector<uint8_t>(), static_cast<int>(ink.size(0)),
            static_cast<int>(ink.size(1)), b);
}

void draw_waveform(Canvas& c, const Tensor& x, const Box& b) {
  const std::vector<float> v = x.to_vector<float>();
  float most = 1e-9F;
  for (const float s : v) most = std::max(most, std::abs(s));
  const auto columns = static_cast<size_t>(b.w);
  for (size_t i = 0; i < columns; ++i) {
    const size_t begin = i * v.size() / columns, end = std::max((i + 1) * v.size() / columns, begin + 1);
    const auto [low, high] = std::minmax_element(v.begin() + static_cast<std::ptrdiff_t>(begin),
                                                 v.begin() + static_cast<std::ptrdiff_t>(std::min(end, v.size())));
    const double at = b.x + static_cast<double>(i), middle = b.y + b.h / 2, half = b.h / 2;
    c.line(at, middle - half * (*high / most), at, middle - half * (*low / most) + 0.5, examples::kInk, 1);
  }
}

absl::Status run(const std::string& path) {
  const auto sound = load_sound(path, kRate);
  if (!sound.ok()) return sound.status();
  const Tensor x = (*sound)[0];
  if (x.numel() < 1600) return absl::InvalidArgumentError(path + ": a tenth of a second is needed");
  const std::vector<Picture> pictures = pictures_of(x);
  Canvas c(kHeight);
  c.fill({0, 0, examples::kWidth, kHeight}, examples::kPaper);
  const double w = (examples::kWidth - 2 * examples::kMargin - 2 * examples::kGap) / 3,
               h = (kHeight - 2 * kTop - examples::kGap) / 2;
  for (size_t i = 0; i < pictures.size() + 1; ++i) {
    const Box card{examples::kMargin + static_cast<double>(i % 3) * (w + examples::kGap),
                   kTop + static_cast<double>(i / 3) * (h + examples::kGap), w, h};
    c.card(card);
    const Box inner = card.inset(examples::kPadding, kTitle + 12, examples::kPadding, examples::kPadding);
    c.text(i == 0 ? "The sound" : pictures[i - 1].title, inner.x, card.y + 27, 14, examples::kInk,
           examples::Align::kLeft, true);
    const double seconds = static_cast<double>(x.numel()) / static_cast<double>(kRate);
    char length[32];
    std::snprintf(length, sizeof length, "%.2f s at 16 kHz", seconds);
    c.text(i == 0 ? length : pictures[i - 1].call, inner.x, card.y + 44, 10.5, examples::kSoft);
    if (i == 0) draw_waveform(c, x, inner);
    else draw(c, pictures[i - 1].rows, inner);
  }
  return c.save(absl::GetFlag(FLAGS_out));
}

}  // namespace
}  // namespace hearth::audio

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("feature_pictures FILE [--out=features.png]");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() != 2) {
    std::fprintf(stderr, "feature_pictures: name a sound file (see --help)\n");
    return 2;
  }
  absl::Status s;
  try {
    s = hearth::audio::run(rest[1]);
  } catch (const hearth::Error& e) {
    s = absl::InternalError(e.what());
  }
  if (s.ok()) return 0;
  std::fprintf(stderr, "feature_pictures: %s\n", std::string(s.message()).c_str());
  return 1;
}
