"""Reference values of the vision room's op table, from PyTorch, torchvision and NumPy.

    python3 tools/golden/vision_table.py tests/vision/op_table/golden.safetensors
"""
import numpy
import torch
import torch.nn.functional as F
import torchvision
from torchvision.transforms.v2 import functional as V

from op_table import case, save, values

FLOAT = ("float",)
IMAGES, IMAGE = (2, 2, 5, 6), (2, 5, 6)


def gradient(f, shape):
    """The gradient of f, which is linear, at images of the shape."""
    def back(dy):
        x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(f(x), x, dy)[0]
    return back


def linear(op, label, f, shape, g=None):
    """f and its gradient; g is f with the absolute weights, for the size of what is added."""
    g = g or f
    case(f"{op}/{label}", f, values(*shape), kinds=FLOAT, size=lambda x: g(x.abs()))
    back, size = gradient(f, shape), gradient(g, shape)
    case(f"{op}_grad/{label}", back, values(*f(torch.zeros(shape, dtype=torch.float64)).shape), kinds=FLOAT,
         size=lambda dy: size(dy.abs()))


# ---- resizing
def weights(n, out, **how):
    """The [out, n] matrix by which F.interpolate takes a row of n to one of `out`."""
    rows = torch.eye(n, dtype=torch.float64).reshape(n, 1, 1, n)
    return F.interpolate(rows, (1, out), **how).reshape(n, out).T


def resized(x, size, **how):
    batch = x if x.dim() == 4 else x[None]
    y = F.interpolate(batch, size, **how)
    return y if x.dim() == 4 else y[0]


def resized_sizes(x, size, **how):
    r, c = (weights(n, s, **how).abs() for n, s in zip(x.shape[-2:], size))
    return r @ x @ c.T


for label, mode, antialias, size, shape in [
        ("bilinear", "bilinear", True, (3, 4), IMAGES), ("bilinear up", "bilinear", True, (9, 13), IMAGE),
        ("bilinear plain", "bilinear", False, (3, 2), IMAGES), ("bicubic", "bicubic", True, (4, 11), IMAGES),
        ("bicubic plain", "bicubic", False, (7, 3), IMAGE), ("same", "bilinear", True, (5, 6), IMAGE),
        ("one pixel", "bicubic", True, (1, 1), IMAGE)]:
    how = dict(mode=mode, antialias=antialias, align_corners=False)
    linear("resize", label, lambda x, s=size, h=how: resized(x, s, **h), shape,
           lambda x, s=size, h=how: resized_sizes(x, s, **h))
linear("resize", "shorter side", lambda x: resized(x, (3, 3 * 6 // 5), mode="bilinear", antialias=True), IMAGES)

for label, mode, size in [("down", "nearest", (3, 4)), ("up", "nearest", (9, 13)), ("exact down", "nearest-exact", (3, 4)),
                          ("exact up", "nearest-exact", (8, 7))]:
    def nearest(x, size=size, mode=mode):
        return resized(x.double(), size, mode=mode).to(x.dtype)  # exact: whole numbers and multiples of 1/8
    case(f"resize_nearest/{label}", nearest, values(*IMAGES))
    case(f"resize_nearest_grad/{label}", gradient(nearest, IMAGES), values(2, 2, *size), kinds=FLOAT,
         size=lambda dy, f=gradient(nearest, IMAGES): f(dy.abs()))

# ---- crops, as torchvision; what lies outside is 0
for label, top, left, h, w in [("inside", 1, 2, 3, 4), ("across", -1, 4, 5, 4), ("outside", 20, 0, 2, 2)]:
    case(f"crop/{label}", lambda x, a=(top, left, h, w): V.crop(x, *a), values(*IMAGES))
for label, h, w, shape in [("even", 3, 4, IMAGES), ("odd", 2, 3, IMAGES), ("larger", 8, 3, IMAGE), ("whole", 5, 6, IMAGE)]:
    case(f"center_crop/{label}", lambda x, a=[h, w]: V.center_crop(x, a), values(*shape))


# ---- paddings: left, top, right, bottom
def padded(x, left, top, right, bottom, **how):
    return torch.from_numpy(numpy.pad(x.numpy(), [(0, 0)] * (x.dim() - 2) + [(top, bottom), (left, right)], **how))


for label, sides, how in [("constant", (1, 2, 3, 0), dict(constant_values=1)), ("zero", (0, 1, 0, 2), {}),
                          ("reflect", (5, 4, 3, 4), dict(mode="reflect")),
                          ("replicate", (9, 0, 3, 2), dict(mode="edge")),
                          ("symmetric", (6, 5, 6, 5), dict(mode="symmetric"))]:
    case(f"pad/{label}", lambda x, s=sides, h=how: padded(x, *s, **h), values(*IMAGES))
    # Each pixel's gradient is the sum of its copies'.
    places = padded(torch.arange(30).reshape(5, 6), *sides, **{**how, **({"constant_values": 30} if not how.get("mode") else {})})

    def back(dy, places=places):
        return torch.zeros(2, 2, 31, dtype=torch.float64).index_add(2, places.flatten(), dy.flatten(2))[..., :30].reshape(IMAGES)
    case(f"pad_grad/{label}", back, values(2, 2, *places.shape), kinds=FLOAT, size=lambda dy, f=back: f(dy.abs()))

save(f"tools/golden/vision_table.py, torch {torch.__version__}, torchvision {torchvision.__version__}, "
     f"numpy {numpy.__version__}")
