// DataLoader: batches of a dataset, made ahead by worker threads.
//
//   data::DataLoader loader(dataset, {.batch_size = 128, .shuffle = true, .workers = 2});
//   for (auto [x, y] : loader) ...
//
// Batches and their order are the same for any number of workers. state() says where an epoch stands; a loader that is
// given that state goes on with the very next batch.
#pragma once

#include <cstdint>
#include <memory>

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
  // Makes a batch of examples; by default inputs and targets are stacked.
  std::function<Example(std::vector<Example>)> collate = nullptr;
};

struct LoaderState {
  int64_t epoch = 0;
  int64_t batch = 0;  // the next one
  friend bool operator==(const LoaderState&, const LoaderState&) = default;
};

class DataLoader {
 public:
  DataLoader(DatasetPtr dataset, DataLoaderOptions options);
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  int64_t batches() const;  // of one epoch
  // Where the next batch comes from. After an epoch's last batch: the next epoch's start.
  LoaderState state() const {
    return state_.batch > 0 && state_.batch >= batches() ? LoaderState{state_.epoch + 1, 0} : state_;
  }
  void set_state(LoaderState state);

  struct End {};
  class Iterator {
   public:
    Example& operator*() { return current_; }
    Iterator& operator++();
    bool operator!=(End) const { return !done_; }

   private:
    friend class DataLoader;
    explicit Iterator(DataLoader& loader) : loader_(&loader) { ++*this; }
    DataLoader* loader_;
    Example current_;
    bool done_ = false;
  };
  // What is left of the current epoch. An exception of a worker is rethrown where its batch was due.
  Iterator begin();
  End end() const { return {}; }

 private:
  class Workers;
  bool next(Example& out);
  Example make(const std::vector<int64_t>& order, int64_t epoch, int64_t batch) const;

  DatasetPtr dataset_;
  DataLoaderOptions options_;
  LoaderState state_;
  std::vector<int64_t> order_;
  int64_t order_epoch_ = -1;
  std::unique_ptr<Workers> workers_;
};

}  // namespace hearth::data
