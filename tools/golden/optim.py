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
    "Adagrad": lambda p: O.Adagrad(p, lr=0.05),
    "Adagrad, all": lambda p: O.Adagrad(p, lr=0.05, lr_decay=0.02, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3, maximize=True),
    "Adadelta": lambda p: O.Adadelta(p),
    "Adadelta, all": lambda p: O.Adadelta(p, lr=0.5, rho=0.7, eps=1e-3, weight_decay=0.1, maximize=True),
    "Adamax": lambda p: O.Adamax(p, lr=0.05),
    "Adamax, all": lambda p: O.Adamax(p, lr=0.05, betas=(0.7, 0.8), eps=1e-3, weight_decay=0.1, maximize=True),
    "NAdam": lambda p: O.NAdam(p, lr=0.05),
    "NAdam, all": lambda p: O.NAdam(p, lr=0.05, betas=(0.7, 0.8), eps=1e-3, weight_decay=0.1, momentum_decay=0.02, maximize=True),
    "NAdam, decoupled": lambda p: O.NAdam(p, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True),
    "RAdam": lambda p: O.RAdam(p, lr=0.05),
    "RAdam, all": lambda p: O.RAdam(p, lr=0.05, betas=(0.7, 0.8), eps=1e-3, weight_decay=0.1, maximize=True),
    "RAdam, decoupled": lambda p: O.RAdam(p, lr=0.05, betas=(0.7, 0.9), weight_decay=0.1, decoupled_weight_decay=True),
    "Adafactor": lambda p: O.Adafactor(p),
    "Adafactor, all": lambda p: O.Adafactor(p, lr=0.2, beta2_decay=-0.5, eps=(1e-4, 0.05), d=1.5, weight_decay=0.1, maximize=True),
    "Rprop": lambda p: O.Rprop(p, lr=0.05),
    "Rprop, all": lambda p: O.Rprop(p, lr=0.05, etas=(0.4, 1.5), step_sizes=(0.01, 0.2), maximize=True),
    "ASGD": lambda p: O.ASGD(p, lr=0.05),
    "ASGD, all": lambda p: O.ASGD(p, lr=0.05, lambd=0.1, alpha=0.5, t0=10, weight_decay=0.1, maximize=True),
}

begin("steps_golden.inc")
print("inline const std::vector<Golden> kGoldenSteps = {")
for name, make in OPTIMIZERS.items():
    p = [wave(shape, k).requires_grad_() for k, shape in enumerate(SHAPES)]
    opt = make(p)
    for s in range(STEPS):
        for k, t in enumerate(p):
            t.grad = None
            if name.startswith("Adafactor") and t.numel() == 0:
                continue  # PyTorch divides by the number of elements
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
    ("OneCycleLinear", lambda o: O.lr_scheduler.OneCycleLR(o, 0.8, total_steps=10, pct_start=0.35, anneal_strategy="linear")),
    ("OneCycleThree", lambda o: O.lr_scheduler.OneCycleLR(o, 0.8, total_steps=10, pct_start=0.35, div_factor=10, final_div_factor=100, three_phase=True)),
    ("OneCycleThreeLinear", lambda o: O.lr_scheduler.OneCycleLR(o, 0.8, total_steps=10, anneal_strategy="linear", three_phase=True)),
    ("Cosine", lambda o: O.lr_scheduler.CosineAnnealingLR(o, 9)),
    ("CosineAgain", lambda o: O.lr_scheduler.CosineAnnealingLR(o, 3, 0.1)),
    ("Step", lambda o: O.lr_scheduler.StepLR(o, 4, 0.5)),
    ("Linear", lambda o: O.lr_scheduler.LinearLR(o, 0.2, 1.0, 5)),
    ("MultiStep", lambda o: O.lr_scheduler.MultiStepLR(o, [2, 5, 5, 7], 0.5)),
    ("Exponential", lambda o: O.lr_scheduler.ExponentialLR(o, 0.8)),
    ("Constant", lambda o: O.lr_scheduler.ConstantLR(o, 0.25, 4)),
    ("Polynomial", lambda o: O.lr_scheduler.PolynomialLR(o, 6, 2.5)),
    ("Multiplicative", lambda o: O.lr_scheduler.MultiplicativeLR(o, lambda t: 1 - 0.05 * t)),
    ("Restarts", lambda o: O.lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2, 0.1)),
    ("Restarts1", lambda o: O.lr_scheduler.CosineAnnealingWarmRestarts(o, 4)),
    ("Cyclic", lambda o: O.lr_scheduler.CyclicLR(o, 0.1, 0.6, 2, 3)),
    ("Cyclic2", lambda o: O.lr_scheduler.CyclicLR(o, 0.1, 0.6, 2, mode="triangular2")),
    ("CyclicExp", lambda o: O.lr_scheduler.CyclicLR(o, 0.1, 0.6, 3, 1, mode="exp_range", gamma=0.9, cycle_momentum=False)),
    ("Chained", lambda o: O.lr_scheduler.ChainedScheduler([O.lr_scheduler.ConstantLR(o, 0.1, 3), O.lr_scheduler.ExponentialLR(o, 0.9)])),
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

