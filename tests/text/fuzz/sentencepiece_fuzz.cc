// A `.model`: two bytes with the length of a text, the text, and the model. What is taken gives pieces that lie in the
// text, decodes, samples, and makes a Tokenizer unless that says why not.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/sentencepiece/sentencepiece.h"
#include "text/tokenizer/sentencepiece.h"
#include "text/unicode/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::text;
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t length = std::min<size_t>(data[0] | data[1] << 8, all.size());
  const std::string text = replace_invalid_utf8(all.substr(0, length));
  const std::string_view bytes = all.substr(length);
  const auto model = SentencePiece::parse(bytes);
  const auto tokenizer = parse_sentencepiece(bytes);
  if (!tokenizer.ok() && tokenizer.status().message().empty()) std::abort();
  if (tokenizer.ok()) {
    const auto ids = tokenizer->encode_ids(text);
    if (!ids.ok() && ids.status().message().empty()) std::abort();
    if (ids.ok()) (void)tokenizer->decode(*ids);
  }
  if (!model.ok()) {
    if (model.status().message().empty()) std::abort();
    return 0;
  }
  const auto pieces = model->encode_pieces(text);
  if (!pieces.ok()) {
    if (pieces.status().message().empty()) std::abort();
    return 0;
  }
  const auto ids = model->encode(text);
  if (!ids.ok() || ids->size() != pieces->size()) std::abort();
  for (size_t i = 0; i < pieces->size(); ++i) {
    const TextPiece& piece = (*pieces)[i];
    if (piece.id != (*ids)[i] || piece.id < 0 || static_cast<size_t>(piece.id) >= model->vocab_size()) std::abort();
    if (piece.byte_offset.begin > piece.byte_offset.end || piece.byte_offset.end > text.size()) std::abort();
  }
  if (!model->decode(*ids).ok()) std::abort();
  if (text.size() > 200) return 0;
  for (const auto& options : {SamplingOptions{.alpha = 0.3F, .seed = 1}, SamplingOptions{.nbest_size = 4}}) {
    const auto sampled = model->sample(text, options);
    if (sampled.ok() && !model->decode(*sampled).ok()) std::abort();
  }
  (void)model->encode_best(text, 3);
  return 0;
}
