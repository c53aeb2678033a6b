"""Reference values of the functions behind layers that are made of core's ops, from PyTorch, and of special functions,
from mpmath.

    python3 tools/golden/layers.py tests/core/op_table/layers_golden.safetensors
"""
import math

import mpmath
import torch
import torch.nn.functional as F

from op_table import Operand, case, fixed, save, values

FLOATS = dict(kinds=("float",))

# ---- padding
for label, sides, shape in [("one side", (1, 2), (2, 3)), ("sides", (1, 0, 2, 1), (2, 3, 2)), ("dropped", (-1, 2, 1, -1), (3, 4)),
                            ("all sides", (1, 1, 0, 2, 1, 0), (2, 1, 2)), ("middle", (0, 0, 1, 2), (2, 2, 3)),
                            ("nothing", (0, 0), (2, 2)), ("of nothing", (1, 2, 0, 0), (2, 0)), ("to nothing", (-1, -1), (3, 2)),
                            ("crossing", (-2, 1), (2, 3))]:
    case(f"pad/{label}", lambda x, s=sides: F.pad(x, s), values(*shape))
case("pad/value", lambda x: F.pad(x, (1, 1), "constant", 1), values(2, 3))


def repeated(sides, mode):
    return lambda x: F.pad(x.to(torch.float64), sides, mode).to(x.dtype)


for mode in ("reflect", "replicate", "circular"):
    case(f"pad_repeated/{mode} line", repeated((2, 1), mode), values(1, 2, 4))
    case(f"pad_repeated/{mode} image", repeated((1, 2, 2, 0), mode), values(1, 2, 3, 4))
    case(f"pad_repeated/{mode} volume", repeated((1, 0, 0, 1, 1, 1), mode), values(1, 1, 2, 2, 2))
case("pad_repeated/replicate far", repeated((5, 4), "replicate"), values(1, 2, 2))
case("pad_repeated/circular dropped", repeated((2, -1), "circular"), values(1, 2, 4))
case("pad_repeated/circular dropped before", repeated((-1, 2), "circular"), values(1, 2, 4))
case("pad_repeated/reflect dropped", repeated((-1, 2), "reflect"), values(1, 2, 4))

# ---- interpolation


def nearest(mode, size=None, **options):
    return lambda x: F.interpolate(x.to(torch.float64), size, mode=mode, **options).to(x.dtype)


for mode in ("nearest", "nearest-exact"):
    case(f"interpolate_nearest/{mode} line", nearest(mode, 7), values(1, 2, 3))
    case(f"interpolate_nearest/{mode} image", nearest(mode, (2, 7)), values(2, 1, 5, 3))
    case(f"interpolate_nearest/{mode} volume", nearest(mode, (3, 2, 4)), values(1, 1, 2, 3, 2))
    case(f"interpolate_nearest/{mode} by 2.5", nearest(mode, scale_factor=2.5), values(1, 1, 3, 3))
    case(f"interpolate_nearest/{mode} by 0.6", nearest(mode, scale_factor=(0.6, 0.7)), values(1, 1, 5, 6))
for corners in (False, True):
    more = dict(align_corners=corners)
    case(f"interpolate/linear {corners}", lambda x, k=more: F.interpolate(x, 7, mode="linear", **k), values(1, 2, 3), **FLOATS)
    case(f"interpolate/bilinear up {corners}", lambda x, k=more: F.interpolate(x, (5, 7), mode="bilinear", **k),
         values(2, 2, 3, 4), **FLOATS)
    case(f"interpolate/bilinear down {corners}", lambda x, k=more: F.interpolate(x, (2, 3), mode="bilinear", **k),
         values(1, 2, 5, 7), **FLOATS)
    case(f"interpolate/trilinear {corners}", lambda x, k=more: F.interpolate(x, (3, 2, 5), mode="trilinear", **k),
         values(1, 2, 2, 3, 3), **FLOATS)
    case(f"interpolate/bicubic up {corners}", lambda x, k=more: F.interpolate(x, (5, 7), mode="bicubic", **k),
         values(1, 2, 3, 4), **FLOATS)
    case(f"interpolate/bicubic down {corners}", lambda x, k=more: F.interpolate(x, (2, 3), mode="bicubic", **k),
         values(1, 2, 5, 7), **FLOATS)
    for mode in ("bilinear", "bicubic"):
        case(f"interpolate/{mode} antialiased {corners}",
             lambda x, m=mode, k=more: F.interpolate(x, (2, 9), mode=m, antialias=True, **k), values(1, 2, 7, 5), **FLOATS)
