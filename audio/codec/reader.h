// AudioReader: a sound file, block by block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audio/codec/info.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The dtype in which samples are given.
enum class SampleType : uint8_t {
  /// f32, full scale at 1: integers are divided by 2^(bits - 1). Floats are the file's own, whatever their size.
  kFloat,
  /// The file's own: u8 and i8 for 8 bits, i16 for 16 bits and for A-law and µ-law, i32 for 24 bits (-2^23 to 2^23 - 1)
  /// and 32 bits, f64 for 64-bit floats, f32 for all others.
  kNative,
};

/// Reads a sound file block by block, in memory that depends on the block alone.
///
///   auto reader = AudioReader::open("long.flac");
///   for (;;) {
///     auto block = reader->read(16000);       // f32 [channels, at most 16000]
///     if (!block.ok() || block->size(1) == 0) break;
///     …
///   }
///
/// One reader is used by one thread at a time.
class AudioReader {
 public:
  /// Opens a file. Errors as audio_info().
  static absl::StatusOr<AudioReader> open(const std::string& path, SampleType type = SampleType::kFloat);
  /// Opens bytes in memory, which must outlive the reader. Errors as audio_info().
  static absl::StatusOr<AudioReader> open(std::span<const std::byte> bytes, SampleType type = SampleType::kFloat);
  /// The other reader may only be destroyed or assigned to.
  AudioReader(AudioReader&&) noexcept;
  /// The same; what this one had open is closed.
  AudioReader& operator=(AudioReader&&) noexcept;
  ~AudioReader();

  /// The properties of the file.
  const AudioInfo& info() const;
  /// The dtype of the blocks.
  DType dtype() const;
  /// The next frame that read() gives.
  int64_t position() const;
  /// The next `frames` frames, [channels, frames]; fewer at the end, none after it. kDataLoss, with the frame, if the
  /// file ends before the length in its header or is damaged; kInvalidArgument unless `frames` is positive;
  /// kResourceExhausted if a block of this size does not fit in memory.
  absl::StatusOr<Tensor> read(int64_t frames);
  /// Goes to a frame, at most info().frames. The frames that follow have the same bits as when read from the start: mp3
  /// and Opus, whose decoders remember, are decoded up to there.
  absl::Status seek(int64_t frame);

 private:
  struct State;
  explicit AudioReader(std::unique_ptr<State> state);
  static absl::StatusOr<AudioReader> open_state(std::unique_ptr<State> state, SampleType type);
  std::unique_ptr<State> state_;
};

}  // namespace hearth::audio
