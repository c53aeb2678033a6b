// Random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
#pragma once

#include <array>
#include <cstdint>

#include "core/base/mutex.h"

namespace hearth {

/// Four 32-bit random words for a counter and a seed (Philox4x32-10). Element i of a call with offset o takes word i %
/// 4 of counter o + i / 4, so the numbers are the same for any number of threads and on every device. `stream` is the
/// upper half of the 128-bit counter.
constexpr std::array<uint32_t, 4> philox(uint64_t seed, uint64_t counter, uint64_t stream = 0) {
  uint32_t c0 = static_cast<uint32_t>(counter), c1 = static_cast<uint32_t>(counter >> 32),
           c2 = static_cast<uint32_t>(stream), c3 = static_cast<uint32_t>(stream >> 32),
           k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

/// What a generator's next numbers follow from.
struct GeneratorState {
  uint64_t seed = 0;    ///< The key of the numbers.
  uint64_t offset = 0;  ///< How many counters have been used; each gives four 32-bit words.
  friend bool operator==(const GeneratorState&, const GeneratorState&) = default;
};

/// A stream of random numbers. Thread-safe: each call takes counters of its own.
class Generator {
 public:
  /// The seed where none is given.
  static constexpr uint64_t kDefaultSeed = 67280421310721;
  /// A generator at counter 0 of `seed`.
  explicit Generator(uint64_t seed = kDefaultSeed) : state_{seed, 0} {}
  virtual ~Generator() = default;
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// Starts again from counter 0 of a seed.
  void set_seed(uint64_t seed);
  /// The present state, for set_state().
  virtual GeneratorState state() const;
  /// Goes on from a state.
  virtual void set_state(GeneratorState s);
  /// Takes the counters for `words` 32-bit words, (words + 3) / 4 of them, and returns the state before they were
  /// taken.
  virtual GeneratorState take(uint64_t words);
  /// A uniform 32-bit number. Uses one counter.
  uint32_t next_u32();
  /// A uniform 64-bit number. Uses one counter.
  uint64_t next_u64();

 private:
  mutable Mutex mutex_;
  GeneratorState state_ ABSL_GUARDED_BY(mutex_);
};

/// The generator that random ops use where none is given: that of this thread's innermost GeneratorGuard, otherwise one
/// that the whole process shares.
Generator& default_generator();

/// Makes a generator this thread's default while the guard lives. The generator must outlive it.
class GeneratorGuard {
 public:
  /// Makes `generator` the default.
  explicit GeneratorGuard(Generator& generator);
  ~GeneratorGuard();
  GeneratorGuard(const GeneratorGuard&) = delete;
  GeneratorGuard& operator=(const GeneratorGuard&) = delete;

 private:
  Generator* previous_;
};

/// Seeds the default generator: it starts again from counter 0.
void manual_seed(uint64_t seed);
/// Seeds the default generator with a number from std::random_device and returns that number.
uint64_t seed();
/// The seed of the default generator.
uint64_t initial_seed();
/// The state of the default generator.
inline GeneratorState get_rng_state() { return default_generator().state(); }
/// Sets the state of the default generator.
inline void set_rng_state(const GeneratorState& s) { default_generator().set_state(s); }

}  // namespace hearth
