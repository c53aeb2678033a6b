#include "core/graph/tensorboard.h"

#include <gtest/gtest.h>

#include "core/graph/trace.h"
#include "core/nn/activation.h"
#include "core/nn/container.h"
#include "core/nn/linear.h"

namespace hearth::graph {
namespace {

TEST(TensorboardNodes, FollowTheModulesAndAreLinkedByName) {
  nn::Sequential net(nn::Linear(4, 8), nn::ReLU(), nn::Linear(8, 3));
  net.eval();
  const std::vector<io::GraphNode> nodes = tensorboard_nodes(trace(net, {{"x", f32, {"batch", 4}}}));
  std::vector<std::string> names;
  for (const io::GraphNode& n : nodes) names.push_back(n.name);
  EXPECT_EQ(names, (std::vector<std::string>{"inputs/x", "0/weight", "0/bias", "2/weight", "2/bias", "0/linear",
                                             "1/relu", "2/linear", "outputs/output"}));
  EXPECT_EQ(nodes[0].shape, (std::vector<int64_t>{-1, 4}));
  EXPECT_EQ(nodes[1].shape, (std::vector<int64_t>{8, 4}));
  EXPECT_EQ(nodes[5].inputs, (std::vector<std::string>{"inputs/x", "0/weight", "0/bias"}));
  EXPECT_EQ(nodes[7].inputs, (std::vector<std::string>{"1/relu", "2/weight", "2/bias"}));
  EXPECT_EQ(nodes[8].inputs, std::vector<std::string>{"2/linear"});
  EXPECT_EQ(nodes[8].shape, (std::vector<int64_t>{-1, 3}));
}

TEST(TensorboardNodes, NamesAreTheirOwn) {
  const Graph g = trace([](std::span<const Tensor> in) -> std::vector<Tensor> { return {in[0] + in[0] + 1}; },
                        std::vector<Spec>{{"x", f32, {"n"}}});
  const std::vector<io::GraphNode> nodes = tensorboard_nodes(g);
  ASSERT_EQ(nodes.size(), 4U);
  EXPECT_EQ(nodes[1].name, "add");
  EXPECT_EQ(nodes[2].name, "add_1");
  EXPECT_EQ(nodes[1].inputs, (std::vector<std::string>{"inputs/x", "inputs/x"}));
  EXPECT_EQ(nodes[2].inputs, std::vector<std::string>{"add"});
}

}  // namespace
}  // namespace hearth::graph
