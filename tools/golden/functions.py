"""Reference values of functions that are made of core's ops, from PyTorch.

    python3 tools/golden/functions.py tests/core/op_table/functions_golden.safetensors
"""
import math

import torch
import torch.nn.functional as F

from op_table import Operand, case, fixed, save, values

# ---- axes
case("movedim_several/cycle", lambda x: x.movedim((0, 2), (-1, 0)), values(2, 3, 4))
case("movedim_several/one", lambda x: x.movedim((1,), (0,)), values(2, 3, 4))
case("squeeze_several/two", lambda x: x.squeeze((0, -1, 1)), values(1, 3, 1, 1, 2, 1))
case("rot90/one", lambda x: x.rot90(), values(2, 3))
case("rot90/two", lambda x: x.rot90(2, (0, 2)), values(2, 3, 4))
case("rot90/minus one", lambda x: x.rot90(-1, (-1, 0)), values(2, 3, 4))
case("rot90/none", lambda x: x.rot90(4), values(2, 3))
case("rot90/empty", lambda x: x.rot90(3), values(0, 3))
case("fliplr/plain", torch.fliplr, values(2, 3, 2))
case("flipud/plain", torch.flipud, values(3, 2))

# ---- diagonals
case("diag/vector", torch.diag, values(3))
case("diag/above", lambda x: torch.diag(x, 2), values(3))
case("diag/below", lambda x: torch.diag(x, -1), values(2))
case("diag/nothing", torch.diag, values(0))
case("diag/of a matrix", lambda x: torch.diag(x, 1), values(3, 4))
case("diag/outside", lambda x: torch.diag(x, 5), values(3, 4))
case("diag_embed/last", torch.diag_embed, values(2, 3))
case("diag_embed/first", lambda x: torch.diag_embed(x, 1, 0, 2), values(2, 3))
case("diag_embed/between", lambda x: torch.diag_embed(x, -2, 2, 1), values(2, 2, 3))
case("diagflat/matrix", lambda x: torch.diagflat(x, -1), values(2, 2))
case("diagflat/0-dim", torch.diagflat, values())
whole = lambda x: x.to(torch.int64) if x.dtype == torch.bool else x
TRACE = dict(kinds=("float",), size=lambda x: x.diagonal().abs().sum())
case("trace/wide", lambda x: x.trace(), values(3, 5), **TRACE)
case("trace/tall", lambda x: x.trace(), values(4, 2), **TRACE)
case("trace/nothing", lambda x: x.trace(), values(0, 2), **TRACE)
case("trace/wide", lambda x: whole(x).trace(), values(3, 5), kinds=("int", "bool"), own={0: "i64"})

# ---- grids
case("meshgrid/rows", lambda a, b, c: torch.meshgrid(a, b, c, indexing="ij"), values(2), values(), values(3))
case("meshgrid/columns", lambda a, b, c: torch.meshgrid(a, b, c, indexing="xy"), values(2), values(3), values(2))
case("meshgrid/one", lambda a: torch.meshgrid(a, indexing="xy"), values(2))
case("meshgrid/nothing", lambda a, b: torch.meshgrid(a, b, indexing="ij"), values(0), values(2))
case("cartesian_prod/three", torch.cartesian_prod, values(2), values(3), values(2))
case("cartesian_prod/one", torch.cartesian_prod, values(3))
case("cartesian_prod/nothing", torch.cartesian_prod, values(3), values(0))

# ---- stacks and parts
for name in ("hstack", "vstack", "dstack", "column_stack"):
    f = getattr(torch, name)
    case(f"{name}/vectors", lambda a, b, f=f: f([a, b]), values(3), values(3))
    case(f"{name}/0-dim", lambda a, b, f=f: f([a, b]), values(), values())
    case(f"{name}/cubes", lambda a, b, f=f: f([a, b]), values(2, 3, 2), values(2, 3, 2))
case("hstack/matrices", lambda a, b: torch.hstack([a, b]), values(2, 3), values(2, 1))
case("vstack/mixed", lambda a, b: torch.vstack([a, b]), values(3), values(2, 3))
case("dstack/mixed", lambda a, b: torch.dstack([a, b]), values(2, 3), values(2, 3, 2))
case("column_stack/mixed", lambda a, b: torch.column_stack([a, b]), values(2), values(2, 3))
for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    for label, shape in (("0-dim", ()), ("vector", (3,)), ("matrix", (2, 3))):
        case(f"{name}/{label}", getattr(torch, name), values(*shape))
case("tensor_split/sections", lambda x: x.tensor_split(3, 1), values(2, 8))
case("tensor_split/more than places", lambda x: x.tensor_split(4), values(2, 3))
case("tensor_split/places", lambda x: x.tensor_split((1, -2, 9), -1), values(2, 6))
case("tensor_split/falling places", lambda x: x.tensor_split((4, 1)), values(6))
case("hsplit/matrix", lambda x: x.hsplit(2), values(2, 4))
case("hsplit/vector", lambda x: x.hsplit((1, 2)), values(4))
case("vsplit/matrix", lambda x: x.vsplit(2), values(4, 3))
case("dsplit/cube", lambda x: x.dsplit((1,)), values(2, 2, 3))