case("interpolate/bilinear by 1.7", lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear"), values(1, 2, 3, 4), **FLOATS)
case("interpolate/bilinear recomputed", lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear", recompute_scale_factor=True),
     values(1, 2, 3, 4), **FLOATS)
case("interpolate/bicubic by 0.6", lambda x: F.interpolate(x, scale_factor=0.6, mode="bicubic", antialias=True), values(1, 1, 5, 7), **FLOATS)


def image_gradient(size, **options):
    def f(dy):
        x = torch.zeros(2, 1, *size, dtype=dy.dtype, requires_grad=True)
        return torch.autograd.grad(F.interpolate(x, dy.shape[2:], **options), x, dy)[0]
    return f


case("interpolate_grad/linear", image_gradient((3, 4), mode="bilinear"), values(2, 1, 3, 7), **FLOATS)
case("interpolate_grad/cubic", image_gradient((5, 3), mode="bicubic", align_corners=True), values(2, 1, 2, 3), **FLOATS)
case("interpolate/stays", lambda x: F.interpolate(x, scale_factor=(1.2, 2.0), mode="bilinear"), values(1, 1, 4, 3), **FLOATS)
case("interpolate/stays antialiased", lambda x: F.interpolate(x, scale_factor=1.2, mode="bicubic", antialias=True),
     values(1, 1, 4, 4), **FLOATS)
case("interpolate/infinite", lambda x: F.interpolate(x, 4, mode="linear"), Operand(values=[[[math.inf, 1.0]]]), **FLOATS)
case("interpolate/one pixel", lambda x: F.interpolate(x, (3, 2), mode="bilinear"), values(1, 2, 1, 1), **FLOATS)
case("interpolate/to one pixel", lambda x: F.interpolate(x, 1, mode="bilinear", align_corners=True), values(1, 2, 3, 3), **FLOATS)
case("interpolate_area/area line", lambda x: F.interpolate(x, 3, mode="area"), values(1, 2, 5), **FLOATS)
case("interpolate_area/area", lambda x: F.interpolate(x, (2, 5), mode="area"), values(1, 2, 5, 4), **FLOATS)
case("interpolate_area/area volume", lambda x: F.interpolate(x, (2, 3, 1), mode="area"), values(1, 2, 3, 4, 2), **FLOATS)


# ---- convolutions
def sizes(f, **options):
    return lambda x, w, b=None: f(x.abs(), w.abs(), None if b is None else b.abs(), **options)


def convolutions(name, f, cases):
    for label, x, w, b, options in cases:
        operands = [values(*x), values(*w)] + ([values(b)] if b else [])
        case(f"{name}/{label}", lambda x, w, b=None, o=options: f(x, w, b, **o), *operands, size=sizes(f, **options), **FLOATS)


convolutions("conv3d", F.conv3d, [
    ("plain", (2, 3, 3, 4, 5), (2, 3, 2, 3, 2), 2, {}),
    ("all", (1, 4, 5, 4, 6), (6, 2, 3, 2, 2), 6, dict(stride=(2, 1, 2), padding=(1, 0, 2), dilation=(2, 1, 3), groups=2)),
    ("one volume", (2, 3, 3, 3), (1, 2, 1, 2, 2), None, dict(padding=1)),
    ("depthwise", (1, 2, 3, 3, 2), (4, 1, 2, 1, 2), None, dict(groups=2, stride=2, padding=1)),
    ("none", (0, 2, 2, 2, 2), (1, 2, 1, 1, 1), 1, {})])
convolutions("conv_transpose1d", F.conv_transpose1d, [
    ("plain", (2, 3, 4), (3, 2, 3), 2, {}),
    ("all", (1, 4, 3), (4, 2, 3), 4, dict(stride=3, padding=2, output_padding=2, groups=2, dilation=2)),
    ("far", (1, 2, 3), (2, 1, 2), None, dict(stride=2, output_padding=2, dilation=3)),
    ("one line", (2, 3), (2, 3, 2), None, dict(stride=2))])
convolutions("conv_transpose2d", F.conv_transpose2d, [
    ("plain", (2, 3, 3, 4), (3, 2, 3, 2), 2, {}),
    ("all", (1, 4, 3, 2), (4, 3, 2, 3), 6,
     dict(stride=(2, 3), padding=(1, 2), output_padding=(1, 2), groups=2, dilation=(1, 2))),
    ("far", (1, 2, 2, 3), (2, 1, 3, 2), None, dict(stride=(1, 2), output_padding=(2, 2), dilation=(3, 4))),
    ("depthwise", (1, 3, 3, 2), (3, 1, 2, 2), 3, dict(groups=3, stride=2)),
    ("one image", (2, 3, 3), (2, 3, 2, 2), None, dict(padding=1)),
    ("none", (0, 2, 2, 2), (2, 1, 1, 1), 1, {})])
convolutions("conv_transpose3d", F.conv_transpose3d, [
    ("plain", (2, 2, 2, 3, 2), (2, 3, 2, 2, 3), 3, {}),
    ("all", (1, 4, 2, 3, 2), (4, 1, 3, 2, 2), 2,
     dict(stride=(2, 1, 3), padding=(2, 1, 0), output_padding=(1, 0, 2), groups=2, dilation=(2, 1, 1))),
    ("one volume", (2, 2, 2, 2), (2, 1, 1, 2, 1), None, dict(stride=2))])

# ---- pooling
DISTINCT = dict(distinct=True)
MAX3 = [("plain", dict(kernel_size=2), (2, 2, 4, 5, 4)),
        ("all", dict(kernel_size=(3, 2, 2), stride=(2, 1, 2), padding=(1, 1, 0), dilation=(1, 2, 2), ceil_mode=True), (1, 2, 6, 5, 6)),
        ("one volume", dict(kernel_size=(1, 2, 1)), (2, 2, 4, 2))]
for label, options, shape in MAX3:
    case(f"max_pool3d/{label}", lambda x, o=options: F.max_pool3d(x, **o), values(*shape, **DISTINCT), **FLOATS)
    case(f"max_pool3d_with_indices/{label}", lambda x, o=options: F.max_pool3d(x, return_indices=True, **o),
         values(*shape, **DISTINCT), own={1: "i64"}, **FLOATS)
SOME_NAN = Operand(values=[[[[1.0, math.nan], [3.0, 2.0]], [[math.nan, 1.0], [5.0, 3.0]]], [[[1.0, 2.0], [2.0, 1.0]], [[2.0, 2.0], [0.0, 2.0]]]])
case("max_pool3d_with_indices/nan and equals", lambda x: F.max_pool3d(x, 2, return_indices=True), SOME_NAN, own={1: "i64"}, **FLOATS)
for label, options, shape in [
        ("plain", dict(kernel_size=2), (2, 2, 4, 5, 4)),
        ("all", dict(kernel_size=(3, 2, 2), stride=(2, 3, 2), padding=(1, 1, 0), ceil_mode=True), (1, 2, 6, 5, 5)),
        ("without padding", dict(kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), (1, 2, 4, 5, 6)),
        ("divisor", dict(kernel_size=2, stride=1, divisor_override=3), (1, 1, 3, 2, 3)),
        ("one volume", dict(kernel_size=(1, 2, 1)), (2, 2, 4, 2))]:
    case(f"avg_pool3d/{label}", lambda x, o=options: F.avg_pool3d(x, **o), values(*shape), **FLOATS)
for label, output, shape in [("plain", (2, 3, 2), (1, 2, 4, 5, 3)), ("one volume", (1, 2, 4), (2, 3, 2, 3))]:
    case(f"adaptive_avg_pool3d/{label}", lambda x, o=output: F.adaptive_avg_pool3d(x, o), values(*shape), **FLOATS)
    case(f"adaptive_max_pool3d/{label}", lambda x, o=output: F.adaptive_max_pool3d(x, o), values(*shape, **DISTINCT), **FLOATS)
case("max_unpool1d/plain", lambda x, i: F.max_unpool1d(x, i, 2, 2, 0, (5,)), values(1, 2, 2), fixed([[[1, 3], [0, 4]]]), **FLOATS)
case("max_unpool2d/plain", lambda x, i: F.max_unpool2d(x, i, 2, 2, 0, (4, 5)), values(1, 1, 2, 2), fixed([[[[6, 3], [11, 19]]]]), **FLOATS)
case("max_unpool2d/one image", lambda x, i: F.max_unpool2d(x, i, 2), values(2, 1, 2), fixed([[[0, 7]], [[5, 2]]]), **FLOATS)
case("max_unpool3d/plain", lambda x, i: F.max_unpool3d(x, i, 2), values(1, 2, 1, 1, 2), fixed([[[[[6, 3]]], [[[15, 0]]]]]), **FLOATS)
POSITIVE = dict(low=1)
case("lp_pool1d/2", lambda x: F.lp_pool1d(x, 2.0, 2), values(2, 2, 5, **POSITIVE), **FLOATS)
case("lp_pool1d/inf", lambda x: F.lp_pool1d(x, math.inf, 3, 1), values(1, 2, 5, **DISTINCT), **FLOATS)
case("lp_pool2d/3", lambda x: F.lp_pool2d(x, 3.0, (2, 3), 1), values(1, 2, 3, 4, **POSITIVE), **FLOATS)
case("lp_pool2d/ceil", lambda x: F.lp_pool2d(x, 2.0, 2, 2, True), values(1, 1, 3, 3), **FLOATS)
case("lp_pool2d/zeros", lambda x: F.lp_pool2d(x, 2.0, 1), Operand(values=[[[0.0, 2.0]]]), **FLOATS)
case("lp_pool3d/1", lambda x: F.lp_pool3d(x, 1.5, (1, 2, 2)), values(1, 1, 2, 2, 4, **POSITIVE), **FLOATS)

# ---- normalisation
case("instance_norm/plain", lambda x: F.instance_norm(x), values(2, 3, 4), **FLOATS)
case("instance_norm/weights", lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=0.5), values(2, 2, 3, 2), values(2), values(2), **FLOATS)
case("instance_norm/running", lambda x, m, v, w: F.instance_norm(x, m.abs(), v.abs() + 1, w, use_input_stats=False),
     values(2, 2, 3), values(2), values(2), values(2), **FLOATS)
