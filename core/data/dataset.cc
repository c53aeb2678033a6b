#include "core/data/dataset.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/ops/random.h"

namespace hearth::data {
namespace {
void check_index(const char* what, int64_t i, int64_t size) {
  HEARTH_CHECK(i >= 0 && i < size, what, ": example ", i, " is out of range for ", size, " examples");
}
}  // namespace

TensorDataset::TensorDataset(Tensor inputs, Tensor targets) : inputs_(std::move(inputs)), targets_(std::move(targets)) {
  HEARTH_CHECK(inputs_.dim() >= 1 && targets_.dim() >= 1 && inputs_.shape()[0] == targets_.shape()[0],
               "TensorDataset: inputs of shape ", inputs_.shape(), " and targets of shape ", targets_.shape(),
               " differ in their first size");
}
Example TensorDataset::get(int64_t i, Generator&) const {
  check_index("TensorDataset", i, size());
  return {inputs_[i], targets_[i]};
}

Subset::Subset(DatasetPtr dataset, std::vector<int64_t> indices)
    : dataset_(std::move(dataset)), indices_(std::move(indices)) {
  for (int64_t i : indices_) check_index("Subset", i, dataset_->size());
}
Example Subset::get(int64_t i, Generator& random) const {
  check_index("Subset", i, size());
  return dataset_->get(indices_[static_cast<size_t>(i)], random);
}

MapDataset::MapDataset(DatasetPtr dataset, Function f) : dataset_(std::move(dataset)), function_(std::move(f)) {}
Example MapDataset::get(int64_t i, Generator& random) const { return function_(dataset_->get(i, random), random); }

ConcatDataset::ConcatDataset(std::vector<DatasetPtr> datasets) : datasets_(std::move(datasets)) {
  int64_t end = 0;
  for (const DatasetPtr& d : datasets_) ends_.push_back(end += d->size());
}
Example ConcatDataset::get(int64_t i, Generator& random) const {
  check_index("ConcatDataset", i, size());
  const auto k = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), i) - ends_.begin());
  return datasets_[k]->get(k == 0 ? i : i - ends_[k - 1], random);
}

std::vector<DatasetPtr> random_split(const DatasetPtr& dataset, const std::vector<int64_t>& sizes, uint64_t seed) {
  HEARTH_CHECK(std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) == dataset->size(),
               "random_split: the sizes do not add up to ", dataset->size());
  Generator g(seed);
  const std::vector<int64_t> order = randperm(dataset->size(), {.device = kCpu}, &g).to_vector<int64_t>();
  std::vector<DatasetPtr> out;
  int64_t at = 0;
  for (int64_t n : sizes) {
    HEARTH_CHECK(n >= 0, "random_split: a size is negative");
    out.push_back(std::make_shared<Subset>(dataset, std::vector<int64_t>(order.begin() + at, order.begin() + at + n)));
    at += n;
  }
  return out;
}

}  // namespace hearth::data