# ---- searching
RISING = Operand(values=[-1.0, 0.0, 0.0, 0.5, 2.0])
CHOSEN = Operand(values=[[-2.0, -1.0, 0.0, 0.25], [0.5, 1.0, 2.0, 3.0]])


case("searchsorted/one line", torch.searchsorted, RISING, CHOSEN, kinds=("float",), own={0: "i64"})
case("searchsorted/right", lambda s, v: torch.searchsorted(s, v, right=True), RISING, CHOSEN, kinds=("float",),
     own={0: "i64"})
case("searchsorted/lines", torch.searchsorted, Operand(values=[[1.0, 3.0, 5.0], [2.0, 2.0, 2.0]]),
     Operand(values=[[3.0, 0.0], [2.0, 7.0]]), kinds=("float",), own={0: "i64"})
case("searchsorted/special", torch.searchsorted, Operand(values=[-math.inf, 0.0, math.inf, math.nan]),
     Operand(values=[-math.inf, math.inf, math.nan, -0.0]), kinds=("float",), own={0: "i64"})
case("searchsorted/special, right", lambda s, v: torch.searchsorted(s, v, right=True),
     Operand(values=[-math.inf, 0.0, math.inf, math.nan]), Operand(values=[-math.inf, math.inf, math.nan, -0.0]),
     kinds=("float",), own={0: "i64"})
case("searchsorted/no values", torch.searchsorted, values(4), values(0, 3), kinds=("float",), own={0: "i64"})
case("searchsorted/nothing sorted", torch.searchsorted, values(0), values(2), kinds=("float",), own={0: "i64"})
case("searchsorted/0-dim", torch.searchsorted, RISING, values(), kinds=("float",), own={0: "i64"})
case("searchsorted/i32", lambda s, v: torch.searchsorted(s, v, out_int32=True), RISING, CHOSEN, kinds=("float",),
     own={0: "i32"})
# Where whole numbers that do not rise are put is a matter of the search alone: the same search.
case("searchsorted/one line", torch.searchsorted, values(5), values(2, 4), kinds=("int",), own={0: "i64"})
case("bucketize/left", lambda x, b: torch.bucketize(x, b), CHOSEN, RISING, kinds=("float",), own={0: "i64"})
case("bucketize/right", lambda x, b: torch.bucketize(x, b, right=True), CHOSEN, RISING, kinds=("float",),
     own={0: "i64"})

# ---- counts
case("bincount/plain", torch.bincount, values(9), kinds=("int",), own={0: "i64"})
case("bincount/longer", lambda x: torch.bincount(x, minlength=15), values(4), kinds=("int",), own={0: "i64"})
case("bincount/nothing", lambda x: torch.bincount(x, minlength=2), values(0), kinds=("int",), own={0: "i64"})
case("bincount_weights/plain", lambda w, i: torch.bincount(i, w), values(5), fixed([0, 3, 1, 3, 0]), kinds=("float",))
case("histc/range", lambda x: torch.histc(x, 4, -1, 1), values(5, 4), kinds=("float",))
case("histc/found", lambda x: torch.histc(x, 7), values(30), kinds=("float",))
case("histc/equal", lambda x: torch.histc(x, 3), Operand(values=[2.0, 2.0]), kinds=("float",))
case("histc/special", lambda x: torch.histc(x, 2, -1, 1), Operand(values=[math.nan, math.inf, -math.inf, 1.0, -1.0]),
     kinds=("float",))
case("histc/nothing", lambda x: torch.histc(x, 3), values(0), kinds=("float",))

# ---- differences
case("diff/last", lambda x: x.diff(), values(2, 5), kinds=("float", "int", "bool"))
case("diff/twice", lambda x: x.diff(2, 0), values(4, 2))
case("diff/too often", lambda x: x.diff(5), values(2, 3))
case("diff/around", lambda x, a, b: x.diff(1, 1, a, b), values(2, 3), values(2, 1), values(2, 2))
case("diff/0-dim before", lambda x, a: x.diff(prepend=a.expand(2, 1)), values(2, 3), values())
case("diff/nothing", lambda x: x.diff(), values(2, 0))

# ---- statistics
SOME_NAN = Operand(values=[[1, math.nan, 3, 0.5], [math.nan] * 4, [math.inf, 2, -1, math.nan]])
case("nansum/rows", lambda x: x.nansum(1), SOME_NAN, kinds=("float",))
case("nansum/all", lambda x: x.nansum(), values(2, 3, 2), kinds=("float",), size=lambda x: x.abs().sum())
case("nansum/all", lambda x: whole(x).nansum(), values(2, 3, 2), kinds=("int", "bool"), own={0: "i64"})
case("nansum/outer", lambda x: x.nansum((0, 2), True), values(2, 3, 2), kinds=("float",),
     size=lambda x: x.abs().sum((0, 2), True))
