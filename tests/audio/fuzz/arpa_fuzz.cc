#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "audio/recognition/lexicon.h"
#include "audio/recognition/ngram.h"

// Any text is a language model or an error, and a lexicon or an error. A model scores every sentence.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::audio;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto model = NgramModel::parse(text); model.ok()) {
    const std::vector<std::string> words = {"a", "a", "b", "<s>", "</s>", "", "a"};
    if (!std::isfinite(model->sentence(words))) std::abort();
  }
  const std::vector<std::string> labels = {"-", "|", "a", "b"};
  if (const auto lexicon = Lexicon::parse(text, labels); lexicon.ok()) {
    for (int64_t k = 0; k < 4; ++k) {
      const int32_t place = lexicon->next(0, k);
      if (place >= 0) (void)lexicon->words(place);
    }
  }
  return 0;
}
