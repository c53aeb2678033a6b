"""Steps of optimizers on f16 and bf16 parameters, from PyTorch: its f32 optimizer with f32 state, whose parameter is
rounded to the dtype after each step.

    python3 tools/golden/half_optim.py > tests/core/optim/half_golden.inc
"""
import torch

torch.manual_seed(5)
START = torch.tensor([1.5, -0.75, 0.01171875, -40.0, 300.0, 0.0])
GRADIENTS = [torch.tensor(g) for g in (
    [0.5, -1.25, 0.03125, 8.0, -100.0, 0.001953125],
    [-0.25, 0.75, 0.0625, -4.0, 250.0, 0.0009765625],
    [1.0, 0.125, -0.015625, 2.0, 75.0, -0.00390625],
    [0.375, -0.5, 0.25, -1.0, -30.0, 0.015625],
)]
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01),
    "SGD, momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.25),
    "SGD, nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, maximize=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05, weight_decay=0.01),
    "Adam, amsgrad": lambda p: torch.optim.Adam(p, lr=0.05, betas=(0.8, 0.9), amsgrad=True),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.05, weight_decay=0.01),
    "RMSprop, momentum": lambda p: torch.optim.RMSprop(p, lr=0.05, momentum=0.9),
    "RMSprop, centered": lambda p: torch.optim.RMSprop(p, lr=0.05, centered=True),
}

print("// Made by tools/golden/half_optim.py with PyTorch %s." % torch.__version__)
print("inline const std::vector<Golden> kGolden = {")
for name, make in OPTIMIZERS.items():
    for label, dtype in (("kF16", torch.float16), ("kBF16", torch.bfloat16)):
        p = START.to(dtype).float().requires_grad_()
        optimizer = make([p])
        for g in GRADIENTS:
            p.grad = g.to(dtype).float()
            optimizer.step()
            p.data = p.data.to(dtype).float()
        print('    {"%s", DType::%s, {%s}},' % (name, label, ", ".join("%.9g" % v for v in p.tolist())))
print("};")