case("nanmean/rows", lambda x: x.nanmean(1), SOME_NAN, kinds=("float",))
case("nanmean/all", lambda x: x.nanmean(), values(2, 3, 2), kinds=("float",), size=lambda x: x.abs().mean())
case("nanmean/outer", lambda x: x.nanmean((0, 2), True), values(2, 3, 2), kinds=("float",),
     size=lambda x: x.abs().mean((0, 2), True))
case("aminmax/all", lambda x: tuple(torch.aminmax(whole(x))), values(3, 4, distinct=True))
case("aminmax/columns", lambda x: tuple(torch.aminmax(whole(x), dim=0, keepdim=True)), values(3, 4, distinct=True))
case("aminmax/nan", lambda x: tuple(torch.aminmax(x, dim=1)), SOME_NAN, kinds=("float",))
case("std_mean/rows", lambda x: torch.std_mean(x, 1), values(3, 4), kinds=("float",))
case("var_mean/all", lambda x: torch.var_mean(x), values(3, 4), kinds=("float",))


def kth(x, k, d, keepdim):
    """The first of equals in a stable order."""
    values, places = whole(x).sort(dim=d, stable=True) if x.dim() else (whole(x).clone(), torch.tensor(0))
    if not x.dim():
        return values, places
    return tuple(t.narrow(d, k - 1, 1) if keepdim else t.select(d, k - 1) for t in (values, places))


case("kthvalue/rows", lambda x: kth(x, 2, -1, False), values(3, 5, distinct=True), own={1: "i64"})
case("kthvalue/columns", lambda x: kth(x, 3, 0, True), values(4, 2, distinct=True), own={1: "i64"})
case("kthvalue/equal", lambda x: kth(x, 4, 1, False), values(2, 6, low=-2, high=2), own={1: "i64"})
case("kthvalue/nan", lambda x: kth(x, 3, 1, False), SOME_NAN, kinds=("float",), own={1: "i64"})
case("kthvalue/0-dim", lambda x: kth(x, 1, 0, False), values(), own={1: "i64"})
for label, q, d, keep, way in [("rows", 0.3, 1, False, "linear"), ("columns", 0.75, 0, True, "linear"),
                               ("all", 0.4, None, False, "linear"), ("all kept", 0.4, None, True, "linear"),
                               ("lower", 0.4, 1, False, "lower"), ("higher", 0.4, 1, False, "higher"),
                               ("nearest", 0.5, 1, False, "nearest"), ("midpoint", 0.4, 1, False, "midpoint"),
                               ("ends", 1.0, 1, False, "linear")]:
    case(f"quantile/{label}", lambda x, q=q, d=d, keep=keep, way=way: x.quantile(q, d, keep, interpolation=way),
         values(3, 4, distinct=True), kinds=("float",))
case("quantile/several", lambda x: x.quantile(torch.tensor([0.0, 0.25, 0.9], dtype=x.dtype), 1, True),
     values(2, 5, distinct=True), kinds=("float",))
case("quantile/nan", lambda x: x.quantile(0.25, 1), SOME_NAN, kinds=("float",))

# ---- distances
FLOATS = dict(kinds=("float",))
case("normalize/rows", lambda x: F.normalize(x), values(3, 4), **FLOATS)
case("normalize/p", lambda x: F.normalize(x, 1, 0), values(3, 4), **FLOATS)
case("normalize/two dimensions", lambda x: F.normalize(x, 3.0, (0, 2)), values(2, 3, 2), **FLOATS)
case("normalize/zero", lambda x: F.normalize(x), Operand(values=[[0.0, 0.0], [3.0, 4.0]]), **FLOATS)
case("normalize/great eps", lambda x: F.normalize(x, eps=8.0), values(2, 3), **FLOATS)
case("cosine_similarity/rows", lambda a, b: F.cosine_similarity(a, b), values(3, 4), values(3, 4), **FLOATS)
case("cosine_similarity/pairs", lambda a, b: F.cosine_similarity(a, b, -1), values(2, 1, 4), values(3, 4), **FLOATS)
case("cosine_similarity/stretched", lambda a, b: F.cosine_similarity(a, b, 0), values(3, 2), values(2), **FLOATS)
case("cosine_similarity/zero", lambda a, b: F.cosine_similarity(a, b), Operand(values=[[0.0, 0.0], [1.0, 2.0]]),
     values(2, 2), **FLOATS)
