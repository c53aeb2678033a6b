#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "audio/codec/codec.h"

// libsndfile 1.2 loses libvorbis' settings of some malformed Ogg files, also when it is closed.
extern "C" const char* __lsan_default_suppressions() { return "leak:vorbis_info_init\n"; }

// Any bytes are a sound or an error. A sound has the size that it says, whole and in blocks.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::audio;
  constexpr int64_t kLimit = 1 << 16;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  // Anything that changes from input to input chooses the samples' type.
  const SampleType type = size > 0 && data[size - 1] % 2 == 1 ? SampleType::kNative : SampleType::kFloat;
  const auto info = audio_info(bytes);
  const auto whole = decode_audio(bytes, {.type = type, .max_samples = kLimit});
  if (!info.ok()) {
    if (whole.ok()) std::abort();
    return 0;
  }
  if (info->channels < 1 || info->sample_rate < 1 || info->frames < 0) std::abort();
  if (whole.ok()) {
    if (whole->samples.size(0) != info->channels || whole->samples.size(1) != info->frames) std::abort();
    if (whole->samples.numel() > kLimit) std::abort();
  }
  auto reader = AudioReader::open(bytes, type);
  if (!reader.ok()) std::abort();
  for (int64_t read = 0; read < kLimit;) {
    const auto block = reader->read(100);
    if (!block.ok() || block->size(1) == 0) break;
    read += block->numel();
  }
  if (info->frames > 0) (void)reader->seek(info->frames < kLimit ? info->frames / 2 : 0);
  return 0;
}
