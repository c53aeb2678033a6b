"""Reference values of parametrizations, folded norms, statistics taken anew, averages and patterns, from PyTorch. Inputs
and weights are sin(0.37 i + s):

    python3 tools/golden/nn_utils.py > tests/core/nn/utils_golden.inc
"""
import numpy
import torch
import torch.nn as nn
from torch.nn.utils import fusion, parametrizations, parametrize
from torch.optim import swa_utils

torch.set_default_dtype(torch.float64)


def wave(shape, s):
    n = int(numpy.prod(shape)) if len(shape) else 1
    return torch.sin(0.37 * torch.arange(n, dtype=torch.float64) + s).reshape(shape)


def leaf(shape, s):
    return wave(shape, s).requires_grad_()


def fill(module):
    """All floating-point state by name; gives those with gradients."""
    out = []
    with torch.no_grad():
        for k, (_, t) in enumerate(sorted(module.state_dict(keep_vars=True).items())):
            if t.is_floating_point():
                t.copy_(wave(t.shape, k))
            if t.requires_grad:
                out.append(t)
    return out


def emit(name, *tensors):
    values = torch.cat([t.detach().reshape(-1) for t in tensors])
    print("inline const std::vector<double> kGolden%s = {%s};" % (name, ", ".join(repr(float(v)) for v in values)))


def names(name, module):
    print("inline const std::vector<std::pair<std::string, std::vector<int64_t>>> kNames%s = {%s};" % (
        name, ", ".join('{"%s", {%s}}' % (k, ", ".join(map(str, v.shape))) for k, v in sorted(module.state_dict().items()))))


def gradients(name, out, leaves):
    emit(name, out, *torch.autograd.grad((out * wave(out.shape, 5)).sum(), leaves))


print("// Made by tools/golden/nn_utils.py with PyTorch %s." % torch.__version__)
print("#include <cstdint>")
print("#include <string>")
print("#include <utility>")
print("#include <vector>")
x = leaf((2, 4), 1)
for label, dim in (("0", 0), ("1", 1), ("All", None)):
    m = parametrizations.weight_norm(nn.Linear(4, 3), dim=dim)
    names("WeightNorm" + label, m)
    p = fill(m)
    gradients("WeightNorm" + label, m(x), [x, *p])
m = nn.Linear(4, 3)
fill(m)
m = parametrizations.weight_norm(m)
emit("WeightNormOriginals", m.parametrizations.weight.original0, m.parametrizations.weight.original1)
m = parametrizations.spectral_norm(nn.Linear(4, 3), n_power_iterations=2, eps=1e-3)
names("SpectralNorm", m)
p = fill(m)
m.eval()
gradients("SpectralNormEval", m(x), [x, *p])
m.train()
y = m(x)
gradients("SpectralNorm", y, [x, *p])
emit("SpectralNormVectors", m.parametrizations.weight[0]._u, m.parametrizations.weight[0]._v)
m = parametrizations.spectral_norm(nn.Conv1d(2, 3, 2), dim=1)
names("SpectralNormColumns", m)
p = fill(m)
gradients("SpectralNormColumns", m(wave((1, 2, 4), 1)), p)


class Twice(nn.Module):
    def forward(self, w):
        return w * 2


m = parametrizations.weight_norm(nn.Linear(4, 3))
parametrize.register_parametrization(m, "weight", Twice())
p = fill(m)
gradients("Chain", m(x), [x, *p])