# Rates that follow a measured value.
VALUES = [3, 2, 2, 1.9999, 2, 2, 2, math.nan, 1, 1, 1.2, 1.1, 1, 1, 1, 1]
for name, options in [
    ("Plateau", dict(factor=0.5, patience=2)),
    ("PlateauAll", dict(mode="max", factor=0.25, patience=1, threshold=0.5, threshold_mode="abs", cooldown=2, min_lr=0.01)),
]:
    o = O.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    s = O.lr_scheduler.ReduceLROnPlateau(o, **options)
    rates = []
    for v in VALUES:
        s.step(v)
        rates.append(o.param_groups[0]["lr"])
    emit(name, rates)

# Schedules of two groups.
def groups():
    return O.SGD([dict(params=[torch.zeros(1, requires_grad=True)], lr=lr) for lr in (0.5, 0.3)], lr=0.1, momentum=0.9)


FUNCTIONS = [lambda t: 1 / (1 + t), lambda t: 1 - 0.1 * t]
for name, make in [
    ("OneCycle", lambda o: O.lr_scheduler.OneCycleLR(o, [0.8, 0.2], total_steps=5)),
    ("Lambda", lambda o: O.lr_scheduler.LambdaLR(o, FUNCTIONS)),
    ("Multiplicative", lambda o: O.lr_scheduler.MultiplicativeLR(o, FUNCTIONS)),
]:
    o = groups()
    s = make(o)
    rates = []
    for i in range(5):
        rates += [g["lr"] for g in o.param_groups]
        o.step()
        if i < 4:
            s.step()
    emit("Groups" + name, rates)
o = groups()
s = O.lr_scheduler.ReduceLROnPlateau(o, patience=1, min_lr=[0.01, 0.1])
rates = []
for v in VALUES[:8]:
    s.step(v)
    rates += [g["lr"] for g in o.param_groups]
emit("GroupsPlateau", rates)

# Muon, with the iteration in f64: torch rounds it to bf16.
begin("muon_golden.inc")


def orthogonal(g, steps, eps=1e-7):
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if g.shape[0] > g.shape[1] else x


for name, nesterov, match in [("Muon", True, False), ("MuonAll", False, True)]:
    p = [wave(shape, k) for k, shape in enumerate([(4, 3), (3, 5), (0, 2)])]
    average = [torch.zeros_like(t) for t in p]
    for s in range(20):
        for k, t in enumerate(p):
            if not t.numel():
                continue
            g = wave(t.shape, 0.7 * s + k) + 0.25 * t
            average[k].lerp_(g, 1 - 0.9)
            update = g.lerp(average[k], 0.9) if nesterov else average[k]
            a, b = t.shape
            rate = 0.05 * (0.2 * math.sqrt(max(a, b)) if match else math.sqrt(max(1, a / b)))
            t.mul_(1 - 0.05 * 0.1).sub_(rate * orthogonal(update, 5))
    emit(name, torch.cat([t.reshape(-1) for t in p]).tolist())

# L-BFGS on Rosenbrock's function, of a vector and a number.
begin("lbfgs_golden.inc")
for name, options in [
    ("Plain", dict(lr=0.1, max_iter=7)),
    ("Wolfe", dict(line_search_fn="strong_wolfe", max_iter=6)),
    ("ShortHistory", dict(lr=0.8, line_search_fn="strong_wolfe", max_iter=4, history_size=2, max_eval=9)),
]:
    a, b = torch.tensor([-1.2, 1.0, 0.5], requires_grad=True), torch.tensor(2.0, requires_grad=True)
    o = O.LBFGS([a, b], **options)
    out = []

    def closure():
        o.zero_grad()
        loss = ((1 - a) ** 2).sum() + 20 * ((b - a**2) ** 2).sum() + (b - 1) ** 4
        loss.backward()
        return loss

    for _ in range(6):
        loss = o.step(closure)
        out += [loss.item(), *a.tolist(), b.item()]
    emit("Lbfgs" + name, out)
