// A graph as TensorBoard draws it.
#pragma once

#include <vector>

#include "core/graph/graph.h"
#include "core/io/tensorboard.h"

namespace hearth::graph {

/// The nodes of a graph for io::EventWriter::graph(). Inputs are called "inputs/NAME", outputs "outputs/NAME"; ops and
/// constants stand in the modules that use them and hold them: "encoder/layers/0/linear".
///
///   io::or_throw(writer.graph(graph::tensorboard_nodes(graph::trace(net, {{"x", f32, {"batch", 4}}}))));
std::vector<io::GraphNode> tensorboard_nodes(const Graph& graph);

}  // namespace hearth::graph
