// A tokenizer.json, and behind a NUL a text that it encodes: every model, normaliser, pre-tokenizer, post-processor and
// decoder stands in the corpus. What is taken gives tokens whose offsets lie in the text, saves, loads again, and then
// does the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::text;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(all.find('\0'), size);
  const std::string_view text = all.substr(std::min(zero + 1, size));
  const auto tokenizer = Tokenizer::parse(all.substr(0, zero));
  if (!tokenizer.ok()) {
    if (tokenizer.status().message().empty()) std::abort();
    return 0;
  }
  if (const auto& p = tokenizer->padding(); p && std::max(p->length.value_or(0), p->multiple_of) > 10000) return 0;
  const EncodeOptions options{.replace_invalid_utf8 = true};
  const auto e = tokenizer->encode(text, options);
  if (e.ok()) {
    const size_t n = e->size();
    if (e->tokens.size() != n || e->type_ids.size() != n || e->byte_offsets.size() != n ||
        e->char_offsets.size() != n || e->word_ids.size() != n || e->attention_mask.size() != n ||
        e->special_tokens_mask.size() != n) {
      std::abort();
    }
    (void)tokenizer->decode(e->ids, false);
    DecodeStream stream(*tokenizer);
    for (size_t i = 0; i < std::min<size_t>(n, 50); ++i) (void)stream.step(e->ids[i]);
    (void)stream.finish();
  } else if (e.status().message().empty()) {
    std::abort();
  }
  const auto ids = tokenizer->encode_ids(text, options);
  if (ids.ok() != e.ok() || (e.ok() && *ids != e->ids)) std::abort();
  (void)tokenizer->encode(text.substr(0, text.size() / 2), text.substr(text.size() / 2), options);
  const auto again = Tokenizer::parse(tokenizer->to_json());
  if (!again.ok()) std::abort();
  const auto same = again->encode_ids(text, options);
  if (same.ok() != ids.ok() || (ids.ok() && *same != *ids)) std::abort();
  return 0;
}