case("pairwise_distance/rows", lambda a, b: F.pairwise_distance(a, b), values(3, 4), values(3, 4), **FLOATS)
case("pairwise_distance/p", lambda a, b: F.pairwise_distance(a, b, 1.0, 0.5, True), values(3, 4), values(4), **FLOATS)
# Moved by 1/16, so that no difference is 0.
for label, p in (("0", 0.0), ("1", 1.0), ("2", 2.0), ("1.5", 1.5), ("3", 3.0), ("inf", math.inf)):
    case(f"cdist/{label}", lambda a, b, p=p: torch.cdist(a, b + 0.0625, p, "donot_use_mm_for_euclid_dist"),
         values(2, 3, 5, distinct=True), values(2, 4, 5, distinct=True), **FLOATS)
case("cdist/long rows", lambda a, b: torch.cdist(a, b, 2, "donot_use_mm_for_euclid_dist"), values(3, 37), values(2, 37),
     **FLOATS)
case("cdist/stretched", lambda a, b: torch.cdist(a, b), values(2, 1, 2, 3), values(3, 2, 3), **FLOATS)
case("cdist/equal rows", lambda a, b: torch.cdist(a, b), Operand(values=[[1.0, 2.0], [0.0, 0.0]]),
     Operand(values=[[1.0, 2.0], [3.0, 4.0]]), **FLOATS)
case("cdist/no sizes", lambda a, b: torch.cdist(a, b), values(2, 0), values(3, 0), **FLOATS)
case("cdist/no rows", lambda a, b: torch.cdist(a, b), values(0, 2), values(3, 2), **FLOATS)
# PyTorch's own loses NaN, depending on its place.
case("cdist/nan", lambda a, b: (a.unsqueeze(1) - b).abs().amax(-1),
     Operand(values=[[1.0, math.nan, 2.0], [0.0, 1.0, math.inf]]), Operand(values=[[1.0, 2.0, 1.0]]), **FLOATS)

# ---- products
NUMBERS = dict(kinds=("float", "int"))
DOT = lambda *dims: lambda a, b: torch.tensordot(a.abs(), b.abs(), *dims)
case("tensordot/two", lambda a, b: torch.tensordot(a, b, 2), values(2, 3, 4), values(3, 4, 2), size=DOT(2), **NUMBERS)
case("tensordot/none", lambda a, b: torch.tensordot(a, b, 0), values(2), values(3), size=DOT(0), **NUMBERS)
case("tensordot/named", lambda a, b: torch.tensordot(a, b, ([2, 0], [0, -1])), values(2, 3, 4), values(4, 5, 2),
     size=DOT(([2, 0], [0, -1])), **NUMBERS)
case("tensordot/stretched", lambda a, b: torch.tensordot(a, b, ([1], [0])), values(2, 3), values(1, 2),
     size=DOT(([1], [0])), **NUMBERS)
case("tensordot/all", lambda a, b: torch.tensordot(a, b, 2), values(2, 3), values(2, 3), size=DOT(2), **NUMBERS)
CROSS = lambda d: lambda a, b: torch.ones_like(torch.cross(a, b, d)) * 8
case("cross/last", lambda a, b: torch.cross(a, b, -1), values(2, 3), values(2, 3), size=CROSS(-1), **NUMBERS)
case("cross/first", lambda a, b: torch.cross(a, b, 0), values(3, 2), values(3, 1), size=CROSS(0), **NUMBERS)
case("cross/found", lambda a, b: torch.linalg.cross(a, b, dim=1), values(2, 3, 2), values(2, 3, 2), size=CROSS(1),
     **NUMBERS)
case("kron/matrices", lambda a, b: torch.kron(whole(a), whole(b)), values(2, 3), values(3, 2))
case("kron/mixed", lambda a, b: torch.kron(whole(a), whole(b)), values(2), values(3, 2))

# ---- patches
def folded_size(*arguments):
    return lambda x: F.fold(x.abs(), *arguments)


case("unfold_patches/plain", lambda x: F.unfold(x, 2), values(2, 3, 4, 3), **FLOATS)
case("unfold_patches/all", lambda x: F.unfold(x, (2, 3), (2, 1), (1, 2), (1, 2)), values(2, 2, 5, 4), **FLOATS)
case("unfold_patches/one image", lambda x: F.unfold(x, 3, 1, 1, 2), values(2, 4, 4), **FLOATS)
case("fold/plain", lambda x: F.fold(x, 3, 2), values(2, 8, 4), size=folded_size(3, 2), **FLOATS)
case("fold/all", lambda x: F.fold(x, (5, 4), (2, 3), (2, 1), (1, 2), (1, 2)), values(2, 12, 15),
     size=folded_size((5, 4), (2, 3), (2, 1), (1, 2), (1, 2)), **FLOATS)
case("fold/one image", lambda x: F.fold(x, 4, 3, 1, 1, 2), values(18, 4), size=folded_size(4, 3, 1, 1, 2), **FLOATS)

# ---- sampling
POINTS = [[[[-0.8, 0.3], [0.1, -0.45], [1.6, 0.2]], [[-1.3, -1.4], [0.7, 0.9], [2.3, -3.1]]],
          [[[0.0, 0.25], [-0.2, 0.6], [0.55, -0.7]], [[0.35, 1.15], [-0.9, -0.1], [-2.6, 0.05]]]]
