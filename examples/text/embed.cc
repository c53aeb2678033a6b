// Lines to vectors:
//
//   embed DIRECTORY    reads lines, prints a JSON list of numbers for each
//
// DIRECTORY is a sentence encoder as sentence-transformers has it: config.json, model.safetensors, tokenizer.json, and
// modules.json with 1_Pooling/config.json, which say how tokens become one vector.
#include <charconv>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "text/models/sentence_encoder.h"

namespace {

// The shortest text that gives the same number again. JSON has no others than finite ones.
absl::Status print(const float* values, int64_t count) {
  std::string out = "[";
  for (int64_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) return absl::DataLossError("its vector has a number that is not finite");
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, values[i]);
    if (i > 0) out += ", ";
    out.append(digits, end);
  }
  std::cout << out << "]\n";
  return absl::OkStatus();
}

absl::Status run(const std::string& directory) {
  const auto encoder = hearth::text::SentenceEncoder::load(directory);
  if (!encoder.ok()) return encoder.status();
  // Many lines at once, so that texts of like length can be computed together.
  constexpr size_t kLines = 1024;
  std::vector<std::string> lines;
  size_t read = 0;
  const auto name = [&](size_t i) { return absl::StrCat("line ", read + i + 1); };
  for (bool more = true; more; read += lines.size()) {
    lines.clear();
    std::string line;
    while (lines.size() < kLines && (more = static_cast<bool>(std::getline(std::cin, line)))) lines.push_back(line);
    const auto vectors = encoder->encode(lines, {.name = name});
    if (!vectors.ok()) return vectors.status();
    for (size_t i = 0; i < lines.size(); ++i) {
      const absl::Status s =
          print(vectors->data<float>() + static_cast<int64_t>(i) * encoder->dimension(), encoder->dimension());
      if (!s.ok()) return absl::Status(s.code(), absl::StrCat(name(i), ": ", s.message()));
    }
    if (!std::cout.flush()) return absl::UnknownError("standard output cannot be written");
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: embed DIRECTORY\n";
    return 2;
  }
  const absl::Status status = run(argv[1]);
  if (!status.ok()) std::cerr << "embed: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
