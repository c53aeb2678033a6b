// Texts to ids, for tests/bench/peers/tokenizers.py, which gives the tokenizer and the texts:
//
//   tokenizer_bench TOKENIZER.json TEXT...    each line of a text is a text of its own
//
// `encode/FILE` makes whole encodings with offsets, `ids/FILE` the ids alone; HEARTH_NUM_THREADS says on how many
// threads. The first round of each warms the cache of words, as it is in use.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "text/tokenizer/tokenizer.h"

namespace {

using hearth::text::Tokenizer;
using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  Lines lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1);
    lines.push_back(text.substr(at, end + 1 - at));
    at = end + 1;
  }
  return lines;
}

template <class Encode>
void run(benchmark::State& state, const Lines& lines, Encode encode) {
  for (auto _ : state) {
    const auto encoded = encode(lines);
    if (!encoded.ok()) return state.SkipWithError(std::string(encoded.status().message()).c_str());
    benchmark::DoNotOptimize(encoded->data());
  }
  size_t bytes = 0;
  for (const std::string& line : lines) bytes += line.size();
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * state.iterations());
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 3) {
    std::cerr << "usage: tokenizer_bench TOKENIZER.json TEXT...\n";
    return 2;
  }
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::load(argv[1]);
  if (!tokenizer.ok()) {
    std::cerr << tokenizer.status().message() << '\n';
    return 1;
  }
  for (int i = 2; i < argc; ++i) {
    const absl::StatusOr<std::string> text = hearth::io::read_file(argv[i], uint64_t{1} << 30);
    if (!text.ok()) {
      std::cerr << text.status().message() << '\n';
      return 1;
    }
    const std::string name = std::filesystem::path(argv[i]).stem();
    const Lines lines = lines_of(*text);
    benchmark::RegisterBenchmark(
        ("encode/" + name).c_str(),
        [=](benchmark::State& state) { run(state, lines, [&](const Lines& l) { return tokenizer->encode_batch(l); }); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
    benchmark::RegisterBenchmark(("ids/" + name).c_str(),
                                 [=](benchmark::State& state) {
                                   run(state, lines, [&](const Lines& l) { return tokenizer->encode_ids_batch(l); });
                                 })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
