// BatchIterator: a loop over the batches of a DataLoader or a StreamLoader.
#pragma once

#include <memory>

#include "core/data/example.h"

namespace hearth::data {

class BatchLoop;  // core/data/batch_loop_internal.h

/// The batches of one epoch. Copies share their place in it. Lives on without the loader.
class BatchIterator {
 public:
  /// The end of a loop.
  struct End {};
  /// The current batch.
  Example& operator*() { return current_; }
  /// The current batch.
  Example* operator->() { return &current_; }
  /// Rethrows an exception of what made the batch, or of collate; ++ again goes on with the batch after that one. A
  /// CollateError of a DataLoader also tells the example's index in the dataset. An exception of an iterable dataset's
  /// stream ends the epoch: ++ again is its end, and until then state() is the place of what could not be read.
  BatchIterator& operator++();
  /// True unless the epoch is over.
  bool operator!=(End) const { return !done_; }

 private:
  friend class BatchLoop;
  explicit BatchIterator(std::shared_ptr<BatchLoop> loop);

  std::shared_ptr<BatchLoop> loop_;
  Example current_;
  bool done_ = false;
};

}  // namespace hearth::data
