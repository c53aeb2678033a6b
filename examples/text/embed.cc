// Lines to vectors:
//
//   embed DIRECTORY    reads lines, prints a JSON list of numbers for each
//
// DIRECTORY is a sentence encoder as sentence-transformers has it: config.json, model.safetensors, tokenizer.json, and
// modules.json with 1_Pooling/config.json, which say how tokens become one vector.
#include <charconv>
#include <iostream>
#include <string>
#include <vector>

#include "text/models/sentence_encoder.h"

namespace {

// The shortest text that gives the same number again.
void print(const float* values, int64_t count) {
  std::string out = "[";
  for (int64_t i = 0; i < count; ++i) {
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, values[i]);
    if (i > 0) out += ", ";
    out.append(digits, end);
  }
  std::cout << out << "]\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: embed DIRECTORY\n";
    return 2;
  }
  const auto encoder = hearth::text::SentenceEncoder::load(argv[1]);
  if (!encoder.ok()) {
    std::cerr << "embed: " << encoder.status().message() << "\n";
    return 1;
  }
  // Many lines at once, so that texts of like length can be computed together.
  constexpr size_t kLines = 1024;
  std::vector<std::string> lines;
  for (bool more = true; more;) {
    lines.clear();
    std::string line;
    while (lines.size() < kLines && (more = static_cast<bool>(std::getline(std::cin, line)))) lines.push_back(line);
    const auto vectors = encoder->encode(lines);
    if (!vectors.ok()) {
      std::cerr << "embed: " << vectors.status().message() << "\n";
      return 1;
    }
    for (int64_t i = 0; i < vectors->size(0); ++i)
      print(vectors->data<float>() + i * encoder->dimension(), encoder->dimension());
  }
  return 0;
}
