"""Reference values of core's op table, from PyTorch, NumPy and the papers' formulas.

    python3 tools/golden/ops.py tests/core/op_table/golden.safetensors
"""
import math

import numpy
import torch
import torch.nn.functional as F

from op_table import KINDS, Operand, case, fixed, put, put_operand, rng, save, values

# ---- shapes
case("view/merged", lambda x: x.reshape(2, 12), values(2, 3, 4))
case("view/split", lambda x: x.reshape(2, 3, 2, 2), values(6, 4))
case("view/empty", lambda x: x.reshape(3, 0), values(0, 6))
case("flatten/middle", lambda x: x.flatten(1, 2), values(2, 3, 2, 2))
case("flatten/0-dim", lambda x: x.flatten(), values())
case("permute/cycle", lambda x: x.permute(2, 0, 1), values(2, 3, 4))
case("permute/0-dim", lambda x: x.permute(()), values())
case("squeeze/all", lambda x: x.squeeze(), values(2, 1, 3, 1))
case("squeeze/one", lambda x: x.squeeze(1), values(2, 1, 3, 1))
case("unsqueeze/last", lambda x: x.unsqueeze(-1), values(2, 3))
case("unsqueeze/first", lambda x: x.unsqueeze(0), values(3))
case("select/middle", lambda x: x.select(1, -2), values(2, 4, 3))
case("slice/step", lambda x: x[:, 1:6:2], values(2, 7))
case("slice/empty", lambda x: x[:, 3:2], values(2, 7))
case("diagonal/above", lambda x: x.diagonal(1, 0, 2), values(3, 2, 4))
case("diagonal/below", lambda x: x.diagonal(-1), values(4, 3))
case("unfold/overlapping", lambda x: x.unfold(1, 3, 2), values(2, 7))
case("expand/stretched", lambda x: x.expand(2, 3, 4), values(3, 1))
case("expand/0-dim", lambda x: x.expand(2, 2), values())
case("as_strided/region", lambda x: x.as_strided((2, 2), (4, 1), 3), values(3, 4))
case("view_write/region", lambda x, y: x.clone().as_strided_scatter(y, (2, 2), (4, 1), 3) if x.dtype != torch.bool
     else x.to(torch.int64).as_strided_scatter(y.to(torch.int64), (2, 2), (4, 1), 3), values(3, 4), values(2, 2))
case("sum_to/rows", lambda x: x.sum(0, keepdim=True), values(4, 3), kinds=("float", "int"),
     size=lambda x: x.abs().sum(0, keepdim=True))
case("sum_to/scalar", lambda x: x.sum(), values(2, 3, 2), kinds=("float", "int"), size=lambda x: x.abs().sum())

# ---- reductions
SUMS = {0: "i64"}


def reduction(name, fn, size, *shape, dims, distinct=False):
    """Integers and bool give i64."""
    case(name, lambda x: fn(x, dims), values(*shape, distinct=distinct), kinds=("float",), size=size)
    case(name, lambda x: fn(x.to(torch.int64), dims), values(*shape), kinds=("int", "bool"), own=SUMS)


def sum_of(x, dims):
    return x.sum(dims) if dims is not None else x.sum()


for label, shape, dims in [("all", (3, 4, 2), None), ("first", (3, 4, 2), (0,)), ("last", (3, 4, 2), (-1,)),
                           ("outer", (3, 4, 2), (0, 2)), ("middle", (5, 17, 9), (1,)), ("0-dim", (), None),
                           ("nothing", (0, 3), (0,)), ("none left", (0, 3), (1,)), ("long", (2, 3001), (1,)),
                           ("tall", (3001, 2), (0,))]:
    reduction(f"sum/{label}", sum_of, lambda x, d=dims: sum_of(x.abs(), d), *shape, dims=dims)
SPECIAL = [[1, math.nan, 3], [math.inf, 2, -math.inf], [math.inf, 7, 7], [0, -math.inf, 1]]
for name, f in [("sum", lambda x: x.sum(1)), ("mean", lambda x: x.mean(1)), ("prod", lambda x: x.prod(1)),
                ("cumsum", lambda x: x.cumsum(1)), ("matmul", lambda x: x @ torch.ones(3, 2, dtype=x.dtype))]:
    more = (values(3, 2, low=8, high=8),) if name == "matmul" else ()
    case(f"{name}/special", lambda x, *rest, f=f: f(x), Operand(values=SPECIAL), *more, kinds=("float",))
for label, shape, dims in [("all", (3, 4, 2), None), ("first", (3, 4, 2), (0,)), ("outer", (3, 4, 2), (0, 2)),
                           ("long", (2, 3001), (1,)), ("0-dim", (), None), ("nothing", (0, 3), (0,))]:
    case(f"mean/{label}", lambda x, d=dims: x.mean(d) if d else x.mean(), values(*shape), kinds=("float",),
         size=lambda x, d=dims: x.abs().mean(d) if d else x.abs().mean())


