// A program that has no code of a model runs what another one has exported. It links //core/graph:save and :all_ops.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "core/base/error.h"
#include "core/graph/save.h"
#include "core/io/safetensors.h"

namespace hearth {
namespace {

std::string root() { return testing::TempDir() + "/models"; }

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.nbytes() == 0 || std::memcmp(a.contiguous().raw_data(), b.contiguous().raw_data(), a.nbytes()) == 0);
}

// Runs the graph on every input of the reference and compares bit by bit.
void runs_as(const graph::Graph& g, const std::string& file, size_t sizes) {
  const auto reference = io::load_safetensors(file);
  ASSERT_TRUE(reference.ok()) << reference.status();
  const auto all = [&](size_t i, const char* what) {
    std::vector<Tensor> out;
    for (;;) {
      const auto it = reference->tensors.find(concat(i, ".", what, ".", out.size()));
      if (it == reference->tensors.end()) return out;
      out.push_back(it->second);
    }
  };
  size_t i = 0;
  for (; !all(i, "in").empty(); ++i) {
    const std::vector<Tensor> in = all(i, "in"), want = all(i, "out");
    // Twice: the second time finds what the first has packed.
    for (int again = 0; again < 2; ++again) {
      const std::vector<Tensor> got = g.run(in);
      ASSERT_EQ(got.size(), want.size());
      for (size_t k = 0; k < got.size(); ++k)
        EXPECT_TRUE(same_bits(got[k], want[k]))
            << file << " " << i << " " << k << ", again " << again << ", by "
            << (got[k].to(f64) - want[k].to(f64)).abs().max().item<double>() << " of " << to_string(in[0].shape());
    }
  }
  EXPECT_EQ(i, sizes);
}

class Load : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::filesystem::create_directories(root());
    ASSERT_EQ(std::system(("tests/core/graph/export_models " + root()).c_str()), 0);
  }
};

TEST_F(Load, RunsInTheSameBitsAtSizesNeverTraced) {
  const auto net = graph::load(root() + "/net");
  ASSERT_TRUE(net.ok()) << net.status();
  runs_as(net->main, root() + "/net.reference", 6);
  ASSERT_TRUE(net->preprocess.has_value());
  runs_as(*net->preprocess, root() + "/net.preprocess", 1);
  // A picture through both.
  const auto picture = io::load_safetensors(root() + "/net.preprocess");
  const Tensor one = (*net->preprocess)(picture->tensors.at("0.in.0"));
  EXPECT_EQ(net->main(one.unsqueeze(0)).shape(), (Shape{1, 10}));
  for (const auto& [name, sizes] : {std::pair{"encoder", 3}, {"f64", 3}, {"bf16", 3}}) {
    const auto m = graph::load(root() + "/" + name);
    ASSERT_TRUE(m.ok()) << m.status();
    runs_as(m->main, root() + "/" + name + ".reference", static_cast<size_t>(sizes));
  }
}

TEST_F(Load, WeightsAreMapped) {
  const auto net = graph::load(root() + "/net");
  ASSERT_TRUE(net.ok()) << net.status();
  for (const graph::Constant& c : net->main.constants) EXPECT_TRUE(c.value.impl()->storage->read_only()) << c.name;
}

TEST_F(Load, SignatureSaysWhatTheModelTakes) {
  const auto s = graph::load_signature(root() + "/net");
  ASSERT_TRUE(s.ok()) << s.status();
  EXPECT_EQ(s->kind, "graph");
  EXPECT_EQ(s->description, "a convolutional net");
  EXPECT_EQ(s->labels, (std::vector<std::string>{"a", "b"}));
  using Port = graph::Signature::Port;
  EXPECT_EQ(s->inputs, (std::vector<Port>{{"image", f32, {{-1, "batch"}, {3}, {16}, {16}}}}));
  EXPECT_EQ(s->outputs, (std::vector<Port>{{"scores", f32, {{-1, "batch"}, {10}}}}));
  EXPECT_EQ(s->preprocess, (std::vector<Port>{{"picture", u8, {{-1, "height"}, {-1, "width"}, {3}}}}));
  EXPECT_EQ(s->preprocess_input.at("color"), "rgb");
}

// Every record in the sources of core/ops is linked by :all_ops.
TEST(AllOps, EveryFileOfOpsIsLinked) {
  const std::regex by_macro(R"re(HEARTH_[A-Z_]+\(k\w+,\s*"(\w+)")re"), by_hand(R"re(\.name = "(\w+)")re");
  std::set<std::string> names;
  for (const char* directory : {"core/ops", "core/kernels"}) {
    for (const auto& f : std::filesystem::directory_iterator(directory)) {
      if (f.path().extension() != ".cc") continue;
      std::ifstream in(f.path());
      const std::string text(std::istreambuf_iterator<char>(in), {});
      size_t found = 0;
      for (const std::regex& pattern : {by_macro, by_hand}) {
        for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i, ++found) {
          const std::string name = (*i)[1];
          EXPECT_TRUE(find_op(name)) << name << " of " << f.path() << ": its library must be a hearth_op_family";
          names.insert(name);
        }
      }
      const bool has_records =
          text.find("HEARTH_OP(") != std::string::npos || text.find("HEARTH_POINTWISE(") != std::string::npos;
      EXPECT_TRUE(found > 0 || !has_records) << f.path();
    }
  }
  EXPECT_GE(names.size(), 80u);
  for (const OpDef* op : all_ops()) EXPECT_TRUE(names.contains(op->name)) << op->name;
}

}  // namespace
}  // namespace hearth
