// Layers of padding, resizing, transposed and 3-d convolution and instance norm against PyTorch, and bad input.
#include <gtest/gtest.h>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/nn/conv.h"
#include "core/nn/conv_transpose.h"
#include "core/nn/instance_norm.h"
#include "core/nn/padding.h"
#include "core/nn/patches.h"
#include "core/nn/pool.h"
#include "core/nn/pool3d.h"
#include "core/nn/unpool.h"
#include "core/nn/upsample.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "tests/core/nn/image_layers_golden.inc"
#include "tests/core/nn/nn_testing.h"

namespace hearth {
namespace {

const Tensor& line() {
  static const Tensor x = leaf({2, 4, 5}, 1);
  return x;
}
const Tensor& image() {
  static const Tensor x = leaf({2, 4, 4, 3}, 2);
  return x;
}
const Tensor& volume() {
  static const Tensor x = leaf({1, 4, 3, 4, 3}, 3);
  return x;
}

// Parameters in the order of their names, filled as in layer_values.py.
std::vector<Tensor> fill(nn::ModuleBase& m) {
  m.to(f64);
  std::vector<Tensor> out;
  NoGrad off;
  double k = 0;
  for (auto& [name, t] : m.state_dict()) {
    if (!t.requires_grad()) continue;
    t.copy_(wave(t.shape(), k++));
    out.push_back(t);
  }
  return out;
}

template <class M, class F>
void check(M&& layer, const Tensor& x, const std::vector<double>& want, F call) {
  std::vector<Tensor> leaves{x};
  for (Tensor& p : fill(layer)) leaves.push_back(p);
  const Tensor out = call(layer, x), weighted = (out * wave(out.shape(), 5)).sum();
  std::vector<Tensor> got{out};
  for (Tensor& g : grad({&weighted, 1}, leaves)) got.push_back(g);
  expect_close(got, want);
}
template <class M>
void check(M&& layer, const Tensor& x, const std::vector<double>& want) {
  check(layer, x, want, [](auto& m, const Tensor& t) { return m.forward(t); });
}

TEST(ImageLayers, Convolutions) {
  check(nn::Conv3d(4, 6, {2, 3, 2}, {.stride = {1, 2, 1}, .padding = {1, 1, 0}, .dilation = {1, 1, 2}, .groups = 2}),
        volume(), kGoldenConv3d);
  check(nn::Conv3d(4, 2, 2, {.padding = {1, 2, 1}, .bias = false, .padding_mode = Padding::kReflect}), volume(),
        kGoldenConv3dReflect);
  check(nn::Conv3d(4, 2, {2, 3, 2}, {.dilation = {1, 1, 2}, .same = true}), volume(), kGoldenConv3dSame);
  check(nn::Conv2d(4, 2, {2, 3}, {.stride = {1, 2}, .padding = {1, 2}, .padding_mode = Padding::kCircular}), image(),
        kGoldenConv2dCircular);
  check(nn::Conv2d(4, 2, {2, 4}, {.dilation = {2, 1}, .same = true}), image(), kGoldenConv2dSame);
  check(nn::Conv2d(4, 2, {3, 2}, {.padding_mode = Padding::kReplicate, .same = true}), image(),
        kGoldenConv2dSameReplicate);
  check(nn::Conv1d(4, 2, 3, {.padding = 2, .padding_mode = Padding::kReflect}), line(), kGoldenConv1dReflect);
  check(nn::Conv1d(4, 4, 4, {.groups = 2, .same = true}), line(), kGoldenConv1dSame);
}

TEST(ImageLayers, TransposedConvolutions) {
  const auto to = [](auto size) { return [size](auto& m, const Tensor& x) { return m.forward(x, size); }; };
  check(nn::ConvTranspose1d(4, 6, 3, {.stride = 2, .padding = 1, .output_padding = 1, .groups = 2}), line(),
        kGoldenConvTranspose1d);
  check(nn::ConvTranspose1d(4, 2, 3, {.stride = 3}), line(), kGoldenConvTranspose1dSize, to(int64_t{17}));
  check(nn::ConvTranspose2d(
            4, 2, {2, 3},
            {.stride = {2, 1}, .padding = {1, 0}, .output_padding = {1, 0}, .bias = false, .dilation = {1, 2}}),
        image(), kGoldenConvTranspose2d);
  check(nn::ConvTranspose2d(4, 2, 3, {.stride = 2}), image(), kGoldenConvTranspose2dSize, to(Extent2(10, 7)));
  check(nn::ConvTranspose3d(4, 2, {2, 3, 2},
                            {.stride = {1, 2, 2}, .padding = {1, 0, 1}, .output_padding = {0, 1, 0}, .groups = 2}),
        volume(), kGoldenConvTranspose3d);
  check(nn::ConvTranspose3d(4, 2, 2, {.stride = 2}), volume(), kGoldenConvTranspose3dSize, to(Extent3(7, 8, 6)));
}

TEST(ImageLayers, Norms) {
  nn::InstanceNorm1d norm(4, {.momentum = 0.3, .affine = true, .track_running_stats = true});
  check(norm, line(), kGoldenInstanceNorm);
  expect_close({*norm.running_mean, *norm.running_var}, kGoldenInstanceNormRunning);
  norm.eval();
  check(norm, line(), kGoldenInstanceNormEval);
  expect_close({*norm.running_mean, *norm.running_var}, kGoldenInstanceNormRunning);
  nn::InstanceNorm3d plain(4);
  const Tensor one = leaf({1, 4, 3, 4, 3}, 3);
  std::vector<Tensor> got{plain.forward(one.squeeze(0))};
  const Tensor weighted = (got[0] * wave(got[0].shape(), 5)).sum();
  got.push_back(grad({&weighted, 1}, {&one, 1})[0]);
  expect_close(got, kGoldenInstanceNorm3d);
  check(nn::LocalResponseNorm(3, 0.1, 0.5, 2), image(), kGoldenLocalResponseNorm);
}

TEST(ImageLayers, Sizes) {
  check(nn::Upsample({.scale_factor = {1.5, 2}, .mode = InterpolateMode::kLinear}), image(), kGoldenUpsample);
  check(nn::Upsample({.size = Dims{3, 7}, .mode = InterpolateMode::kBicubic, .align_corners = true}), image(),
        kGoldenUpsampleSize);
  check(nn::UpsamplingBilinear2d(2), image(), kGoldenUpsamplingBilinear);
  check(nn::PixelShuffle(2), image(), kGoldenPixelShuffle);
  check(nn::ChannelShuffle(2), image(), kGoldenChannelShuffle);
  check(nn::Unfold({2, 3}, {.padding = 1}), image(), kGoldenUnfold);
  check(nn::Fold(3, 2), leaf({1, 8, 4}, 2), kGoldenFold);
}

TEST(ImageLayers, Paddings) {
  check(nn::ReflectionPad2d({1, 2, 3, 0}), image(), kGoldenReflectionPad);
  check(nn::ZeroPad3d(1), volume(), kGoldenZeroPad);
  check(nn::ConstantPad1d({1, -1}, 2.5), line(), kGoldenConstantPad);
  check(nn::ReplicationPad3d(1), volume(), kGoldenReplicationPad);
  check(nn::CircularPad1d({2, 1}), line(), kGoldenCircularPad);
}

TEST(ImageLayers, Pools) {
  check(nn::LPPool2d(4, {2, 1}, Extent2(1, 2)), image(), kGoldenLpPool);
  check(nn::MaxUnpool2d(2, Extent2(2)), image(), kGoldenMaxUnpool, [](auto& m, const Tensor& x) {
    const auto [y, places] = max_pool2d_with_indices(x, 2, {.stride = Extent2(2)});
    return m.forward(y, places, {4, 3});
  });
  check(nn::AvgPool3d(2, {.stride = Extent3(1), .padding = 1, .count_include_pad = false}), volume(), kGoldenAvgPool3d);
  check(nn::MaxPool3d({1, 2, 2}, {.stride = Extent3(2)}), volume(), kGoldenMaxPool3d);
  check(nn::AdaptiveAvgPool1d(3), line(), kGoldenAdaptiveAvgPool1d);
  check(nn::AdaptiveMaxPool3d({2, 3, 1}), volume(), kGoldenAdaptiveMaxPool3d);
}

TEST(ImageLayers, BadInput) {
  EXPECT_EQ(message([] { nn::ReflectionPad2d({1, 2}); }), "padding of 2 dimensions needs 4 sizes, but there are 2");
  EXPECT_EQ(message([] { nn::ZeroPad1d(1).forward(image()); }),
            "padding of 1 dimension takes 2 or 3 dimensions, but the shape is [2, 4, 4, 3]");
  EXPECT_EQ(message([] { nn::ReflectionPad1d(5).forward(line()); }),
            "pad: 5 elements beside dimension 2 of shape [2, 4, 5]; a reflection has at most 4");
  EXPECT_EQ(
      message([] {
        nn::CircularPad1d({4, -3}).forward(line());
      }),
      "pad: 4 elements beside dimension 2 of shape [2, 4, 5], of which 2 are left; a circular padding has at most 2");
  EXPECT_EQ(message([] { nn::Upsample({}); }), "Upsample: either size or scale_factor must be given");
  EXPECT_EQ(message([] { nn::Upsample({.scale_factor = {0.1}}).forward(image()); }),
            "interpolate_by: a factor of 0.1 gives dimension 2 of shape [2, 4, 4, 3] no size from 1 to 2^30");
  EXPECT_EQ(message([] { nn::Conv2d(4, 2, 2, {.stride = 2, .same = true}); }),
            "Conv2d: a result of the input's size needs a stride of 1 and no padding");
  EXPECT_EQ(message([] { nn::ConvTranspose1d(4, 2, 3, {.stride = 2}).forward(line().to(f32), 13); }),
            "ConvTranspose1d: a size of 5 can become from 11 to 12, not 13");
  EXPECT_EQ(message([] { nn::ConvTranspose2d(4, 2, 3, {.output_padding = 1}).forward(image().to(f32)); }),
            "conv_transpose2d: output_padding 1 along the height must be below stride 1 or dilation 1");
  EXPECT_EQ(
      message([] { nn::Conv3d(4, 2, 5).forward(volume().to(f32)); }),
      "conv3d: a kernel of shape [2, 4, 5, 5, 5] with dilation 1 along the depth is larger than the input of shape "
      "[1, 4, 3, 4, 3] with padding 0");
  EXPECT_EQ(message([] { nn::InstanceNorm2d(3).forward(image()); }),
            "InstanceNorm2d: expected 3 channels, but the shape is [2, 4, 4, 3]");
  EXPECT_EQ(message([] {
              nn::InstanceNorm1d(4).forward(leaf({2, 4, 1}, 1));
            }),
            "instance_norm: an input of shape [2, 4, 1] has fewer than 2 elements per channel to take statistics of");
  EXPECT_EQ(message([] { nn::PixelShuffle(3).forward(image()); }),
            "pixel_shuffle: 4 channels of shape [2, 4, 4, 3] cannot be cut into groups of 9");
  EXPECT_EQ(message([] { nn::MaxUnpool1d(2).forward(line(), line()); }),
            "max_unpool1d: indices must be i64, but are f64");
}

// Places of the greatest, as torch.nn.functional's with return_indices=True give them for sin(0.37 i + 1).
TEST(Pools, GivePlaces) {
  using Places = std::vector<int64_t>;
  const Tensor line = wave({2, 2, 6}, 1), image = wave({1, 2, 4, 5}, 1), volume = wave({1, 1, 4, 3, 5}, 1);
  const auto [y, places] = max_pool1d_with_indices(line, 3, {.stride = 2, .padding = 1});
  EXPECT_EQ(places.to_vector<int64_t>(), (Places{1, 2, 3, 0, 1, 3, 1, 3, 5, 1, 1, 3}));
  EXPECT_TRUE(y.equal(max_pool1d(line, 3, {.stride = 2, .padding = 1})));
  const auto lines = adaptive_max_pool1d_with_indices(line, 4);
  EXPECT_EQ(lines.second.to_vector<int64_t>(), (Places{1, 2, 3, 4, 0, 1, 3, 5, 1, 2, 4, 5, 1, 1, 3, 4}));
  EXPECT_EQ(lines.first.shape(), (Shape{2, 2, 4}));
  const auto images = adaptive_max_pool2d_with_indices(image, {3, 2});
  EXPECT_EQ(images.second.to_vector<int64_t>(), (Places{2, 2, 5, 14, 17, 19, 0, 2, 12, 14, 16, 17}));
  EXPECT_TRUE(images.first.equal(adaptive_max_pool2d(image, {3, 2})));
  const auto volumes = adaptive_max_pool3d_with_indices(volume, {2, 2, 3});
  EXPECT_EQ(volumes.second.to_vector<int64_t>(), (Places{1, 2, 19, 20, 21, 23, 36, 52, 53, 36, 52, 53}));
  EXPECT_TRUE(volumes.first.equal(adaptive_max_pool3d(volume, {2, 2, 3})));
  EXPECT_EQ(adaptive_max_pool3d_with_indices(volume[0], 2).second.shape(), (Shape{1, 2, 2, 2}));
  // Layers give them too, for the layers that put elements back.
  const auto [low, at] = nn::MaxPool1d(2).with_indices(wave({1, 1, 6}, 1));
  expect_close({nn::MaxUnpool1d(2)(low, at)}, {0, 0.9799080613986142, 0.9857191788355535, 0, 0.6143742578057118, 0});
  EXPECT_EQ(nn::MaxPool2d(2).with_indices(image).second.shape(), (Shape{1, 2, 2, 2}));
  EXPECT_TRUE(nn::AdaptiveMaxPool2d({3, 2}).with_indices(image).second.equal(images.second));
  EXPECT_TRUE(nn::AdaptiveMaxPool3d({2, 2, 3}).with_indices(volume).second.equal(volumes.second));
  EXPECT_EQ(message([&] { max_pool1d_with_indices(image, 2); }),
            "max_pool1d_with_indices: expected an input [n, c, l] or [c, l], but its shape is [1, 2, 4, 5]");
}

TEST(Pools, ADimensionStays) {
  using Places = std::vector<int64_t>;
  const Tensor x = wave({2, 3, 5, 7}, 1), volume = wave({1, 1, 4, 3, 5}, 1);
  EXPECT_TRUE(adaptive_avg_pool2d(x, {-1, 1}).equal(adaptive_avg_pool2d(x, {5, 1})));
  expect_close({adaptive_avg_pool2d(x, {-1, 1}).flatten().slice(0, 0, 4)},
               {0.6412487559077519, -0.747216201286813, 0.6315458438055057, -0.328547597842132});
  EXPECT_EQ(adaptive_avg_pool2d(x[0], {2, -1}).shape(), (Shape{3, 2, 7}));
  EXPECT_TRUE(adaptive_max_pool1d(x[0], -1).equal(x[0]));
  EXPECT_EQ(adaptive_avg_pool3d(wave({1, 2, 4, 5, 6}, 1), {-1, 2, -1}).shape(), (Shape{1, 2, 4, 2, 6}));
  const auto images = adaptive_max_pool2d_with_indices(wave({1, 2, 4, 5}, 1), {-1, 2});
  EXPECT_EQ(images.second.to_vector<int64_t>(), (Places{2, 2, 5, 7, 12, 14, 17, 19, 0, 2, 5, 9, 12, 14, 16, 17}));
  const auto volumes = adaptive_max_pool3d_with_indices(volume, {-1, 2, -1});
  EXPECT_EQ(volumes.second.flatten().slice(0, 0, 10).to_vector<int64_t>(), (Places{0, 1, 2, 3, 4, 5, 6, 7, 13, 14}));
  EXPECT_EQ(nn::AdaptiveAvgPool2d({-1, 1}).extra_repr(), "output_size=(None, 1)");
  EXPECT_EQ(nn::AdaptiveAvgPool2d(-1).extra_repr(), "output_size=None");
  EXPECT_EQ(nn::AdaptiveAvgPool2d({3, 1}).extra_repr(), "output_size=(3, 1)");
  EXPECT_NE(message([&] { adaptive_avg_pool2d(x, {-2, 1}); }).find("2 sizes of at least 1"), std::string::npos);
  EXPECT_NE(message([&] {
              adaptive_avg_pool2d(x[0][0], {-1, 1});
            }).find("expected an input [n, c, h, w]"),
            std::string::npos);
  EXPECT_NE(message([] { adaptive_avg_pool2d(ones({1}), {-1, 1}); }), "no error");
  EXPECT_NE(message([] { adaptive_avg_pool2d(Tensor(), {-1, 1}); }).find("adaptive_avg_pool2d"), std::string::npos);
}

}  // namespace
}  // namespace hearth
