// StreamLoader: batches of an iterable dataset.
//
//   data::StreamLoader loader(lines, {.batch_size = 32, .workers = 2});
//   for (auto& batch : loader) ...
#pragma once

#include <memory>

#include "core/data/iterable.h"
#include "core/data/loader.h"

namespace hearth::data {

/// Batches of an iterable dataset, epoch by epoch: what a DataLoader is for a dataset with numbers. Batches and their
/// order are the same for any number of workers: examples are read one after the other, and the workers make what is
/// pending. A loader belongs to one thread.
class StreamLoader {
 public:
  /// The batches of one epoch.
  using Iterator = BatchIterator;

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
  /// state that is negative, or beyond 2^62 - 1.
  void set_state(LoaderState state);

  /// Begins an epoch of its own: the next one, or what set_state() asked for. Rethrows an error in the first batch; the
  /// next loop then goes on with the batch after that one, or with this one if the stream could not be read.
  Iterator begin();
  /// The end of every loop.
  BatchIterator::End end() const { return {}; }

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

}  // namespace hearth::data
