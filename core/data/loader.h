// DataLoader: batches of a dataset, made ahead by worker threads.
//
//   data::DataLoader loader(dataset, {.batch_size = 128, .shuffle = true, .workers = 2});
//   for (auto [x, y] : loader) ...
//
// Batches and their order are the same for any number of workers. Each loop is a whole epoch. state() says where the
// last one stands; a loader that is given that state goes on with the very next batch. A loader belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/sampler.h"

namespace hearth::data {

struct DataLoaderOptions {
  int64_t batch_size = 1;
  bool shuffle = false;
  bool drop_last = false;  // leave out a last batch that is not full
  int workers = 0;         // threads; 0: batches are made when asked for, by the caller
  int64_t prefetch = 4;    // batches made ahead
  uint64_t seed = 0;
  std::shared_ptr<const Sampler> sampler = nullptr;  // in place of shuffle
  // Makes a batch of examples; by default inputs and targets are stacked. Called from many threads at once.
  std::function<Example(std::vector<Example>)> collate = nullptr;
};

struct LoaderState {
  int64_t epoch = 0;
  int64_t batch = 0;  // the next one
  friend bool operator==(const LoaderState&, const LoaderState&) = default;
};

class DataLoader {
  class Epoch;

 public:
  DataLoader(DatasetPtr dataset, DataLoaderOptions options);
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  int64_t batches() const;  // of one epoch
  // Where the loop that was begun last stands. After an epoch's last batch: the next epoch's start.
  LoaderState state() const;
  // The next loop goes on from here: with the rest of this epoch.
  void set_state(LoaderState state);

  struct End {};
  // The batches of one epoch. Copies share their place in it. Lives on without the loader.
  class Iterator {
   public:
    Example& operator*() { return current_; }
    Example* operator->() { return &current_; }
    // Rethrows the exception of a dataset, or of collate, where its batch was due; ++ again goes on with the batch
    // after that one.
    Iterator& operator++();
    bool operator!=(End) const { return !done_; }

   private:
    friend class DataLoader;
    explicit Iterator(std::shared_ptr<Epoch> epoch) : epoch_(std::move(epoch)) { ++*this; }
    std::shared_ptr<Epoch> epoch_;
    Example current_;
    bool done_ = false;
  };
  // Begins an epoch of its own: the next one, or what set_state() asked for. It neither shortens nor is shortened by
  // other loops, ended or not. Throws Error if the system refuses a worker's thread; the epoch is not used up then.
  Iterator begin();
  End end() const { return {}; }

 private:
  class Workers;
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

}  // namespace hearth::data