for label, shape, size in [("line", (2, 5, 3), 3), ("image", (1, 4, 2, 2), 2), ("volume", (1, 3, 1, 2, 2), 5)]:
    case(f"local_response_norm/{label}", lambda x, s=size: F.local_response_norm(x, s, 0.5, 0.75, 2.0), values(*shape), **FLOATS)

# ---- shuffles
case("pixel_shuffle/plain", lambda x: F.pixel_shuffle(x, 2), values(2, 8, 2, 3))
case("pixel_shuffle/one image", lambda x: F.pixel_shuffle(x, 3), values(9, 1, 2))
case("pixel_shuffle/nothing", lambda x: F.pixel_shuffle(x, 2), values(0, 4, 1, 2))
case("pixel_unshuffle/plain", lambda x: F.pixel_unshuffle(x, 2), values(2, 2, 4, 2))
case("pixel_unshuffle/more", lambda x: F.pixel_unshuffle(x, 3), values(2, 1, 1, 3, 6))
case("channel_shuffle/plain", lambda x: F.channel_shuffle(x, 2), values(1, 6, 2, 2))
case("channel_shuffle/line", lambda x: F.channel_shuffle(x, 3), values(2, 6, 1))

# ---- special functions: by mpmath, with 40 digits, where they are numbers, else PyTorch's
S = torch.special
mpmath.mp.dps = 40