def prod_of(x, dims):
    return x.prod(dims[0]) if dims else x.prod()


for label, shape, dims in [("all", (2, 3), None), ("last", (3, 4), (1,)), ("0-dim", (), None), ("nothing", (0, 3), (0,))]:
    reduction(f"prod/{label}", prod_of, None, *shape, dims=dims)
for name in ("amax", "amin"):
    f = getattr(torch, name)
    as_int = lambda x: x.to(torch.int64) if x.dtype == torch.bool else x
    for label, shape, dims in [("all", (3, 4, 2), ()), ("first", (3, 4, 2), (0,)), ("outer", (3, 4, 2), (0, 2)),
                               ("long", (3, 199), (1,)), ("0-dim", (), ())]:
        case(f"{name}/{label}", lambda x, d=dims: f(as_int(x), d), values(*shape, distinct=math.prod(shape) < 40))
    case(f"{name}/none left", lambda x: f(as_int(x), 1), values(0, 3))
    case(f"{name}/nan", lambda x: f(x, 1), Operand(values=[[1, math.nan, 3], [math.inf, 2, -math.inf], [-0.5, 7, 7]]),
         kinds=("float",))
    short, arg = name[1:], "arg" + name[1:]
    for label, shape, dim in [("first", (3, 4, 2), 0), ("last", (3, 4, 2), -1), ("long", (3, 199), 1), ("0-dim", (), 0)]:
        def both(x, d=dim):
            r = getattr(torch, short)(as_int(x), d)
            # Of equals the first.
            hit = (as_int(x) == r.values.unsqueeze(d) if x.dim() else as_int(x) == r.values).to(torch.int64)
            return r.values, hit.argmax(d)
        case(f"{short}_dim/{label}", both, values(*shape, distinct=math.prod(shape) < 40), own={1: "i64"})
        case(f"{arg}/{label}", lambda x, d=dim: both(x, d)[1], values(*shape), own=SUMS)
    case(f"{short}_dim/nan", lambda x: tuple(getattr(torch, short)(x, 1)),
         Operand(values=[[1, math.nan, math.nan], [math.inf, 2, -math.inf], [7, 7, 7]]), kinds=("float",),
         own={1: "i64"})
    case(f"{arg}/nan", lambda x: getattr(torch, arg)(x, 1),
         Operand(values=[[1, math.nan, math.nan], [math.inf, 2, -math.inf], [7, -7, 0]]), kinds=("float",), own=SUMS)
    case(f"{arg}/all", lambda x: getattr(torch, arg)(x), values(3, 5, distinct=True), kinds=("float", "int"), own=SUMS)
for name in ("any", "all"):
    f = getattr(torch, name)
    for label, shape, dim in [("all", (3, 4), None), ("rows", (6, 2), 1), ("columns", (2, 6), 0), ("0-dim", (), None),
                              ("nothing", (0, 3), 0)]:
        case(f"{name}/{label}", lambda x, d=dim: f(x) if d is None else f(x, d), values(*shape), kinds=("bool",))

# ---- indexing
whole = lambda x: x.to(torch.int64) if x.dtype == torch.bool else x
case("cat/first", lambda a, b, c: torch.cat([a, b, c]), values(2, 3), values(1, 3), values(3, 3))
case("cat/last", lambda a, b: torch.cat([a, b], -1), values(2, 3), values(2, 2))
case("cat/with nothing", lambda a, b, c: torch.cat([a, b, c], 1), values(2, 3), values(0), values(2, 0))
case("index_select/rows", lambda x, i: x.index_select(0, i), values(4, 3), fixed([3, 0, 3, 1, 2]))
case("index_select/columns", lambda x, i: x.index_select(1, i.long()), values(3, 4, 2), fixed([2, 2, 0], torch.int32))
case("index_select/nothing", lambda x, i: x.index_select(0, i), values(4, 3), fixed([]))
INDEX = fixed([[0, 2, 1], [2, 0, 0]])
case("gather/rows", lambda x, i: x.gather(0, i), values(3, 4), INDEX)
case("gather/last", lambda x, i: x.gather(1, i), values(2, 4), INDEX)
case("scatter/last", lambda x, i, s: x.scatter(1, i, s), values(3, 4), fixed([[0, 2, 1], [2, 0, 1]]), values(2, 3))
case("scatter/rows", lambda x, i, s: x.scatter(0, i, s), values(3, 3), fixed([[0, 2, 1]]), values(1, 3))
add_size = lambda x, i, s: x.abs().scatter_add(1, i, s.abs())
case("scatter_add/last", lambda x, i, s: whole(x).scatter_add(1, i, whole(s)), values(3, 4), INDEX, values(2, 3),
     size=add_size)
