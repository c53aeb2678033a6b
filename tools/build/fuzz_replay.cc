// Runs a fuzz target over its corpus without libFuzzer, so that every ordinary and every sanitized test run
// repeats what fuzzing has found. Damaged copies are made by a fixed generator: the same ones each time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

uint64_t next_random(uint64_t* state) {  // splitmix64
  uint64_t z = (*state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

size_t run(const Bytes& bytes) {
  // A copy of exactly this size, so that AddressSanitizer sees a read past its end.
  Bytes exact(bytes);
  exact.shrink_to_fit();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  return 1;
}

size_t run_with_variants(const Bytes& bytes) {
  size_t runs = run(bytes);
  constexpr size_t kPrefixes = 32;
  const size_t step = std::max<size_t>(1, bytes.size() / kPrefixes);
  for (size_t length = 0; length < bytes.size(); length += step) {
    runs += run(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)));
  }
  uint64_t state = bytes.size();
  // Most formats decide by their first bytes, so half of the damage goes there.
  for (int i = 0; i < 128 && !bytes.empty(); ++i) {
    Bytes damaged(bytes);
    const size_t span = i % 2 == 0 ? std::min<size_t>(bytes.size(), 64) : bytes.size();
    for (int n = 0; n <= i % 3; ++n) {
      damaged[next_random(&state) % span] = static_cast<uint8_t>(next_random(&state));
    }
    runs += run(damaged);
  }
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  if (files.empty()) {
    std::fprintf(stderr, "fuzz_replay: the corpus is empty\n");
    return 1;
  }
  std::sort(files.begin(), files.end());
  size_t runs = run({});
  for (const auto& file : files) {
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    std::ifstream in(file, std::ios::binary);
    runs += run_with_variants(Bytes(std::istreambuf_iterator<char>(in), {}));
  }
  std::printf("%zu files, %zu inputs\n", files.size(), runs);
  return 0;
}
