#include "core/data/iterable.h"

#include "core/base/error.h"
#include "core/data/sampler.h"

namespace hearth::data {
namespace {

using Stream = IterableDataset::Stream;

std::unique_ptr<Stream> opened(const IterableDataset& dataset, int64_t epoch, const char* by) {
  std::unique_ptr<Stream> stream = dataset.open(epoch);
  HEARTH_CHECK(stream, by, ": the dataset opened no stream");
  return stream;
}

class Chain final : public Stream {
 public:
  Chain(std::vector<IterableDatasetPtr> datasets, int64_t epoch) : datasets_(std::move(datasets)), epoch_(epoch) {}
  std::optional<PendingExample> next() override {
    while (at_ < datasets_.size()) {
      if (!current_) current_ = opened(*datasets_[at_], epoch_, "ChainDataset");
      if (std::optional<PendingExample> e = current_->next()) return e;
      current_.reset();
      ++at_;
    }
    return std::nullopt;
  }

 private:
  std::vector<IterableDatasetPtr> datasets_;
  int64_t epoch_;
  size_t at_ = 0;
  std::unique_ptr<Stream> current_;
};

class Mapped final : public Stream {
 public:
  Mapped(std::unique_ptr<Stream> stream, std::shared_ptr<const MapIterableDataset::Function> f)
      : stream_(std::move(stream)), function_(std::move(f)) {}
  std::optional<PendingExample> next() override {
    std::optional<PendingExample> e = stream_->next();
    if (!e) return std::nullopt;
    return PendingExample([f = function_, e = *std::move(e)](Generator& random) mutable {
      return (*f)(std::move(e).get(random), random);
    });
  }
  void skip(int64_t n) override { stream_->skip(n); }

 private:
  std::unique_ptr<Stream> stream_;
  std::shared_ptr<const MapIterableDataset::Function> function_;
};

class Shuffled final : public Stream {
 public:
  Shuffled(std::unique_ptr<Stream> stream, int64_t buffer, uint64_t seed)
      : stream_(std::move(stream)), most_(static_cast<size_t>(buffer)), seed_(seed) {}
  std::optional<PendingExample> next() override {
    while (stream_ && held_.size() < most_) {
      if (std::optional<PendingExample> e = stream_->next()) held_.push_back(*std::move(e));
      else stream_.reset();
    }
    if (held_.empty()) return std::nullopt;
    // A draw of its own for each example, so that a resumed stream goes on with the same ones.
    const uint64_t draw = mix_seed(seed_, drawn_++);
    std::swap(held_[static_cast<size_t>(draw % held_.size())], held_.back());
    PendingExample out = std::move(held_.back());
    held_.pop_back();
    return out;
  }

 private:
  std::unique_ptr<Stream> stream_;
  size_t most_;
  uint64_t seed_, drawn_ = 0;
  std::vector<PendingExample> held_;
};

}  // namespace

void IterableDataset::Stream::skip(int64_t n) {
  for (int64_t i = 0; i < n && next(); ++i) {
  }
}

ChainDataset::ChainDataset(std::vector<IterableDatasetPtr> datasets) : datasets_(std::move(datasets)) {
  for (size_t k = 0; k < datasets_.size(); ++k) HEARTH_CHECK(datasets_[k], "ChainDataset: dataset ", k, " is null");
}
std::unique_ptr<Stream> ChainDataset::open(int64_t epoch) const { return std::make_unique<Chain>(datasets_, epoch); }

MapIterableDataset::MapIterableDataset(IterableDatasetPtr dataset, Function f)
    : dataset_(std::move(dataset)), function_(std::make_shared<const Function>(std::move(f))) {
  HEARTH_CHECK(dataset_, "MapIterableDataset: there is no dataset");
  HEARTH_CHECK(*function_, "MapIterableDataset: the function is empty");
}
std::unique_ptr<Stream> MapIterableDataset::open(int64_t epoch) const {
  return std::make_unique<Mapped>(opened(*dataset_, epoch, "MapIterableDataset"), function_);
}

ShuffleBufferDataset::ShuffleBufferDataset(IterableDatasetPtr dataset, int64_t buffer, uint64_t seed)
    : dataset_(std::move(dataset)), buffer_(buffer), seed_(seed) {
  HEARTH_CHECK(dataset_, "ShuffleBufferDataset: there is no dataset");
  HEARTH_CHECK(buffer >= 1, "ShuffleBufferDataset: the buffer must have room for an example, but has for ", buffer);
}
std::unique_ptr<Stream> ShuffleBufferDataset::open(int64_t epoch) const {
  return std::make_unique<Shuffled>(opened(*dataset_, epoch, "ShuffleBufferDataset"), buffer_,
                                    mix_seed(seed_, static_cast<uint64_t>(epoch)));
}

}  // namespace hearth::data
