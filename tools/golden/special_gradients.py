"""Prints the values and gradients that tests/core/special_gradients_test.cc expects, from PyTorch in f64.

    python3 tools/golden/special_gradients.py
"""
import torch
import torch.nn.functional as F

inf, nan = float("inf"), float("nan")


def show(name, f, *inputs):
    x = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in inputs]
    y = f(*x)
    if y.requires_grad:
        y.sum().backward()
    print(name, y.tolist(), [t.grad.tolist() if t.grad is not None else None for t in x])


print("PyTorch", torch.__version__)
for p in [0, 0.5, 1, 1.5, 2, 2.5, 3, inf, -inf, -1]:
    show("norm %s" % p, lambda x: torch.linalg.vector_norm(x, p), [0.0, 0.0, 0.0])
    show("norm %s" % p, lambda x: torch.linalg.vector_norm(x, p), [0.0, 3.0, -4.0])
show("norm inf, ties", lambda x: torch.linalg.vector_norm(x, inf), [3.0, -3.0, 1.0])
show("norm 1, infinite", lambda x: torch.linalg.vector_norm(x, 1), [inf, 1.0])
for f in (torch.var, torch.std):
    show(f.__name__, f, [2.0, 2.0, 2.0])
    show(f.__name__ + " of rows", lambda x: f(x, dim=1), [[2.0, 2.0], [1.0, 3.0]])
    show(f.__name__ + " of one", f, [2.0])
    show(f.__name__ + " of one, uncorrected", lambda x: f(x, correction=0), [2.0])
    show(f.__name__ + " of nothing", f, [])
show("atan2", torch.atan2, [0.0, 0.0, 0.0, 1e200, inf], [0.0, -1.0, 0.0, 1e200, 1.0])
for mode in ("trunc", "floor"):
    show("div " + mode, lambda a, b: torch.div(a, b, rounding_mode=mode), [1.0, -1.0, 0.0, 5.0], [0.0, 0.0, 0.0, 2.0])
far = [inf, -inf, 0.5, 1e300, nan]
zeros = torch.zeros(5, dtype=torch.float64)
show("smooth_l1", lambda x: F.smooth_l1_loss(x, zeros, beta=0.5, reduction="none"), far)
show("huber", lambda x: F.huber_loss(x, zeros, delta=0.5, reduction="none"), far)
show("lerp", lambda a, b: torch.lerp(a, b, 0.25), [inf, 1.0, inf], [1.0, inf, inf])
show("lerp by a tensor", torch.lerp, [inf, 1.0, inf], [1.0, inf, inf], [0.5] * 3)
show("gelu", lambda x: F.gelu(x, approximate="tanh"), [300.0, -300.0, 1e30, -1e30])
show("maximum", torch.maximum, [nan, 1.0, nan, inf, 1.0], [1.0, nan, nan, inf, 2.0])
show("minimum", torch.minimum, [nan, 1.0, nan, 1.0], [1.0, nan, nan, 2.0])
for f in (F.relu, F.elu, F.hardswish):
    show(f.__name__, f, [nan, inf, -inf, 3.0, -3.0, 0.0])
show("pow", torch.pow, [0.0, 0.0, 0.0, inf, 2.0], [0.0, 2.0, -1.0, 0.0, inf])
show("pow of 0", lambda x: torch.pow(0.0, x), [0.0, 2.0, -1.0])
show("median, ties", torch.median, [3.0, 1.0, 2.0, 2.0, 5.0, 2.0])
show("median along", lambda x: torch.median(x, 0)[0], [3.0, 1.0, 2.0, 5.0])
show("median, NaN", torch.median, [1.0, nan, nan])
show("median, infinities", torch.median, [inf, inf, inf])
show("median of nothing", torch.median, [])
show("nan_to_num_", lambda x: (x * 1).nan_to_num_(0.5, 7, -7).square(), [nan, inf, 1.0, -inf])
show("logit_", lambda x: (x * 1).logit_(), [0.25, 0.5])
windows = torch.arange(9, dtype=torch.float64).reshape(3, 3)
show("as_strided", lambda x: x.as_strided((3, 3), (1, 1)) * windows, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
show("as_strided of a transposed tensor", lambda x: (x * 2).t().as_strided((2, 3, 2), (2, 1, 0)), [[1.0] * 3] * 2)
show("logsumexp of nothing", lambda x: torch.logsumexp(x, 0), [])
ignored = torch.tensor([-100, -100])
for reduction in ("mean", "sum", "none"):
    for options in ({}, {"label_smoothing": 0.1}, {"weight": torch.ones(3, dtype=torch.float64)}):
        show("cross_entropy, ignored", lambda x: F.cross_entropy(x, ignored, reduction=reduction, **options),
             [[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]])
    show("nll_loss of one", lambda x: F.nll_loss(x, torch.tensor(1), reduction=reduction), [1.0, 2.0, 3.0])
