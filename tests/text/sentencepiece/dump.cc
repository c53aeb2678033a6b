// Checksums of what a .model makes of strings, for tools/golden/text_sentencepiece.py --compare:
//
//   dump MODEL STRINGS TOKENIZER.json
//                         STRINGS: of each string its length in four bytes and its bytes. Prints a line for each: the
//                         checksum of SentencePiece's pieces, and that of the Tokenizer's ids. Saves the Tokenizer.
#include <cstdio>
#include <cstring>
#include <string>

#include "core/io/file.h"
#include "tests/text/sentencepiece/digest.h"
#include "text/tokenizer/sentencepiece.h"

int main(int argc, char** argv) {
  using namespace hearth::text;
  if (argc != 4) return 2;
  const SentencePiece model = SentencePiece::load(argv[1]).value();
  const absl::StatusOr<Tokenizer> tokenizer = load_sentencepiece(argv[1]);
  const absl::Status saved = tokenizer.ok() ? tokenizer->save(argv[3]) : tokenizer.status();
  if (!saved.ok()) std::fprintf(stderr, "%s\n", std::string(saved.message()).c_str());
  const std::string strings = hearth::io::read_file(argv[2], 1 << 30).value();
  for (size_t at = 0; at < strings.size();) {
    uint32_t size = 0;
    std::memcpy(&size, strings.data() + at, sizeof size);
    const std::string text = strings.substr(at + sizeof size, size);
    at += sizeof size + size;
    Sum all, ids;
    all.all_of(model, text);
    if (tokenizer.ok()) ids.ids(tokenizer->encode_ids(text, {.encode_special_tokens = true}).value());
    std::printf("%08x %08x\n", all.value(), ids.value());
  }
  return 0;
}
