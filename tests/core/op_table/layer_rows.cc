// Padding, interpolation, transposed and 3-d convolutions, 3-d pooling, instance norm and shuffles. Their samples are
// those of tools/golden/layers.py.
#include <limits>

#include "core/op/attrs/interpolate.h"
#include "core/op/run.h"
#include "core/ops/conv3d.h"
#include "core/ops/conv_transpose.h"
#include "core/ops/instance_norm.h"
#include "core/ops/interpolate.h"
#include "core/ops/pad.h"
#include "core/ops/pool3d.h"
#include "core/ops/shuffle.h"
#include "core/ops/unpool.h"
#include "tests/core/op_table/functions.h"

namespace hearth::testing {
namespace {

constexpr SampleOptions kPlain{};
constexpr SampleOptions kSmooth{.smooth = true};

OpRow& add_layers(Rows& rows, const char* name, const std::vector<FunctionCase>& cases,
                  Accuracy accuracy = Accuracy::kExact) {
  return add_functions(rows, name, cases, accuracy, layers_golden());
}

void pad_rows(Rows& rows) {
  OpRow& row = add_layers(rows, "pad",
                          {{"one side", HEARTH_CALL(pad(in[0], {1, 2})), kSmooth},
                           {"sides", HEARTH_CALL(pad(in[0], {1, 0, 2, 1})), kSmooth},
                           {"dropped", HEARTH_CALL(pad(in[0], {-1, 2, 1, -1})), kSmooth},
                           {"all sides", HEARTH_CALL(pad(in[0], {1, 1, 0, 2, 1, 0})), kSmooth},
                           {"middle", HEARTH_CALL(pad(in[0], {0, 0, 1, 2})), kSmooth},
                           {"nothing", HEARTH_CALL(pad(in[0], {0, 0})), kSmooth},
                           {"of nothing", HEARTH_CALL(pad(in[0], {1, 2, 0, 0})), kSmooth},
                           {"to nothing", HEARTH_CALL(pad(in[0], {-1, -1})), kSmooth},
                           {"crossing", HEARTH_CALL(pad(in[0], {-2, 1})), kSmooth},
                           {"value", HEARTH_CALL(pad(in[0], {1, 1}, Padding::kConstant, 1)), kSmooth}});
  row.composed = false;
  row.takes = {};
  add_layers(rows, "pad_repeated",
             {{"reflect line", HEARTH_CALL(pad(in[0], {2, 1}, Padding::kReflect)), kSmooth},
              {"reflect image", HEARTH_CALL(pad(in[0], {1, 2, 2, 0}, Padding::kReflect)), kSmooth},
              {"reflect volume", HEARTH_CALL(pad(in[0], {1, 0, 0, 1, 1, 1}, Padding::kReflect)), kPlain},
              {"reflect dropped", HEARTH_CALL(pad(in[0], {-1, 2}, Padding::kReflect)), kPlain},
              {"replicate line", HEARTH_CALL(pad(in[0], {2, 1}, Padding::kReplicate)), kSmooth},
              {"replicate image", HEARTH_CALL(pad(in[0], {1, 2, 2, 0}, Padding::kReplicate)), kPlain},
              {"replicate volume", HEARTH_CALL(pad(in[0], {1, 0, 0, 1, 1, 1}, Padding::kReplicate)), kPlain},
              {"replicate far", HEARTH_CALL(pad(in[0], {5, 4}, Padding::kReplicate)), kSmooth},
              {"circular line", HEARTH_CALL(pad(in[0], {2, 1}, Padding::kCircular)), kSmooth},
              {"circular image", HEARTH_CALL(pad(in[0], {1, 2, 2, 0}, Padding::kCircular)), kPlain},
              {"circular dropped", HEARTH_CALL(pad(in[0], {2, -1}, Padding::kCircular)), kSmooth},
              {"circular dropped before", HEARTH_CALL(pad(in[0], {-1, 2}, Padding::kCircular)), kPlain},
              {"circular volume", HEARTH_CALL(pad(in[0], {1, 0, 0, 1, 1, 1}, Padding::kCircular)), kPlain}},
             Accuracy::kGradient);
}

using Mode = InterpolateMode;

void interpolate_rows(Rows& rows) {
  static std::vector<std::string> names;  // what the cases point at
  names.reserve(64);
  std::vector<FunctionCase> cases;
  const auto add = [&](const std::string& name, TensorFunction f, bool smooth = false) {
    names.push_back(name);
    cases.push_back({names.back().c_str(), std::move(f), {.smooth = smooth, .terms = 16}});
  };
  for (const bool exact : {false, true}) {
    const std::string name = exact ? "nearest-exact" : "nearest";
    const InterpolateOptions o{.mode = exact ? Mode::kNearestExact : Mode::kNearest};
    add(name + " line", HEARTH_CALL(interpolate(in[0], 7, o)), true);
    add(name + " image", HEARTH_CALL(interpolate(in[0], {2, 7}, o)));
    add(name + " volume", HEARTH_CALL(interpolate(in[0], {3, 2, 4}, o)));
    add(name + " by 2.5", HEARTH_CALL(interpolate_by(in[0], {2.5}, o)));
    add(name + " by 0.6", HEARTH_CALL(interpolate_by(in[0], {0.6, 0.7}, o)));
  }
  add_layers(rows, "interpolate_nearest", cases, Accuracy::kGradient);
  cases.clear();
  for (const bool corners : {false, true}) {
    const std::string end = corners ? " True" : " False";
    const InterpolateOptions linear{.mode = Mode::kLinear, .align_corners = corners},
        cubic{.mode = Mode::kBicubic, .align_corners = corners};
    add("linear" + end, HEARTH_CALL(interpolate(in[0], 7, linear)), true);
    add("bilinear up" + end, HEARTH_CALL(interpolate(in[0], {5, 7}, linear)), corners);
    add("bilinear down" + end, HEARTH_CALL(interpolate(in[0], {2, 3}, linear)));
    add("trilinear" + end, HEARTH_CALL(interpolate(in[0], {3, 2, 5}, linear)));
    add("bicubic up" + end, HEARTH_CALL(interpolate(in[0], {5, 7}, cubic)), !corners);
    add("bicubic down" + end, HEARTH_CALL(interpolate(in[0], {2, 3}, cubic)));
    for (InterpolateOptions o : {linear, cubic}) {
      o.antialias = true;
      add((o.mode == Mode::kLinear ? "bilinear antialiased" : "bicubic antialiased") + end,
          HEARTH_CALL(interpolate(in[0], {2, 9}, o)));
    }
  }
  const InterpolateOptions linear{.mode = Mode::kLinear}, corners{.mode = Mode::kLinear, .align_corners = true},
      smooth{.mode = Mode::kBicubic, .antialias = true};
  add("bilinear by 1.7", HEARTH_CALL(interpolate_by(in[0], {1.7}, linear)));
  add("bilinear recomputed", HEARTH_CALL(interpolate_by(in[0], {1.7}, linear, true)));
  add("bicubic by 0.6", HEARTH_CALL(interpolate_by(in[0], {0.6}, smooth)));
  add("stays", HEARTH_CALL(interpolate_by(in[0], {1.2, 2}, linear)));
  add("stays antialiased", HEARTH_CALL(interpolate_by(in[0], {1.2}, smooth)));
  add("infinite", HEARTH_CALL(interpolate(in[0], 4, linear)));
  add("one pixel", HEARTH_CALL(interpolate(in[0], {3, 2}, linear)));
  add("to one pixel", HEARTH_CALL(interpolate(in[0], 1, corners)));
  OpRow& row = add_layers(rows, "interpolate", cases, Accuracy::kGradient);
  row.takes = kFloatTypes;
  row.composed = false;
}

void interpolate_grad_rows(Rows& rows) {
  const auto gradient = [](std::vector<InterpolateAttrs> ways) {
    return [ways](In in) -> Out {
      Tensor x = in[0];
      for (const InterpolateAttrs& a : ways) x = run(kInterpolateGrad, {x}, a);
      return {x};
    };
  };
  OpRow& row =
      add_layers(rows, "interpolate_grad",
                 {{"linear", gradient({{.dim = 3, .size = 4}, {.dim = 2, .size = 3}}), {.smooth = true, .terms = 16}},
                  {"cubic",
                   gradient({{.dim = 3, .size = 3, .cubic = true, .align_corners = true},
                             {.dim = 2, .size = 5, .cubic = true, .align_corners = true}}),
                   {.smooth = true, .terms = 16}}},
                 Accuracy::kGradient);
  row.takes = {};
  row.composed = false;
  const InterpolateOptions area{.mode = Mode::kArea};
  add_layers(rows, "interpolate_area",
             {{"area line", HEARTH_CALL(interpolate(in[0], 3, area)), {.smooth = true, .terms = 16}},
              {"area", HEARTH_CALL(interpolate(in[0], {2, 5}, area)), {.terms = 16}},
              {"area volume", HEARTH_CALL(interpolate(in[0], {2, 3, 1}, area)), {.terms = 16}}},
             Accuracy::kGradient)
      .takes = kFloatTypes;
}

// With a bias where the sample has one.
template <class Convolve>
TensorFunction with_bias(Convolve f) {
  return [f](In in) -> Out { return {f(in[0], in[1], in.size() > 2 ? std::optional<Tensor>(in[2]) : std::nullopt)}; };
}

void convolution_rows(Rows& rows) {
  const auto options = [](bool smooth, double terms) {
    return SampleOptions{.smooth = smooth, .batch = 1, .terms = terms};
  };
  const auto call3 = [](Conv3dOptions o) {
    return with_bias(
        [o](const Tensor& x, const Tensor& w, const std::optional<Tensor>& b) { return conv3d(x, w, b, o); });
  };
  const Conv3dOptions all3{.stride = {2, 1, 2}, .padding = {1, 0, 2}, .dilation = {2, 1, 3}, .groups = 2};
  add_layers(rows, "conv3d",
             {{"plain", call3({}), options(false, 37)},
              {"all", call3(all3), options(false, 25)},
              {"one volume", call3({.padding = 1}), {.smooth = true, .terms = 8}},
              {"depthwise", call3({.stride = 2, .padding = 1, .groups = 2}), options(true, 4)},
              {"none", call3({}), {.terms = 3}}},
             Accuracy::kSum)
      .takes = kFloatTypes;
  const auto line = [](ConvTranspose1dOptions o) {
    return with_bias(
        [o](const Tensor& x, const Tensor& w, const std::optional<Tensor>& b) { return conv_transpose1d(x, w, b, o); });
  };
  add_layers(
      rows, "conv_transpose1d",
      {{"plain", line({}), options(true, 10)},
       {"all", line({.stride = 3, .padding = 2, .output_padding = 2, .groups = 2, .dilation = 2}), options(false, 7)},
       {"far", line({.stride = 2, .output_padding = 2, .dilation = 3}), options(false, 4)},
       {"one line", line({.stride = 2}), {.terms = 4}}},
      Accuracy::kSum)
      .takes = kFloatTypes;
  const auto image = [](ConvTranspose2dOptions o) {
    return with_bias(
        [o](const Tensor& x, const Tensor& w, const std::optional<Tensor>& b) { return conv_transpose2d(x, w, b, o); });
  };
  const ConvTranspose2dOptions all2{
      .stride = {2, 3}, .padding = {1, 2}, .output_padding = {1, 2}, .groups = 2, .dilation = {1, 2}};
  add_layers(rows, "conv_transpose2d",
             {{"plain", image({}), options(false, 19)},
              {"all", image(all2), options(true, 13)},
              {"far", image({.stride = {1, 2}, .output_padding = {2, 2}, .dilation = {3, 4}}), options(false, 12)},
              {"depthwise", image({.stride = 2, .groups = 3}), options(false, 5)},
              {"one image", image({.padding = 1}), {.terms = 8}},
              {"none", image({}), {.terms = 3}}},
             Accuracy::kSum)
      .takes = kFloatTypes;
  const auto volume = [](ConvTranspose3dOptions o) {
    return with_bias(
        [o](const Tensor& x, const Tensor& w, const std::optional<Tensor>& b) { return conv_transpose3d(x, w, b, o); });
  };
  const ConvTranspose3dOptions all{
      .stride = {2, 1, 3}, .padding = {2, 1, 0}, .output_padding = {1, 0, 2}, .groups = 2, .dilation = {2, 1, 1}};
  add_layers(rows, "conv_transpose3d",
             {{"plain", volume({}), options(false, 25)},
              {"all", volume(all), options(false, 25)},
              {"one volume", volume({.stride = 2}), {.smooth = true, .terms = 5}}},
             Accuracy::kSum)
      .takes = kFloatTypes;
}

void pool_rows(Rows& rows) {
  const MaxPool3dOptions all{
      .stride = Extent3(2, 1, 2), .padding = {1, 1, 0}, .dilation = {1, 2, 2}, .ceil_mode = true};
  add_layers(rows, "max_pool3d",
             {{"plain", HEARTH_CALL(max_pool3d(in[0], 2)), kPlain},
              {"all", HEARTH_CALL(max_pool3d(in[0], {3, 2, 2}, all)), kPlain},
              {"one volume", HEARTH_CALL(max_pool3d(in[0], {1, 2, 1})), kSmooth}})
      .takes = kFloatTypes;
  const auto both = [](Extent3 kernel, MaxPool3dOptions o) {
    return [kernel, o](In in) -> Out {
      const auto [y, places] = max_pool3d_with_indices(in[0], kernel, o);
      return {y, places};
    };
  };
  add_layers(rows, "max_pool3d_with_indices",
             {{"plain", both(2, {}), kPlain},
              {"all", both({3, 2, 2}, all), kPlain},
              {"one volume", both({1, 2, 1}, {}), kSmooth},
              {"nan and equals", both(2, {}), kPlain}})
      .takes = kFloatTypes;
  constexpr SampleOptions means{.terms = 27};
  const AvgPool3dOptions more{.stride = Extent3(2, 3, 2), .padding = {1, 1, 0}, .ceil_mode = true};
  const AvgPool3dOptions without{.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false};
  const AvgPool3dOptions divided{.stride = 1, .divisor_override = 3};
  add_layers(rows, "avg_pool3d",
             {{"plain", HEARTH_CALL(avg_pool3d(in[0], 2)), means},
              {"all", HEARTH_CALL(avg_pool3d(in[0], {3, 2, 2}, more)), means},
              {"without padding", HEARTH_CALL(avg_pool3d(in[0], 3, without)), means},
              {"divisor", HEARTH_CALL(avg_pool3d(in[0], 2, divided)), means},
              {"one volume", HEARTH_CALL(avg_pool3d(in[0], {1, 2, 1})), {.smooth = true, .terms = 2}}},
             Accuracy::kGradient)
      .takes = kFloatTypes;
  add_layers(rows, "adaptive_avg_pool3d",
             {{"plain", HEARTH_CALL(adaptive_avg_pool3d(in[0], {2, 3, 2})), means},
              {"one volume", HEARTH_CALL(adaptive_avg_pool3d(in[0], {1, 2, 4})), {.smooth = true, .terms = 27}}},
             Accuracy::kGradient)
      .takes = kFloatTypes;
  add_layers(rows, "adaptive_max_pool3d",
             {{"plain", HEARTH_CALL(adaptive_max_pool3d(in[0], {2, 3, 2})), kPlain},
              {"one volume", HEARTH_CALL(adaptive_max_pool3d(in[0], {1, 2, 4})), kSmooth}})
      .takes = kFloatTypes;
  add_layers(rows, "max_unpool1d", {{"plain", HEARTH_CALL(max_unpool1d(in[0], in[1], 5)), kSmooth}}).takes =
      kFloatTypes;
  add_layers(rows, "max_unpool2d",
             {{"plain", HEARTH_CALL(max_unpool2d(in[0], in[1], {4, 5})), kSmooth},
              {"one image", HEARTH_CALL(max_unpool2d(in[0], in[1], {2, 4})), kSmooth}})
      .takes = kFloatTypes;
  add_layers(rows, "max_unpool3d", {{"plain", HEARTH_CALL(max_unpool3d(in[0], in[1], {2, 2, 4})), kSmooth}}).takes =
      kFloatTypes;
  constexpr SampleOptions norms{.smooth = true, .terms = 16};
  constexpr double inf = std::numeric_limits<double>::infinity();
  add_layers(
      rows, "lp_pool1d",
      {{"2", HEARTH_CALL(lp_pool1d(in[0], 2, 2)), norms}, {"inf", HEARTH_CALL(lp_pool1d(in[0], inf, 3, 1)), kPlain}},
      Accuracy::kGradient)
      .takes = kFloatTypes;
  add_layers(rows, "lp_pool2d",
             {{"3", HEARTH_CALL(lp_pool2d(in[0], 3, {2, 3}, Extent2(1))), norms},
              {"ceil", HEARTH_CALL(lp_pool2d(in[0], 2, 2, Extent2(2), {.ceil_mode = true})), {.terms = 16}},
              {"zeros", HEARTH_CALL(lp_pool2d(in[0], 2, 1)), {.terms = 16}}},
             Accuracy::kGradient)
      .takes = kFloatTypes;
  add_layers(rows, "lp_pool3d", {{"1", HEARTH_CALL(lp_pool3d(in[0], 1.5, {1, 2, 2})), norms}}, Accuracy::kGradient)
      .takes = kFloatTypes;
}

void norm_rows(Rows& rows) {
  constexpr SampleOptions sums{.smooth = true, .terms = 16};
  add_layers(rows, "instance_norm",
             {{"plain", HEARTH_CALL(instance_norm(in[0])), sums},
              {"weights", HEARTH_CALL(instance_norm(in[0], {}, {}, in[1], in[2], {.eps = 0.5})), sums},
              {"running",
               HEARTH_CALL(instance_norm(in[0], in[1].abs(), in[2].abs() + 1, in[3], {}, {.use_input_stats = false})),
               {.terms = 16}}},
             Accuracy::kGradient)
      .takes = kFloatTypes;
  add_layers(rows, "local_response_norm",
             {{"line", HEARTH_CALL(local_response_norm(in[0], 3, 0.5, 0.75, 2)), sums},
              {"image", HEARTH_CALL(local_response_norm(in[0], 2, 0.5, 0.75, 2)), sums},
              {"volume", HEARTH_CALL(local_response_norm(in[0], 5, 0.5, 0.75, 2)), sums}},
             Accuracy::kGradient)
      .takes = kFloatTypes;
}

void shuffle_rows(Rows& rows) {
  add_layers(rows, "pixel_shuffle",
             {{"plain", HEARTH_CALL(pixel_shuffle(in[0], 2)), kSmooth},
              {"one image", HEARTH_CALL(pixel_shuffle(in[0], 3)), kSmooth},
              {"nothing", HEARTH_CALL(pixel_shuffle(in[0], 2)), kSmooth}});
  add_layers(rows, "pixel_unshuffle",
             {{"plain", HEARTH_CALL(pixel_unshuffle(in[0], 2)), kSmooth},
              {"more", HEARTH_CALL(pixel_unshuffle(in[0], 3)), kSmooth}});
  add_layers(rows, "channel_shuffle",
             {{"plain", HEARTH_CALL(channel_shuffle(in[0], 2)), kSmooth},
              {"line", HEARTH_CALL(channel_shuffle(in[0], 3)), kSmooth}});
}

void layer_rows(Rows& rows) {
  pad_rows(rows);
  interpolate_rows(rows);
  interpolate_grad_rows(rows);
  convolution_rows(rows);
  pool_rows(rows);
  norm_rows(rows);
  shuffle_rows(rows);
}

}  // namespace

HEARTH_OP_ROWS(layer_rows);

}  // namespace hearth::testing
