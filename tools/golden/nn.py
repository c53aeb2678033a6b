"""Reference values of layers, losses and normalisations, from PyTorch.

Inputs and weights are sin(0.37 i + s), so that only results need to be kept:
    python3 tools/golden/nn.py > tests/core/nn/golden.inc
"""
import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def wave(shape, s):
    n = int(numpy.prod(shape)) if len(shape) else 1
    return torch.sin(0.37 * torch.arange(n, dtype=torch.float64) + s).reshape(shape)


def fill(module):
    for k, (_, p) in enumerate(sorted(module.named_parameters())):
        p.data = wave(p.shape, k)


def emit(name, *tensors):
    values = torch.cat([t.detach().reshape(-1) for t in tensors])
    print("inline const std::vector<double> kGolden%s = {%s};" % (name, ", ".join(repr(float(v)) for v in values)))


def gradients(name, out, leaves):
    weights = wave(out.shape, 5)
    emit(name, out, *torch.autograd.grad((out * weights).sum(), leaves))


print("// Made by tools/golden/nn.py with PyTorch %s." % torch.__version__)
print("#include <vector>")
x = wave((3, 2, 4), 1).requires_grad_()
m = nn.LSTM(4, 3, num_layers=2, bidirectional=True)
fill(m)
gradients("Lstm", m(x)[0], [x] + [p for _, p in sorted(m.named_parameters())])
m = nn.GRU(4, 3, num_layers=1)
fill(m)
gradients("Gru", m(x)[0], [x] + [p for _, p in sorted(m.named_parameters())])
m = nn.MultiheadAttention(4, 2)
fill(m)
gradients("Attention", m(x, x, x, need_weights=False)[0], [x] + [p for _, p in sorted(m.named_parameters())])
m = nn.LayerNorm((2, 4))
fill(m)
gradients("LayerNorm", m(x), [x, m.weight, m.bias])
m = nn.RMSNorm(4, eps=1e-5)
fill(m)
gradients("RmsNorm", m(x), [x, m.weight])
y = wave((3, 4, 2, 2), 2).requires_grad_()
m = nn.BatchNorm2d(4)
fill(m)
gradients("BatchNorm", m(y), [y, m.weight, m.bias])
emit("BatchNormRunning", m.running_mean, m.running_var)
m.eval()
gradients("BatchNormEval", m(y), [y, m.weight, m.bias])
m = nn.GroupNorm(2, 4)
fill(m)
gradients("GroupNorm", m(y), [y, m.weight, m.bias])
z = wave((5, 4), 3).requires_grad_()
t = torch.tensor([1, 3, 0, 2, -100])
w = wave((4,), 1).abs()
gradients("CrossEntropy", F.cross_entropy(z, t), [z])
gradients("CrossEntropySmooth", F.cross_entropy(z, t, weight=w, label_smoothing=0.1), [z])
gradients("CrossEntropySum", F.cross_entropy(y, torch.arange(12).reshape(3, 2, 2) % 4, reduction="sum"), [y])
u = wave((5, 4), 7)
gradients("SmoothL1", F.smooth_l1_loss(z, u, beta=0.5), [z])
gradients("Huber", F.huber_loss(z, u, delta=0.5), [z])
gradients("Bce", F.binary_cross_entropy_with_logits(z, u.abs(), pos_weight=w), [z])
gradients("Softmax", F.softmax(z, 0), [z])
gradients("LogSoftmax", F.log_softmax(z, 1), [z])
q, k, v = wave((1, 4, 3, 2), 1).requires_grad_(), wave((1, 2, 5, 2), 2).requires_grad_(), wave((1, 2, 5, 3), 3).requires_grad_()
gradients("Sdpa", F.scaled_dot_product_attention(q, k, v, enable_gqa=True), [q, k, v])
# Without a batch, many layers, plain recurrence.
u2 = wave((3, 4), 1).requires_grad_()
m = nn.LSTM(4, 3, num_layers=9, bidirectional=True)
fill(m)
out, (h, c) = m(x)
gradients("LstmDeep", out, [x])
emit("LstmDeepStates", h, c)
m = nn.LSTM(4, 3, num_layers=2)
fill(m)
h0, c0 = wave((2, 3), 6).requires_grad_(), wave((2, 3), 7).requires_grad_()
out, (h, c) = m(u2, (h0, c0))
gradients("LstmUnbatched", out, [u2, h0, c0] + [p for _, p in sorted(m.named_parameters())])
emit("LstmUnbatchedStates", h, c)
m = nn.GRU(4, 3, bidirectional=True, batch_first=True)
fill(m)
out, h = m(u2)
gradients("GruUnbatched", out, [u2] + [p for _, p in sorted(m.named_parameters())])
emit("GruUnbatchedStates", h)
for kind in ("tanh", "relu"):
    m = nn.RNN(4, 3, num_layers=2, nonlinearity=kind)
    fill(m)
    out, h = m(x)
    gradients("Rnn" + kind.capitalize(), out, [x] + [p for _, p in sorted(m.named_parameters())])
    emit("Rnn" + kind.capitalize() + "States", h)

