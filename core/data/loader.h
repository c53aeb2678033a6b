// DataLoader: batches of a dataset, made ahead by worker threads.
//
//   data::DataLoader loader(dataset, {.batch_size = 128, .shuffle = true, .workers = 2});
//   for (auto& [x, y] : loader) ...            // examples of two tensors
//   for (auto& batch : loader) batch["input_ids"] ...
//
// Batches and their order are the same for any number of workers. Each loop is a whole epoch. state() says where the
// last one stands; a loader that is given that state goes on with the very next example, also with another batch size
// or another number of processes. A loader belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/data/batch_iterator.h"
#include "core/data/batch_sampler.h"
#include "core/data/collate.h"
#include "core/data/dataset.h"
#include "core/data/sampler.h"

namespace hearth::data {

/// What processes do with an epoch, or the rest of one, that they cannot share evenly.
enum class Uneven : uint8_t {
  kKeep,    ///< The first ones take one example more.
  kDrop,    ///< Nobody takes the last examples.
  kRepeat,  ///< Examples from the epoch's start follow its end.
};

/// One of several processes that share each epoch: process `index` takes the positions index, index + count,
/// index + 2 * count, … of the sampler's order. An example has the same random numbers whichever process takes it.
struct Shard {
  /// From 0: a rank.
  int64_t index = 0;
  /// The number of processes.
  int64_t count = 1;
  /// With kDrop and kRepeat all processes take equally many examples.
  Uneven uneven = Uneven::kKeep;
};

/// Options of a DataLoader.
struct DataLoaderOptions {
  /// Examples in a batch of this process, at least 1. std::nullopt: a loop gives single examples, as the data set has
  /// them, for one whose examples are batches already; then there is neither `drop_last` nor `collate`.
  std::optional<int64_t> batch_size = 1;
  /// Takes the examples in an order drawn anew for every epoch.
  bool shuffle = false;
  /// Leaves out a last batch that is not full.
  bool drop_last = false;
  /// Threads that make batches, at most 1024; 0: the caller makes each batch when it asks for it.
  int workers = 0;
  /// How many batches the workers make ahead, from 1 to 65536.
  int64_t prefetch = 4;
  /// The order of a shuffle and the random numbers of the examples follow from it and the epoch.
  uint64_t seed = 0;
  /// Chooses the examples and their order; not together with `shuffle`.
  std::shared_ptr<const Sampler> sampler = nullptr;
  /// The part of each epoch that this loader takes: {rank, ranks}. The processes need the same dataset, sampler and
  /// seed.
  Shard shard = {};
  /// Batches are in pinned memory, from which to(device, {.non_blocking = true}) copies while the program goes on. No
  /// effect where there is no GPU.
  bool pin_memory = false;
  /// Makes a batch of examples: PaddingCollate, or a function of your own; by default stack_examples.
  Collate collate = nullptr;
  /// Chooses the examples of each batch; instead of `sampler`, `shuffle`, `batch_size` and `drop_last`. Processes share
  /// whole batches.
  std::shared_ptr<const BatchSampler> batch_sampler = nullptr;
  /// Called in each worker's thread before its first batch, with the worker's number from 0. What it throws becomes the
  /// error of the batches that this worker would have made.
  std::function<void(int worker)> worker_init = nullptr;
  /// How long a loop waits for a batch of the workers, at most 365 days; 0: as long as it takes. After that it throws
  /// Error; the batch is not lost, ++ waits for it again. The end of a loop waits for its threads, however long they
  /// take.
  std::chrono::milliseconds timeout{0};
};

/// Where a loop over a DataLoader stands.
struct LoaderState {
  /// From 0.
  int64_t epoch = 0;
  /// How many examples of the epoch have been taken, by all processes together.
  int64_t sample = 0;
  /// True if both are equal.
  friend bool operator==(const LoaderState&, const LoaderState&) = default;
};

/// Batches of a dataset, epoch by epoch.
class DataLoader {
 public:
  /// The batches of one epoch.
  using Iterator = BatchIterator;

  /// Throws Error for options that are out of range or contradict one another.
  DataLoader(DatasetPtr dataset, DataLoaderOptions options);
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  /// The dataset.
  const DatasetPtr& dataset() const;
  /// The number of batches that this process takes of a whole epoch: of the one that was begun last, or that
  /// set_state() named. A batch sampler may give other epochs another number.
  int64_t batches() const;
  /// Where the loop that was begun last stands. After an epoch's last batch: the next epoch's start.
  LoaderState state() const;
  /// What state() is after the first `batch` batches of an epoch. Throws Error if the epoch is negative, or if `batch`
  /// is neither 0 nor below the number of that epoch's batches.
  LoaderState state_at(int64_t epoch, int64_t batch) const;
  /// The next loop goes on from here: with the rest of this epoch, which the processes share anew, or with the next
  /// epoch if the rest has no batch for this process. Throws Error for a state that is out of range or, of a loader
  /// with a batch sampler, in the middle of a batch.
  void set_state(LoaderState state);

  /// Begins an epoch of its own: the next one, or what set_state() asked for. It neither shortens nor is shortened by
  /// other loops, ended or not. Throws Error if the system refuses a worker's thread; the epoch is not used up then.
  /// Rethrows an error in the first batch; the next loop then goes on with the batch after that one.
  Iterator begin();
  /// The end of every loop.
  BatchIterator::End end() const { return {}; }

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

}  // namespace hearth::data
