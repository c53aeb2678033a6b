// Random numbers of captured work: each replay draws on from where its generators stand.
#include "core/kernels/cuda/draw.cuh"

#include <map>

#include "core/base/error.h"
#include "core/base/thread_state.h"
#include "core/kernels/cuda/live.cuh"

namespace hearth::cuda {
namespace {

// What a capture draws from one generator.
struct Source {
  GeneratorState* at = nullptr;
  uint64_t counters = 0;
};
// By generator. Null is the default one, whichever that is where the work is replayed.
struct Sources {
  std::map<Generator*, Source> all;
};

}  // namespace

Draw draw(const OpCall& c, uint64_t words) {
  Generator& generator = *c.generator;
  Capture* const capture = Capture::current();
  if (!capture) return {generator.take(words)};
  // It may be gone when the work is replayed, and a checkpoint's must be asked each time.
  if (&generator == thread_state.generator && &generator != capture->generator()) {
    fail(ErrorKind::kUnsupported, c.op.name,
         ": random numbers of a GeneratorGuard or a checkpoint() inside of a capture cannot be captured; put the guard "
         "around the capture, or give the op the generator");
  }
  Generator* const key = &generator == &default_generator() ? nullptr : &generator;
  const auto [found, is_new] = capture->part<Sources>().all.try_emplace(key);
  Source& source = found->second;
  if (is_new) {
    source.at = static_cast<GeneratorState*>(capture->memory(sizeof(GeneratorState)));
    capture->before_replay([&source, key, device = c.device.index, name = c.op.name] {
      const GeneratorState state = (key ? *key : default_generator()).take(4 * source.counters);
      launch({.grid = 1, .block = 1, .stream = stream(device), .name = name}, write_value<GeneratorState>, source.at,
             state);
    });
  }
  const Draw d{{0, source.counters}, source.at};
  source.counters += (words + 3) / 4;
  return d;
}

}  // namespace hearth::cuda
