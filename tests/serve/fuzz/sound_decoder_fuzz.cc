// What clients upload as a sound: whatever it is, the decoder gives samples as the model wants them, or an error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "core/ops/compare.h"
#include "core/ops/reduce.h"
#include "serve/model/decoder.h"

// libsndfile 1.2 loses libvorbis' settings of some malformed Ogg files, also when it is closed.
extern "C" const char* __lsan_default_suppressions() { return "leak:vorbis_info_init\n"; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth;
  const serve::Decoder* decoder = nullptr;
  for (const serve::Decoder* d : serve::decoders()) {
    if (std::strcmp(d->type, "audio") == 0) decoder = d;
  }
  if (decoder == nullptr) std::abort();
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  using Input = std::map<std::string, std::string>;
  for (const Input& input : {Input{}, Input{{"sample_rate", "16000"}, {"channels", "1"}}}) {
    const auto sound = decoder->decode(file, input);
    if (!sound.ok()) {
      if (sound.status().message().empty() || absl::IsInternal(sound.status())) std::abort();
      continue;
    }
    if (sound->size() != 1 || sound->at(0).dim() != 2 || sound->at(0).dtype() != f32) std::abort();
    if (!input.empty() && sound->at(0).size(0) != 1) std::abort();
    if (!isfinite(sound->at(0)).all().item<bool>()) std::abort();
  }
  return 0;
}
