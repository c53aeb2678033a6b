// Writes a sound file at another sample rate. The ending of the new name says in which format.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "audio/audio.h"
#include "core/base/error.h"

ABSL_FLAG(int64_t, rate, 16000, "samples per second of the new file");
ABSL_FLAG(bool, mono, false, "the mean of the channels");

namespace hearth {
namespace {

int run(const std::string& in, const std::string& out) {
  const auto sound = audio::load_audio(in, {.mono = absl::GetFlag(FLAGS_mono)});
  if (!sound.ok()) return absl::FPrintF(stderr, "%s\n", sound.status().message()), 1;
  const int64_t rate = absl::GetFlag(FLAGS_rate);
  const Tensor samples = audio::resample(sound->samples, sound->sample_rate, rate);
  if (const absl::Status s = audio::save_audio(out, samples, rate); !s.ok()) {
    return absl::FPrintF(stderr, "%s\n", s.message()), 1;
  }
  absl::PrintF("%s: %d channels, %d frames at %d Hz\n", out, samples.size(0), samples.size(1), rate);
  return 0;
}

}  // namespace
}  // namespace hearth

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("resample IN OUT --rate=16000");
  const std::vector<char*> args = absl::ParseCommandLine(argc, argv);
  if (args.size() != 3) return absl::FPrintF(stderr, "resample: give two names: IN OUT\n"), 2;
  try {
    return hearth::run(args[1], args[2]);
  } catch (const hearth::Error& e) {
    absl::FPrintF(stderr, "resample: %s\n", e.what());
    return 1;
  }
}
