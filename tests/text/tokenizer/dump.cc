// Prints one checksum a string, for tools/golden/text_tokenizers.py --compare.
//
//   dump TOKENIZER STRINGS MODE     MODE: single, pair, words
//   dump TOKENIZER STRINGS MODE N   what string N becomes, in words
//   dump TOKENIZER save             the tokenizer.json that Hearth writes for it
//   dump pipeline save              the same for byte_level_pipeline()
//
// STRINGS holds strings, each behind its length (32 bits, little endian). In mode pair two neighbours are one pair; in
// mode words a string is split at single spaces.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "tests/text/tokenizer/digest.h"
#include "text/tokenizer/train.h"

namespace {

using namespace hearth;

void show_one(const text::Encoding& e) {
  const std::vector<int32_t> sequences = e.sequence_ids();
  for (size_t i = 0; i < e.size(); ++i) {
    std::cout << e.ids[i] << " '" << e.tokens[i] << "' " << e.char_offsets[i].begin << ".." << e.char_offsets[i].end
              << " word " << e.word_ids[i] << " type " << e.type_ids[i] << " text " << sequences[i] << " mask "
              << int{e.special_tokens_mask[i]} << int{e.attention_mask[i]} << "\n";
  }
  for (const text::Encoding& o : e.overflowing) {
    std::cout << "overflowing:\n";
    show_one(o);
  }
}

void show(const text::Tokenizer& tokenizer, const absl::StatusOr<text::Encoding>& e) {
  if (!e.ok()) {
    std::cout << e.status() << "\n";
    return;
  }
  show_one(*e);
  for (const bool skip : {true, false})
    std::cout << "decoded: " << tokenizer.decode(e->ids, skip).value_or("error") << "\n";
}

int run(int argc, char** argv) {
  if (argc < 3) return 2;
  const bool save = argc == 3 && std::string(argv[2]) == "save";
  if (argc < 4 && !save) return 2;
  const auto tokenizer = save && std::string(argv[1]) == "pipeline"
                             ? absl::StatusOr<text::Tokenizer>(text::byte_level_pipeline())
                             : text::Tokenizer::load(argv[1]);
  if (!tokenizer.ok()) {
    std::cerr << tokenizer.status() << "\n";
    return 1;
  }
  if (save) {
    std::cout << tokenizer->to_json();
    return 0;
  }
  const std::string all = io::read_file(argv[2], uint64_t{1} << 32).value_or("");
  std::vector<std::string> strings;
  for (size_t at = 0; at + 4 <= all.size();) {
    uint32_t n = 0;
    std::memcpy(&n, all.data() + at, 4);
    strings.push_back(all.substr(at + 4, n));
    at += 4 + n;
  }
  const std::string mode = argv[3];
  const auto encode = [&](size_t i) {
    if (mode == "pair") return tokenizer->encode(strings[i], std::string_view(strings[i + 1]));
    if (mode == "single") return tokenizer->encode(strings[i]);
    std::vector<std::string> words(1);
    for (const char c : strings[i]) {
      if (c == ' ') {
        words.emplace_back();
      } else {
        words.back() += c;
      }
    }
    return tokenizer->encode_words(words);
  };
  if (argc > 4) {
    show(*tokenizer, encode(std::stoul(argv[4])));
    return 0;
  }
  const size_t n = strings.size() - (mode == "pair" ? std::min<size_t>(1, strings.size()) : 0);
  for (size_t i = 0; i < n; ++i) {
    text::Digest d;
    digest_all(d, *tokenizer, encode(i));
    std::printf("%08x\n", d.value());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
