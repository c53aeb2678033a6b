// Writes the features of a sound file as an npy file. Options are named as torchaudio's.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "audio/audio.h"
#include "core/base/error.h"
#include "core/io/npy.h"

ABSL_FLAG(std::string, kind, "mel", "whisper, mel, mfcc, fbank (Kaldi's) or spectrogram");
ABSL_FLAG(std::string, out, "features.npy", "the npy file that is written");
ABSL_FLAG(int64_t, sample_rate, 0, "resample to this rate before; 0: the file's own (whisper: always 16000)");
ABSL_FLAG(int64_t, n_fft, 400, "samples of a frame");
ABSL_FLAG(int64_t, hop_length, 160, "distance of frames in samples");
ABSL_FLAG(double, frame_length, 25, "fbank: milliseconds of a frame");
ABSL_FLAG(double, frame_shift, 10, "fbank: distance of frames in milliseconds");
ABSL_FLAG(int64_t, n_mels, 80, "filters of mel, mfcc, fbank and whisper");
ABSL_FLAG(int64_t, n_mfcc, 40, "coefficients of mfcc");
ABSL_FLAG(double, power, 2, "2: power, 1: magnitude");
ABSL_FLAG(std::string, mel_scale, "htk", "htk or slaney");
ABSL_FLAG(std::string, norm, "none", "none or slaney");

namespace hearth {
namespace {

Tensor features(const Tensor& samples, int64_t rate) {
  const std::string kind = absl::GetFlag(FLAGS_kind), scale = absl::GetFlag(FLAGS_mel_scale),
                    norm = absl::GetFlag(FLAGS_norm);
  HEARTH_CHECK(scale == "htk" || scale == "slaney", "--mel_scale must be htk or slaney, but is ", scale);
  HEARTH_CHECK(norm == "none" || norm == "slaney", "--norm must be none or slaney, but is ", norm);
  if (kind == "whisper") return audio::whisper_log_mel(samples, absl::GetFlag(FLAGS_n_mels));
  const audio::MelOptions mel{.spectrogram = {.n_fft = absl::GetFlag(FLAGS_n_fft),
                                              .hop_length = absl::GetFlag(FLAGS_hop_length),
                                              .power = absl::GetFlag(FLAGS_power)},
                              .sample_rate = rate,
                              .n_mels = absl::GetFlag(FLAGS_n_mels),
                              .norm = norm == "slaney" ? audio::MelNorm::kSlaney : audio::MelNorm::kNone,
                              .mel_scale = scale == "slaney" ? audio::MelScale::kSlaney : audio::MelScale::kHtk};
  if (kind == "spectrogram") return audio::spectrogram(samples, mel.spectrogram);
  if (kind == "mel") return audio::mel_spectrogram(samples, mel);
  if (kind == "mfcc") return audio::mfcc(samples, {.n_mfcc = absl::GetFlag(FLAGS_n_mfcc), .mel = mel});
  if (kind == "fbank") {
    return audio::kaldi::fbank(samples * 32768, {.frame = {.sample_frequency = static_cast<double>(rate),
                                                           .frame_length = absl::GetFlag(FLAGS_frame_length),
                                                           .frame_shift = absl::GetFlag(FLAGS_frame_shift)},
                                                 .num_mel_bins = absl::GetFlag(FLAGS_n_mels)});
  }
  fail("--kind must be whisper, mel, mfcc, fbank or spectrogram, but is ", kind);
}

int run(const std::string& path) {
  auto sound = audio::load_audio(path, {.mono = true});
  if (!sound.ok()) return absl::FPrintF(stderr, "%s\n", sound.status().message()), 1;
  int64_t rate = sound->sample_rate;
  const int64_t wanted = absl::GetFlag(FLAGS_kind) == "whisper" ? 16000 : absl::GetFlag(FLAGS_sample_rate);
  if (wanted != 0) {
    sound->samples = audio::resample(sound->samples, rate, wanted);
    rate = wanted;
  }
  const Tensor f = features(sound->samples, rate);
  const std::string out = absl::GetFlag(FLAGS_out);
  if (const absl::Status s = io::save_npy(out, f); !s.ok()) return absl::FPrintF(stderr, "%s\n", s.message()), 1;
  absl::PrintF("%s: %s %s of %.2f s at %d Hz\n", out, to_string(f.dtype()), to_string(f.shape()),
               static_cast<double>(sound->samples.size(1)) / static_cast<double>(rate), rate);
  return 0;
}

}  // namespace
}  // namespace hearth

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("features FILE --kind=whisper|mel|mfcc|fbank|spectrogram --out=FILE.npy");
  const std::vector<char*> args = absl::ParseCommandLine(argc, argv);
  if (args.size() != 2) return absl::FPrintF(stderr, "features: give one sound file\n"), 2;
  try {
    return hearth::run(args[1]);
  } catch (const hearth::Error& e) {
    absl::FPrintF(stderr, "features: %s\n", e.what());
    return 1;
  }
}
