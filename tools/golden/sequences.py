"""Reference values of recurrent cells and packed sequences, from PyTorch. Inputs and weights are sin(0.37 i + s):

    python3 tools/golden/sequences.py > tests/core/nn/sequences_golden.inc
"""
import numpy
import torch
import torch.nn as nn
from torch.nn.utils import rnn

torch.set_default_dtype(torch.float64)


def wave(shape, s):
    n = int(numpy.prod(shape)) if len(shape) else 1
    return torch.sin(0.37 * torch.arange(n, dtype=torch.float64) + s).reshape(shape)


def leaf(shape, s):
    return wave(shape, s).requires_grad_()


def fill(module):
    for k, (_, p) in enumerate(sorted(module.named_parameters())):
        p.data = wave(p.shape, k)
    return [p for _, p in sorted(module.named_parameters())]


def emit(name, *tensors):
    values = torch.cat([t.detach().reshape(-1).double() for t in tensors])
    print("inline const std::vector<double> kGolden%s = {%s};" % (name, ", ".join(repr(float(v)) for v in values)))


def gradients(name, outs, leaves):
    loss = sum((out * wave(out.shape, 5 + i)).sum() for i, out in enumerate(outs))
    emit(name, *outs, *torch.autograd.grad(loss, leaves, retain_graph=True))


print("// Made by tools/golden/sequences.py with PyTorch %s." % torch.__version__)
print("#include <vector>")
x, h, c = leaf((2, 4), 1), leaf((2, 3), 2), leaf((2, 3), 3)
for name, m in (("RnnCell", nn.RNNCell(4, 3)), ("RnnCellRelu", nn.RNNCell(4, 3, nonlinearity="relu")),
                ("GruCell", nn.GRUCell(4, 3)), ("GruCellNoBias", nn.GRUCell(4, 3, bias=False))):
    p = fill(m)
    gradients(name, [m(x, h)], [x, h, *p])
    emit(name + "Single", m(x[0], h[0]), m(x[1]))
m = nn.LSTMCell(4, 3)
p = fill(m)
gradients("LstmCell", m(x, (h, c)), [x, h, c, *p])
emit("LstmCellSingle", *m(x[0], (h[0], c[0])), *m(x))

# ---- Packing.
x = leaf((5, 3, 2), 1)
sorted_lengths, lengths = torch.tensor([5, 2, 2]), torch.tensor([2, 5, 3])
k = rnn.pack_padded_sequence(x, sorted_lengths)
emit("Packed", k.data, k.batch_sizes)
k = rnn.pack_padded_sequence(x.transpose(0, 1), lengths, batch_first=True, enforce_sorted=False)
gradients("PackedUnsorted", [k.data], [x])
emit("PackedUnsortedPlaces", k.batch_sizes, k.sorted_indices, k.unsorted_indices)
y, n = rnn.pad_packed_sequence(k, batch_first=True, padding_value=-1.5, total_length=6)
gradients("Padded", [y], [x])
emit("PaddedLengths", n)
parts = [leaf((2, 2), 1), leaf((4, 2), 2), leaf((1, 2), 3)]
gradients("PadSequence", [rnn.pad_sequence(parts, padding_value=0.5)], parts)
emit("PadSequenceLeft", rnn.pad_sequence(parts, batch_first=True, padding_side="left"))
k = rnn.pack_sequence(parts, enforce_sorted=False)
gradients("PackSequence", [k.data], parts)
emit("PackSequenceSizes", k.batch_sizes)

# ---- Layers of packed sequences.
x = leaf((5, 3, 4), 1)
for name, m, state in (("Lstm", nn.LSTM(4, 3, 2, bidirectional=True), (leaf((4, 3, 3), 6), leaf((4, 3, 3), 7))),
                       ("LstmProjected", nn.LSTM(4, 3, 1, bidirectional=True, proj_size=2), (leaf((2, 3, 2), 6), leaf((2, 3, 3), 7))),
                       ("Gru", nn.GRU(4, 3, 2, bidirectional=True, batch_first=True), (leaf((4, 3, 3), 6),)),
                       ("Rnn", nn.RNN(4, 3, 1, bidirectional=True), (leaf((2, 3, 3), 6),))):
    p = fill(m)
    k = rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    out, last = m(k, state if len(state) == 2 else state[0])
    last = last if isinstance(last, tuple) else (last,)
    gradients("Packed" + name, [out.data, *last], [x, *state, *p])
    emit("Packed" + name + "Places", out.batch_sizes, out.sorted_indices)
    k = rnn.pack_padded_sequence(x, sorted_lengths)
    out, last = m(k)
    emit("Packed" + name + "Sorted", out.data, *(last if isinstance(last, tuple) else (last,)))
