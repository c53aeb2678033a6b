// A generation_config.json, and behind a NUL the logits of a model. What is taken is written and reads the same again;
// with it a text grows, or beams do, whose tokens are tokens, whose text is UTF-8 and has no stop string.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/text/generate/byte_tokenizer.h"
#include "text/generate/beam.h"
#include "text/generate/decoding.h"
#include "text/unicode/utf8.h"

namespace {

using namespace hearth::text;

constexpr int64_t kVocabulary = 257, kPositions = 24;

// Rows of logits that go through the bytes again and again; all finite but for one value, which excludes.
class Logits {
 public:
  explicit Logits(std::string_view bytes) : bytes_(bytes.empty() ? std::string_view("\1", 1) : bytes) {}
  std::vector<float> rows(int64_t count) {
    std::vector<float> out(static_cast<size_t>(count * kVocabulary));
    for (float& v : out) {
      const auto byte = static_cast<unsigned char>(bytes_[next_++ % bytes_.size()]);
      v = byte == 255 ? -__builtin_huge_valf() : byte == 254 ? 3e38F : (static_cast<float>(byte) - 128) / 16;
    }
    return out;
  }

 private:
  std::string_view bytes_;
  size_t next_ = 0;
};

void check(bool right) {
  if (!right) std::abort();
}

void grow(const DecodingPlan& plan, const std::vector<int32_t>& prompt, Logits logits) {
  Scratch scratch;
  absl::StatusOr<Decoding> text = Decoding::begin(plan, prompt);
  if (!text.ok()) return check(!text.status().message().empty());
  std::string shown;
  while (!text->finished()) {
    const absl::StatusOr<DecodedToken> token = text->next(logits.rows(1), scratch);
    if (!token.ok()) return check(!token.status().message().empty());
    check(token->id >= 0 && token->id < kVocabulary);
    check(find_invalid_utf8(token->text) == std::string::npos);
    shown += token->text;
  }
  check(static_cast<int64_t>(text->tokens().size()) <= kPositions);
  for (const std::string& stop : plan.config().stop_strings) check(shown.find(stop) == std::string::npos);
}

void search(const DecodingPlan& plan, const std::vector<int32_t>& prompt, Logits logits) {
  Scratch scratch;
  absl::StatusOr<BeamSearch> beams = BeamSearch::begin(plan, prompt);
  if (!beams.ok()) return check(!beams.status().message().empty());
  while (!beams->finished()) {
    const int64_t rows = beams->rows();
    std::vector<Continuation> next;
    const absl::Status s = beams->step(logits.rows(rows), scratch, next);
    if (!s.ok()) return check(!s.message().empty());
    check(static_cast<int64_t>(next.size()) == beams->rows());
    for (const Continuation& c : next) check(c.row >= 0 && c.row < rows && c.token >= 0 && c.token < kVocabulary);
  }
  const std::vector<Hypothesis> best = beams->best();
  check(!best.empty());
  for (size_t i = 1; i < best.size(); ++i) check(best[i - 1].score >= best[i].score);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Tokenizer tokenizer = byte_tokenizer();
  static const std::vector<int32_t> prompt = tokenizer.encode_ids("a b").value();
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(all.find('\0'), size);
  const auto file = parse_generation_config(all.substr(0, zero));
  if (!file.ok()) {
    check(!file.status().message().empty());
    return 0;
  }
  const std::string written = generation_config_to_json(file->config);
  const auto again = parse_generation_config(written);
  check(again.ok() && generation_config_to_json(again->config) == written);
  const auto plan =
      DecodingPlan::make(file->config, {.vocabulary = kVocabulary, .max_positions = kPositions}, &tokenizer);
  if (!plan.ok()) {
    check(!plan.status().message().empty());
    return 0;
  }
  if (file->config.num_beams > 8) return 0;
  const Logits logits(all.substr(std::min(zero + 1, size)));
  file->config.num_beams > 1 ? search(*plan, prompt, logits) : grow(*plan, prompt, logits);
  return 0;
}