case("scatter_add/rows", lambda x, i, s: whole(x).scatter_add(0, i, whole(s)), values(3, 3), INDEX, values(2, 3))
case("index_add/rows", lambda x, i, s: whole(x).index_add(0, i, whole(s)), values(3, 2), fixed([2, 0, 2, 2]),
     values(4, 2), size=lambda x, i, s: x.abs().index_add(0, i, s.abs()))
case("index_add/columns", lambda x, i, s: whole(x).index_add(1, i, whole(s)), values(2, 3), fixed([1, 1]), values(2, 2))
for label, shape, dim in [("first", (4, 3), 0), ("last", (2, 5), -1), ("0-dim", (), 0), ("long", (2, 1500), 1),
                          ("nothing", (0, 3), 0)]:
    reduction(f"cumsum/{label}", lambda x, d: x.cumsum(d), lambda x, d=dim: x.abs().cumsum(d), *shape, dims=dim)
case("flip/both", lambda x: x.flip(0, 2), values(2, 3, 4))
case("flip/none", lambda x: x.flip(()), values(2, 3))

# ---- matrix products
NUMBERS = ("float", "int")


def product(name, a, b):
    case(name, torch.matmul, a, b, kinds=NUMBERS, size=lambda x, y: torch.matmul(x.abs(), y.abs()))


product("matmul/small", values(3, 4), values(4, 2))
product("matmul/vectors", values(5), values(5))
product("matmul/row", values(4), values(4, 3))
product("matmul/column", values(2, 3, 4), values(4))
product("matmul/batched", values(2, 1, 3, 4), values(3, 4, 2))
product("matmul/shared", values(2, 3, 4), values(4, 5))
product("matmul/large", values(70, 90), values(90, 40))
product("matmul/no terms", values(3, 0), values(0, 2))
product("matmul/nothing", values(0, 4), values(4, 2))
linear_size = lambda x, w, *b: F.linear(x.abs(), w.abs(), *[t.abs() for t in b])
case("linear/bias", lambda x, w, b: x @ w.T + b, values(3, 4), values(2, 4), values(2), kinds=NUMBERS, size=linear_size)
case("linear/plain", lambda x, w: x @ w.T, values(2, 3, 4), values(5, 4), kinds=NUMBERS, size=linear_size)
case("linear/vector", lambda x, w, b: x @ w.T + b, values(4), values(2, 4), values(2), kinds=NUMBERS, size=linear_size)
case("linear/large", lambda x, w, b: x @ w.T + b, values(65, 130), values(48, 130), values(48), kinds=NUMBERS,
     size=linear_size)

