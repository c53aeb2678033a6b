#include "core/data/dataset.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/random.h"

namespace hearth::data {
namespace {
void check_dataset(const char* what, const DatasetPtr& dataset) {
  HEARTH_CHECK(dataset, what, ": there is no dataset");
}
void check_index(const char* what, int64_t i, int64_t size) {
  HEARTH_CHECK(i >= 0 && i < size, what, ": example ", i, " is out of range for ", size, " examples");
}
}  // namespace

TensorDataset::TensorDataset(Example tensors) : tensors_(std::move(tensors)) {
  HEARTH_CHECK(!tensors_.empty(), "TensorDataset: there are no tensors");
  const auto& [first_name, first] = *tensors_.begin();
  for (const auto& [name, t] : tensors_) {
    HEARTH_CHECK(t.defined(), "TensorDataset: \"", name, "\" is undefined");
    HEARTH_CHECK(t.dim() >= 1, "TensorDataset: \"", name, "\" is 0-dim; it must be [n, ...], a row for each example");
    HEARTH_CHECK(t.shape()[0] == first.shape()[0], "TensorDataset: \"", first_name, "\" of shape ", first.shape(),
                 " and \"", name, "\" of shape ", t.shape(), " differ in their first size");
  }
  size_ = first.shape()[0];
}
TensorDataset::TensorDataset(Tensor inputs, Tensor targets)
    : TensorDataset(Example(std::move(inputs), std::move(targets))) {}
Example TensorDataset::get(int64_t i, Generator&) const {
  check_index("TensorDataset", i, size());
  Example out = tensors_;
  for (const auto& [name, t] : tensors_) out.set(name, t[i]);
  return out;
}
std::optional<Example> TensorDataset::get_batch(std::span<const int64_t> indices) const {
  for (int64_t i : indices) check_index("TensorDataset", i, size());
  const Tensor rows = from_values(std::vector<int64_t>(indices.begin(), indices.end()),
                                  {static_cast<int64_t>(indices.size())}, {.device = kCpu});
  Example out = tensors_;
  for (const auto& [name, t] : tensors_) {
    // Images whose channels lie last in memory stay so, and their rows are moved in one piece.
    const bool last = t.dim() == 4 && !t.is_contiguous() && t.is_contiguous(MemoryFormat::kChannelsLast);
    const Tensor index = rows.to(t.device());
    out.set(name,
            last ? t.permute({0, 2, 3, 1}).index_select(0, index).permute({0, 3, 1, 2}) : t.index_select(0, index));
  }
  return out;
}

Subset::Subset(DatasetPtr dataset, std::vector<int64_t> indices)
    : dataset_(std::move(dataset)), indices_(std::move(indices)) {
  check_dataset("Subset", dataset_);
  for (int64_t i : indices_) check_index("Subset", i, dataset_->size());
}
Example Subset::get(int64_t i, Generator& random) const {
  check_index("Subset", i, size());
  return dataset_->get(indices_[static_cast<size_t>(i)], random);
}
std::optional<Example> Subset::get_batch(std::span<const int64_t> indices) const {
  std::vector<int64_t> theirs;
  theirs.reserve(indices.size());
  for (int64_t i : indices) {
    check_index("Subset", i, size());
    theirs.push_back(indices_[static_cast<size_t>(i)]);
  }
  return dataset_->get_batch(theirs);
}

MapDataset::MapDataset(DatasetPtr dataset, Function f) : dataset_(std::move(dataset)), function_(std::move(f)) {
  check_dataset("MapDataset", dataset_);
  HEARTH_CHECK(function_, "MapDataset: there is no function");
}
Example MapDataset::get(int64_t i, Generator& random) const { return function_(dataset_->get(i, random), random); }

ConcatDataset::ConcatDataset(std::vector<DatasetPtr> datasets) : datasets_(std::move(datasets)) {
  int64_t end = 0;
  for (size_t k = 0; k < datasets_.size(); ++k) {
    HEARTH_CHECK(datasets_[k], "ConcatDataset: dataset ", k, " is null");
    ends_.push_back(end += datasets_[k]->size());
  }
}
Example ConcatDataset::get(int64_t i, Generator& random) const {
  check_index("ConcatDataset", i, size());
  const auto k = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), i) - ends_.begin());
  return datasets_[k]->get(k == 0 ? i : i - ends_[k - 1], random);
}

std::vector<DatasetPtr> random_split(const DatasetPtr& dataset, const std::vector<int64_t>& sizes, uint64_t seed) {
  check_dataset("random_split", dataset);
  int64_t rest = dataset->size();
  for (int64_t n : sizes) {
    HEARTH_CHECK(n >= 0, "random_split: a size is negative: ", n);
    HEARTH_CHECK(n <= rest, "random_split: the sizes do not add up to ", dataset->size());
    rest -= n;
  }
  HEARTH_CHECK(rest == 0, "random_split: the sizes do not add up to ", dataset->size());
  Generator g(seed);
  const std::vector<int64_t> order = randperm(dataset->size(), {.device = kCpu}, &g).to_vector<int64_t>();
  std::vector<DatasetPtr> out;
  int64_t at = 0;
  for (int64_t n : sizes) {
    out.push_back(std::make_shared<Subset>(dataset, std::vector<int64_t>(order.begin() + at, order.begin() + at + n)));
    at += n;
  }
  return out;
}

std::vector<DatasetPtr> random_split(const DatasetPtr& dataset, std::span<const double> fractions, uint64_t seed) {
  check_dataset("random_split", dataset);
  double sum = 0;
  for (const double f : fractions) {
    HEARTH_CHECK(f >= 0 && f <= 1, "random_split: a fraction must be from 0 to 1, but one is ", f);
    sum += f;
  }
  HEARTH_CHECK(std::abs(sum - 1) <= 1e-9, "random_split: the fractions add up to ", sum, " instead of 1");
  const int64_t n = dataset->size();
  std::vector<int64_t> sizes;
  int64_t rest = n;
  for (const double f : fractions) {
    // Where rounding has made a sum just above 1, no more than there is.
    sizes.push_back(std::min(rest, static_cast<int64_t>(std::floor(static_cast<double>(n) * f))));
    rest -= sizes.back();
  }
  for (size_t i = 0; rest > 0; i = (i + 1) % sizes.size(), --rest) ++sizes[i];
  return random_split(dataset, sizes, seed);
}

}  // namespace hearth::data
