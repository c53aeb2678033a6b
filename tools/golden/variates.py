"""Derivatives of gamma variates by their concentration, from mpmath.

    python3 tools/golden/variates.py tests/core/op_table/variates_golden.safetensors
"""
import mpmath
import torch

from op_table import Operand, case, save

mpmath.mp.dps = 60


def log_slope(a, log_x):
    """d log(x) / da where the distribution function P(a, x) is constant."""
    a, x = mpmath.mpf(a), mpmath.exp(mpmath.mpf(log_x))
    h = mpmath.mpf(10) ** -20
    # The tail that is smaller keeps its digits; of tiny x the whole function is its first term.
    if x < mpmath.mpf(10) ** -40:
        return (mpmath.digamma(a + 1) - mpmath.mpf(log_x)) / a
    ends = (x, mpmath.inf) if x > a else (0, x)
    sign = 1 if x > a else -1
    part = lambda b: mpmath.gammainc(b, *ends, regularized=True)
    change = sign * (part(a + h) - part(a - h)) / (2 * h)
    density = mpmath.exp((a - 1) * mpmath.log(x) - x - mpmath.loggamma(a))
    return change / density / x


def slopes(a, g, log):
    out = []
    for c, v in zip(a.tolist(), g.tolist()):
        out.append(float(log_slope(c, v) if log else v * log_slope(c, mpmath.log(v))))
    return torch.tensor(out, dtype=torch.float64)


numbers = [(0.125, 0.125), (0.125, 0.5), (0.125, 3.5), (0.5, 0.0625), (0.5, 1), (1, 0.25), (1, 1), (1, 6), (2.5, 0.5),
           (2.5, 2.5), (2.5, 12), (10, 3), (10, 11), (10, 30), (60, 60.5), (64, 40), (65, 40), (65, 64.5), (65, 65),
           (65, 65.5), (65, 67), (65, 110), (1000, 900), (1000, 1000), (1000, 1100)]
logarithms = [(0.125, -500), (0.0078125, -2000), (0.125, -1), (1, -8), (3, 1), (10, 2.5), (64, 4), (100, 4.75), (1000, 7)]
for name, pairs, log in (("number", numbers, False), ("logarithm", logarithms, True)):
    case(f"standard_gamma_grad/{name}", lambda a, g, log=log: slopes(a, g, log), Operand(values=[p[0] for p in pairs]),
         Operand(values=[p[1] for p in pairs]), kinds=("float",))

save(f"mpmath {mpmath.__version__}")
