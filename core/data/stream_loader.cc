#include "core/data/stream_loader.h"

#include <optional>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/data/batch_loop_internal.h"
#include "core/data/make_batch_internal.h"

namespace hearth::data {

struct StreamLoader::Shared {
  IterableDatasetPtr dataset;
  DataLoaderOptions options;
  LoaderPlace place;
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
  std::vector<Example> examples = examples_at(options, epoch, pending.positions, [&](size_t i, Generator& random) {
    return std::move(pending.examples[i]).get(random);
  });
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
    while (more && static_cast<int64_t>(batch->examples.size()) < batch_size_of(options_)) more = read_round(*batch);
    over_ = !more;
    const auto n = static_cast<int64_t>(batch->examples.size());
    if (n == 0 || (options_.drop_last && n < batch_size_of(options_))) return std::nullopt;
    return BatchJob{[options = options_, epoch = start_.epoch, batch] { return make(options, epoch, *batch); },
                    {start_.epoch, position_}};
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

StreamLoader::StreamLoader(IterableDatasetPtr dataset, DataLoaderOptions options) {
  HEARTH_CHECK(dataset, "StreamLoader: there is no dataset");
  check_options("StreamLoader", options);
  HEARTH_CHECK(!options.shuffle && !options.sampler && !options.batch_sampler,
               "StreamLoader: the examples have no numbers for shuffle, sampler or batch_sampler to choose; "
               "ShuffleBufferDataset shuffles them");
  HEARTH_CHECK(options.shard.uneven != Uneven::kRepeat, "StreamLoader: Uneven::kRepeat needs the number of examples");
  shared_ = std::make_shared<Shared>();
  shared_->dataset = std::move(dataset);
  shared_->options = std::move(options);
}
StreamLoader::~StreamLoader() = default;

LoaderState StreamLoader::state() const { return shared_->place.state; }

void StreamLoader::set_state(LoaderState state) {
  check_state("StreamLoader", state);
  shared_->place.set(state);
}

BatchIterator StreamLoader::begin() {
  const DataLoaderOptions& o = shared_->options;
  const BatchWorkers::Options options{
      .workers = o.workers, .prefetch = o.prefetch, .timeout = o.timeout, .init = o.worker_init, .who = "StreamLoader"};
  auto next = [reader = std::make_shared<Reader>(shared_->dataset, o, shared_->place.next)] { return reader->next(); };
  return BatchLoop::begin(
      std::make_shared<BatchLoop>(std::shared_ptr<LoaderPlace>(shared_, &shared_->place), options, std::move(next)));
}

}  // namespace hearth::data