# Odd sixteenths: neither pixels nor their edges, where there is no derivative.
odd = lambda p: [odd(q) for q in p] if isinstance(p, list) else (2 * math.floor(p * 8) + 1) / 16
GRID = Operand(values=odd(POINTS))
CUBE = Operand(values=odd([[[[[-0.8, 0.3, 0.2], [0.1, -0.45, 1.7]]], [[[1.4, 0.2, -0.3], [-0.6, 0.9, -1.2]]]]]))
for mode in ("bilinear", "nearest", "bicubic"):
    for padding in ("zeros", "border", "reflection"):
        for corners in (False, True):
            case(f"grid_sample/{mode}, {padding}, {corners}",
                 lambda x, g, m=mode, p=padding, c=corners: F.grid_sample(x, g, m, p, c), values(2, 3, 4, 5), GRID,
                 **FLOATS)
            if mode != "bicubic":
                case(f"grid_sample/volume, {mode}, {padding}, {corners}",
                     lambda x, g, m=mode, p=padding, c=corners: F.grid_sample(x, g, m, p, c), values(1, 2, 3, 4, 2),
                     CUBE, **FLOATS)
case("grid_sample/one pixel", lambda x, g: F.grid_sample(x, g, "bilinear", "reflection", True), values(2, 1, 1, 1),
     GRID, **FLOATS)
BAD_POINTS = Operand(values=[[[[math.nan, 0.0], [math.inf, 0.0], [0.0, -math.inf]]]])
case("grid_sample/no numbers", lambda x, g: F.grid_sample(x, g, "nearest", "zeros", False), values(1, 2, 3, 3),
     BAD_POINTS, **FLOATS)
case("grid_sample/no numbers, border", lambda x, g: F.grid_sample(x, g, "bilinear", "border", False),
     values(1, 2, 3, 3), BAD_POINTS, **FLOATS)
for corners in (False, True):
    case(f"affine_grid/image, {corners}", lambda t, c=corners: F.affine_grid(t, (2, 1, 3, 4), c), values(2, 2, 3),
         **FLOATS)
    case(f"affine_grid/volume, {corners}", lambda t, c=corners: F.affine_grid(t, (1, 1, 2, 1, 3), c), values(1, 3, 4),
         **FLOATS)

# ---- a dtype as an argument
case("sum_dtype/i32", lambda x: x.to(torch.int32).sum(1, dtype=torch.int32), values(3, 4), own={0: "i32"})
case("mean_dtype/f64", lambda x: x.mean(0, dtype=torch.float64), values(3, 4), own={0: "f64"})
case("prod_dtype/f64", lambda x: x.prod(1, dtype=torch.float64), values(3, 4), own={0: "f64"})
case("cumsum_dtype/f64", lambda x: x.cumsum(1, dtype=torch.float64), values(3, 4), own={0: "f64"})
case("cumprod_dtype/f64", lambda x: x.cumprod(1, dtype=torch.float64), values(3, 4), own={0: "f64"})
case("softmax_dtype/f64", lambda x: x.softmax(1, dtype=torch.float64), values(3, 4), own={0: "f64"})
case("log_softmax_dtype/f64", lambda x: x.log_softmax(1, dtype=torch.float64), values(3, 4), own={0: "f64"})

# ---- elementwise
ODD = Operand(values=[1.0, math.nan, -0.0, math.inf, -math.inf, math.inf, -math.inf, 2.0, math.nan, math.nan])
ODD_TOO = Operand(values=[math.nan, 2.0, 0.0, math.inf, -math.inf, -math.inf, 3.0, -math.inf, math.nan, math.inf])
APART = lambda f: lambda a, b: f(a, b + 0.0625)
for name in ("fmax", "fmin"):
    f = getattr(torch, name)
    case(f"{name}/broadcast", lambda a, b, f=f: f(whole(a), whole(b)), values(3, 4), values(4))
    case(f"{name}/apart", APART(f), values(3, 4), values(4), **FLOATS)
    case(f"{name}/special", f, ODD, ODD_TOO, **FLOATS)
for name in ("logaddexp", "logaddexp2"):
    f = getattr(torch, name)
    case(f"{name}/broadcast", f, values(3, 4), values(2, 1, 4), **FLOATS)
    case(f"{name}/apart", APART(f), values(3, 4), values(4), **FLOATS)
    case(f"{name}/special", f, ODD, ODD_TOO, **FLOATS)
    case(f"{name}/far", f, Operand(values=[1.0, -2048.0, 3.0]), Operand(values=[-4096.0, -2048.0, 2.5]), **FLOATS)
