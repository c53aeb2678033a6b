#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "audio/recognition/ctc_decoder.h"
#include "core/ops/create.h"
#include "core/ops/view.h"

// Frames of any log-probabilities, in parts of any size: the texts are those of all frames at once.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth;
  using namespace hearth::audio;
  if (size < 3) return 0;
  CtcBeamOptions options{.labels = {"-", "|", "a", "b"}, .delimiter = 1, .beam_size = 1 + data[0] % 16};
  if (data[1] % 2 == 1) options.lexicon = *Lexicon::parse("ab a b\na a\nAB a b", options.labels);
  if (data[1] % 4 >= 2) options.beam_size_token = 1 + data[1] % 3;
  options.beam_threshold = data[2];
  std::vector<double> values;
  for (size_t i = 3; i < std::min<size_t>(size, 1000); ++i)
    values.push_back(data[i] == 255 ? -std::numeric_limits<double>::infinity() : -static_cast<double>(data[i]) / 8);
  const auto frames = static_cast<int64_t>(values.size() / 4);
  values.resize(static_cast<size_t>(4 * frames));
  const Tensor x = from_values(values, {frames, 4});
  const auto whole = ctc_beam_search(x, options, 4);
  CtcBeamSearch search(options);
  for (int64_t at = 0, i = 0; at < frames; ++i) {
    const int64_t n = std::min<int64_t>(1 + data[static_cast<size_t>(i) % size] % 5, frames - at);
    search.feed(slice(x, 0, at, at + n));
    (void)search.partial();
    at += n;
  }
  const auto parts = search.results(4);
  if (parts.empty() || parts.size() != whole.size()) std::abort();
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].text != whole[i].text || parts[i].score != whole[i].score) std::abort();
    if (std::isnan(parts[i].score) || parts[i].tokens.size() != parts[i].frames.size()) std::abort();
  }
  return 0;
}