def exactly(f, ends):
    def at(*point):
        if all(math.isfinite(v) for v in point):
            try:
                return float(f(*map(mpmath.mpf, point)))
            except (ValueError, ZeroDivisionError):
                pass
        return float(ends(*(torch.tensor(v, dtype=torch.float64) for v in point)))

    def fn(*operands):
        whole = torch.broadcast_tensors(*operands)
        values = [at(*point) for point in zip(*(t.flatten().tolist() for t in whole))]
        return torch.tensor(values, dtype=torch.float64).reshape(whole[0].shape)
    return fn


def special(name, f, ends, *operands, **more):
    case(name, exactly(f, ends), *operands, **FLOATS, **more)


def bessel(n, scaled):
    return lambda x: mpmath.besseli(n, x) * (mpmath.exp(-abs(x)) if scaled else 1)


def polygamma(n):
    return lambda x: mpmath.psi(n, x)


ENDS = Operand(values=[0.0, -0.0, math.inf, -math.inf, math.nan, -1.0, -2.5, 100.0, 1.0, 2.0])
LGAMMA = lambda x: mpmath.log(abs(mpmath.gamma(x)))


def digamma_size(x):
    """The numbers that digamma adds: those of the recurrence, about 2, and below 0 those of the reflection."""
    reflected = torch.digamma(1 - x).abs() + (math.pi / torch.tan(math.pi * x)).abs()
    return 2 + torch.where(torch.isfinite(reflected) & (x < 0) & (x != x.round()), reflected, 0.0)


