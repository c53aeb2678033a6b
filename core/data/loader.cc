#include "core/data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/parallel.h"
#include "core/base/threads.h"

namespace hearth::data {
namespace {

// Streams of seeds: for the examples and for what collate draws.
constexpr uint64_t kExamples = 0x9E3779B97F4A7C15u, kCollate = 0xD1B54A32D192ED03u;

}  // namespace

// What the loader and its loops have in common.
struct DataLoader::Shared {
  using Order = std::shared_ptr<const std::vector<int64_t>>;

  DatasetPtr dataset;
  DataLoaderOptions options;
  LoaderState state;            // of the loop begun last
  LoaderState next;             // where the next loop begins
  const Epoch* last = nullptr;  // the loop whose place `state` is
  Order order;                  // of the epoch order_epoch
  int64_t order_epoch = -1;

  Order order_of(int64_t epoch) const {
    if (epoch == order_epoch) return order;
    return std::make_shared<const std::vector<int64_t>>(options.sampler->order(epoch));
  }
  // How many examples this process takes of the rest of an epoch.
  int64_t own(int64_t rest) const {
    const auto& [index, count, uneven] = options.shard;
    switch (uneven) {
      case Uneven::kDrop:
        return rest / count;
      case Uneven::kRepeat:
        return rest / count + (rest % count != 0);
      case Uneven::kKeep:
        break;
    }
    return rest / count + (index < rest % count);
  }
  // How many batches it makes of them.
  int64_t batches(const std::vector<int64_t>& all, int64_t sample = 0) const {
    const int64_t n = own(static_cast<int64_t>(all.size()) - sample), b = options.batch_size;
    return options.drop_last ? n / b : n / b + (n % b != 0);
  }
  // The state after so many batches since `start`.
  LoaderState after(LoaderState start, int64_t batches) const {
    return {start.epoch, start.sample + batches * options.batch_size * options.shard.count};
  }
  // A batch of the rest of an epoch.
  Example make(const std::vector<int64_t>& all, LoaderState start, int64_t batch) const {
    const NoGrad off;
    Example made = collected(all, start, batch);
    return options.pin_memory && device_count(DeviceType::kCuda) > 0 ? pinned(made) : made;
  }

 private:
  // Tensors that are on a GPU already stay there.
  static Example pinned(const Example& batch) {
    Example out;
    for (const auto& [name, t] : batch) out.set(name, t.defined() && t.device().is_cpu() ? t.pin_memory() : t);
    return out;
  }
  Example collected(const std::vector<int64_t>& all, LoaderState start, int64_t batch) const {
    const auto n = static_cast<int64_t>(all.size());
    const int64_t begin = batch * options.batch_size, end = std::min(begin + options.batch_size, own(n - start.sample));
    // In the whole epoch, so that an example looks the same whichever process takes it.
    const auto position = [&](int64_t i) { return start.sample + options.shard.index + i * options.shard.count; };
    std::vector<int64_t> indices;
    indices.reserve(static_cast<size_t>(end - begin));
    for (int64_t i = begin; i < end; ++i) indices.push_back(all[static_cast<size_t>(position(i) % n)]);
    if (!options.collate) {
      if (std::optional<Example> gathered = dataset->get_batch(indices)) return *std::move(gathered);
    }
    const auto seed = [&](uint64_t stream, int64_t i) {
      return mix_seed(options.seed ^ stream, static_cast<uint64_t>(start.epoch), static_cast<uint64_t>(position(i)));
    };
    std::vector<Example> examples;
    examples.reserve(indices.size());
    for (int64_t i = begin; i < end; ++i) {
      Generator random(seed(kExamples, i));
      const GeneratorGuard guard(random);
      examples.push_back(dataset->get(indices[static_cast<size_t>(i - begin)], random));
    }
    Generator random(seed(kCollate, begin));
    const GeneratorGuard guard(random);
    try {
      return options.collate ? options.collate(std::move(examples)) : stack_examples(std::move(examples));
    } catch (const CollateError& e) {
      const auto i = static_cast<size_t>(e.example());
      if (i >= indices.size()) throw;
      throw CollateError(concat(e.what(), " (example ", i, " of the batch is example ", indices[i], " of the dataset)"),
                         e.example());
    }
  }
};

// Threads that make the batches of one epoch; each takes the next number, and the batches are handed out in order.
class DataLoader::Workers {
 public:
  Workers(std::shared_ptr<const Shared> shared, Shared::Order order, LoaderState start, int64_t batches)
      : shared_(std::move(shared)),
        order_(std::move(order)),
        start_(start),
        batches_(batches),
        made_(static_cast<size_t>(std::min(shared_->options.prefetch, batches))),
        threads_([this] { stop(); }) {
    const auto count = static_cast<int>(std::min<int64_t>(shared_->options.workers, batches));
    threads_.start("DataLoader", count, [this](int) { run(); });
  }

  // The next batch; there must be one.
  Example take() {
    MutexLock lock(mutex_);
    Made& place = place_of(next_to_take_);
    while (!place.ready) lock.wait(changed_);
    Made made = std::exchange(place, Made());
    ++next_to_take_;
    lock.unlock();
    changed_.notify_all();
    if (made.error) std::rethrow_exception(made.error);
    return std::move(made.batch);
  }

 private:
  struct Made {
    Example batch;
    std::exception_ptr error;
    bool ready = false;
  };

  Made& place_of(int64_t batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return made_[static_cast<size_t>(batch) % made_.size()];
  }

