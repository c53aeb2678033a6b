#include "examples/audio/raw_input.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "audio/stream/resample_stream.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

// Standard input as f32 [1, n]: what has arrived.
class RawInput {
 public:
  explicit RawInput(int64_t channels) : channels_(channels) {}

  // An undefined tensor at the end.
  absl::StatusOr<Tensor> read();

 private:
  int64_t channels_;
  std::string left_;  // of a frame that is not complete
};

absl::StatusOr<Tensor> RawInput::read() {
  char bytes[1 << 14];
  const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (n < 0 && errno == EINTR) return read();
  if (n < 0) return absl::ErrnoToStatus(errno, "standard input cannot be read");
  if (n == 0 && !left_.empty())
    return absl::DataLossError(absl::StrCat("the last ", left_.size(), " bytes are no whole sample of each channel"));
  if (n == 0) return Tensor();
  left_.append(bytes, static_cast<size_t>(n));
  const size_t frame = 2 * static_cast<size_t>(channels_), frames = left_.size() / frame;
  std::vector<int16_t> values(frames * static_cast<size_t>(channels_));
  if (frames > 0) std::memcpy(values.data(), left_.data(), frames * frame);
  left_.erase(0, frames * frame);
  const Tensor samples = from_values(values, {static_cast<int64_t>(frames), channels_}).to(f32) / 32768.0;
  return mean(samples, {1}).unsqueeze(0);
}

}  // namespace

absl::Status hear_raw_input(const RawFormat& format, absl::FunctionRef<void(const Tensor&)> hear) {
  RawInput input(format.channels);
  ResampleStream resample(format.rate, format.wanted_rate);
  const bool as_it_comes = format.rate == format.wanted_rate;
  bool any = false;
  for (;;) {
    const auto samples = input.read();
    if (!samples.ok()) return samples.status();
    if (!samples->defined()) break;
    if (samples->size(1) == 0) continue;
    any = true;
    hear(as_it_comes ? *samples : resample(*samples));
  }
  if (!any) return absl::InvalidArgumentError("there were no samples");
  if (!as_it_comes) hear(resample.finish());
  return absl::OkStatus();
}

}  // namespace hearth::audio
