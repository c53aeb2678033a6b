#include "core/op/attrs/conv.h"
#include "core/op/run.h"
#include "core/ops/conv.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

// As CONVS in tools/golden/ops.py.
struct Case {
  const char* name;
  Shape x, weight;
  Conv2dOptions options;
  bool smooth;
};

}  // namespace

static void conv_rows(Rows& rows) {
  const std::vector<Case> cases = {
      {"plain", {2, 3, 5, 6}, {4, 3, 3, 2}, {}, false},
      {"strided", {1, 2, 7, 6}, {3, 2, 3, 3}, {.stride = {2, 1}, .padding = {1, 2}}, false},
      {"dilated", {1, 2, 7, 8}, {2, 2, 2, 3}, {.padding = 1, .dilation = {2, 3}}, false},
      {"grouped", {2, 4, 5, 4}, {6, 2, 3, 3}, {.padding = 1, .groups = 2}, false},
      {"depthwise", {1, 3, 6, 5}, {3, 1, 3, 3}, {.groups = 3}, false},
      {"1x1", {2, 5, 3, 3}, {4, 5, 1, 1}, {}, false},
      {"channels", {1, 16, 9, 9}, {16, 16, 3, 3}, {.padding = 1}, false},
  };
  OpRow conv{.op = "conv2d", .accuracy = Accuracy::kSum}, data{.op = "conv2d_data", .accuracy = Accuracy::kSum},
      weights{.op = "conv2d_weights", .accuracy = Accuracy::kSum};
  for (const Case& c : cases) {
    const std::string name = c.name;
    const Conv2dOptions o = c.options;
    ConvAttrs attrs{.stride = {o.stride.h, o.stride.w},
                    .padding = {o.padding.h, o.padding.w},
                    .dilation = {o.dilation.h, o.dilation.w},
                    .groups = o.groups};
    const int64_t products = c.weight.numel() / c.weight[0];
    const auto terms = static_cast<double>(products);
    add_golden(conv, "conv2d/" + name, HEARTH_CALL(conv2d(in[0], in[1], in[2], o)), {.batch = 1, .terms = terms + 1});
    add_golden(conv, "conv2d/" + name + ", no bias", HEARTH_CALL(conv2d(in[0], in[1], std::nullopt, o)),
               {.batch = 1, .terms = terms});
    attrs.shape = c.x;
    add_golden(data, "conv2d_data/" + name,
               [attrs](In in) -> Out {
                 ConvAttrs a = attrs;
                 a.shape[0] = in[0].size(0);
                 return {run(kConv2dData, {in[0], in[1]}, a)};
               },
               {.batch = 1, .terms = terms * static_cast<double>(c.weight[0])});
    attrs.shape = c.weight;
    attrs.bias = true;
    const int64_t images = c.x.numel() / c.x[1];
    add_golden(weights, "conv2d_weights/" + name,
               [attrs](In in) -> Out {
                 const auto r = run_all(kConv2dWeights, {in[0], in[1]}, attrs);
                 return {r[0], r[1]};
               },
               {.batch = 3, .terms = static_cast<double>(images)});
  }
  // Small ones, of which every derivative is taken.
  const Conv2dOptions small{.stride = {1, 2}, .padding = {1, 0}, .groups = 2};
  const ConvAttrs attrs{.stride = {1, 2}, .padding = {1, 0}, .groups = 2};
  const auto noises = [](std::vector<Shape> shapes) {
    return [shapes](DType t) {
      Out in;
      for (size_t i = 0; i < shapes.size(); ++i) in.push_back(noise(shapes[i], t, -2, 2, i + 1));
      return in;
    };
  };
  conv.samples.push_back({.name = "smooth",
                          .inputs = noises({{1, 2, 3, 4}, {2, 1, 2, 2}, {2}}),
                          .call = HEARTH_CALL(conv2d(in[0], in[1], in[2], small)),
                          .smooth = true,
                          .batch = 1});
  conv.samples.push_back({.name = "smooth, no bias, no batch",
                          .inputs = noises({{2, 3, 4}, {2, 1, 2, 2}}),
                          .call = HEARTH_CALL(conv2d(in[0], in[1], std::nullopt, small)),
                          .smooth = true});
  conv.samples.push_back({.name = "no images",
                          .inputs = noises({{0, 2, 3, 4}, {2, 1, 2, 2}, {2}}),
                          .call = HEARTH_CALL(conv2d(in[0], in[1], in[2], small)),
                          .want = [](In, DType t) -> std::vector<Want> {
                            return {{t, {0, 2, 4, 2}, {}}};
                          }});
  data.samples.push_back({.name = "smooth",
                          .inputs = noises({{1, 2, 4, 2}, {2, 1, 2, 2}}),
                          .call = [attrs](In in) -> Out {
                            ConvAttrs a = attrs;
                            a.shape = {in[0].size(0), 2, 3, 4};
                            return {run(kConv2dData, {in[0], in[1]}, a)};
                          },
                          .smooth = true,
                          .batch = 1});
  for (bool bias : {true, false}) {
    weights.samples.push_back({.name = bias ? "smooth" : "smooth, no bias",
                               .inputs = noises({{1, 2, 3, 4}, {1, 2, 4, 2}}),
                               .call = [attrs, bias](In in) -> Out {
                                 ConvAttrs a = attrs;
                                 a.shape = {2, 1, 2, 2};
                                 a.bias = bias;
                                 const auto r = run_all(kConv2dWeights, {in[0], in[1]}, a);
                                 return bias ? Out{r[0], r[1]} : Out{r[0]};
                               },
                               .smooth = true,
                               .batch = 3});
  }
  rows.push_back(std::move(conv));
  rows.push_back(std::move(data));
  rows.push_back(std::move(weights));
}

HEARTH_OP_ROWS(conv_rows);

}  // namespace hearth::testing
