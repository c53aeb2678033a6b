#include "core/data/loader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/data/batch_loop_internal.h"
#include "core/data/make_batch_internal.h"

namespace hearth::data {
namespace {

// What an epoch takes: examples in their order and, where a batch sampler has chosen them, the end of each batch.
struct Plan {
  std::vector<int64_t> indices;
  std::vector<int64_t> ends;
};

}  // namespace

// What the loader and its loops have in common.
struct DataLoader::Shared {
  using Order = std::shared_ptr<const Plan>;

  DatasetPtr dataset;
  DataLoaderOptions options;
  LoaderPlace place;
  Order order;  // of the epoch order_epoch
  int64_t order_epoch = -1;

  Order order_of(int64_t epoch) const {
    if (epoch == order_epoch) return order;
    auto plan = std::make_shared<Plan>();
    if (!options.batch_sampler) {
      plan->indices = options.sampler->order(epoch);
      return plan;
    }
    for (const std::vector<int64_t>& batch : options.batch_sampler->batches(epoch)) {
      HEARTH_CHECK(!batch.empty(), "DataLoader: batch ", plan->ends.size(), " of the batch sampler is empty");
      plan->indices.insert(plan->indices.end(), batch.begin(), batch.end());
      plan->ends.push_back(static_cast<int64_t>(plan->indices.size()));
    }
    return plan;
  }
  // How many of an epoch's rest this process takes: examples, or batches of a batch sampler.
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
  int64_t batches(const Plan& all, int64_t sample = 0) const {
    if (options.batch_sampler) return own(static_cast<int64_t>(all.ends.size()) - batch_at(all, sample));
    const int64_t n = own(static_cast<int64_t>(all.indices.size()) - sample), b = batch_size_of(options);
    return options.drop_last ? n / b : n / b + (n % b != 0);
  }
  // The batch of a batch sampler that begins with this example.
  int64_t batch_at(const Plan& all, int64_t sample) const {
    if (sample == 0) return 0;
    const auto end = std::ranges::lower_bound(all.ends, sample);
    HEARTH_CHECK(end != all.ends.end() && *end == sample, "DataLoader: sample ", sample,
                 " is in the middle of a batch of the batch sampler");
    return end - all.ends.begin() + 1;
  }
  // The state after so many batches since `start`.
  LoaderState after(const Plan& all, LoaderState start, int64_t batches) const {
    if (!options.batch_sampler)
      return {start.epoch, start.sample + batches * batch_size_of(options) * options.shard.count};
    const int64_t taken = batch_at(all, start.sample) + batches * options.shard.count;
    return {start.epoch, taken == 0 ? 0 : all.ends[static_cast<size_t>(taken - 1)]};
  }
  // A batch of the rest of an epoch.
  Example make(const Plan& all, LoaderState start, int64_t batch) const {
    const NoGrad off;
    return placed(options, collect(all, start.epoch, positions(all, start, batch)));
  }

