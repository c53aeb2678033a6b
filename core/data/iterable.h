// Iterable datasets: examples that come one after the other, from files that are read through or made on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/data/example.h"
#include "core/tensor/generator.h"

namespace hearth::data {

/// An example, or the work that makes it: what is slow (decoding, augmentation) is done by a loader's threads.
class PendingExample {
 public:
  /// Makes an example. Randomness comes from `random` alone, which is seeded for this example of this epoch.
  using Make = std::function<Example(Generator& random)>;
  /// An example that is there.
  PendingExample(Example example) : example_(std::move(example)) {}
  /// One that `make` makes, in any thread, once. It is not copied, unless you copy the pending example.
  PendingExample(Make make) : make_(std::move(make)) {}
  /// The example.
  Example get(Generator& random) && { return make_ ? make_(random) : std::move(example_); }

 private:
  Example example_;
  Make make_;
};

/// Examples in an order that is not known by number: torch's IterableDataset. A StreamLoader makes batches of them.
class IterableDataset {
 public:
  /// The examples of one epoch. One thread at a time calls it.
  class Stream {
   public:
    virtual ~Stream() = default;
    /// The next example, or nothing at the end.
    virtual std::optional<PendingExample> next() = 0;
    /// Leaves out the next n examples, or as many as there are. By default by next(); data sets that can find a place
    /// faster override it.
    virtual void skip(int64_t n);
  };
  virtual ~IterableDataset() = default;
  /// The examples of an epoch from the first one on: the same, in the same order, for the same epoch, in all processes.
  virtual std::unique_ptr<Stream> open(int64_t epoch) const = 0;
};

/// An iterable dataset as others hold it.
using IterableDatasetPtr = std::shared_ptr<const IterableDataset>;

/// Several iterable datasets one after the other: torch's ChainDataset.
class ChainDataset final : public IterableDataset {
 public:
  /// Throws Error if one is null.
  explicit ChainDataset(std::vector<IterableDatasetPtr> datasets);
  /// The examples of datasets[0], then those of datasets[1], and so on; each is opened when its turn comes.
  std::unique_ptr<Stream> open(int64_t epoch) const override;

 private:
  std::vector<IterableDatasetPtr> datasets_;
};

/// An iterable dataset's examples, each changed by a function, which a loader's threads call.
class MapIterableDataset final : public IterableDataset {
 public:
  /// Gives an example in place of another. Randomness comes from `random` alone.
  using Function = std::function<Example(Example, Generator& random)>;
  /// Throws Error if there is no dataset or the function is empty.
  MapIterableDataset(IterableDatasetPtr dataset, Function f);
  /// The other dataset's examples.
  std::unique_ptr<Stream> open(int64_t epoch) const override;

 private:
  IterableDatasetPtr dataset_;
  std::shared_ptr<const Function> function_;
};

/// An iterable dataset's examples in another order: each is one of the next `buffer` examples, drawn at random.
class ShuffleBufferDataset final : public IterableDataset {
 public:
  /// Throws Error if there is no dataset or the buffer is below 1.
  ShuffleBufferDataset(IterableDatasetPtr dataset, int64_t buffer, uint64_t seed);
  /// The examples in an order that follows from the seed and the epoch.
  std::unique_ptr<Stream> open(int64_t epoch) const override;

 private:
  IterableDatasetPtr dataset_;
  int64_t buffer_;
  uint64_t seed_;
};

}  // namespace hearth::data
