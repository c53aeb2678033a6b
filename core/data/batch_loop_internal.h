// What the loops of all loaders do. For files of this package only.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include "core/data/batch_iterator.h"
#include "core/data/batch_workers_internal.h"
#include "core/data/loader.h"

namespace hearth::data {

// Where a loader stands.
struct LoaderPlace {
  LoaderState state;                // of the loop begun last
  LoaderState next;                 // where the next loop begins
  const BatchLoop* last = nullptr;  // the loop whose place `state` is

  // The next loop begins there.
  void set(LoaderState to) {
    state = next = to;
    last = nullptr;
  }
};

// The last epoch, and the last sample, that a loop can begin with: they are counted on from there.
constexpr int64_t kLastPlace = std::numeric_limits<int64_t>::max() / 2;
// Throws Error for a state that no loop can have, in the name of `who`.
void check_state(const char* who, LoaderState state);

// One loop: what is left of an epoch.
class BatchLoop {
 public:
  // `next` gives the jobs, one after the other, and nothing at the end; without workers the loop's own thread calls it.
  // Throws Error if the system refuses a thread.
  BatchLoop(std::shared_ptr<LoaderPlace> place, const BatchWorkers::Options& options,
            std::function<std::optional<BatchJob>()> next);
  ~BatchLoop();
  BatchLoop(const BatchLoop&) = delete;
  BatchLoop& operator=(const BatchLoop&) = delete;

  // Begins a loop where the place says. Rethrows an error in the first batch.
  static BatchIterator begin(std::shared_ptr<BatchLoop> loop);
  // The next batch; false at the end.
  bool next(Example& out);

 private:
  void note(LoaderState state);

  const std::shared_ptr<LoaderPlace> place_;
  const LoaderState end_;
  std::function<std::optional<BatchJob>()> next_;  // without workers
  std::unique_ptr<BatchWorkers> workers_;
};

}  // namespace hearth::data
