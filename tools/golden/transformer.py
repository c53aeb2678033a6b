"""Reference values of transformer layers and of attention's options, from PyTorch. Inputs and weights are sin(0.37 i + s):

    python3 tools/golden/transformer.py > tests/core/nn/transformer_golden.inc
"""
import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.backends.mha.set_fastpath_enabled(False)


def wave(shape, s):
    n = int(numpy.prod(shape)) if len(shape) else 1
    return torch.sin(0.37 * torch.arange(n, dtype=torch.float64) + s).reshape(shape)


def fill(module):
    for k, (_, p) in enumerate(sorted(module.named_parameters())):
        p.data = wave(p.shape, k)
    return [p for _, p in sorted(module.named_parameters())]


def emit(name, *tensors):
    values = torch.cat([t.detach().reshape(-1) for t in tensors])
    print("inline const std::vector<double> kGolden%s = {%s};" % (name, ", ".join(repr(float(v)) for v in values)))


def names(name, module):
    print("inline const std::vector<std::pair<std::string, std::vector<int64_t>>> kNames%s = {%s};" % (
        name, ", ".join('{"%s", {%s}}' % (k, ", ".join(map(str, v.shape))) for k, v in sorted(module.state_dict().items()))))


def gradients(name, out, leaves):
    emit(name, out, *torch.autograd.grad((out * wave(out.shape, 5)).sum(), leaves))


def leaf(shape, s):
    return wave(shape, s).requires_grad_()


print("// Made by tools/golden/transformer.py with PyTorch %s." % torch.__version__)
print("#include <cstdint>")
print("#include <string>")
print("#include <utility>")
print("#include <vector>")

# ---- Attention: weights, other features of keys and values, keys that are added.
q, k, v = leaf((3, 2, 4), 1), leaf((5, 2, 4), 2), leaf((5, 2, 4), 3)
each = wave((4, 3, 5), 3)
padding = torch.tensor([[False, False, True, False, True], [True, False, False, False, False]])
m = nn.MultiheadAttention(4, 2)
p = fill(m)
y, w = m(q, k, v)
emit("Weights", y, w)
y, w = m(q, k, v, attn_mask=each, average_attn_weights=False)
gradients("WeightsOfHeads", w, [q, k, *p[:2]])
emit("WeightsPadded", m(q, k, v, attn_mask=each > 0.9, key_padding_mask=padding)[1])
emit("WeightsSingle", *m(q[:, 0], k[:, 0], v[:, 0], average_attn_weights=False))
emit("WeightsCausal", *m(q, k, v, attn_mask=torch.ones(3, 5, dtype=torch.bool).triu(1)))
k2, v2 = leaf((5, 2, 3), 2), leaf((5, 2, 6), 3)
m = nn.MultiheadAttention(4, 2, kdim=3, vdim=6)
names("Apart", m)
p = fill(m)
gradients("Apart", m(q, k2, v2, need_weights=False)[0], [q, k2, v2, *p])
m = nn.MultiheadAttention(4, 2, vdim=6, bias=False, batch_first=True)
p = fill(m)
a, b, c = leaf((2, 3, 4), 1), leaf((2, 5, 4), 2), leaf((2, 5, 6), 3)
gradients("ApartBatchFirst", m(a, b, c, need_weights=False)[0], [a, b, c, *p])
m = nn.MultiheadAttention(4, 2, add_bias_kv=True)
names("BiasKv", m)
p = fill(m)
gradients("BiasKv", m(q, k, v, need_weights=False)[0], [q, k, v, *p])
emit("BiasKvWeights", *m(q, k, v, key_padding_mask=padding))
m = nn.MultiheadAttention(4, 2, add_zero_attn=True)
p = fill(m)
gradients("ZeroAttention", m(q, k, v, attn_mask=each, need_weights=False)[0], [q, k, v, *p])
m = nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)
p = fill(m)
gradients("BothAdded", m(q, k, v, attn_mask=each, key_padding_mask=padding.double() * -2, need_weights=False)[0], [q, k, v, *p])
emit("BothAddedCausal", *m(q, k, v, attn_mask=torch.ones(3, 5, dtype=torch.bool).triu(1)))
emit("BothAddedSingle", m(q[:, 0], k[:, 0], v[:, 0])[0])

# ---- Layers.
x, memory = leaf((3, 2, 4), 1), leaf((5, 2, 4), 2)
pad3 = torch.tensor([[False, False, True], [False, False, False]])
future = torch.ones(3, 3, dtype=torch.bool).triu(1)
for name, options in (("", {}), ("NormFirst", {"norm_first": True, "activation": F.gelu}),
                      ("NoBias", {"bias": False, "layer_norm_eps": 0.1, "activation": "gelu"})):
    m = nn.TransformerEncoderLayer(4, 2, 3, dropout=0, **options)
    if not name or name == "NoBias":
        names("EncoderLayer" + name, m)
    p = fill(m)
    gradients("EncoderLayer" + name, m(x), [x, *p])
    emit("EncoderLayerMasked" + name, m(x, src_mask=future, src_key_padding_mask=pad3, is_causal=True))
    m = nn.TransformerDecoderLayer(4, 2, 3, dropout=0, **options)
    if not name:
        names("DecoderLayer", m)
    p = fill(m)
    gradients("DecoderLayer" + name, m(x, memory), [x, memory, *p])
    emit("DecoderLayerMasked" + name, m(x, memory, tgt_mask=future, tgt_is_causal=True, tgt_key_padding_mask=pad3,
                                        memory_mask=wave((3, 5), 3), memory_key_padding_mask=padding.double() * -2))
m = nn.TransformerEncoderLayer(4, 2, 3, dropout=0, batch_first=True)
fill(m)
x1 = wave((2, 3, 4), 1)
emit("EncoderLayerBatchFirst", m(x1, src_mask=each[:, :, :3]))
emit("EncoderLayerSingle", m(x1[0]))

# ---- Stacks.
m = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 3, dropout=0), 2, nn.LayerNorm(4), enable_nested_tensor=False)
names("Encoder", m)
p = fill(m)
gradients("Encoder", m(x, mask=future, src_key_padding_mask=pad3), [x, *p])
m = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 3, dropout=0), 2)
names("Decoder", m)
p = fill(m)
gradients("Decoder", m(x, memory, tgt_mask=future, memory_key_padding_mask=padding), [x, memory, *p])
m = nn.Transformer(4, 2, 2, 1, 3, dropout=0, batch_first=True, norm_first=True)
names("Transformer", m)
p = fill(m)
s, t = leaf((2, 5, 4), 1), leaf((2, 3, 4), 2)
gradients("Transformer", m(s, t, tgt_mask=future, src_key_padding_mask=padding, memory_key_padding_mask=padding,
                           tgt_key_padding_mask=pad3), [s, t, *p])
emit("SubsequentMask", nn.Transformer.generate_square_subsequent_mask(3).nan_to_num(neginf=-1e9))
y = wave((2, 3, 2, 2, 2), 2).requires_grad_()
m = nn.BatchNorm3d(3)
p = fill(m)
gradients("BatchNorm3d", m(y), [y, *p])
emit("BatchNorm3dRunning", m.running_mean, m.running_var)
m.eval()
emit("BatchNorm3dEval", m(y))
