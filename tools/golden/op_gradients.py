"""Reference values of ops, their gradients and the gradients of those, from PyTorch.

Operands are sin(0.37 i + s) with s = 1, 2, ... for the first, second, ... For each case: the result, the gradients of
sum(result * w5), and those of sum over operands of sum(gradient * w), with w = sin(0.37 i + s) of s = 5, 6, 7, ...
    python3 tools/golden/op_gradients.py > tests/core/ops_golden.inc
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def wave(shape, s):
    n = torch.Size(shape).numel()
    return torch.sin(0.37 * torch.arange(n, dtype=torch.float64) + s).reshape(shape)


def text(values):
    return "{%s}" % ", ".join("%.15g" % v for v in values)


def flat(t):
    return [float(v) for v in t.detach().reshape(-1)]


def emit(name, f, *shapes):
    leaves = [wave(s, k + 1).requires_grad_() for k, s in enumerate(shapes)]
    y = f(*leaves)
    first = torch.autograd.grad((y * wave(y.shape, 5)).sum(), leaves, create_graph=True, allow_unused=True)
    first = [torch.zeros_like(x) if g is None else g for g, x in zip(first, leaves)]
    total = sum((g * wave(g.shape, 6 + k)).sum() for k, g in enumerate(first))
    second = [None] * len(leaves)
    if total.requires_grad:
        second = torch.autograd.grad(total, leaves, allow_unused=True)
    second = [torch.zeros_like(x) if g is None else g for g, x in zip(second, leaves)]
    print('    {"%s", {%s}, %s, %s, %s},' % (
        name, ", ".join(map(str, y.shape)), text(flat(y)), text(sum(map(flat, first), [])), text(sum(map(flat, second), []))))


def values(name, t):
    print('    {"%s", {%s}, %s, {}, {}},' % (name, ", ".join(map(str, t.shape)), text(flat(t.double()))))


print("// Made by tools/golden/op_gradients.py with PyTorch %s." % torch.__version__)
print("inline const std::vector<Golden> kGolden = {")
emit("xlogy", lambda x, y: torch.xlogy(x, y.abs()), (3, 4), (4,))
emit("xlogy of a number", lambda y: torch.xlogy(2.5, y + 2), (5,))
emit("xlogy with a number", lambda x: torch.xlogy(x, 2.5), (5,))
emit("take_along_dim", lambda x: torch.take_along_dim(x, torch.tensor([[2, 0, 1]]), 1), (4, 3))
emit("take_along_dim, x stretched", lambda x: torch.take_along_dim(x, torch.tensor([[2, 0], [1, 1], [0, 2]]), 1), (1, 3))
emit("take_along_dim of all", lambda x: torch.take_along_dim(x, torch.tensor([[5, 0], [3, 3]])), (2, 3))
emit("index_fill", lambda x: x.index_fill(1, torch.tensor([2, 0]), 7.5), (3, 4))
emit("index_fill by a tensor", lambda x, v: x.index_fill(0, torch.tensor([1]), v.sum()), (3, 4), (2,))
emit("index_copy", lambda x, s: x.index_copy(1, torch.tensor([3, 0]), s), (2, 4), (2, 2))
emit("masked_scatter", lambda x, s: x.masked_scatter(torch.tensor([[True, False, True], [False, True, True]]), s), (2, 3), (6,))
emit("masked_scatter, stretched", lambda x, s: x.masked_scatter(torch.tensor([[True], [False]]), s), (2, 3), (2, 2))
emit("scatter of a number", lambda x: x.scatter(1, torch.tensor([[0, 2], [1, 1]]), 4.0), (2, 3))
emit("median", lambda x: x.median(), (3, 5))
emit("median along", lambda x: x.median(1).values, (3, 4))
emit("median, kept", lambda x: x.median(0, keepdim=True).values, (3, 4))
emit("repeat", lambda x: x.repeat(2, 3, 2), (2, 3))
emit("repeat of one", lambda x: x.repeat(4, 1), (1, 2))
emit("tile", lambda x: x.tile(2), (2, 3))
emit("prelu", lambda x, w: F.prelu(x, w), (2, 3, 2), (3,))
emit("prelu of one weight", lambda x, w: F.prelu(x, w), (2, 3), (1,))
emit("glu", lambda x: F.glu(x, 1), (2, 6))
emit("addmm", lambda i, a, b: torch.addmm(i, a, b, beta=0.5, alpha=2.0), (4,), (2, 3), (3, 4))
emit("baddbmm", lambda i, a, b: torch.baddbmm(i, a, b, beta=0.5, alpha=2.0), (2, 4), (3, 2, 3), (3, 3, 4))
emit("addbmm", lambda i, a, b: torch.addbmm(i, a, b, beta=0.5, alpha=2.0), (2, 4), (3, 2, 3), (3, 3, 4))
emit("addmv", lambda i, a, b: torch.addmv(i, a, b, beta=0.5, alpha=2.0), (2,), (2, 3), (3,))
emit("addr", lambda i, a, b: torch.addr(i, a, b, beta=0.5, alpha=2.0), (2, 3), (2,), (3,))
emit("inner", lambda a, b: torch.inner(a, b), (2, 3), (4, 5, 3))
emit("inner of vectors", lambda a, b: torch.inner(a, b), (3,), (3,))
emit("vdot", lambda a, b: torch.vdot(a, b), (5,), (5,))
emit("index_put", lambda x, v: x.index_put((torch.tensor([0, 2]), torch.tensor([1, 1])), v), (3, 2), (2,))
emit("index_put, accumulated", lambda x, v: x.index_put((torch.tensor([0, 2, 0]),), v, accumulate=True), (3, 2), (3, 2))
emit("index by tensors", lambda x: x[torch.tensor([0, 1]), :, torch.tensor([[2], [0]])], (2, 3, 4))
emit("index by a mask", lambda x: x[:, torch.tensor([True, False, True])] * x.sum(), (2, 3))
emit("cross_entropy of probabilities", lambda x, t: F.cross_entropy(x, t.abs()), (3, 4), (3, 4))
emit("cross_entropy of weighted probabilities", lambda x, t: F.cross_entropy(
    x, t.abs(), weight=wave((4,), 9).abs(), label_smoothing=0.2), (3, 4, 2), (3, 4, 2))
emit("cross_entropy of one sample", lambda x: F.cross_entropy(x, torch.tensor(2)), (4,))
emit("einsum ij,jk", lambda a, b: torch.einsum("ij,jk->ik", a, b), (2, 3), (3, 4))
emit("einsum bij,bkj", lambda a, b: torch.einsum("bij,bkj->bki", a, b), (2, 3, 4), (2, 5, 4))
emit("einsum ii", lambda a: torch.einsum("ii", a * a), (3, 3))
emit("einsum iij", lambda a: torch.einsum("iij->ji", a * a), (3, 3, 2))
emit("einsum dots", lambda a, b: torch.einsum("...ij,j...->i...", a, b), (2, 3, 4), (4, 2))
emit("einsum of three", lambda a, b, c: torch.einsum("ij,jk,kl->il", a, b, c), (2, 3), (3, 4), (4, 2))
emit("einsum sums", lambda a, b: torch.einsum("ij,kl->jl", a, b), (2, 3), (4, 5))
print("// Values alone.")
i = torch.tensor([[5, -3, 5, 0], [7, 0, -3, 9]])
x = torch.tensor([1.5, -0.0, float("nan"), 0.0, 2.0, 1.5])
values("isin", torch.isin(i, torch.tensor([0, 5, 11])))
values("isin, inverted", torch.isin(i, torch.tensor([0, 5, 11]), invert=True))
values("isin, promoted", torch.isin(i, torch.tensor([0.5, -3.0])))
values("isin of floats", torch.isin(x, torch.tensor([float("nan"), 0.0, 1.5])))
values("isin of a number", torch.isin(i, 5))
for name, t in (("integers", i), ("floats", torch.tensor([2.5, -1.0, 2.5, 0.0, -1.0, 7.0])), ("bools", i > 0)):
    u = torch.unique(t, return_inverse=True, return_counts=True)
    for part, v in zip(("values", "inverse", "counts"), u):
        values("unique %s of %s" % (part, name), v)
rows = torch.tensor([[1, 2, 1], [0, 3, 0], [1, 2, 1], [0, 2, 0]])
for d in (0, 1):
    u = torch.unique(rows, dim=d, return_inverse=True, return_counts=True)
    for part, v in zip(("values", "inverse", "counts"), u):
        values("unique %s along %d" % (part, d), v)
values("median of integers", torch.tensor([4, 1, 3, 2]).median())
values("median with nan", torch.tensor([[1.0, float("nan"), 0.0], [3.0, 1.0, 2.0]]).median(1).values)
values("count_nonzero", torch.count_nonzero(i))
values("count_nonzero along", torch.count_nonzero(i, 0))
values("argwhere", torch.argwhere(i > 0))
a, b = torch.tensor([7, -7, 7, -7, 0, 5]), torch.tensor([3, 3, -3, -3, 4, 5])
values("div trunc of integers", torch.div(a, b, rounding_mode="trunc"))
values("div floor of integers", torch.div(a, b, rounding_mode="floor"))
f = torch.tensor([7.5, -7.5, 0.1, -3.0, 1.0])
values("div trunc of floats", torch.div(f, 2, rounding_mode="trunc"))
values("div floor of floats", torch.div(f, -2, rounding_mode="floor"))
values("round to 2", torch.round(wave((7,), 3) * 10, decimals=2))
values("round to -1", torch.round(wave((7,), 3) * 100, decimals=-1))
values("xlogy at its edges", torch.xlogy(torch.tensor([0.0, 0, 0, 1, 2, float("nan")]), torch.tensor([0.0, -1, float("inf"), 0, 3, 0])))
print("};")
