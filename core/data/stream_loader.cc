#include "core/data/stream_loader.h"

#include <limits>
#include <optional>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/data/batch_workers_internal.h"
#include "core/data/make_batch_internal.h"

namespace hearth::data {

struct StreamLoader::Shared {
  IterableDatasetPtr dataset;
  DataLoaderOptions options;
  LoaderState state;            // of the loop begun last
  LoaderState next;             // where the next loop begins
  const Epoch* last = nullptr;  // the loop whose place `state` is
};

namespace {

// What a batch is made of.
struct Pending {
  std::vector<PendingExample> examples;
  std::vector<int64_t> positions;
};

// Once: examples are made of what they hold.
Example make(const DataLoaderOptions& options, int64_t epoch, Pending& pending) {
  const NoGrad off;
  std::vector<Example> examples;
  examples.reserve(pending.examples.size());
  for (size_t i = 0; i < pending.examples.size(); ++i) {
    Generator random(example_seed(options, epoch, pending.positions[i]));
    const GeneratorGuard guard(random);
    examples.push_back(std::move(pending.examples[i]).get(random));
  }
  return placed(options, collated(options, epoch, pending.positions[0], std::move(examples)));
}

// Reads the examples of an epoch from a place on, and cuts this process's part of them into batches.
class Reader {
 public:
  Reader(IterableDatasetPtr dataset, const DataLoaderOptions& options, LoaderState start)
      : dataset_(std::move(dataset)), options_(options), start_(start), position_(start.sample) {}

  std::optional<BatchJob> next() {
    if (over_) return std::nullopt;
    over_ = true;  // should the stream throw
    if (!stream_) {
      stream_ = dataset_->open(start_.epoch);
      HEARTH_CHECK(stream_, "StreamLoader: the dataset opened no stream");
      if (start_.sample > 0) stream_->skip(start_.sample);
    }
    auto batch = std::make_shared<Pending>();
    bool more = true;
    while (more && static_cast<int64_t>(batch->examples.size()) < options_.batch_size) more = read_round(*batch);
    over_ = !more;
    const auto n = static_cast<int64_t>(batch->examples.size());
    if (n == 0 || (options_.drop_last && n < options_.batch_size)) return std::nullopt;
    return [options = options_, epoch = start_.epoch, batch] { return make(options, epoch, *batch); };
  }

 private:
  // One example for each process; false at the end.
  bool read_round(Pending& batch) {
    std::optional<PendingExample> own;
    int64_t place = 0;
    for (int64_t i = 0; i < options_.shard.count; ++i, ++position_) {
      std::optional<PendingExample> e = stream_->next();
      if (!e && options_.shard.uneven == Uneven::kDrop) return false;
      if (!e) {
        add(batch, std::move(own), place);
        return false;
      }
      if (i != options_.shard.index) continue;
      own = std::move(e);
      place = position_;
    }
    add(batch, std::move(own), place);
    return true;
  }
  static void add(Pending& batch, std::optional<PendingExample> own, int64_t place) {
    if (!own) return;
    batch.examples.push_back(*std::move(own));
    batch.positions.push_back(place);
  }

  const IterableDatasetPtr dataset_;
  const DataLoaderOptions options_;
  const LoaderState start_;
  int64_t position_;
  bool over_ = false;
  std::unique_ptr<IterableDataset::Stream> stream_;
};

}  // namespace

// One loop: an epoch from a place on.
class StreamLoader::Epoch {
 public:
  Epoch(std::shared_ptr<Shared> shared, LoaderState start)
      : shared_(std::move(shared)),
        start_(start),
        reader_(std::make_shared<Reader>(shared_->dataset, shared_->options, start)) {
    const DataLoaderOptions& o = shared_->options;
    if (o.workers > 0) {
      workers_ = std::make_unique<BatchWorkers>(
          BatchWorkers::Options{
              .workers = o.workers, .prefetch = o.prefetch, .timeout = o.timeout, .init = o.worker_init},
          [reader = reader_] { return reader->next(); });
    }
    shared_->last = this;
    shared_->next = {start_.epoch + 1, 0};
    note(start_);
  }
  ~Epoch() {
    if (shared_->last == this) shared_->last = nullptr;
  }
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  bool next(Example& out) {
    std::optional<BatchJob> job;
    if (!workers_) job = reader_->next();
    if (workers_ ? !workers_->wait() : !job) {
      note({start_.epoch + 1, 0});
      workers_.reset();
      return false;
    }
    // An error of the stream is no batch: a loop that goes on from here reads it again.
    if (job || workers_->is_batch()) ++batch_;
    note({start_.epoch, start_.sample + batch_ * shared_->options.batch_size * shared_->options.shard.count});
    out = job ? (*job)() : workers_->take();
    return true;
  }

 private:
  void note(LoaderState state) {
    if (shared_->last == this) shared_->state = state;
  }

  const std::shared_ptr<Shared> shared_;
  const LoaderState start_;
  const std::shared_ptr<Reader> reader_;
  int64_t batch_ = 0;
  std::unique_ptr<BatchWorkers> workers_;
};

StreamLoader::StreamLoader(IterableDatasetPtr dataset, DataLoaderOptions options) {
  HEARTH_CHECK(dataset, "StreamLoader: there is no dataset");
  check_options(options);
  HEARTH_CHECK(!options.shuffle && !options.sampler && !options.batch_sampler,
               "StreamLoader: the examples have no numbers for shuffle, sampler or batch_sampler to choose; "
               "ShuffleBufferDataset shuffles them");
  HEARTH_CHECK(options.shard.uneven != Uneven::kRepeat, "StreamLoader: Uneven::kRepeat needs the number of examples");
  shared_ = std::make_shared<Shared>();
  shared_->dataset = std::move(dataset);
  shared_->options = std::move(options);
}
StreamLoader::~StreamLoader() = default;

LoaderState StreamLoader::state() const { return shared_->state; }

void StreamLoader::set_state(LoaderState state) {
  constexpr int64_t kMostEpochs = std::numeric_limits<int64_t>::max() / 2;
  HEARTH_CHECK(state.epoch >= 0 && state.epoch <= kMostEpochs && state.sample >= 0, "StreamLoader: the state (epoch ",
               state.epoch, ", sample ", state.sample, ") is not valid");
  shared_->state = shared_->next = state;
  shared_->last = nullptr;
}

StreamLoader::Iterator StreamLoader::begin() {
  auto epoch = std::make_shared<Epoch>(shared_, LoaderState(shared_->next));
  try {
    return Iterator(epoch);
  } catch (...) {
    // There is no iterator to go on with: the next loop takes the rest of the epoch.
    shared_->next = shared_->state;
    throw;
  }
}

StreamLoader::Iterator& StreamLoader::Iterator::operator++() {
  current_ = {};
  done_ = !epoch_->next(current_);
  return *this;
}

}  // namespace hearth::data
