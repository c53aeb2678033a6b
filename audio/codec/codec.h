// Sound files as tensors: wav, flac, ogg (Vorbis, Opus), mp3 and aiff, read and written through libsndfile.
//
// Memory grows with what is decoded, never with what a header declares. A file that ends early is an error, never a
// shorter sound. Functions are thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audio/codec/info.h"
#include "audio/codec/reader.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The largest sound that is loaded where no limit is given, in samples (frames times channels): 2^28.
constexpr int64_t kMaxSamples = int64_t{1} << 28;

/// Options of load_audio() and decode_audio().
struct LoadOptions {
  int64_t frame_offset = 0;              ///< The first frame.
  std::optional<int64_t> num_frames{};   ///< How many frames, at most. Without it all that follow.
  SampleType type = SampleType::kFloat;  ///< The dtype of the samples.
  bool mono = false;                     ///< The mean of the channels, [1, frames]. Needs samples of f32 or f64.
  int64_t max_samples = kMaxSamples;     ///< The limit for frames times the file's channels.
};

/// A sound.
struct Audio {
  Tensor samples;           ///< [channels, frames].
  int64_t sample_rate = 0;  ///< Frames per second.
};

/// Decodes a sound file in memory.
///
/// Errors: kInvalidArgument for bytes that are no sound and for a range outside of the sound; kUnimplemented for
/// formats and encodings that are not read; kDataLoss for a file that is damaged or cut off; kResourceExhausted beyond
/// max_samples.
absl::StatusOr<Audio> decode_audio(std::span<const std::byte> bytes, const LoadOptions& options = {});
/// The same of a file. Errors name the path.
absl::StatusOr<Audio> load_audio(const std::string& path, const LoadOptions& options = {});

/// Options of encode_audio() and save_audio().
struct SaveOptions {
  /// How samples are held. Without it: wav and aiff hold the tensor's own values (u8 becomes pcm_u8, i16 pcm16, i32
  /// pcm32, f32 float32, …); flac pcm16 for i16 and pcm24 for floats and i32; ogg Vorbis (in a file called .opus,
  /// Opus); mp3 itself.
  std::optional<Encoding> encoding{};
  /// For Vorbis, Opus and mp3: 0 (small) to 1 (good).
  double quality = 0.6;
  /// Write the wav header with a channel mask (WAVE_FORMAT_EXTENSIBLE).
  bool extensible = false;
};

/// The bytes of a sound file of a CPU tensor [channels, frames].
///
/// Floats (f32, f64) fit every encoding: full scale is 1, integers are rounded to the nearest, ties to even, and what
/// is beyond full scale becomes the largest or smallest integer. Integers must be those that the encoding holds
/// (SampleType::kNative gives them): u8 and i8 for 8 bits, i16 for 16 bits, A-law, µ-law, floats and the lossy ones,
/// i32 for 24 bits (-2^23 to 2^23 - 1) and 32 bits.
///
/// kInvalidArgument for tensors, rates and options that do not fit, and for NaN where integers or lossy encodings are
/// written.
absl::StatusOr<std::string> encode_audio(const Tensor& samples, int64_t sample_rate, FileFormat format,
                                         const SaveOptions& options = {});
/// Writes a sound file in the format of the path's ending: .wav, .flac, .ogg, .opus, .mp3, .aiff or .aif, in upper or
/// lower case. Errors as encode_audio(), with the path. The file appears whole or not at all (io::AtomicFile).
absl::Status save_audio(const std::string& path, const Tensor& samples, int64_t sample_rate,
                        const SaveOptions& options = {});

}  // namespace hearth::audio