 private:
  // Where a batch's examples are in the whole epoch, so that an example looks the same whichever process takes it.
  // Those behind its end are the first ones again.
  std::vector<int64_t> positions(const Plan& all, LoaderState start, int64_t batch) const {
    const auto n = static_cast<int64_t>(all.indices.size());
    const Shard& shard = options.shard;
    std::vector<int64_t> out;
    if (options.batch_sampler) {
      const auto count = static_cast<int64_t>(all.ends.size());
      const int64_t place = batch_at(all, start.sample) + shard.index + batch * shard.count;
      const auto b = static_cast<size_t>(place % count);
      for (int64_t i = b == 0 ? 0 : all.ends[b - 1]; i < all.ends[b]; ++i) out.push_back(i + place / count * n);
      return out;
    }
    const int64_t size = batch_size_of(options), begin = batch * size;
    const int64_t end = std::min(begin + size, own(n - start.sample));
    for (int64_t i = begin; i < end; ++i) out.push_back(start.sample + shard.index + i * shard.count);
    return out;
  }
  Example collect(const Plan& all, int64_t epoch, const std::vector<int64_t>& positions) const {
    std::vector<int64_t> indices;
    indices.reserve(positions.size());
    for (const int64_t p : positions) indices.push_back(all.indices[static_cast<size_t>(p) % all.indices.size()]);
    if (!options.collate && options.batch_size) {
      if (std::optional<Example> gathered = dataset->get_batch(indices)) return *std::move(gathered);
    }
    std::vector<Example> examples = examples_at(
        options, epoch, positions, [&](size_t i, Generator& random) { return dataset->get(indices[i], random); });
    try {
      return collated(options, epoch, positions[0], std::move(examples));
    } catch (const CollateError& e) {
      const auto i = static_cast<size_t>(e.example());
      if (i >= indices.size()) throw;
      throw CollateError(concat(e.what(), " (example ", i, " of the batch is example ", indices[i], " of the dataset)"),
                         e.example());
    }
  }
};

DataLoader::DataLoader(DatasetPtr dataset, DataLoaderOptions options) {
  HEARTH_CHECK(dataset, "DataLoader: there is no dataset");
  check_options("DataLoader", options);
  if (!options.sampler && !options.batch_sampler) {
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
LoaderState DataLoader::state() const { return shared_->place.state; }
int64_t DataLoader::batches() const { return shared_->batches(*shared_->order); }

LoaderState DataLoader::state_at(int64_t epoch, int64_t batch) const {
  HEARTH_CHECK(epoch >= 0 && epoch <= kLastPlace, "DataLoader: epoch ", epoch, " is not valid");
  const Shared::Order order = shared_->order_of(epoch);
  const int64_t n = shared_->batches(*order);
  HEARTH_CHECK(batch == 0 || (batch > 0 && batch < n), "DataLoader: batch ", batch, " is out of range for the ", n,
               " batches of epoch ", epoch);
  return shared_->after(*order, {epoch, 0}, batch);
}

void DataLoader::set_state(LoaderState state) {
  check_state("DataLoader", state);
  Shared::Order order = shared_->order_of(state.epoch);
  const auto n = static_cast<int64_t>(order->indices.size());
  HEARTH_CHECK(state.sample <= n, "DataLoader: sample ", state.sample, " is out of range for an epoch of ", n,
               " examples");
  if (state.sample > 0 && shared_->batches(*order, state.sample) == 0) {
    state = {state.epoch + 1, 0};
    order = shared_->order_of(state.epoch);
  }
  shared_->order = std::move(order);
  shared_->order_epoch = state.epoch;
  shared_->place.set(state);
}

BatchIterator DataLoader::begin() {
  const LoaderState start = shared_->place.next;
  const Shared::Order order = shared_->order_of(start.epoch);
  const int64_t batches = shared_->batches(*order, start.sample);
  const DataLoaderOptions& o = shared_->options;
  const BatchWorkers::Options options{.workers = static_cast<int>(std::min<int64_t>(o.workers, batches)),
                                      .prefetch = std::min(o.prefetch, batches),
                                      .timeout = o.timeout,
                                      .init = o.worker_init};
  // Its own hold of all that a batch needs.
  auto next = [shared = std::shared_ptr<const Shared>(shared_), order, start, batches,
               taken = int64_t{0}]() mutable -> std::optional<BatchJob> {
    if (taken == batches) return std::nullopt;
    const int64_t mine = taken++;
    return BatchJob{[shared, order, start, mine] { return shared->make(*order, start, mine); },
                    taken < batches ? shared->after(*order, start, taken) : LoaderState{start.epoch + 1, 0}};
  };
  auto loop = std::make_shared<BatchLoop>(std::shared_ptr<LoaderPlace>(shared_, &shared_->place), options, next);
  shared_->order = order;
  shared_->order_epoch = start.epoch;
  return BatchLoop::begin(std::move(loop));
}

}  // namespace hearth::data