case("sinc/some", lambda x: x.sinc(), values(3, 4, low=1), **FLOATS)
case("clip/apart", lambda x: x.clip(0.0625, 1.0625), values(3, 4), **FLOATS)
case("sinc/special", lambda x: x.sinc(), Operand(values=[0.0, -0.0, math.nan, 0.125]), **FLOATS)
case("deg2rad/some", lambda x: x.deg2rad(), values(3, 4), **FLOATS)
case("rad2deg/some", lambda x: x.rad2deg(), values(3, 4), **FLOATS)
case("clip/both", lambda x: whole(x).clip(0, 1), values(3, 4))
for name in ("isposinf", "isneginf"):
    case(f"{name}/special", getattr(torch, name), ODD, kinds=("float",), own={0: "bool"})
    case(f"{name}/whole", getattr(torch, name), values(3), kinds=("int", "bool"), own={0: "bool"})
case("logcumsumexp/rows", lambda x: x.logcumsumexp(1), values(2, 7), **FLOATS)
case("logcumsumexp/columns", lambda x: x.logcumsumexp(0), values(5, 2), **FLOATS)
case("logcumsumexp/special", lambda x: x.logcumsumexp(0),
     Operand(values=[-math.inf, -math.inf, 1.0, math.inf, 2.0, math.nan, 1.0]), **FLOATS)
case("logcumsumexp/one", lambda x: x.logcumsumexp(0), values(1, 3), **FLOATS)
case("logcumsumexp/0-dim", lambda x: x.logcumsumexp(0), values(), **FLOATS)
case("logcumsumexp/nothing", lambda x: x.logcumsumexp(0), values(0, 3), **FLOATS)

# ---- scattering
PLACES = fixed([[0, 2, 2, 0], [1, 1, 1, 3]])
for mode in ("sum", "prod", "mean", "amax", "amin"):
    # Extremes apart, factors other than 0.
    some = dict(low=1) if mode == "prod" else dict(distinct=True)
    row = "scatter_reduce_sums" if mode in ("sum", "mean") else "scatter_reduce"
    for own in (True, False):
        case(f"{row}/{mode}, {'with x' if own else 'without x'}",
             lambda x, i, s, r=mode, own=own: x.scatter_reduce(1, i, s, r, include_self=own),
             values(2, 5, **some), PLACES, values(2, 4, **some), kinds=("float", "int"),
             size=lambda x, i, s: torch.full_like(x, 16.0))
    case(f"{row}/{mode}, first", lambda x, i, s, r=mode: x.scatter_reduce(0, i, s[:2, :3], r),
         values(3, 4, **some), fixed([[0, 2, 1], [2, 2, 0]]), values(3, 4, **some), kinds=("float", "int"),
         size=lambda x, i, s: torch.full_like(x, 16.0))
    if mode != "sum":
        case(f"index_reduce/{mode}", lambda x, i, s, r=mode: x.index_reduce(0, i, s, r), values(4, 2, **some),
             fixed([3, 0, 3]), values(3, 2, **some), kinds=("float",), size=lambda x, i, s: torch.full_like(x, 16.0))
for mode in ("amax", "amin"):
    case(f"scatter_reduce/{mode}, apart", lambda x, i, s, r=mode: x.scatter_reduce(1, i, s + 0.0625, r),
         values(2, 5, distinct=True), PLACES, values(2, 4, distinct=True), **FLOATS)
case("scatter_reduce/special", lambda x, i, s: x.scatter_reduce(0, i, s, "amax"),
     Operand(values=[1.0, math.nan, -math.inf]), fixed([0, 1, 2, 2, 0]),
     Operand(values=[math.nan, 1.0, -math.inf, -1.0, 5.0]), **FLOATS)
case("scatter_reduce/nothing", lambda x, i, s: x.scatter_reduce(0, i, s, "amin", include_self=False), values(3),
     fixed([]), values(0), **FLOATS)
case("scatter_reduce/zeros", lambda x, i, s: x.scatter_reduce(0, i, s, "prod"), Operand(values=[2.0, 0.0, 3.0, 0.0]),
     fixed([0, 0, 1, 2, 2, 2, 3]), Operand(values=[0.0, 3.0, 2.0, 0.0, 0.0, 1.0, 0.0]), **FLOATS)

# ---- runs


def runs(x, *d):
    return torch.unique_consecutive(x, True, True, *d)


case("unique_consecutive/plain", runs, values(12, low=-1, high=1), own={1: "i64", 2: "i64"})
case("unique_consecutive/matrix", runs, Operand(values=[[1.0, 1.0, 2.0], [2.0, math.nan, math.nan]]),
     kinds=("float",), own={1: "i64", 2: "i64"})
case("unique_consecutive/columns", lambda x: runs(x, 1), Operand(values=[[1.0, 1.0, 2.0, 1.0], [3.0, 3.0, 3.0, 3.0]]),
     kinds=("float",), own={1: "i64", 2: "i64"})
case("unique_consecutive/nothing", runs, values(0), kinds=("float",), own={1: "i64", 2: "i64"})

