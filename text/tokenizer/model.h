// Model: what makes tokens of a word. Words come from the pre-tokenizer; each is tokenised by itself, which lets a
// cache remember them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "text/tokenizer/vocabulary.h"
#include "text/tokenizer/word_cache.h"

namespace hearth::text {

// Uniform numbers for dropout (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  // In [0, 1).
  float uniform() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return static_cast<float>((z ^ (z >> 31)) >> 40) * 0x1p-24F;
  }

 private:
  uint64_t state_;
};

class Model {
 public:
  explicit Model(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Appends the word's tokens, with positions in the word.
  absl::Status tokenize(std::string_view word, Random& random, std::vector<ModelToken>& out) const {
    if (word.empty()) return absl::OkStatus();
    return tokenize_word(word, random, out);
  }
  const Vocabulary& vocabulary() const { return vocabulary_; }
  // Whether the token's text is that of the word, not the vocabulary's (an unknown piece of Unigram's).
  virtual bool shows_text(uint32_t id) const { return false; }
  // Lets the model take raw bytes in place of the characters that stand for them in byte-level vocabularies; false: it
  // cannot. Called before any tokenize().
  virtual bool take_bytes() { return false; }

 protected:
  virtual absl::Status tokenize_word(std::string_view word, Random& random, std::vector<ModelToken>& out) const = 0;
  // From the cache, or by compute(out), which is then remembered. Of equal words with different kinds each is
  // remembered by itself.
  template <class F>
  absl::Status cached(std::string_view word, std::vector<ModelToken>& out, F compute, uint64_t kind = 0) const {
    if (word.size() > WordCache::kLongest) return compute(out);
    const uint64_t hash = hash_bytes(word) ^ kind;
    if (cache_.find(word, hash, out)) return absl::OkStatus();
    const size_t before = out.size();
    absl::Status status = compute(out);
    if (status.ok()) cache_.insert(word, hash, {out.data() + before, out.size() - before});
    return status;
  }

 private:
  Vocabulary vocabulary_;
  mutable WordCache cache_;
};

}  // namespace hearth::text
