#include "core/tensor/generator.h"

#include <random>

#include "core/base/mutex.h"
#include "core/base/thread_state.h"

namespace hearth {

void Generator::set_seed(uint64_t seed) { set_state({seed, 0}); }

GeneratorState Generator::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

void Generator::set_state(GeneratorState s) {
  const MutexLock lock(mutex_);
  state_ = s;
}

GeneratorState Generator::take(uint64_t words) {
  const MutexLock lock(mutex_);
  const GeneratorState before = state_;
  state_.offset += (words + 3) / 4;
  return before;
}

uint32_t Generator::next_u32() {
  const GeneratorState s = take(1);
  return philox(s.seed, s.offset)[0];
}

uint64_t Generator::next_u64() {
  const GeneratorState s = take(2);
  const auto words = philox(s.seed, s.offset);
  return uint64_t{words[0]} << 32 | words[1];
}

Generator& default_generator() {
  if (thread_state.generator) return *thread_state.generator;
  static Generator generator;
  return generator;
}

GeneratorGuard::GeneratorGuard(Generator& generator) : previous_(thread_state.generator) {
  thread_state.generator = &generator;
}
GeneratorGuard::~GeneratorGuard() { thread_state.generator = previous_; }

void manual_seed(uint64_t seed) { default_generator().set_seed(seed); }

uint64_t seed() {
  std::random_device device;
  const uint64_t s = uint64_t{device()} << 32 | device();
  manual_seed(s);
  return s;
}
uint64_t initial_seed() { return default_generator().state().seed; }

}  // namespace hearth