  void stop() {
    {
      const MutexLock lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
  }

  void run() {
    const ThreadWidth one(1);
    while (true) {
      int64_t mine;
      {
        MutexLock lock(mutex_);
        lock.wait(changed_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
          return stop_ || next_to_make_ >= batches_ ||
                 next_to_make_ < next_to_take_ + static_cast<int64_t>(made_.size());
        });
        if (stop_ || next_to_make_ >= batches_) return;
        mine = next_to_make_++;
      }
      Made made;
      try {
        made.batch = shared_->make(*order_, start_, mine);
      } catch (...) {
        made.error = std::current_exception();
      }
      {
        const MutexLock lock(mutex_);
        made.ready = true;
        place_of(mine) = std::move(made);
      }
      changed_.notify_all();
    }
  }

  const std::shared_ptr<const Shared> shared_;
  const Shared::Order order_;
  const LoaderState start_;
  const int64_t batches_;
  Mutex mutex_;
  std::condition_variable changed_;
  int64_t next_to_make_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t next_to_take_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Made> made_ ABSL_GUARDED_BY(mutex_);  // a ring: those between next_to_take_ and next_to_make_
  ThreadGroup threads_;
};

// One loop: an epoch from a place on.
class DataLoader::Epoch {
 public:
  Epoch(std::shared_ptr<Shared> shared, LoaderState start)
      : shared_(std::move(shared)),
        order_(shared_->order_of(start.epoch)),
        start_(start),
        batches_(shared_->batches(*order_, start.sample)) {
    if (shared_->options.workers > 0 && batches_ > 0)
      workers_ = std::make_unique<Workers>(shared_, order_, start_, batches_);
    // Nothing can fail from here on.
    shared_->order = order_;
    shared_->order_epoch = start_.epoch;
    shared_->last = this;
    shared_->next = {start_.epoch + 1, 0};
    note();
  }
  ~Epoch() {
    if (shared_->last == this) shared_->last = nullptr;
  }
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  bool next(Example& out) {
    if (batch_ >= batches_) {
      note();
      workers_.reset();
      return false;
    }
    const int64_t mine = batch_++;
    note();
    out = workers_ ? workers_->take() : shared_->make(*order_, start_, mine);
    return true;
  }

 private:
  void note() {
    if (shared_->last != this) return;
    shared_->state = batch_ < batches_ ? shared_->after(start_, batch_) : LoaderState{start_.epoch + 1, 0};
  }

  const std::shared_ptr<Shared> shared_;
  const Shared::Order order_;
  const LoaderState start_;
  const int64_t batches_;  // from start_ on
  int64_t batch_ = 0;
  std::unique_ptr<Workers> workers_;
};

DataLoader::DataLoader(DatasetPtr dataset, DataLoaderOptions options) {
  HEARTH_CHECK(dataset, "DataLoader: there is no dataset");
  HEARTH_CHECK(options.batch_size >= 1, "DataLoader: batch_size must be at least 1, but is ", options.batch_size);
  HEARTH_CHECK(options.workers >= 0 && options.workers <= 1024 && options.prefetch >= 1,
               "DataLoader: workers must be from 0 to 1024 and prefetch at least 1, but they are ", options.workers,
               " and ", options.prefetch);
  HEARTH_CHECK(options.shard.index >= 0 && options.shard.index < options.shard.count, "DataLoader: shard ",
               options.shard.index, " is out of range for ", options.shard.count, " shards");
  HEARTH_CHECK(!(options.sampler && options.shuffle), "DataLoader: give a sampler or shuffle, not both");
  if (!options.sampler) {
    if (options.shuffle) {
      options.sampler = std::make_shared<RandomSampler>(dataset->size(), options.seed);
    } else {
      options.sampler = std::make_shared<SequentialSampler>(dataset->size());
    }
  }
  shared_ = std::make_shared<Shared>();
  shared_->dataset = std::move(dataset);
  shared_->options = std::move(options);
  set_state({});
}
DataLoader::~DataLoader() = default;

const DatasetPtr& DataLoader::dataset() const { return shared_->dataset; }
LoaderState DataLoader::state() const { return shared_->state; }
int64_t DataLoader::batches() const { return shared_->batches(*shared_->order); }

LoaderState DataLoader::state_at(int64_t epoch, int64_t batch) const {
  HEARTH_CHECK(batch == 0 || (batch > 0 && batch < batches()), "DataLoader: batch ", batch, " is out of range for ",
               batches(), " batches");
  return shared_->after({epoch, 0}, batch);
}

void DataLoader::set_state(LoaderState state) {
  // Epochs are counted on from here.
  constexpr int64_t kMostEpochs = std::numeric_limits<int64_t>::max() / 2;
  HEARTH_CHECK(state.epoch >= 0 && state.epoch <= kMostEpochs && state.sample >= 0, "DataLoader: the state (epoch ",
               state.epoch, ", sample ", state.sample, ") is not valid");
  Shared::Order order = shared_->order_of(state.epoch);
  const auto n = static_cast<int64_t>(order->size());
  HEARTH_CHECK(state.sample <= n, "DataLoader: sample ", state.sample, " is out of range for an epoch of ", n,
               " examples");
  if (state.sample > 0 && shared_->batches(*order, state.sample) == 0) {
    state = {state.epoch + 1, 0};
    order = shared_->order_of(state.epoch);
  }
  shared_->order = std::move(order);
  shared_->order_epoch = state.epoch;
  shared_->state = shared_->next = state;
  shared_->last = nullptr;
}

DataLoader::Iterator DataLoader::begin() {
  auto epoch = std::make_shared<Epoch>(shared_, LoaderState(shared_->next));
  try {
    return Iterator(epoch);
  } catch (...) {
    // There is no iterator to go on with: the next loop takes the rest of the epoch.
    shared_->next = shared_->state;
    throw;
  }
}

DataLoader::Iterator& DataLoader::Iterator::operator++() {
  current_ = {};
  done_ = !epoch_->next(current_);
  return *this;
}

}  // namespace hearth::data