for name, f, more in (("lgamma", LGAMMA, {}), ("digamma", polygamma(0), dict(size=digamma_size))):
    own = getattr(torch, name)
    special(f"{name}/some", f, own, values(3, 4, low=1, high=60), **more)
    special(f"{name}/below", f, own, Operand(values=[-0.5, -1.25, -3.875, -10.125]), **more)
    special(f"{name}/ends", f, own, ENDS, **more)
special("polygamma/0", polygamma(0), None, Operand(values=[0.25, 3.0, 6.5, 12.125]))
for n in (1, 2, 5):
    special(f"polygamma/{n}", polygamma(n), None, values(3, 4, low=1, high=100))
special("polygamma/9", polygamma(9), None, Operand(values=[10.0, 3.5]))
special("polygamma/below", polygamma(2), None, Operand(values=[-0.5, -1.25, -3.875]))
special("polygamma/far below", polygamma(1), None, Operand(values=[-100.5, -3.25, -2.0**-14, -2.0**-10]))
special("polygamma/ends", polygamma(1), lambda x: torch.polygamma(1, x), Operand(values=[0.0, math.inf, math.nan, 1e4]))
special("zeta/number", lambda q: mpmath.zeta(3.5, q), None, values(3, 4, low=1, high=60))
special("zeta/some", mpmath.zeta, None, Operand(values=[1.125, 2.0, 3.5, 12.0, 60.0]), Operand(values=[0.5, 1.0, 7.25, 2.0, 1.5]))
special("zeta/middle", mpmath.zeta, None, Operand(values=[8.0, 10.0, 11.0, 20.0, 3.0]),
        Operand(values=[10.0, 10.0, 11.0, 20.0, 15.5]))
special("zeta/below", lambda s, q: mpmath.nsum(lambda k: 1 / (q + k) ** s, [0, mpmath.inf]), None,
        Operand(values=[2.0, 2.0]), Operand(values=[-12.25, -0.125]))
case("zeta/ends", lambda s, q: S.zeta(s, q), Operand(values=[1.0, 0.5, 2.0, 2.0, 2.5, math.nan]),
     Operand(values=[1.0, 1.0, 0.0, -1.0, -0.5, 1.0]), **FLOATS)
for n in (0, 1):
    for scaled in (False, True):
        name = f"i{n}" + ("e" if scaled else "")
        f, own = bessel(n, scaled), getattr(S, name)
        special(f"{name}/some", f, own, values(3, 4, low=-100, high=100))
        special(f"{name}/far", f, own, Operand(values=[19.875, 20.125, -30.0, 80.0]))
        special(f"{name}/ends", f, own, Operand(values=[0.0, math.nan]))
case("hypot/some", torch.hypot, values(3, 4), Operand((4,), low=1), **FLOATS)
case("hypot/ends", torch.hypot, Operand(values=[math.inf, math.nan, 0.0, math.nan]), Operand(values=[math.nan, 1.0, 0.0, -math.inf]), **FLOATS)
WHOLE = dict(kinds=("int",))
case("gcd/some", torch.gcd, values(3, 4), values(4), **WHOLE)
case("lcm/some", torch.lcm, values(3, 4), values(4), **WHOLE)
case("mvlgamma/some", lambda x: x.mvlgamma(3), values(3, 4, low=10, high=60), **FLOATS)
case("entr/some", S.entr, values(3, 4, low=1), **FLOATS)
case("entr/ends", S.entr, Operand(values=[0.0, -1.0, math.nan, math.inf]), **FLOATS)
NDTR = exactly(mpmath.ncdf, S.ndtr)
case("ndtr/some", NDTR, values(3, 4, low=-40, high=40), size=NDTR, **FLOATS)
case("ndtr/ends", NDTR, Operand(values=[0.0, -0.0, math.inf, -math.inf, -1.0, 8.0]), size=lambda x: NDTR(x) + 1e-30, **FLOATS)
case("xlog1py/some", S.xlog1py, values(3, 4), Operand((4,), low=-7), **FLOATS)
case("xlog1py/ends", S.xlog1py, Operand(values=[0.0, 0.0, 0.0, 1.0]), Operand(values=[-1.0, math.nan, math.inf, -1.0]), **FLOATS)
SIGNS = Operand(values=[1.0, -1.0, 0.0, -0.0, math.inf, -math.inf, -2.5, 3.0])
case("xlog1py/zero", S.xlog1py, Operand(values=[0.0, 0.0, 1.0]), Operand(values=[2.0, -0.5, 1.0]), **FLOATS)
special("erfcx/some", lambda x: mpmath.exp(x * x) * mpmath.erfc(x), None, values(3, 4, low=-16, high=100))
special("erfcx/ends", lambda x: mpmath.exp(x * x) * mpmath.erfc(x), S.erfcx, Operand(values=[0.0, math.inf, math.nan, 24.5, 25.5, 1e4]))
# The logarithm's condition grows with x.
case("log_ndtr/some", exactly(lambda x: mpmath.log(mpmath.ncdf(x)), S.log_ndtr), values(3, 4, low=-80, high=24),
     size=lambda x: (S.log_ndtr(x) * (1 + x * x)).abs(), **FLOATS)
