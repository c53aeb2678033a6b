#include "core/data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/ops/join.h"

namespace hearth::data {
namespace {

Example stack_examples(std::vector<Example> examples) {
  std::vector<Tensor> x, y;
  for (Example& e : examples) {
    if (e.first.defined()) x.push_back(std::move(e.first));
    if (e.second.defined()) y.push_back(std::move(e.second));
  }
  return {x.empty() ? Tensor() : stack(x), y.empty() ? Tensor() : stack(y)};
}

}  // namespace

// Threads that make the batches of one epoch; each takes the next number, and the batches are handed out in order.
class DataLoader::Workers {
 public:
  Workers(const DataLoader& loader, int64_t epoch, int64_t first, int64_t last)
      : loader_(loader), epoch_(epoch), next_to_make_(first), next_to_take_(first), last_(last) {
    for (int i = 0; i < loader.options_.workers; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Workers() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  Example take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return made_.count(next_to_take_) > 0; });
    Made made = std::move(made_.extract(next_to_take_++).mapped());
    lock.unlock();
    changed_.notify_all();
    if (made.error) std::rethrow_exception(made.error);
    return std::move(made.batch);
  }

 private:
  struct Made {
    Example batch;
    std::exception_ptr error;
  };

  void run() {
    ThreadWidth one(1);
    NoGrad off;
    while (true) {
      int64_t mine;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] {
          return stop_ || next_to_make_ >= last_ || next_to_make_ < next_to_take_ + loader_.options_.prefetch;
        });
        if (stop_ || next_to_make_ >= last_) return;
        mine = next_to_make_++;
      }
      Made made;
      try {
        made.batch = loader_.make(loader_.order_, epoch_, mine);
      } catch (...) {
        made.error = std::current_exception();
      }
      {
        std::lock_guard lock(mutex_);
        made_[mine] = std::move(made);
      }
      changed_.notify_all();
    }
  }

  const DataLoader& loader_;
  const int64_t epoch_;
  int64_t next_to_make_, next_to_take_;
  const int64_t last_;
  bool stop_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int64_t, Made> made_;
  std::vector<std::thread> threads_;
};

DataLoader::DataLoader(DatasetPtr dataset, DataLoaderOptions options)
    : dataset_(std::move(dataset)), options_(std::move(options)) {
  HEARTH_CHECK(dataset_, "DataLoader: there is no dataset");
  HEARTH_CHECK(options_.batch_size >= 1, "DataLoader: batch_size must be at least 1, but is ", options_.batch_size);
  HEARTH_CHECK(options_.workers >= 0 && options_.workers <= 1024 && options_.prefetch >= 1,
               "DataLoader: workers must be from 0 to 1024 and prefetch at least 1");
  HEARTH_CHECK(!(options_.sampler && options_.shuffle), "DataLoader: give a sampler or shuffle, not both");
  if (!options_.sampler) {
    if (options_.shuffle) {
      options_.sampler = std::make_shared<RandomSampler>(dataset_->size(), options_.seed);
    } else {
      options_.sampler = std::make_shared<SequentialSampler>(dataset_->size());
    }
  }
  if (!options_.collate) options_.collate = stack_examples;
  set_state({});
}
DataLoader::~DataLoader() = default;

int64_t DataLoader::batches() const {
  const auto n = static_cast<int64_t>(order_.size()), b = options_.batch_size;
  return options_.drop_last ? n / b : (n + b - 1) / b;
}

void DataLoader::set_state(LoaderState state) {
  workers_.reset();
  HEARTH_CHECK(state.epoch >= 0 && state.batch >= 0, "DataLoader: the state (epoch ", state.epoch, ", batch ",
               state.batch, ") is not valid");
  if (state.epoch != order_epoch_) {
    order_ = options_.sampler->order(state.epoch);
    order_epoch_ = state.epoch;
  }
  HEARTH_CHECK(state.batch == 0 || state.batch < batches(), "DataLoader: batch ", state.batch, " is out of range for ",
               batches(), " batches");
  state_ = state;
}

Example DataLoader::make(const std::vector<int64_t>& order, int64_t epoch, int64_t batch) const {
  const int64_t begin = batch * options_.batch_size,
                end = std::min<int64_t>(begin + options_.batch_size, static_cast<int64_t>(order.size()));
  std::vector<Example> examples;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t at = order[static_cast<size_t>(i)];
    Generator random(
        mix_seed(options_.seed ^ 0x9E3779B97F4A7C15u, static_cast<uint64_t>(epoch), static_cast<uint64_t>(i)));
    examples.push_back(dataset_->get(at, random));
  }
  return options_.collate(std::move(examples));
}

DataLoader::Iterator DataLoader::begin() {
  set_state(state());  // after the last batch of an epoch that was left by break: the next one
  if (options_.workers > 0 && state_.batch < batches())
    workers_ = std::make_unique<Workers>(*this, state_.epoch, state_.batch, batches());
  return Iterator(*this);
}

bool DataLoader::next(Example& out) {
  if (state_.batch >= batches()) return false;
  if (workers_) {
    out = workers_->take();
  } else {
    NoGrad off;
    out = make(order_, state_.epoch, state_.batch);
  }
  ++state_.batch;
  return true;
}

DataLoader::Iterator& DataLoader::Iterator::operator++() {
  current_ = {};
  if (loader_->next(current_)) return *this;
  done_ = true;
  loader_->set_state({loader_->state_.epoch + 1, 0});
  return *this;
}

}  // namespace hearth::data
