#include "examples/audio/sound.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "audio/codec/codec.h"
#include "audio/ops/resample.h"
#include "core/base/error.h"
#include "core/ops/compare.h"
#include "core/ops/reduce.h"

namespace hearth::audio {

absl::StatusOr<Tensor> load_sound(const std::string& path, int64_t rate) {
  const auto bad = [&](absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat(path, ": ", what)); };
  const auto sound = load_audio(path, {.mono = true});
  if (!sound.ok()) return sound.status();
  if (sound->samples.numel() == 0) return bad("the sound has no samples");
  try {
    if (!isfinite(sound->samples).all().item<bool>()) return bad("the sound has samples that are not finite");
    return resample(sound->samples, sound->sample_rate, rate);
  } catch (const Error& e) {
    return bad(e.message());
  }
}

}  // namespace hearth::audio
