"""A hundred steps of each optimizer over a group of parameters, norms of gradients, and schedules, from PyTorch.

Parameter k starts as sin(0.37 i + k); its gradient in step s is sin(0.37 i + 0.7 s + k) plus a quarter of it.
    python3 tools/golden/optim.py tests/core/optim
"""
import math
import os
import sys

import numpy
import torch

torch.set_default_dtype(torch.float64)
STEPS = 100
SHAPES = [(2, 3), (3,), (0, 4), (4, 3), (), (5,), (7,), (3, 2)]
UNUSED, SELDOM = 5, 6  # never a gradient; one in each third step


def wave(shape, s):
    n = int(numpy.prod(shape)) if len(shape) else 1
    return torch.sin(0.37 * torch.arange(n, dtype=torch.float64) + s).reshape(shape)


def numbers(values):
    return "{%s}" % ", ".join(number(float(v)) for v in values)


def number(v):
    return "NAN" if v != v else "INFINITY" if v == math.inf else repr(v)


def begin(name):
    """What is printed from here on goes to this file."""
    sys.stdout = open(os.path.join(sys.argv[1], name), "w", buffering=1)
    print("// Made by tools/golden/optim.py with PyTorch %s." % torch.__version__)


def emit(name, values):
    print("inline const std::vector<double> kGolden%s = %s;" % (name, numbers(values)))


O = torch.optim
OPTIMIZERS = {
    "SGD": lambda p: O.SGD(p, lr=0.05),
    "SGD, weight decay": lambda p: O.SGD(p, lr=0.05, weight_decay=0.1),
    "SGD, maximize": lambda p: O.SGD(p, lr=0.05, weight_decay=0.1, maximize=True),
    "SGD, momentum": lambda p: O.SGD(p, lr=0.05, momentum=0.9),
    "SGD, dampening": lambda p: O.SGD(p, lr=0.05, momentum=0.9, dampening=0.25, weight_decay=0.1),
    "SGD, nesterov": lambda p: O.SGD(p, lr=0.05, momentum=0.9, nesterov=True, maximize=True),
    "Adam": lambda p: O.Adam(p, lr=0.05),
    "Adam, betas": lambda p: O.Adam(p, lr=0.05, betas=(0.7, 0.9), eps=1e-3),
    "Adam, weight decay": lambda p: O.Adam(p, lr=0.05, weight_decay=0.1),
    "Adam, amsgrad": lambda p: O.Adam(p, lr=0.05, betas=(0.8, 0.9), amsgrad=True),
    "Adam, maximize": lambda p: O.Adam(p, lr=0.05, maximize=True),
    "AdamW": lambda p: O.AdamW(p, lr=0.05),
    "AdamW, weight decay": lambda p: O.AdamW(p, lr=0.05, betas=(0.7, 0.9), eps=1e-3, weight_decay=0.1),
    "AdamW, amsgrad": lambda p: O.AdamW(p, lr=0.05, betas=(0.8, 0.9), amsgrad=True, maximize=True),
    "RMSprop": lambda p: O.RMSprop(p, lr=0.01),
    "RMSprop, alpha": lambda p: O.RMSprop(p, lr=0.01, alpha=0.4, eps=1e-3, weight_decay=0.1),
    "RMSprop, momentum": lambda p: O.RMSprop(p, lr=0.01, momentum=0.9),
    "RMSprop, centered": lambda p: O.RMSprop(p, lr=0.01, centered=True, maximize=True),
    "RMSprop, all": lambda p: O.RMSprop(p, lr=0.01, alpha=0.4, eps=1e-3, weight_decay=0.1, momentum=0.5, centered=True),
}

begin("steps_golden.inc")
print("inline const std::vector<Golden> kGoldenSteps = {")
for name, make in OPTIMIZERS.items():
    p = [wave(shape, k).requires_grad_() for k, shape in enumerate(SHAPES)]
    opt = make(p)
    for s in range(STEPS):
        for k, t in enumerate(p):
            t.grad = None
            if k != UNUSED and (k != SELDOM or s % 3 == 0):
                t.grad = wave(t.shape, 0.7 * s + k) + 0.25 * t.detach()
        opt.step()
    print('    {"%s", %s},' % (name, numbers(torch.cat([t.detach().reshape(-1) for t in p]).tolist())))
print("};")

# The norm of two gradients, and what clipping to 1.5 leaves of them; some with numbers that are none.
print("inline const std::vector<ClipGolden> kGoldenClips = {")
for odd in (None, math.inf, math.nan):
    for order in (0.5, 1, 2, 3, math.inf):
        p = [wave((2, 3), 0).requires_grad_(), wave((4,), 1).requires_grad_()]
        for k, t in enumerate(p):
            t.grad = 3 * wave(t.shape, k)
        if odd is not None:
            p[1].grad[2] = odd
        norm = torch.nn.utils.clip_grad_norm_(p, 1.5, norm_type=order)
        print("    {%s, %s, %s}," % (number(order), number(norm.item()),
                                     numbers(torch.cat([t.grad.reshape(-1) for t in p]).tolist())))
print("};")

begin("scheduler_golden.inc")

for name, make in [
    ("OneCycle", lambda o: O.lr_scheduler.OneCycleLR(o, 0.8, total_steps=10)),
    ("Cosine", lambda o: O.lr_scheduler.CosineAnnealingLR(o, 9)),
    ("Step", lambda o: O.lr_scheduler.StepLR(o, 4, 0.5)),
    ("Linear", lambda o: O.lr_scheduler.LinearLR(o, 0.2, 1.0, 5)),
]:
    o = O.SGD([torch.zeros(1, requires_grad=True)], lr=0.5, momentum=0.9)
    s = make(o)
    rates = []
    for i in range(10):
        rates += [o.param_groups[0]["lr"], o.param_groups[0]["momentum"]]
        o.step()
        if i < 9:
            s.step()
    emit("Lr" + name, rates)

# The momentum in a sequence of schedules: it moves, and stays where the first has left it.
o = O.SGD([torch.zeros(1, requires_grad=True)], lr=0.5, momentum=0.9)
s = O.lr_scheduler.SequentialLR(o, [O.lr_scheduler.OneCycleLR(o, 0.8, total_steps=10), O.lr_scheduler.StepLR(o, 4)], [6])
momenta = []
for i in range(10):
    momenta.append(o.param_groups[0]["momentum"])
    o.step()
    s.step()
emit("SequentialMomentum", momenta)
