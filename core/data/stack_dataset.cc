#include "core/data/stack_dataset.h"

#include <utility>

#include "core/base/error.h"

namespace hearth::data {
namespace {

void add(Example& to, const Example& from) {
  for (const auto& [name, t] : from) {
    HEARTH_CHECK(!to.contains(name), "StackDataset: two of the datasets have a \"", name, "\"");
    to.set(name, t);
  }
}

}  // namespace

StackDataset::StackDataset(std::vector<DatasetPtr> datasets) : datasets_(std::move(datasets)) {
  HEARTH_CHECK(!datasets_.empty(), "StackDataset: there is no dataset");
  for (size_t k = 0; k < datasets_.size(); ++k) {
    HEARTH_CHECK(datasets_[k], "StackDataset: dataset ", k, " is null");
    HEARTH_CHECK(datasets_[k]->size() == datasets_[0]->size(), "StackDataset: dataset ", k, " has ",
                 datasets_[k]->size(), " examples, but the first has ", datasets_[0]->size());
  }
}

Example StackDataset::get(int64_t i, Generator& random) const {
  Example out;
  for (const DatasetPtr& d : datasets_) add(out, d->get(i, random));
  return out;
}

std::optional<Example> StackDataset::get_batch(std::span<const int64_t> indices) const {
  Example out;
  for (const DatasetPtr& d : datasets_) {
    const std::optional<Example> part = d->get_batch(indices);
    if (!part) return std::nullopt;
    add(out, *part);
  }
  return out;
}

}  // namespace hearth::data
