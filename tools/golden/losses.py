"""Reference values and gradients of losses, from PyTorch. Inputs are sin(0.37 i + s):

    python3 tools/golden/losses.py > tests/core/nn/losses_golden.inc
"""
import numpy
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def wave(shape, s):
    n = int(numpy.prod(shape)) if len(shape) else 1
    return torch.sin(0.37 * torch.arange(n, dtype=torch.float64) + s).reshape(shape)


def emit(name, f, *leaves):
    """The loss of each element or sample, and the gradients of their sum with the weights of wave(5), and the mean's."""
    for reduction in ("none", "mean", "sum"):
        x = [t.detach().clone().requires_grad_() for t in leaves]
        out = f(*x, reduction)
        gradients = torch.autograd.grad((out * wave(out.shape, 5)).sum(), x)
        values = torch.cat([t.detach().reshape(-1) for t in (out, *gradients)])
        print("inline const std::vector<double> kGolden%s%s = {%s};" %
              (name, reduction.title(), ", ".join(repr(float(v)) for v in values)))


print("// Made by tools/golden/losses.py with PyTorch %s." % torch.__version__)
print("#include <vector>")
x, y, z = wave((4, 3), 1), wave((4, 3), 2), wave((4, 3), 3)
p = torch.tensor([[0.0, 1.0, 0.5], [1e-40, 0.25, 1 - 1e-14], [0.75, 1e-13, 0.999], [0.125, 1.0, 0.0]])
t = torch.tensor([[1.0, 1.0, 0.25], [0.5, 0.0, 0.5], [1.0, 0.5, 0.0], [0.75, 0.0, 0.0]])
signs = torch.tensor([1.0, -1.0, 1.0, -1.0])
grid = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 0.0, 1.0], [1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
classes = torch.tensor([2, 0, 1, 1])
lists = torch.tensor([[2, 0, -1], [1, -1, 0], [-1, 1, 2], [0, 1, 2]])
counts = torch.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 1.0], [4.0, 2.0, 1.0], [0.0, 7.0, 1.0]])
weight = torch.tensor([0.5, 2.0, 1.5])
emit("Bce", lambda a, r: F.binary_cross_entropy(a, t, reduction=r), p)
emit("BceWeight", lambda a, r: F.binary_cross_entropy(a, t, weight=weight, reduction=r), p)
emit("KlDiv", lambda a, r: F.kl_div(a, t, reduction=r), x)
emit("KlDivLog", lambda a, b, r: F.kl_div(a, b, log_target=True, reduction=r), x, y)
emit("KlDivBatch", lambda a, r: F.kl_div(a, t, reduction="batchmean"), x)
emit("Poisson", lambda a, r: F.poisson_nll_loss(a, counts, reduction=r), x)
emit("PoissonFull", lambda a, r: F.poisson_nll_loss(a, counts, log_input=False, full=True, eps=1e-3, reduction=r), x.abs())
emit("Gaussian", lambda a, b, v, r: F.gaussian_nll_loss(a, b, v, reduction=r), x, y, z.abs())
emit("GaussianFull", lambda a, b, v, r: F.gaussian_nll_loss(a, b, v, full=True, eps=0.3, reduction=r), x, y, wave((4,), 1).abs())
emit("Ranking", lambda a, b, r: F.margin_ranking_loss(a, b, grid, margin=0.25, reduction=r), x, y)
emit("Hinge", lambda a, r: F.hinge_embedding_loss(a, grid, margin=0.5, reduction=r), x)
emit("SoftMargin", lambda a, r: F.soft_margin_loss(a, grid, reduction=r), x)
emit("MultiMargin", lambda a, r: F.multi_margin_loss(a, classes, reduction=r), x)
emit("MultiMargin2", lambda a, r: F.multi_margin_loss(a, classes, p=2, margin=0.5, weight=weight, reduction=r), x)
emit("MultiMarginOne", lambda a, r: F.multi_margin_loss(a, torch.tensor(1), reduction=r), x[0])
emit("MultilabelMargin", lambda a, r: F.multilabel_margin_loss(a, lists, reduction=r), x)
emit("MultilabelMarginOne", lambda a, r: F.multilabel_margin_loss(a, lists[0], reduction=r), x[0])
emit("MultilabelSoft", lambda a, r: F.multilabel_soft_margin_loss(a, t, weight=weight, reduction=r), x)
emit("Cosine", lambda a, b, r: F.cosine_embedding_loss(a, b, signs, margin=-0.5, reduction=r), x, y)
emit("CosineOne", lambda a, b, r: F.cosine_embedding_loss(a, b, torch.tensor(-1.0), reduction=r), x[0], y[0])
emit("Triplet", lambda a, b, c, r: F.triplet_margin_loss(a, b, c, reduction=r), x, y, z)
emit("TripletSwap", lambda a, b, c, r: F.triplet_margin_loss(a, b, c, margin=0.5, p=1, swap=True, reduction=r), x, y, z)