# ---- Norms folded into layers.
m, n = nn.Conv2d(2, 3, 2, bias=False), nn.BatchNorm2d(3, eps=0.1)
fill(m)
fill(n)
n.running_var.abs_()
m.eval()
n.eval()
f = fusion.fuse_conv_bn_eval(m, n)
emit("FusedConv", f.weight, f.bias, n(m(wave((1, 2, 3, 3), 1))))
m, n = nn.Linear(4, 3), nn.BatchNorm1d(3)
fill(m)
fill(n)
n.running_var.abs_()
m.eval()
n.eval()
f = fusion.fuse_linear_bn_eval(m, n)
emit("FusedLinear", f.weight, f.bias)
w = fusion.fuse_conv_bn_weights(wave((2, 3, 2), 1), wave((3,), 2), wave((3,), 3), wave((3,), 4).abs(), 0.1, wave((3,), 5),
                                wave((3,), 6), transpose=True)
emit("FusedTransposed", *w)

# ---- Statistics, averages, rates.
m = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2), nn.BatchNorm1d(2))
fill(m)
m.eval()
swa_utils.update_bn([wave((5, 4), 1), wave((2, 4), 2), wave((3, 4), 3)], m)
emit("UpdateBn", m[1].running_mean, m[1].running_var, m[3].running_mean, m[3].running_var)
for label, f in (("Ema", swa_utils.get_ema_avg_fn(0.75)), ("Swa", swa_utils.get_swa_avg_fn())):
    a = wave((3,), 1)
    for n in range(1, 4):
        a = f(a, wave((3,), n + 1), n)
    emit(label + "Average", a)
for label, strategy, length in (("Cosine", "cos", 4), ("Linear", "linear", 4), ("None", "cos", 0)):
    p = torch.zeros(1, requires_grad=True)
    o = torch.optim.SGD([p], lr=0.1)
    s = swa_utils.SWALR(o, swa_lr=0.02, anneal_epochs=length, anneal_strategy=strategy)
    rates = [o.param_groups[0]["lr"]]
    for _ in range(6):
        o.step()
        s.step()
        rates.append(o.param_groups[0]["lr"])
    emit("Swalr" + label, torch.tensor(rates))
for label, strategy in (("Cosine", "cos"), ("Linear", "linear")):
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    s = swa_utils.SWALR(o, swa_lr=0.05, anneal_epochs=5, anneal_strategy=strategy)
    rates = []
    for n in range(8):
        if n in (0, 3, 7):  # something else sets the rate
            o.param_groups[0]["lr"] = 0.01 + 0.02 * n
        o.step()
        s.step()
        rates.append(o.param_groups[0]["lr"])
    emit("SwalrChanged" + label, torch.tensor(rates))

# ---- Patterns.
emit("Eye", nn.init.eye_(torch.empty(2, 3)))
for label, shape, groups in (("3", (4, 2, 3), 2), ("4", (3, 2, 2, 3), 1), ("5", (2, 3, 1, 2, 3), 1)):
    emit("Dirac" + label, nn.init.dirac_(torch.empty(*shape), groups))

# ---- Orthogonal matrices.
for label, shape, kind in (("Exp", (3, 3), None), ("Householder", (3, 5), None), ("HouseholderTall", (5, 3), None),
                           ("HouseholderSquare", (3, 3), "householder"), ("Cayley", (3, 3), "cayley"),
                           ("CayleyTall", (5, 3), "cayley"), ("ExpWide", (2, 4), "matrix_exp")):
    x = leaf((2, shape[1]), 1)
    m = nn.Linear(shape[1], shape[0], bias=False)
    with torch.no_grad():
        m.weight.copy_(wave(shape, 2) + torch.eye(*shape))  # of full rank
    parametrizations.orthogonal(m, orthogonal_map=kind)
    if shape[0] == shape[1]:
        emit("OrthogonalStart" + label, m.weight)
    if label in ("Exp", "Householder"):
        names("Orthogonal" + label, m)
    p = m.parametrizations.weight
    with torch.no_grad():
        p[0].base.copy_(wave(p[0].base.shape, 3))
        p.original.copy_(0.6 * wave(shape, 4))
        p.original.diagonal().copy_(torch.tensor([1.0, -1.0, 1.0])[:min(shape)])
    gradients("Orthogonal" + label, m(x), [x, p.original])