# ---- convolution
CONVS = {
    "plain": ((2, 3, 5, 6), (4, 3, 3, 2), {}),
    "strided": ((1, 2, 7, 6), (3, 2, 3, 3), dict(stride=(2, 1), padding=(1, 2))),
    "dilated": ((1, 2, 7, 8), (2, 2, 2, 3), dict(dilation=(2, 3), padding=1)),
    "grouped": ((2, 4, 5, 4), (6, 2, 3, 3), dict(groups=2, padding=1)),
    "depthwise": ((1, 3, 6, 5), (3, 1, 3, 3), dict(groups=3)),
    "1x1": ((2, 5, 3, 3), (4, 5, 1, 1), {}),
    "channels": ((1, 16, 9, 9), (16, 16, 3, 3), dict(padding=1)),
}
for label, (x, w, o) in CONVS.items():
    conv = lambda x, w, b=None, o=o: F.conv2d(x, w, b, **o)
    sizes = lambda *t, f=conv: f(*[u.abs() for u in t])
    case(f"conv2d/{label}", conv, values(*x), values(*w), values(w[0]), kinds=("float",), size=sizes)
    case(f"conv2d/{label}, no bias", conv, values(*x), values(*w), kinds=("float",), size=sizes)
    y = tuple(conv(torch.zeros(x), torch.zeros(w)).shape)

    def data(dy, w, x=x, f=conv):
        z = torch.zeros(x, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(f(z, w), z, dy)[0]

    def weights(x, dy, w=w, f=conv):
        z = torch.zeros(w, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(f(x, z), z, dy)[0], dy.sum((0, 2, 3))

    case(f"conv2d_data/{label}", data, values(*y), values(*w), kinds=("float",),
         size=lambda *t, f=data: f(*[u.abs() for u in t]))
    case(f"conv2d_weights/{label}", weights, values(*x), values(*y), kinds=("float",),
         size=lambda *t, f=weights: f(*[u.abs() for u in t]))

# ---- pooling
POOLS = {
    "plain": dict(kernel_size=2),
    "overlapping": dict(kernel_size=(3, 2), stride=(2, 1), padding=(1, 0)),
    "ceil": dict(kernel_size=3, stride=2, padding=1, ceil_mode=True),
}
for label, o in {**POOLS, "dilated": dict(kernel_size=2, stride=1, padding=1, dilation=(2, 3))}.items():
    pool = lambda x, o=o: F.max_pool2d(x, return_indices=True, **o)
    case(f"max_pool2d/{label}", pool, values(2, 2, 7, 6, distinct=True, ), kinds=("float",), own={1: "i64"})
    y, places = pool(torch.randperm(2 * 2 * 7 * 6).to(torch.float64).reshape(2, 2, 7, 6))

    def spread(dy, places):
        flat = torch.zeros(2, 2, 42, dtype=torch.float64)
        return flat.scatter_add(2, places.long().flatten(2), dy.flatten(2)).reshape(2, 2, 7, 6)

    case(f"max_pool2d_grad/{label}", spread, values(*y.shape), fixed(places.to(torch.int32)), kinds=("float",),
         size=lambda dy, p: spread(dy.abs(), p))
case("max_pool2d/nan", lambda x: F.max_pool2d(x, 2, return_indices=True),
     Operand(values=[[[[1, math.nan, 3, -math.inf], [math.inf, 2, -math.inf, -math.inf]]]]), kinds=("float",),
     own={1: "i64"})
for label, o in {**POOLS, "inside": dict(kernel_size=3, stride=2, padding=1, count_include_pad=False),
                 "divided": dict(kernel_size=2, divisor_override=3)}.items():
    pool = lambda x, o=o: F.avg_pool2d(x, **o)
    case(f"avg_pool2d/{label}", pool, values(2, 2, 7, 6), kinds=("float",), size=lambda x, f=pool: f(x.abs()))

    def back(dy, f=pool):
        z = torch.zeros(2, 2, 7, 6, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(f(z), z, dy)[0]

    case(f"avg_pool2d_grad/{label}", back, values(*pool(torch.zeros(2, 2, 7, 6)).shape), kinds=("float",),
         size=lambda dy, f=back: f(dy.abs()))
adaptive = lambda x: F.adaptive_avg_pool2d(x, (3, 4))
case("avg_pool2d/adaptive", adaptive, values(2, 2, 7, 6), kinds=("float",), size=lambda x: adaptive(x.abs()))
case("max_pool2d/adaptive", lambda x: F.adaptive_max_pool2d(x, (3, 4)), values(2, 2, 7, 6, distinct=True),
     kinds=("float",))

# ---- softmax
for name in ("softmax", "log_softmax"):
    f = getattr(F, name)
    for label, shape, dim in [("last", (3, 5), -1), ("first", (4, 3), 0), ("middle", (2, 4, 3), 1), ("0-dim", (), 0),
                              ("long", (2, 1000), 1), ("nothing", (0, 4), 1)]:
        case(f"{name}/{label}", lambda x, d=dim: f(x, d), values(*shape), kinds=("float",))
    case(f"{name}/extreme", lambda x: f(x, 1), Operand(values=[[1, -math.inf, 3], [500, 2, -500], [7, 7, 7],
                                                               [-math.inf] * 3, [math.inf, 0, 1], [math.nan, 0, 1]]),
         kinds=("float",))

# ---- normalisation
FLOAT = ("float",)
case("layer_norm/affine", lambda x, w, b: F.layer_norm(x, (5,), w, b), values(3, 5), values(5), values(5), kinds=FLOAT)
case("layer_norm/plain", lambda x: F.layer_norm(x, (3, 4), eps=1e-3), values(2, 3, 4), kinds=FLOAT)
case("layer_norm/long", lambda x, w, b: F.layer_norm(x, (700,), w, b), values(3, 700), values(700), values(700), kinds=FLOAT)
case("layer_norm/rms", lambda x, w: F.rms_norm(x, (6,), w, 1e-5), values(3, 6), values(6), kinds=FLOAT)
case("layer_norm/nothing", lambda x, w, b: F.layer_norm(x, (5,), w, b), values(0, 5), values(5), values(5), kinds=FLOAT)


def layer_norm_grad(dy, x, w, mean, rstd):
    hat = (x - mean) * rstd
    gw = dy * w
    dx = rstd * (gw - gw.mean(-1, keepdim=True) - hat * (gw * hat).mean(-1, keepdim=True))
    return dx, (dy * hat).sum(0), dy.sum(0)


layer_norm_grad_sizes = lambda dy, x, w, mean, rstd: tuple(
    t.abs().max() * torch.ones_like(t) + 4 for t in layer_norm_grad(dy, x, w, mean, rstd))
case("layer_norm_grad/affine", layer_norm_grad, values(4, 6), values(4, 6), values(6), values(4, 1), values(4, 1, low=1),
     kinds=FLOAT, size=layer_norm_grad_sizes)


case("group_norm/affine", lambda x, w, b: F.group_norm(x, 2, w, b), values(2, 4, 3), values(4), values(4), kinds=FLOAT)
case("group_norm/images", lambda x, w, b: F.group_norm(x, 3, w, b, 1e-3), values(2, 6, 5, 7), values(6), values(6), kinds=FLOAT)
case("group_norm/plain", lambda x: F.group_norm(x, 1), values(3, 2, 600), kinds=FLOAT)
case("group_norm/rows", lambda x, w: F.group_norm(x, 2, w), values(5, 8), values(8), kinds=FLOAT)
case("group_norm/nothing", lambda x, w, b: F.group_norm(x, 2, w, b), values(0, 4, 3), values(4), values(4), kinds=FLOAT)


def group_norm_grad(dy, x, w, mean, rstd):
    n, groups = mean.shape
    rows = lambda t: t.reshape(n, groups, -1)
    hat = (rows(x) - mean[..., None]) * rstd[..., None]
    gw = rows(dy * w.view(1, -1, 1))
    dx = rstd[..., None] * (gw - gw.mean(-1, keepdim=True) - hat * (gw * hat).mean(-1, keepdim=True))
    return dx.reshape(x.shape), (dy * hat.reshape(x.shape)).sum((0, 2)), dy.sum((0, 2))


case("group_norm_grad/affine", group_norm_grad, values(3, 4, 5), values(3, 4, 5), values(4), values(3, 2), values(3, 2, low=1),
     kinds=FLOAT, size=lambda *t: tuple(u.abs().max() * torch.ones_like(u) + 4 for u in group_norm_grad(*t)))


def batch_norm(training):
    def f(x, mean, var, w, b):
        mean, var = mean.clone(), var.clone()
        return F.batch_norm(x, mean, var, w, b, training, 0.25), mean, var
    return f


for training in (True, False):
    label = "training" if training else "evaluation"
    args = (values(3), values(3, low=4), values(3), values(3))
    case(f"batch_norm/{label}", batch_norm(training), values(2, 3, 2, 3), *args, kinds=FLOAT)
    case(f"batch_norm/{label}, rows", batch_norm(training), values(7, 3), *args, kinds=FLOAT)


def batch_norm_grad(training):
    def f(dy, x, w, mean, rstd):
        part = lambda t: t.view(1, -1, 1, 1)
        hat = (x - part(mean)) * part(rstd)
        gw = dy * part(w)
        around = (0, 2, 3)
        dx = gw
        if training:
            dx = gw - gw.mean(around, keepdim=True) - hat * (gw * hat).mean(around, keepdim=True)
        return dx * part(rstd), (dy * hat).sum(around), dy.sum(around)
    return f


for training in (True, False):
    f = batch_norm_grad(training)
    case(f"batch_norm_grad/{'training' if training else 'evaluation'}", f, values(2, 3, 2, 3), values(2, 3, 2, 3), values(3),
         values(3), values(3, low=1), kinds=FLOAT, size=lambda *t, f=f: tuple(u.abs().max() * torch.ones_like(u) + 4 for u in f(*t)))

# ---- optimizers: what three steps leave
STEPS = 3


def optimizer(make):
    def f(p, *grads):
        q = p.clone().requires_grad_()
        o = make([q])
        for g in grads:
            q.grad = g.clone()
            o.step()
        return q
    return f


def steps(name, make):
    case(name, optimizer(make), values(5, 3), *[values(5, 3) for _ in range(STEPS)], kinds=FLOAT)


steps("sgd_step/plain", lambda p: torch.optim.SGD(p, lr=0.125, weight_decay=0.0625))
steps("sgd_step/momentum", lambda p: torch.optim.SGD(p, lr=0.125, momentum=0.75, dampening=0.25))
steps("sgd_step/nesterov", lambda p: torch.optim.SGD(p, lr=0.125, momentum=0.75, nesterov=True, weight_decay=0.0625, maximize=True))
steps("adam_step/adam", lambda p: torch.optim.Adam(p, lr=0.125, weight_decay=0.0625, betas=(0.75, 0.875)))
steps("adam_step/adamw", lambda p: torch.optim.AdamW(p, lr=0.125, weight_decay=0.0625, betas=(0.75, 0.875)))
steps("adam_step/amsgrad", lambda p: torch.optim.Adam(p, lr=0.125, amsgrad=True, maximize=True, betas=(0.75, 0.5)))
RMS = dict(lr=0.125, alpha=0.75)
steps("rmsprop_step/plain", lambda p: torch.optim.RMSprop(p, weight_decay=0.0625, **RMS))
steps("rmsprop_step/momentum", lambda p: torch.optim.RMSprop(p, momentum=0.5, maximize=True, **RMS))
steps("rmsprop_step/centered", lambda p: torch.optim.RMSprop(p, momentum=0.5, centered=True, **RMS))


# ---- losses
REDUCTIONS = ("mean", "sum", "none")
CLASSES = fixed([2, 0, -100, 3, 1])
for reduction in REDUCTIONS:
    case(f"cross_entropy/{reduction}", lambda x, t, r=reduction: F.cross_entropy(x, t, reduction=r), values(5, 4), CLASSES,
         kinds=FLOAT)
    case(f"nll_loss/{reduction}", lambda x, w, t, r=reduction: F.nll_loss(x, t, w, reduction=r), values(5, 4),
         values(4, low=1), CLASSES, kinds=FLOAT)
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        case(f"{name}/{reduction}", lambda x, t, n=name, r=reduction: getattr(F, n)(x, t, reduction=r),
             values(3, 4, distinct=True), values(3, 4), kinds=FLOAT)
case("smooth_l1_loss/beta", lambda x, t: F.smooth_l1_loss(x, t, beta=0.7), values(3, 4), values(3, 4), kinds=FLOAT)
case("huber_loss/delta", lambda x, t: F.huber_loss(x, t, delta=0.7), values(3, 4), values(3, 4), kinds=FLOAT)
case("cross_entropy/smoothed", lambda x, w, t: F.cross_entropy(x, t, w, label_smoothing=0.25, ignore_index=3),
     values(5, 4), values(4, low=1), fixed([2, 0, 1, 3, 1]), kinds=FLOAT)
case("cross_entropy/pixels", F.cross_entropy, values(2, 3, 2, 2), fixed([[[0, 2], [1, 1]], [[2, 2], [0, 1]]]), kinds=FLOAT)
bce = F.binary_cross_entropy_with_logits
for reduction in REDUCTIONS:
    case(f"binary_cross_entropy_with_logits/{reduction}", lambda x, t, r=reduction: bce(x, t, reduction=r), values(3, 4),
         values(3, 4, low=0, high=8), kinds=FLOAT)
case("binary_cross_entropy_with_logits/weighted", lambda x, t, w, p: bce(x, t, w, pos_weight=p), values(3, 4),
     values(3, 4, low=0, high=8), values(4, low=1), values(4, low=1), kinds=FLOAT)

# ---- attention
attention = F.scaled_dot_product_attention
case("scaled_dot_product_attention/plain", attention, values(1, 2, 3, 4), values(1, 2, 5, 4), values(1, 2, 5, 3), kinds=FLOAT)
case("scaled_dot_product_attention/causal", lambda q, k, v: attention(q, k, v, is_causal=True), values(2, 3, 4),
     values(2, 3, 4), values(2, 3, 2), kinds=FLOAT)
case("scaled_dot_product_attention/masked", lambda q, k, v, m: attention(q, k, v, m, scale=0.5), values(2, 2, 4),
     values(2, 3, 4), values(2, 3, 2), fixed([[True, False, True], [True, True, False]], torch.bool), kinds=FLOAT)
case("scaled_dot_product_attention/added", lambda q, k, v, m: attention(q, k, v, m), values(2, 2, 4), values(2, 3, 4),
     values(2, 3, 2), values(2, 3), kinds=FLOAT)
case("scaled_dot_product_attention/shared heads", lambda q, k, v: attention(q, k, v, enable_gqa=True), values(1, 4, 2, 3),
     values(1, 2, 3, 3), values(1, 2, 3, 2), kinds=FLOAT)
for label, m, n in [("wide", 3, 5), ("tall", 5, 3), ("decode", 1, 6)]:
    case(f"scaled_dot_product_attention/causal, {label}", lambda q, k, v: attention(q, k, v, is_causal=True), values(2, m, 4),
         values(2, n, 4), values(2, n, 2), kinds=FLOAT)


def seen(m, n, window, causal):
    ahead = torch.arange(n) - torch.arange(m)[:, None]
    return (ahead >= -window) & (ahead <= (0 if causal else window))


for label, m, n, window, causal in [("both sides", 5, 6, 1, False), ("causal", 6, 5, 2, True), ("nothing seen", 6, 2, 1, True)]:
    case(f"scaled_dot_product_attention/window, {label}", lambda q, k, v, s=seen(m, n, window, causal): attention(q, k, v, s),
         values(2, m, 4), values(2, n, 4), values(2, n, 3), kinds=FLOAT)
TRIANGLE = torch.ones(3, 4, dtype=torch.bool).tril()
case("scaled_dot_product_attention/masked and causal", lambda q, k, v, m: attention(q, k, v, m & TRIANGLE), values(2, 2, 3, 4),
     values(2, 2, 4, 4), values(2, 2, 4, 2), fixed([[[[True, False, True, True]]], [[[False, True, True, True]]]], torch.bool),
     kinds=FLOAT)
case("scaled_dot_product_attention/added and causal",
     lambda q, k, v, m: attention(q, k, v, torch.where(TRIANGLE, m, torch.tensor(-math.inf, dtype=m.dtype))), values(2, 2, 3, 4),
     values(2, 2, 4, 4), values(2, 2, 4, 2), values(2, 3, 1), kinds=FLOAT)
# Several blocks of queries and of keys.
case("scaled_dot_product_attention/blocks", lambda q, k, v, m: attention(q, k, v, m, enable_gqa=True), values(1, 2, 70, 5),
     values(1, 1, 130, 5), values(1, 1, 130, 3), fixed(torch.from_numpy(rng.integers(0, 4, (70, 130)) > 0)), kinds=FLOAT)
case("scaled_dot_product_attention/blocks, causal", lambda q, k, v: attention(q, k, v, is_causal=True), values(2, 130, 17),
     values(2, 130, 17), values(2, 130, 1), kinds=FLOAT)


def attention_grad(heads, causal):
    """Of weights exp(scores - lse), and y, that are operands like others."""
    def f(dy, q, k, v, y, lse, mask=None):
        spread = lambda t: t.repeat_interleave(q.shape[1] // t.shape[1], 1)
        join = lambda t: t.unflatten(1, (heads, -1)).sum(2)
        scale = q.shape[-1] ** -0.5
        scores = q @ spread(k).mT * scale + (mask if mask is not None else 0)
        if causal:
            scores = scores.masked_fill(~torch.ones_like(scores[0, 0], dtype=torch.bool).tril(), -math.inf)
        p = (scores - lse[..., None]).exp()
        ds = p * (dy @ spread(v).mT - (dy * y).sum(-1, keepdim=True))
        out = ds @ spread(k) * scale, join(ds.mT @ q) * scale, join(p.mT @ dy)
        return out + (ds.sum(0).sum(0),) if mask is not None else out
    return f


def attention_grad_sizes(f):
    return lambda *t: tuple(u.abs().max() * torch.ones_like(u) + 16 for u in f(*t))


for label, f, q_heads, k_heads, more in [("masked", attention_grad(2, False), 2, 2, (values(3, 5),)),
                                         ("causal, shared heads", attention_grad(1, True), 2, 1, ())]:
    case(f"attention_grad/{label}", f, values(2, q_heads, 3, 2), values(2, q_heads, 3, 4), values(2, k_heads, 5, 4),
         values(2, k_heads, 5, 2), values(2, q_heads, 3, 2), values(2, q_heads, 3, low=16, high=24), *more, kinds=FLOAT,
         size=attention_grad_sizes(f))

# ---- functions made of ops
for label, dims, correction in [("all", None, 1), ("rows", (1,), 0), ("outer", (0, 2), 1)]:
    shape = (3, 4, 2)
    case(f"var/{label}", lambda x, d=dims, c=correction: x.var(d, correction=c), values(*shape), kinds=FLOAT)
    case(f"std/{label}", lambda x, d=dims, c=correction: x.std(d, correction=c), values(*shape, distinct=True), kinds=FLOAT)
for p in (0, 1, 2, 3, math.inf):
    case(f"norm/{p}", lambda x, p=p: torch.linalg.vector_norm(x, p, 1), values(3, 4, distinct=True), kinds=FLOAT)
for label, shape, dims in [("rows", (3, 4), (1,)), ("all", (2, 3), (0, 1))]:
    case(f"logsumexp/{label}", lambda x, d=dims: x.logsumexp(d), values(*shape), kinds=FLOAT)
case("logsumexp/extreme", lambda x: x.logsumexp(1), Operand(values=[[1, -math.inf], [500, 499], [-math.inf, -math.inf],
                                                                    [math.inf, 0]]), kinds=FLOAT)
case("count_nonzero/all", lambda x: torch.count_nonzero(x), values(4, 5), own=SUMS)
case("cumprod/rows", lambda x: x.cumprod(1), values(2, 4), kinds=FLOAT)
case("repeat/both", lambda x: x.repeat(2, 1, 3), values(2, 2))
case("roll/two", lambda x: x.roll((1, -2), (0, 1)), values(3, 4))
case("roll/flat", lambda x: x.roll(3), values(2, 4))
case("tril/below", lambda x: x.tril(-1), values(2, 4, 3))
case("triu/above", lambda x: x.triu(1), values(4, 3))
case("stack/last", lambda a, b: torch.stack([a, b], -1), values(2, 3), values(2, 3))
case("embedding/padded", lambda w, i: F.embedding(i, w), values(4, 3), fixed([[1, 0, 2], [3, 1, 1]]), kinds=FLOAT)
case("one_hot/rows", lambda i: F.one_hot(i, 4), fixed([[1, 0], [3, 2]]), kinds=("int",), own=SUMS)
case("masked_select/some", lambda x, m: x.masked_select(m), values(2, 3),
     fixed([[True, False, True], [False, False, True]], torch.bool))
case("nonzero/some", lambda x: x.nonzero(), values(3, 4), own=SUMS)
case("index/tensors", lambda x, i, j: x[i, :, j], values(3, 2, 4), fixed([[0, 2], [1, -1]]), fixed([1, 3]))
case("index/beside", lambda x, i: x[:, i, 1:], values(2, 3, 4), fixed([2, 0, -1]))
case("isclose/near", lambda a, b: torch.isclose(a, b, rtol=0.1, atol=0.3), values(5, 6), values(5, 6), kinds=("float", "int"),
     own={0: "bool"})
case("addmm/scaled", lambda m, a, b: torch.addmm(m, a, b, beta=2, alpha=3), values(4), values(3, 2), values(2, 4),
     kinds=NUMBERS)
case("conv1d/strided", lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1), values(2, 2, 7), values(3, 2, 3), values(3),
     kinds=FLOAT)
case("avg_pool1d/plain", lambda x: F.avg_pool1d(x, 3, 2, 1), values(2, 2, 7), kinds=FLOAT)
case("max_pool1d/plain", lambda x: F.max_pool1d(x, 3, 2, 1), values(2, 2, 7, distinct=True), kinds=FLOAT)

# ---- random numbers: Philox4x32-10, written after Salmon et al. (SC 2011), and checked against Random123's vectors
def philox(seed, counter):
    c = [counter & 0xffffffff, counter >> 32, 0, 0]
    k = [seed & 0xffffffff, seed >> 32]
    return philox_rounds(c, k)


def philox_rounds(c, k):
    for i in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & 0xffffffff, (p >> 32) ^ c[3] ^ k[1], p & 0xffffffff]
        k = [(k[0] + 0x9E3779B9) & 0xffffffff, (k[1] + 0xBB67AE85) & 0xffffffff]
    return c


assert philox_rounds([0] * 4, [0] * 2) == [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]
assert philox_rounds([0xffffffff] * 4, [0xffffffff] * 2) == [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]
assert philox_rounds([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]) == \
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
N = 45
SEED = 7  # the op table's
words = [w for i in range(N) for w in philox(SEED, i)]
pairs = [words[2 * i] << 32 | words[2 * i + 1] for i in range(N)]


def normal(i):
    u, v = (words[i // 2 * 2] + 0.5) * 2.0**-32, (words[i // 2 * 2 + 1] + 0.5) * 2.0**-32
    r = math.sqrt(-2 * math.log(u))
    return 2 + 0.5 * r * (math.sin if i % 2 else math.cos)(2 * math.pi * v)


def numbers(name, v, kind="float"):
    dtype = torch.float64 if kind == "float" else torch.int64 if kind == "int" else torch.bool
    put_operand(f"{name}/{kind}/in.0", torch.zeros(5, 9, dtype=dtype))
    put(f"{name}/{kind}/out.0", torch.tensor(v, dtype=dtype).reshape(5, 9))


numbers("random/uniform", [-1 + 4 * (w >> 8) * 2.0**-24 for w in words[:N]])
numbers("random/uniform f64", [-1 + 4 * (p >> 11) * 2.0**-53 for p in pairs])
numbers("random/normal", [normal(i) for i in range(N)])
numbers("random/bernoulli", [float(w * 2.0**-32 < 0.375) for w in words[:N]])
numbers("random/bernoulli f64", [float((p >> 11) * 2.0**-53 < 0.375) for p in pairs])
for kind in KINDS:
    numbers("random/integer", [(p * 100 >> 64) for p in pairs], kind)
for kind in ("int", "bool"):
    numbers("random/bernoulli", [int(w * 2.0**-32 < 0.375) for w in words[:N]], kind)

# ---- places of several dimensions at once
case("index/rows", lambda x, i: x[i], values(4, 3), fixed([2, 0, 2, 3]))
case("index/pairs", lambda x, i: x.permute(2, 0, 1).reshape(12, 2)[i], values(3, 2, 4), fixed([11, 4, 0]))
case("index/nothing", lambda x, i: x[i], values(4, 3), fixed([]))
case("index_put/rows", lambda x, i, v: x.index_put((i,), v), values(4, 3), fixed([2, 0, 3]), values(3, 3))
case("index_put/pairs", lambda x, i, v: x.permute(2, 0, 1).reshape(12, 2).index_put((i,), v).reshape(4, 3, 2)
     .permute(1, 2, 0), values(3, 2, 4), fixed([11, 4, 0]), values(3, 2))
case("index_put/added", lambda x, i, v: whole(x).index_put((i,), whole(v), accumulate=True), values(4, 3),
     fixed([2, 0, 2, 2]), values(4, 3), size=lambda x, i, v: x.abs().index_put((i,), v.abs(), accumulate=True))

import recurrent  # noqa: E402,F401: its cases come after those above, whose random numbers stay the same

save(f"tools/golden/ops.py, torch {torch.__version__}, numpy {numpy.__version__}")