case("log_ndtr/ends", exactly(lambda x: mpmath.log(mpmath.ncdf(x)), S.log_ndtr), Operand(values=[-math.inf, math.nan, -30.0, -1.0, 0.0]),
     size=lambda x: torch.full_like(x, 2.0), **FLOATS)
NDTRI = exactly(lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1), S.ndtri)
case("ndtri/some", lambda p: NDTRI(p), Operand(values=[0.03125, 0.25, 0.375, 0.5625, 0.75, 0.875, 0.96875]), **FLOATS)
case("ndtri/ends", NDTRI, Operand(values=[0.0, 0.5, 1.0, -0.5, 1.5, math.nan, 2.0**-14]), **FLOATS)
for name, upper in (("gammainc", False), ("gammaincc", True)):
    def inc(a, x, upper=upper):
        return mpmath.gammainc(a, x, mpmath.inf, regularized=True) if upper else mpmath.gammainc(a, 0, x, regularized=True)
    own = getattr(S, name)
    def sized(f):
        return dict(size=lambda *in_: f(*in_).abs().nan_to_num() * 8)
    F1, F2 = exactly(lambda x: inc(2.5, x), None), exactly(inc, own)
    case(f"{name}/number", F1, values(3, 4, low=1, high=80), **sized(F1), **FLOATS)
    case(f"{name}/some", F2, Operand(values=[0.25, 0.5, 1.0, 3.0, 7.5, 12.0, 0.125, 20.0]),
         Operand(values=[0.125, 0.75, 1.0, 5.0, 2.25, 24.0, 6.0, 20.0]), **sized(F2), **FLOATS)
    case(f"{name}/large", F2, Operand(values=[64.0, 100.0, 240.0, 1000.0]), Operand(values=[60.0, 120.0, 248.0, 1016.0]), **sized(F2), **FLOATS)
    case(f"{name}/ends", own, Operand(values=[0.0, 0.0, 1.0, 2.0, -1.0, math.inf, math.inf, math.nan]),
         Operand(values=[0.0, 1.0, 0.0, math.inf, 1.0, 1.0, math.inf, 1.0]), **sized(own), **FLOATS)
case("float_power/some", torch.float_power, values(3, 4, low=1), values(4), own={0: "f64"}, kinds=("float", "int"))
case("float_power/number", lambda x: torch.float_power(x, -2), values(3, 4, low=1), own={0: "f64"}, kinds=("float",))
case("copysign/some", torch.copysign, values(3, 8, low=1), SIGNS, **FLOATS)
case("copysign/zeros", torch.copysign, Operand(values=[0.0, -0.0, math.nan, math.inf]), Operand(values=[-1.0, 1.0, -1.0, -0.0]), **FLOATS)
case("signbit/some", torch.signbit, SIGNS, kinds=("float",), own={0: "bool"})
case("signbit/whole", torch.signbit, values(5), kinds=("int",), own={0: "bool"})
case("heaviside/some", torch.heaviside, SIGNS, values(8), **FLOATS)
case("heaviside/nan", torch.heaviside, Operand(values=[math.nan, 0.0]), Operand(values=[1.0, math.nan]), **FLOATS)
case("heaviside/whole", torch.heaviside, values(6), values(6), kinds=("int",))

save("tools/golden/layers.py with PyTorch " + torch.__version__)
