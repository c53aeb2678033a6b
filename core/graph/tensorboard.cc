#include "core/graph/tensorboard.h"

#include <algorithm>
#include <set>
#include <string>

#include "core/base/error.h"

namespace hearth::graph {
namespace {

class Names {
 public:
  // The name, with a number behind it if another node has it.
  std::string own(const std::string& name) {
    std::string out = name;
    for (int i = 1; !taken_.insert(out).second; ++i) out = concat(name, "_", i);
    return out;
  }

 private:
  std::set<std::string> taken_;
};

std::string slashes(std::string path) {
  std::ranges::replace(path, '.', '/');
  return path;
}

std::vector<int64_t> shown(const std::vector<SizeExpr>& shape) {
  std::vector<int64_t> out;
  for (const SizeExpr& size : shape) out.push_back(size.constant() ? size.offset : -1);
  return out;
}

}  // namespace

std::vector<io::GraphNode> tensorboard_nodes(const Graph& graph) {
  std::vector<io::GraphNode> nodes;
  std::vector<std::string> of_value;  // the node that makes each value
  Names names;
  const auto add = [&](io::GraphNode node) {
    node.name = names.own(node.name);
    nodes.push_back(std::move(node));
    return nodes.back().name;
  };
  for (const Input& in : graph.inputs)
    of_value.push_back(
        add({.name = "inputs/" + in.name, .op = "input", .attributes = to_string(in.dtype), .shape = shown(in.shape)}));
  for (const Constant& c : graph.constants) {
    const Shape& shape = c.value.shape();
    of_value.push_back(add({.name = slashes(c.name),
                            .op = "constant",
                            .attributes = to_string(c.value.dtype()),
                            .shape = {shape.begin(), shape.end()}}));
  }
  for (const Node& n : graph.nodes) {
    io::GraphNode node{.name = n.scope.empty() ? n.op->name : concat(slashes(n.scope), "/", n.op->name),
                       .op = n.op->name};
    for (const Argument& a : n.in) {
      if (const int* const value = std::get_if<int>(&a.is))
        node.inputs.push_back(of_value[static_cast<size_t>(*value)]);
    }
    if (n.attrs.ref().data) node.attributes = hearth::to_string(n.attrs.ref());
    of_value.resize(std::max(of_value.size(), static_cast<size_t>(n.first + n.count)), add(std::move(node)));
  }
  for (const Output& o : graph.outputs)
    add({.name = "outputs/" + o.name,
         .op = "output",
         .inputs = {of_value[static_cast<size_t>(o.value)]},
         .attributes = to_string(o.dtype),
         .shape = shown(o.shape)});
  return nodes;
}

}  // namespace hearth::graph
