#include "core/data/preprocessed.h"

#include <utility>

#include "core/base/error.h"

namespace hearth::data {

DatasetPtr preprocessed(DatasetPtr dataset, std::shared_ptr<const graph::Graph> preprocess, const std::string& name) {
  HEARTH_CHECK(preprocess, "preprocessed: there is no graph");
  HEARTH_CHECK(preprocess->inputs.size() == 1 && preprocess->outputs.size() == 1,
               "preprocessed: the graph must have one input and one output, but has ", preprocess->inputs.size(),
               " and ", preprocess->outputs.size());
  return std::make_shared<MapDataset>(std::move(dataset), [g = std::move(preprocess), name](Example e, Generator&) {
    Tensor& t = e[name];
    t = (*g)(t);
    return e;
  });
}

}  // namespace hearth::data
