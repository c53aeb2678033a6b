"""Gradients of clamp, hardtanh and relu6 where x, bounds and NaN meet, by PyTorch.

    python3 tools/golden/clamp.py > tests/core/clamp_golden.inc
"""
import itertools
import math

import torch
import torch.nn.functional as F

NAN = math.nan


def number(v):
    return "kNaN" if math.isnan(v) else repr(v)


def row(given, f):
    leaves = [torch.tensor([v], requires_grad=True) for v in given]
    f(*leaves).sum().backward()
    return "{" + ", ".join("{" + ", ".join(map(number, v)) + "}" for v in (given, [t.grad.item() for t in leaves])) + "}"


def table(name, rows):
    print(f"inline const std::vector<Row> {name} = {{")
    for r in rows:
        print(f"    {r},")
    print("};")


print(f"// Made by tools/golden/clamp.py with PyTorch {torch.__version__}. x and bounds; gradients.")
table("kTensors", [row(v, torch.clamp) for v in itertools.product([0.0, 1.0, 2.0, NAN], repeat=3)])
X = [-2.0, -1.0, 0.5, 2.0, 3.0, NAN]
table("kNumbers", [row([x], lambda t: t.clamp(-1, 2)) for x in X])
table("kLower", [row([x], lambda t: t.clamp(min=-1)) for x in X])
table("kUpper", [row([x], lambda t: t.clamp(max=2)) for x in X])
table("kWrongOrder", [row([x], lambda t: t.clamp(2, -1)) for x in X])
table("kHardtanh", [row([x], lambda t: F.hardtanh(t, -1, 2)) for x in X])
table("kRelu6", [row([x], F.relu6) for x in [-1.0, 0.0, 3.0, 6.0, 7.0, NAN]])