# Attention masks: one for each head of each example, and without a batch.
m = nn.MultiheadAttention(4, 2)
fill(m)
k = wave((5, 2, 4), 2)
each = wave((4, 3, 5), 3)
padding = torch.tensor([[False, False, True, False, True], [True, False, False, False, False]])
gradients("AttentionEach", m(x, k, k, attn_mask=each, need_weights=False)[0], [x])
gradients("AttentionEachPadded", m(x, k, k, attn_mask=each > 0.9, key_padding_mask=padding, need_weights=False)[0], [x])
k2 = wave((5, 4), 2)
gradients("AttentionUnbatched", m(u2, k2, k2, need_weights=False)[0], [u2])
gradients("AttentionUnbatchedMasked",
          m(u2, k2, k2, attn_mask=wave((2, 3, 5), 3), key_padding_mask=padding[0].double() * -3,
            need_weights=False)[0], [u2])
# Causal, alone and beside other masks.
future = torch.ones(3, 5, dtype=torch.bool).triu(1)
gradients("AttentionCausal", m(x, k, k, attn_mask=future, need_weights=False)[0], [x])
gradients("AttentionCausalPadded", m(x, k, k, attn_mask=future, key_padding_mask=padding & torch.tensor([[True], [False]]),
                                     need_weights=False)[0], [x])
gradients("AttentionCausalAdded", m(x, k, k, attn_mask=each.masked_fill(future, -torch.inf), need_weights=False)[0], [x])

# Sequences of several lengths, padded: what PyTorch computes of packed sequences.
x = wave((5, 3, 4), 1).requires_grad_()
lengths = torch.tensor([3, 5, 1])
packed = lambda x: nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
padded = lambda y: nn.utils.rnn.pad_packed_sequence(y, total_length=5)[0]
m = nn.LSTM(4, 3, num_layers=2, bidirectional=True, proj_size=2)
fill(m)
h, c = wave((4, 3, 2), 6).requires_grad_(), wave((4, 3, 3), 7).requires_grad_()
y, last = m(packed(x), (h, c))
gradients("LstmLengths", padded(y), [x, h, c] + [p for _, p in sorted(m.named_parameters())])
emit("LstmLengthsStates", *last)
m = nn.GRU(4, 3, bidirectional=True, bias=False)
fill(m)
h = wave((2, 3, 3), 6).requires_grad_()
y, last = m(packed(x), h)
gradients("GruLengths", padded(y), [x, h] + [p for _, p in sorted(m.named_parameters())])
gradients("GruLengthsState", m(packed(x), h)[1], [x, h] + [p for _, p in sorted(m.named_parameters())])
m = nn.RNN(4, 3, num_layers=2, bidirectional=True)
fill(m)
y, last = m(packed(x))
gradients("RnnLengths", padded(y), [x] + [p for _, p in sorted(m.named_parameters())])
emit("RnnLengthsState", last)
m = nn.LSTM(4, 5, num_layers=2, proj_size=3)
fill(m)
x = wave((3, 2, 4), 1).requires_grad_()
y, last = m(x)
gradients("LstmProjected", y, [x] + [p for _, p in sorted(m.named_parameters())])
emit("LstmProjectedStates", *last)

# ---- CTC: the loss and gradient of log_probs themselves, without the log_softmax behind which it stands.
scores = (wave((7, 4, 5), 3) * 3).log_softmax(2).detach().requires_grad_()
padded = torch.tensor([[1, 2, 2], [3, 4, 1], [2, 0, 0], [0, 0, 0]])
steps, labels = torch.tensor([7, 6, 5, 7]), torch.tensor([3, 2, 1, 0])
for reduction in ("none", "sum", "mean"):
    gradients("Ctc" + reduction.title(), F.ctc_loss(scores, padded, steps, labels, reduction=reduction), [scores])
joined = torch.tensor([1, 2, 2, 3, 3, 2])
gradients("CtcJoined", F.ctc_loss(scores, joined, steps, labels, blank=4, reduction="none"), [scores])
single = (wave((7, 5), 3) * 3).log_softmax(1).detach().requires_grad_()
for reduction in ("none", "mean"):
    gradients("CtcSingle" + reduction.title(),
              F.ctc_loss(single, torch.tensor([1, 1, 3]), torch.tensor(6), torch.tensor(3), reduction=reduction), [single])
short = torch.tensor([3, 6, 0, 0])
gradients("CtcImpossible", F.ctc_loss(scores, padded, short, labels, reduction="mean", zero_infinity=True), [scores])
