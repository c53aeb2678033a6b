// StreamLoader: batches of an iterable dataset.
//
//   data::StreamLoader loader(lines, {.batch_size = 32, .workers = 2});
//   for (auto& batch : loader) ...
#pragma once

#include <memory>
#include <utility>

#include "core/data/iterable.h"
#include "core/data/loader.h"

namespace hearth::data {

/// Batches of an iterable dataset, epoch by epoch: what a DataLoader is for a dataset with numbers. Batches and their
/// order are the same for any number of workers: examples are read one after the other, and the workers make what is
/// pending. A loader belongs to one thread.
class StreamLoader {
  class Epoch;

 public:
  /// With Shard each process reads all examples and takes those at positions index, index + count, …. Throws Error for
  /// options that are out of range, and for those that need an example's number or how many there are: `shuffle` (see
  /// ShuffleBufferDataset), `sampler`, `batch_sampler` and Uneven::kRepeat.
  StreamLoader(IterableDatasetPtr dataset, DataLoaderOptions options);
  ~StreamLoader();
  StreamLoader(const StreamLoader&) = delete;
  StreamLoader& operator=(const StreamLoader&) = delete;

  /// Where the loop that was begun last stands, by the batches that it has given. The next epoch's start when it has
  /// ended.
  LoaderState state() const;
  /// The next loop goes on from here: it opens the dataset and skips the examples that were taken. Throws Error for a
  /// negative state.
  void set_state(LoaderState state);

  /// The end of a loop.
  struct End {};
  /// The batches of one epoch. Copies share their place in it. Lives on without the loader.
  class Iterator {
   public:
    /// The current batch.
    Example& operator*() { return current_; }
    /// The current batch.
    Example* operator->() { return &current_; }
    /// Rethrows an exception of what made the batch, or of collate; ++ again goes on with the batch after that one. An
    /// exception of the stream itself ends the epoch: ++ again is its end. Until then state() is the place of what
    /// could not be read.
    Iterator& operator++();
    /// True unless the epoch is over.
    bool operator!=(End) const { return !done_; }

   private:
    friend class StreamLoader;
    explicit Iterator(std::shared_ptr<Epoch> epoch) : epoch_(std::move(epoch)) { ++*this; }
    std::shared_ptr<Epoch> epoch_;
    Example current_;
    bool done_ = false;
  };
  /// Begins an epoch of its own: the next one, or what set_state() asked for. Rethrows an error in the first batch; the
  /// next loop then goes on with the batch after that one, or with this one if the stream could not be read.
  Iterator begin();
  /// The end of every loop.
  End end() const { return {}; }

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

}  // namespace hearth::data
