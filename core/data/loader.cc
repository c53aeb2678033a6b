#include "core/data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/base/threads.h"
#include "core/ops/join.h"

namespace hearth::data {
namespace {

// Streams of seeds: for the examples and for what collate draws.
constexpr uint64_t kExamples = 0x9E3779B97F4A7C15u, kCollate = 0xD1B54A32D192ED03u;

Example stack_examples(std::vector<Example> examples) {
  std::vector<Tensor> x, y;
  for (Example& e : examples) {
    if (e.first.defined()) x.push_back(std::move(e.first));
    if (e.second.defined()) y.push_back(std::move(e.second));
  }
  return {x.empty() ? Tensor() : stack(x), y.empty() ? Tensor() : stack(y)};
}

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
  int64_t batches(const std::vector<int64_t>& all) const {
    const auto n = static_cast<int64_t>(all.size()), b = options.batch_size;
    return options.drop_last ? n / b : n / b + (n % b != 0);
  }
  Example make(const std::vector<int64_t>& all, int64_t epoch, int64_t batch) const {
    const NoGrad off;
    const int64_t begin = batch * options.batch_size,
                  end = std::min(begin + options.batch_size, static_cast<int64_t>(all.size()));
    const auto seed = [&](uint64_t stream, int64_t i) {
      return mix_seed(options.seed ^ stream, static_cast<uint64_t>(epoch), static_cast<uint64_t>(i));
    };
    std::vector<Example> examples;
    for (int64_t i = begin; i < end; ++i) {
      Generator random(seed(kExamples, i));
      const GeneratorGuard guard(random);
      examples.push_back(dataset->get(all[static_cast<size_t>(i)], random));
    }
    Generator random(seed(kCollate, batch));
    const GeneratorGuard guard(random);
    return options.collate(std::move(examples));
  }
};

// Threads that make the batches of one epoch; each takes the next number, and the batches are handed out in order.
class DataLoader::Workers {
 public:
  Workers(std::shared_ptr<const Shared> shared, Shared::Order order, int64_t epoch, int64_t first, int64_t last)
      : shared_(std::move(shared)),
        order_(std::move(order)),
        epoch_(epoch),
        next_to_make_(first),
        next_to_take_(first),
        last_(last),
        made_(static_cast<size_t>(std::min(shared_->options.prefetch, last - first))),
        threads_([this] { stop(); }) {
    const auto count = static_cast<int>(std::min<int64_t>(shared_->options.workers, last - first));
    threads_.start("DataLoader", count, [this](int) { run(); });
  }

  // The next batch; there must be one.
  Example take() {
    std::unique_lock lock(mutex_);
    Made& place = place_of(next_to_take_);
    changed_.wait(lock, [&] { return place.ready; });
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

  Made& place_of(int64_t batch) { return made_[static_cast<size_t>(batch) % made_.size()]; }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
  }

  void run() {
    const ThreadWidth one(1);
    while (true) {
      int64_t mine;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] {
          return stop_ || next_to_make_ >= last_ || next_to_make_ < next_to_take_ + static_cast<int64_t>(made_.size());
        });
        if (stop_ || next_to_make_ >= last_) return;
        mine = next_to_make_++;
      }
      Made made;
      try {
        made.batch = shared_->make(*order_, epoch_, mine);
      } catch (...) {
        made.error = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        made.ready = true;
        place_of(mine) = std::move(made);
      }
      changed_.notify_all();
    }
  }

  const std::shared_ptr<const Shared> shared_;
  const Shared::Order order_;
  const int64_t epoch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t next_to_make_, next_to_take_;  // guarded by mutex_
  const int64_t last_;
  bool stop_ = false;       // guarded by mutex_
  std::vector<Made> made_;  // guarded by mutex_; a ring: those between next_to_take_ and next_to_make_
  ThreadGroup threads_;
};

// One loop.
class DataLoader::Epoch {
 public:
  Epoch(std::shared_ptr<Shared> shared, LoaderState start)
      : shared_(std::move(shared)),
        order_(shared_->order_of(start.epoch)),
        epoch_(start.epoch),
        batch_(start.batch),
        batches_(shared_->batches(*order_)) {
    if (shared_->options.workers > 0 && batch_ < batches_)
      workers_ = std::make_unique<Workers>(shared_, order_, epoch_, batch_, batches_);
    // Nothing can fail from here on.
    shared_->order = order_;
    shared_->order_epoch = epoch_;
    shared_->last = this;
    shared_->next = {epoch_ + 1, 0};
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
    out = workers_ ? workers_->take() : shared_->make(*order_, epoch_, mine);
    return true;
  }

 private:
  void note() {
    if (shared_->last != this) return;
    shared_->state = batch_ < batches_ ? LoaderState{epoch_, batch_} : LoaderState{epoch_ + 1, 0};
  }

  const std::shared_ptr<Shared> shared_;
  const Shared::Order order_;
  const int64_t epoch_;
  int64_t batch_;
  const int64_t batches_;
  std::unique_ptr<Workers> workers_;
};

DataLoader::DataLoader(DatasetPtr dataset, DataLoaderOptions options) {
  HEARTH_CHECK(dataset, "DataLoader: there is no dataset");
  HEARTH_CHECK(options.batch_size >= 1, "DataLoader: batch_size must be at least 1, but is ", options.batch_size);
  HEARTH_CHECK(options.workers >= 0 && options.workers <= 1024 && options.prefetch >= 1,
               "DataLoader: workers must be from 0 to 1024 and prefetch at least 1, but they are ", options.workers,
               " and ", options.prefetch);
  HEARTH_CHECK(!(options.sampler && options.shuffle), "DataLoader: give a sampler or shuffle, not both");
  if (!options.sampler) {
    if (options.shuffle) {
      options.sampler = std::make_shared<RandomSampler>(dataset->size(), options.seed);
    } else {
      options.sampler = std::make_shared<SequentialSampler>(dataset->size());
    }
  }
  if (!options.collate) options.collate = stack_examples;
  shared_ = std::make_shared<Shared>();
  shared_->dataset = std::move(dataset);
  shared_->options = std::move(options);
  set_state({});
}
DataLoader::~DataLoader() = default;

LoaderState DataLoader::state() const { return shared_->state; }
int64_t DataLoader::batches() const { return shared_->batches(*shared_->order); }

void DataLoader::set_state(LoaderState state) {
  HEARTH_CHECK(state.epoch >= 0 && state.batch >= 0, "DataLoader: the state (epoch ", state.epoch, ", batch ",
               state.batch, ") is not valid");
  Shared::Order order = shared_->order_of(state.epoch);
  const int64_t batches = shared_->batches(*order);
  HEARTH_CHECK(state.batch == 0 || state.batch < batches, "DataLoader: batch ", state.batch, " is out of range for ",
               batches, " batches");
  shared_->order = std::move(order);
  shared_->order_epoch = state.epoch;
  shared_->state = shared_->next = state;
  shared_->last = nullptr;
}

DataLoader::Iterator DataLoader::begin() {
  return Iterator(std::make_shared<Epoch>(shared_, LoaderState(shared_->next)));
}

DataLoader::Iterator& DataLoader::Iterator::operator++() {
  current_ = {};
  done_ = !epoch_->next(current_);
  return *this;
}

}  // namespace hearth::data
