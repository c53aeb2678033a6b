"""Reference values of layers of padding, resizing, transposed and 3-d convolution and instance norm, from PyTorch.

    python3 tools/golden/image_layers.py > tests/core/nn/image_layers_golden.inc
"""
import torch
import torch.nn as nn

from layer_values import emit, fill, gradients, wave

print("// Made by tools/golden/image_layers.py with PyTorch %s." % torch.__version__)
print("#include <vector>")


def layer(name, module, x, call=None):
    fill(module)
    x = x.requires_grad_()
    out = call(module, x) if call else module(x)
    gradients(name, out, [x] + [p for _, p in sorted(module.named_parameters())])


line, image, volume = wave((2, 4, 5), 1), wave((2, 4, 4, 3), 2), wave((1, 4, 3, 4, 3), 3)
layer("Conv3d", nn.Conv3d(4, 6, (2, 3, 2), (1, 2, 1), (1, 1, 0), (1, 1, 2), 2), volume)
layer("Conv3dReflect", nn.Conv3d(4, 2, 2, padding=(1, 2, 1), bias=False, padding_mode="reflect"), volume)
layer("Conv3dSame", nn.Conv3d(4, 2, (2, 3, 2), dilation=(1, 1, 2), padding="same"), volume)
layer("Conv2dCircular", nn.Conv2d(4, 2, (2, 3), (1, 2), (1, 2), padding_mode="circular"), image)
layer("Conv2dSame", nn.Conv2d(4, 2, (2, 4), dilation=(2, 1), padding="same"), image)
layer("Conv2dSameReplicate", nn.Conv2d(4, 2, (3, 2), padding="same", padding_mode="replicate"), image)
layer("Conv1dReflect", nn.Conv1d(4, 2, 3, padding=2, padding_mode="reflect"), line)
layer("Conv1dSame", nn.Conv1d(4, 4, 4, groups=2, padding="same"), line)
layer("ConvTranspose1d", nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, 2), line)
layer("ConvTranspose1dSize", nn.ConvTranspose1d(4, 2, 3, 3), line, lambda m, x: m(x, output_size=(17,)))
layer("ConvTranspose2d", nn.ConvTranspose2d(4, 2, (2, 3), (2, 1), (1, 0), (1, 0), 1, False, (1, 2)), image)
layer("ConvTranspose2dSize", nn.ConvTranspose2d(4, 2, 3, 2), image, lambda m, x: m(x, output_size=(10, 7)))
layer("ConvTranspose3d", nn.ConvTranspose3d(4, 2, (2, 3, 2), (1, 2, 2), (1, 0, 1), (0, 1, 0), 2), volume)
layer("ConvTranspose3dSize", nn.ConvTranspose3d(4, 2, 2, 2), volume, lambda m, x: m(x, output_size=(7, 8, 6)))
m = nn.InstanceNorm1d(4, affine=True, track_running_stats=True, momentum=0.3)
layer("InstanceNorm", m, line)
emit("InstanceNormRunning", m.running_mean, m.running_var)
m.eval()
layer("InstanceNormEval", m, line)
layer("InstanceNorm3d", nn.InstanceNorm3d(4), volume[0])
layer("LocalResponseNorm", nn.LocalResponseNorm(3, 0.1, 0.5, 2.0), image)
layer("Upsample", nn.Upsample(scale_factor=(1.5, 2.0), mode="bilinear"), image)
layer("UpsampleSize", nn.Upsample(size=(3, 7), mode="bicubic", align_corners=True), image)
layer("UpsamplingBilinear", nn.UpsamplingBilinear2d(scale_factor=2), image)
layer("PixelShuffle", nn.PixelShuffle(2), image)
layer("ChannelShuffle", nn.ChannelShuffle(2), image)
layer("ReflectionPad", nn.ReflectionPad2d((1, 2, 3, 0)), image)
layer("ZeroPad", nn.ZeroPad3d(1), volume)
layer("ConstantPad", nn.ConstantPad1d((1, -1), 2.5), line)
layer("ReplicationPad", nn.ReplicationPad3d(1), volume)
layer("CircularPad", nn.CircularPad1d((2, 1)), line)
layer("LpPool", nn.LPPool2d(4, (2, 1), (1, 2)), image)
layer("MaxUnpool", nn.MaxUnpool2d(2, 2), image,
      lambda m, x: m(*nn.MaxPool2d(2, 2, return_indices=True)(x), output_size=(4, 3)))
layer("AvgPool3d", nn.AvgPool3d(2, 1, 1, count_include_pad=False), volume)
layer("MaxPool3d", nn.MaxPool3d((1, 2, 2), 2), volume)
layer("AdaptiveAvgPool1d", nn.AdaptiveAvgPool1d(3), line)
layer("AdaptiveMaxPool3d", nn.AdaptiveMaxPool3d((2, 3, 1)), volume)
layer("Unfold", nn.Unfold((2, 3), padding=1), image)
layer("Fold", nn.Fold((3, 3), 2), wave((1, 8, 4), 2))
