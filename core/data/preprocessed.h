// A preprocess graph as a part of a dataset. An export carries the same graph (graph::Exported::preprocess), so that
// training and serving cannot differ in what they do to an image, a recording or a text.
#pragma once

#include <memory>
#include <string>

#include "core/data/dataset.h"
#include "core/graph/graph.h"

namespace hearth::data {

/// Another dataset's examples with the tensor `name` run through a graph, in whatever thread asks for them; their other
/// tensors stay. Throws Error unless the graph has one input and one output; examples throw it where they have no such
/// tensor, or one that the graph does not take.
DatasetPtr preprocessed(DatasetPtr dataset, std::shared_ptr<const graph::Graph> preprocess,
                        const std::string& name = "input");

}  // namespace hearth::data
