#include "examples/audio/sound_program.h"

#include <cstdio>
#include <exception>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "core/autograd/guards.h"
#include "examples/audio/raw_input.h"
#include "examples/audio/sound.h"

ABSL_FLAG(bool, raw, false,
          "read samples from standard input, little-endian integers of 16 bits, and answer as they arrive");
ABSL_FLAG(int64_t, rate, 0, "--raw: samples of a channel in a second; 0: the model's own");
ABSL_FLAG(int64_t, channels, 1, "--raw: samples that belong to one moment; the model hears their mean");

namespace hearth::audio {
namespace {

void complain(const SoundProgram& program, absl::string_view what) {
  absl::FPrintF(stderr, "%s: %s\n", program.name, what);
}

absl::Status check_flags(const SoundProgram& program) {
  if (absl::GetFlag(FLAGS_rate) < 0) return absl::InvalidArgumentError("--rate must not be negative");
  if (absl::GetFlag(FLAGS_channels) < 1 || absl::GetFlag(FLAGS_channels) > 1024)
    return absl::InvalidArgumentError("--channels must be from 1 to 1024");
  return program.check_flags();
}

absl::Status answer_file(const Listener& listener, const std::string& path) {
  const auto samples = load_sound(path, listener.rate());
  if (!samples.ok()) return samples.status();
  try {
    absl::PrintF("%s   %s\n", path, listener.answer(*samples));
  } catch (const std::exception& e) {
    return absl::InternalError(absl::StrCat(path, ": ", e.what()));
  }
  return absl::OkStatus();
}

// A sound that cannot be answered does not keep the others from it.
absl::Status answer_files(const SoundProgram& program, const Listener& listener,
                          const std::vector<std::string>& paths) {
  int failed = 0;
  for (const std::string& path : paths) {
    const absl::Status s = answer_file(listener, path);
    if (s.ok()) continue;
    ++failed;
    complain(program, s.message());
  }
  if (failed == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(failed, " of the sounds could not be ", program.done));
}

absl::Status answer_raw_input(Listener& listener) {
  const int64_t rate = absl::GetFlag(FLAGS_rate) == 0 ? listener.rate() : absl::GetFlag(FLAGS_rate);
  const absl::Status s = hear_raw_input({absl::GetFlag(FLAGS_channels), rate, listener.rate()},
                                        [&](const Tensor& samples) { listener.hear(samples); });
  if (s.ok()) listener.finish();
  return s;
}

absl::Status run(const SoundProgram& program, const std::vector<std::string>& paths) {
  const NoGrad off;
  try {
    const auto listener = program.load();
    if (!listener.ok()) return listener.status();
    return absl::GetFlag(FLAGS_raw) ? answer_raw_input(**listener) : answer_files(program, **listener, paths);
  } catch (const std::exception& e) {
    return absl::InternalError(e.what());
  }
}

}  // namespace

void Listener::say(int64_t samples, const std::string& answer) const {
  absl::PrintF("%6.2f s   %s\n", static_cast<double>(samples) / static_cast<double>(rate()), answer);
  std::fflush(stdout);
}

int sound_main(int argc, char** argv, const SoundProgram& program) {
  absl::SetProgramUsageMessage(absl::StrCat(program.name, " [--model=DIR] FILE...   or   ", program.name,
                                            " [--model=DIR] --raw [--rate=N] < PCM"));
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if ((rest.size() > 1) == absl::GetFlag(FLAGS_raw)) {
    complain(program, "name sound files, or give --raw and samples on standard input (see --help)");
    return 2;
  }
  if (const absl::Status s = check_flags(program); !s.ok()) {
    complain(program, s.message());
    return 2;
  }
  const absl::Status s = run(program, {rest.begin() + 1, rest.end()});
  if (!s.ok()) complain(program, s.message());
  return s.ok() ? 0 : 1;
}

}  // namespace hearth::audio
