#include "audio/ops/whisper.h"

#include "audio/ops/constants_internal.h"
#include "audio/ops/mel.h"
#include "core/base/called_as.h"
#include "core/ops/arithmetic.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::audio {

Tensor whisper_log_mel(const Tensor& x, int64_t n_mels) {
  const CalledAs called("whisper_log_mel");
  detail::Constants constants;
  const Tensor all =
      detail::filtered_spectrogram(x, {.n_fft = 400, .hop_length = 160}, constants, [&](int64_t n_freqs) {
        return melscale_fbanks(n_freqs, 0, 8000, n_mels, 16000, MelNorm::kSlaney, MelScale::kSlaney,
                               {.dtype = x.dtype(), .device = x.device()});
      });
  const Tensor mel = slice(all, -1, 0, all.size(-1) - 1);
  if (mel.numel() == 0) return mel;
  const Tensor level = log10(clamp(mel, Scalar(1e-10)));
  return (maximum(level, amax(level, {-2, -1}, true) - 8) + 4) / 4;
}

}  // namespace hearth::audio
