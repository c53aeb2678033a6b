"""Reference values of pooling, from PyTorch. Inputs are sin(0.37 i + s).

    python3 tools/golden/pool.py > tests/core/pool_golden.inc
"""
import torch
import torch.nn.functional as F


def wave(shape, s):
    n = torch.Size(shape).numel()
    return torch.sin(0.37 * torch.arange(n, dtype=torch.float64) + s).reshape(shape)


def emit(name, pool):
    x = wave((2, 3, 7, 6), 1).requires_grad_()
    y = pool(x)
    (dx,) = torch.autograd.grad((y * wave(y.shape, 5)).sum(), x)
    values = ", ".join("%.12g" % v for t in (y, dx) for v in t.detach().reshape(-1))
    print("inline const Golden kGolden%s = {{%s}, {%s}};" % (name, ", ".join(map(str, y.shape)), values))


print("// Made by tools/golden/pool.py with PyTorch %s." % torch.__version__)
emit("Max", lambda x: F.max_pool2d(x, 2))
emit("MaxOverlapping", lambda x: F.max_pool2d(x, (3, 2), stride=(2, 1), padding=(1, 0)))
emit("MaxDilated", lambda x: F.max_pool2d(x, 2, stride=1, dilation=(2, 3), padding=1))
emit("MaxCeil", lambda x: F.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True))
emit("Avg", lambda x: F.avg_pool2d(x, 2))
emit("AvgPadded", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1))
emit("AvgInside", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False))
emit("AvgCeil", lambda x: F.avg_pool2d(x, 3, stride=3, padding=1, ceil_mode=True))
emit("AvgDivisor", lambda x: F.avg_pool2d(x, (2, 3), stride=2, divisor_override=5))
emit("AdaptiveAvg", lambda x: F.adaptive_avg_pool2d(x, (3, 4)))
emit("AdaptiveMax", lambda x: F.adaptive_max_pool2d(x, (3, 4)))
