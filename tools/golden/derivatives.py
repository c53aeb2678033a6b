"""Reference values of Jacobians, Hessians and products with them, from PyTorch. Inputs are sin(0.37 i + s):

    python3 tools/golden/derivatives.py > tests/core/derivatives_golden.inc
"""
import numpy
import torch
from torch.autograd import functional as A

torch.set_default_dtype(torch.float64)


def wave(shape, s):
    n = int(numpy.prod(shape)) if len(shape) else 1
    return torch.sin(0.37 * torch.arange(n, dtype=torch.float64) + s).reshape(shape)


def flat(t):
    return [v for part in t for v in flat(part)] if isinstance(t, (tuple, list)) else [t]


def emit(name, *results):
    values = torch.cat([t.detach().reshape(-1) for t in flat(results)])
    print("inline const std::vector<double> kGolden%s = {%s};" % (name, ", ".join(repr(float(v)) for v in values)))


print("// Made by tools/golden/derivatives.py with PyTorch %s." % torch.__version__)
print("#include <vector>")
x, a, b = wave((2, 3), 1), wave((3,), 2), wave((2, 3), 3)
one = lambda t: (t.tanh() @ t.t()).exp()
two = lambda p, q: ((p * q).sin(), (q * q).sum() * p, p.exp().sum())
scalar = lambda t: (t.sin() * t.pow(2)).sum().exp()
scalar2 = lambda p, q: (p * q).sin().sum() * q.pow(3).sum()
emit("Jacobian", A.jacobian(one, x))
emit("JacobianSeveral", A.jacobian(two, (a, b)))
emit("JacobianUnused", A.jacobian(lambda p, q: p * 2, (a, b)))
emit("Hessian", A.hessian(scalar, x))
emit("HessianSeveral", A.hessian(scalar2, (a, b)))
emit("HessianLinear", A.hessian(lambda t: t.sum(), a))
emit("Vjp", A.vjp(one, x, wave((2, 2), 4)))
emit("VjpSeveral", A.vjp(two, (a, b), (wave((2, 3), 4), wave((3,), 5), torch.tensor(2.0))))
emit("VjpScalar", A.vjp(scalar, x))
emit("Jvp", A.jvp(one, x, wave((2, 3), 4)))
emit("JvpSeveral", A.jvp(two, (a, b), (wave((3,), 4), wave((2, 3), 5))))
emit("Hvp", A.hvp(scalar, x, wave((2, 3), 4)))
emit("HvpSeveral", A.hvp(scalar2, (a, b), (wave((3,), 4), wave((2, 3), 5))))
y = x.clone().requires_grad_()
emit("JacobianGraph", torch.autograd.grad(A.jacobian(one, y, create_graph=True).pow(2).sum(), y))
emit("JvpGraph", torch.autograd.grad(A.jvp(one, y, wave((2, 3), 4), create_graph=True)[1].pow(2).sum(), y))
