#include "examples/audio/raw_input.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::audio {

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

}  // namespace hearth::audio
