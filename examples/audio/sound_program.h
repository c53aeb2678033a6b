// What programs share that answer sounds with an exported model: named files, or raw samples as they arrive.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

// A model that hears sounds, and answers in words.
class Listener {
 public:
  virtual ~Listener() = default;
  // Samples of a second, as the model hears them.
  virtual int64_t rate() const = 0;
  // The answer to a whole sound, f32 [1, n].
  virtual std::string answer(const Tensor& samples) const = 0;
  // Hears the next samples of a stream, f32 [1, n], and says what there is to say.
  virtual void hear(const Tensor& samples) = 0;
  // The stream has ended.
  virtual void finish() = 0;

 protected:
  // Prints an answer to the samples so far.
  void say(int64_t samples, const std::string& answer) const;
};

struct SoundProgram {
  const char* name;
  const char* done;  // to a sound that was answered: "recognised"
  absl::Status (*check_flags)();
  absl::StatusOr<std::unique_ptr<Listener>> (*load)();
};

// Such a program's main(): NAME FILE..., or NAME --raw with samples on standard input. It defines the flags --raw,
// --rate and --channels. The status is 0, 2 if flags are wrong, 1 if a sound could not be answered.
int sound_main(int argc, char** argv, const SoundProgram& program);

}  // namespace hearth::audio
