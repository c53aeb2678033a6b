// What a sound file holds, without decoding it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace hearth::audio {

/// How a sound file holds its samples.
enum class Encoding : uint8_t {
  kPcmS8,    ///< Signed integers of 8 bits (aiff, flac).
  kPcmU8,    ///< Unsigned integers of 8 bits, 128 for silence (wav).
  kPcm16,    ///< Signed integers of 16 bits.
  kPcm24,    ///< Signed integers of 24 bits.
  kPcm32,    ///< Signed integers of 32 bits.
  kFloat32,  ///< IEEE 754 binary32, full scale at 1.
  kFloat64,  ///< IEEE 754 binary64, full scale at 1.
  kALaw,     ///< ITU-T G.711 A-law, 8 bits.
  kMuLaw,    ///< ITU-T G.711 µ-law, 8 bits.
  kVorbis,   ///< Vorbis, in an ogg file.
  kOpus,     ///< Opus, in an ogg file.
  kMp3,      ///< MPEG audio layer 3.
};
/// The name in messages: "pcm16".
const char* to_string(Encoding e);

/// The kind of a sound file.
enum class FileFormat : uint8_t {
  kWav,   ///< RIFF WAVE, also with the extensible header, and RF64.
  kFlac,  ///< FLAC.
  kOgg,   ///< Ogg with Vorbis or Opus.
  kMp3,   ///< MPEG audio layer 3.
  kAiff,  ///< AIFF and AIFF-C.
};
/// The name in messages: "wav".
const char* to_string(FileFormat f);

/// The properties of a sound file.
struct AudioInfo {
  int64_t sample_rate = 0;  ///< Frames per second.
  int64_t channels = 0;     ///< Samples in a frame.
  int64_t frames = 0;       ///< The length as the header gives it. A damaged compressed file may hold fewer.
  FileFormat format = FileFormat::kWav;  ///< The kind of file.
  Encoding encoding = Encoding::kPcm16;  ///< How it holds samples.
  /// The length in seconds.
  double seconds() const { return static_cast<double>(frames) / static_cast<double>(sample_rate); }
};

/// The properties of a sound file in memory. Errors: kInvalidArgument for bytes that are no sound, kUnimplemented for
/// formats and encodings that are not read, kDataLoss for a file that is damaged or cut off.
absl::StatusOr<AudioInfo> audio_info(std::span<const std::byte> bytes);
/// The same of a file. Errors name the path.
absl::StatusOr<AudioInfo> audio_info(const std::string& path);

}  // namespace hearth::audio