# ---- activation functions
NEAR_0 = Operand(values=[-2.0, -0.5, -0.25, -0.125, 0.0, 0.125, 0.25, 0.5, 2.0])
ODD = Operand(values=[math.nan, math.inf, -math.inf, 0.5, -0.5, 0.0])
for label, operand in (("some", values(3, 5)), ("near 0", NEAR_0), ("odd", ODD), ("nothing", values(0, 3))):
    case(f"celu/{label}", F.celu, operand, **FLOATS)
    case(f"celu/alpha, {label}", lambda x: F.celu(x, 0.375), operand, **FLOATS)
    case(f"softsign/{label}", F.softsign, operand, **FLOATS)
    case(f"softshrink/{label}", F.softshrink, operand, **FLOATS)
    case(f"softshrink/lambda, {label}", lambda x: F.softshrink(x, 0.2), operand, **FLOATS)
    case(f"hardshrink/{label}", F.hardshrink, operand, **FLOATS)
    case(f"hardshrink/lambda, {label}", lambda x: F.hardshrink(x, 0.25), operand, **FLOATS)
    case(f"tanhshrink/{label}", F.tanhshrink, operand, **FLOATS)
    case(f"threshold/{label}", lambda x: F.threshold(x, 0.25, -1.5), operand, **FLOATS)
    case(f"rrelu/{label}", F.rrelu, operand, **FLOATS)
    case(f"rrelu/bounds, {label}", lambda x: F.rrelu(x, 0.5, 1.0), operand, **FLOATS)
for name, f in (("celu", F.celu), ("softsign", F.softsign), ("softshrink", F.softshrink), ("hardshrink", F.hardshrink),
                ("tanhshrink", F.tanhshrink), ("threshold", lambda x: F.threshold(x, 0.25, -1.5)), ("rrelu", F.rrelu)):
    case(f"{name}/apart", lambda x, f=f: f(x + 0.0625), values(3, 5), **FLOATS)
for name in ("softsign", "tanhshrink"):
    case(f"{name}/whole", lambda x, f=getattr(F, name): f(x.double()), values(3, 4), kinds=("int", "bool"), own={0: "f32"})
case("threshold/whole", lambda x: F.threshold(x, 4, -7), values(3, 4), kinds=("int",))
case("softmin/rows", lambda x: F.softmin(x, 1), values(3, 5), **FLOATS)
case("softmin/columns", lambda x: F.softmin(x, 0), values(3, 5), **FLOATS)

# ---- bilinear forms, rows joined in bags
case("bilinear/rows", F.bilinear, values(3, 2), values(3, 4), values(5, 2, 4), **FLOATS)
case("bilinear/bias", F.bilinear, values(2, 2, 3), values(2, 2, 2), values(2, 3, 2), values(2), **FLOATS)
case("bilinear/vectors", F.bilinear, values(2), values(3), values(4, 2, 3), **FLOATS)
case("bilinear/no rows", F.bilinear, values(0, 2), values(0, 3), values(4, 2, 3), **FLOATS)
BAGS = fixed([[0, 2, 2], [4, 1, 0]])
FLAT, BEGINS, ENDS = fixed([3, 0, 0, 4, 1, 2]), fixed([0, 2, 2, 5]), fixed([0, 2, 2, 5, 6])
for mode in ("sum", "mean", "max"):
    some = dict(distinct=True)
    case(f"embedding_bag/{mode}", lambda w, i, m=mode: F.embedding_bag(i, w, mode=m), values(5, 3, **some), BAGS, **FLOATS)
    case(f"embedding_bag/{mode}, flat", lambda w, i, o, m=mode: F.embedding_bag(i, w, o, mode=m), values(5, 3, **some),
         FLAT, BEGINS, **FLOATS)
    case(f"embedding_bag/{mode}, last", lambda w, i, o, m=mode: F.embedding_bag(i, w, o, mode=m, include_last_offset=True),
         values(5, 3, **some), FLAT, ENDS, **FLOATS)
    case(f"embedding_bag/{mode}, padding", lambda w, i, o, m=mode: F.embedding_bag(i, w, o, mode=m, padding_idx=-5),
         values(5, 3, **some), FLAT, BEGINS, **FLOATS)
    case(f"embedding_bag/{mode}, nothing", lambda w, i, o, m=mode: F.embedding_bag(i, w, o, mode=m),
         values(5, 3, **some), fixed([]), fixed([0, 0]), **FLOATS)
case("embedding_bag/weights", lambda w, i, o, f: F.embedding_bag(i, w, o, mode="sum", per_sample_weights=f),
     values(5, 3), FLAT, BEGINS, values(6), **FLOATS)
case("embedding_bag/weights, padding",
     lambda w, i, f: F.embedding_bag(i, w, mode="sum", per_sample_weights=f, padding_idx=2), values(5, 3), BAGS,
     values(2, 3), **FLOATS)

