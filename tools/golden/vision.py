"""Reference values of the vision ops, from Pillow and torchvision.

    python3 tools/golden/vision.py > tests/vision/ops_golden.inc

Needs Pillow below 13, which sums columns before rows where the height shrinks much more than the width.
Integer results are kept as a hash (FNV-1a, 64 bits) of their bytes where they must agree to the bit.
"""
import numpy as np
import PIL
import PIL.Image
import torch
import torch.nn.functional as F
import torchvision
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as V


def pixels(shape, seed=0):
    """Numbers 0 to 255 that look random; the test makes the same."""
    i = np.arange(np.prod(shape), dtype=np.uint64) + np.uint64(1000003 * seed + 1)
    i = (i * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    i ^= i >> np.uint64(15)
    i = (i * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    return ((i >> np.uint64(13)) & np.uint64(255)).astype(np.uint8).reshape(shape)


def fnv(a):
    h = 0xCBF29CE484222325
    for b in np.ascontiguousarray(a).tobytes():
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return "0x%016xu" % h


def numbers(values):
    return "{" + ", ".join("%.17g" % v for v in np.asarray(values, dtype=np.float64).reshape(-1)) + "}"


def dims(s):
    return "{" + ", ".join(map(str, s)) + "}"


print("// Made by tools/golden/vision.py with Pillow %s, PyTorch %s, torchvision %s."
      % (PIL.__version__, torch.__version__, torchvision.__version__))

# Resizing as Pillow does it.
print("inline const PillowResize kPillowResizes[] = {")
for h, w, oh, ow in [(7, 9, 4, 5), (7, 9, 14, 13), (4, 5, 4, 11), (4, 5, 9, 5), (28, 28, 32, 32), (61, 47, 20, 33),
                     (120, 90, 64, 64), (33, 200, 7, 150), (1, 1, 3, 4), (5, 4, 1, 1), (300, 17, 2, 40), (6, 6, 6, 6)]:
    for name, mode in [("kBilinear", PIL.Image.BILINEAR), ("kBicubic", PIL.Image.BICUBIC)]:
        x = pixels((3, h, w))
        y = np.asarray(PIL.Image.fromarray(x.transpose(1, 2, 0)).resize((ow, oh), mode)).transpose(2, 0, 1)
        print("    {%s, %s, Interpolation::%s, %s}," % (dims((h, w)), dims((oh, ow)), name, fnv(y)))
print("};")

# Nearest, as torch.
print("inline const PillowResize kNearestResizes[] = {")
for h, w, oh, ow in [(7, 9, 4, 5), (7, 9, 14, 13), (299, 5, 286, 9), (10, 300, 4, 299), (1, 1, 3, 4), (5, 4, 1, 1)]:
    for name, mode in [("kNearest", "nearest"), ("kNearestExact", "nearest-exact")]:
        y = F.interpolate(torch.from_numpy(pixels((3, h, w)))[None], size=(oh, ow), mode=mode)[0].numpy()
        print("    {%s, %s, Interpolation::%s, %s}," % (dims((h, w)), dims((oh, ow)), name, fnv(y)))
print("};")

# Floating point, and u8 by way of it.
print("inline const FloatResize kFloatResizes[] = {")
for h, w, oh, ow in [(6, 7, 3, 4), (6, 7, 9, 10), (9, 4, 2, 7)]:
    for name, mode in [("kBilinear", "bilinear"), ("kBicubic", "bicubic")]:
        for antialias in (False, True):
            x = torch.from_numpy(pixels((2, h, w)))[None]
            y = F.interpolate(x.double() / 255, size=(oh, ow), mode=mode, align_corners=False, antialias=antialias)
            u = F.interpolate(x.float(), size=(oh, ow), mode=mode, align_corners=False, antialias=antialias)
            u = u.clamp(0, 255).round()
            print("    {%s, %s, Interpolation::%s, %s,\n     %s,\n     %s}," % (
                dims((h, w)), dims((oh, ow)), name, str(antialias).lower(), numbers(y), numbers(u)))
print("};")

# Resizing by the shorter side: sizes only.
print("inline const ShorterSide kShorterSides[] = {")
for h, w, size, limit in [(375, 500, 256, None), (500, 375, 256, None), (28, 28, 32, None), (7, 1000, 5, None),
                          (333, 777, 100, 200), (777, 333, 100, 150), (33, 64, 50, 60)]:
    y = V.resize(torch.zeros(1, h, w), [size], max_size=limit)
    print("    {%s, %d, %d, %s}," % (dims((h, w)), size, limit or 0, dims(y.shape[1:])))
print("};")

# Crops and paddings.
print("inline const CenterCropCase kCenterCrops[] = {")
for h, w, oh, ow in [(7, 9, 4, 5), (8, 8, 3, 5), (9, 7, 2, 2), (5, 6, 8, 9), (5, 6, 8, 3), (4, 10, 7, 5), (3, 3, 3, 3),
                     (11, 11, 4, 6)]:
    y = V.center_crop(torch.from_numpy(pixels((2, h, w))), [oh, ow]).numpy()
    print("    {%s, %s, %s}," % (dims((h, w)), dims((oh, ow)), fnv(y)))
print("};")
print("inline const CropCase kCrops[] = {")
for top, left, h, w in [(1, 2, 4, 5), (-2, -3, 6, 7), (5, 6, 7, 8), (0, 0, 7, 9), (-9, 0, 3, 3), (3, -4, 9, 20)]:
    x = torch.from_numpy(pixels((2, 7, 9)))
    y = torch.zeros(2, h, w, dtype=torch.uint8)
    for i in range(h):
        for j in range(w):
            if 0 <= top + i < 7 and 0 <= left + j < 9:
                y[:, i, j] = x[:, top + i, left + j]
    if not (top <= -h or left <= -w):  # there torchvision 0.29 gives a wrong size
        assert torch.equal(y, V.crop(x, top, left, h, w))
    print("    {%d, %d, %s, %s}," % (top, left, dims((h, w)), fnv(y.numpy())))
print("};")
print("inline const PadCase kPads[] = {")
for left, top, right, bottom in [(1, 2, 3, 4), (0, 3, 0, 0), (4, 4, 4, 4)]:
    for name, mode, fill in [("kConstant", "constant", 0), ("kConstant", "constant", 77), ("kReflect", "reflect", 0),
                             ("kReplicate", "edge", 0), ("kSymmetric", "symmetric", 0)]:
        y = V.pad(torch.from_numpy(pixels((2, 6, 5))), [left, top, right, bottom], fill=fill, padding_mode=mode)
        print("    {%s, PadMode::%s, %d, %s, %s}," % (
            dims((left, top, right, bottom)), name, fill, dims(y.shape), fnv(y.numpy())))
print("};")

# Colours.
u = torch.from_numpy(pixels((3, 5, 6), 1))
u[:, 0, 0] = 0
u[:, 0, 1] = 255
u[:, 0, 2] = 90
f = u.double() / 255
print("inline const std::vector<ColorCase> kColors = {")


def color(call, fn, rgb_in=None):
    floats = fn(f if rgb_in is None else rgb_in)
    ints = fn(u).numpy() if rgb_in is None else []
    print("    {\"%s\",\n     [](const Tensor& x) { return %s; },\n     %s,\n     %s}," % (
        call.replace('"', ""), call, numbers(floats), numbers(ints)))


from torchvision.transforms.v2.functional import _color as C

color("rgb_to_grayscale(x)", V.rgb_to_grayscale)
color("adjust_brightness(x, 0.6)", lambda x: V.adjust_brightness(x, 0.6))
color("adjust_brightness(x, 1.7)", lambda x: V.adjust_brightness(x, 1.7))
color("adjust_contrast(x, 0.4)", lambda x: V.adjust_contrast(x, 0.4))
color("adjust_contrast(x, 1.9)", lambda x: V.adjust_contrast(x, 1.9))
color("adjust_saturation(x, 0.3)", lambda x: V.adjust_saturation(x, 0.3))
color("adjust_saturation(x, 2.2)", lambda x: V.adjust_saturation(x, 2.2))
color("adjust_gamma(x, 2.2, 0.9)", lambda x: V.adjust_gamma(x, 2.2, 0.9))
color("adjust_gamma(x, 0.5)", lambda x: V.adjust_gamma(x, 0.5))
color("invert(x)", V.invert)
color("rgb_to_hsv(x)", C._rgb_to_hsv, f)
color("hsv_to_rgb(x)", C._hsv_to_rgb, f)
print("};")
print("inline const std::vector<HueCase> kHues = {")
for shift in (-0.5, -0.13, 0.2, 0.45):
    print("    {%g, %s}," % (shift, numbers(V.adjust_hue(u, shift))))
print("};")
mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
print("inline const std::vector<double> kNormalized = %s;" % numbers(
    V.normalize((u.double() / 255).float(), mean, std)))