# ---- joins, combinations, parts, statistics
case("block_diag/mixed", lambda a, b, c: torch.block_diag(a, b, c), values(2, 3), values(), values(2))
case("block_diag/one", lambda a: torch.block_diag(a), values(3))
case("combinations/pairs", lambda x: torch.combinations(x), values(4))
case("combinations/replacement", lambda x: torch.combinations(x, 3, True), values(3))
case("combinations/ones", lambda x: torch.combinations(x, 1), values(3))
case("combinations/too few", lambda x: torch.combinations(x, 3), values(2))
case("unravel_index/cube", lambda i: torch.unravel_index(i, (3, 4, 2)), fixed([[0, 5, 23], [7, 8, 1]]), kinds=("int",))
case("select_scatter/column", lambda x, y: torch.select_scatter(x, y, 1, -2), values(2, 3), values(2))
case("slice_scatter/step", lambda x, y: torch.slice_scatter(x, y, 1, 1, 5, 2), values(2, 6), values(2, 2))
case("slice_scatter/rows", lambda x, y: torch.slice_scatter(x, y), values(2, 3), values(2, 3))
case("diagonal_scatter/above", lambda x, y: torch.diagonal_scatter(x, y, 1), values(3, 4), values(3))
case("gradient/rows", lambda x: torch.gradient(x, spacing=0.5, dim=1), values(2, 5), **FLOATS)
case("gradient/all", lambda x: torch.gradient(x), values(3, 2), **FLOATS)
case("ldexp/some", lambda x, e: torch.ldexp(x, e), values(3, 4), values(4, low=-24, high=24), kinds=("float",))
case("dist/p", lambda a, b: torch.dist(a, b, 3), values(2, 3), values(3), **FLOATS)
case("dist/two", lambda a, b: torch.dist(a, b), values(2, 3), values(2, 3), **FLOATS)
case("renorm/rows", lambda x: torch.renorm(x, 2, 0, 2.0), values(3, 4, low=1), **FLOATS)
case("renorm/columns", lambda x: torch.renorm(x, 1, 1, 3.0), values(3, 2, 2, low=1), **FLOATS)
case("cov/matrix", lambda x: torch.cov(x), values(3, 5), **FLOATS)
case("cov/vector", lambda x: torch.cov(x, correction=0), values(5), **FLOATS)
case("cov/weights", lambda x, f, w: torch.cov(x, fweights=f, aweights=w.abs() + 0.5), values(2, 4), fixed([1, 2, 0, 3]),
     values(4), **FLOATS)
case("corrcoef/matrix", lambda x: torch.corrcoef(x), values(3, 6), **FLOATS)


def nanmedian(x, d, keepdim):
    """Where PyTorch's index is not said, the place of the first of equal elements in a stable order."""
    values_, places = x.sort(dim=d, stable=True)
    at = ((~x.isnan()).sum(d, keepdim=True) - 1).div(2, rounding_mode="floor").clamp(min=0)
    assert torch.equal(values_.gather(d, at).nan_to_num(1e30), x.nanmedian(d, True).values.nan_to_num(1e30))
    return tuple(t.gather(d, at) if keepdim else t.gather(d, at).squeeze(d) for t in (values_, places))


def mode(x, d, keepdim):
    """The same of the most frequent; PyTorch has no order of NaN."""
    y = whole(x)
    out = y.mode(d, True).values
    places = torch.where((y == out), torch.arange(y.shape[d]).view([-1 if i == d % y.dim() else 1 for i in range(y.dim())]), -1).amax(d, True)
    return tuple(t if keepdim else t.squeeze(d) for t in (out, places))


case("nanmedian/rows", lambda x: nanmedian(x, 1, False), SOME_NAN, kinds=("float",), own={1: "i64"})
case("nanmedian/columns", lambda x: nanmedian(x, 0, True), values(4, 3, distinct=True), kinds=("float",), own={1: "i64"})
case("nanmedian_all/nan", lambda x: x.nanmedian(), SOME_NAN, kinds=("float",))
case("nanquantile/rows", lambda x: x.nanquantile(0.3, 1), SOME_NAN, kinds=("float",))
case("nanquantile/all", lambda x: x.nanquantile(0.75), SOME_NAN, kinds=("float",))
case("nanquantile/kept", lambda x: x.nanquantile(0.5, 0, True), values(4, 3, distinct=True), kinds=("float",))
case("mode/rows", lambda x: mode(x, 1, False), values(3, 7, low=-2, high=2), own={1: "i64"})
case("mode/distinct", lambda x: mode(x, 1, False), values(2, 4, distinct=True), own={1: "i64"})
case("nanmedian_all/numbers", lambda x: x.nanmedian(), values(3, 4, distinct=True), kinds=("float",))
case("mode/columns", lambda x: mode(x, 0, True), values(5, 2, low=-1, high=1), own={1: "i64"})

save("tools/golden/functions.py with PyTorch " + torch.__version__)
