"""The nets of tests/bench in torch.nn, each with the layers, sizes and options of Hearth's."""
import torch
from torch import nn
from torch.nn import functional as F


def mlp():
    return nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))


def conv3(inputs, outputs, bias=True):
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)


def cnn():
    return nn.Sequential(conv3(1, 32), nn.ReLU(), nn.MaxPool2d(2), conv3(32, 64), nn.BatchNorm2d(64), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 7 * 7, 10))


def fashion():
    """examples/fashion/net.h: 64,586 parameters."""
    return nn.Sequential(conv3(1, 32, False), nn.BatchNorm2d(32), nn.MaxPool2d(2), nn.ReLU(),
                         conv3(32, 48, False), nn.BatchNorm2d(48), nn.MaxPool2d(2), nn.ReLU(),
                         conv3(48, 96, False), nn.BatchNorm2d(96), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(96 * 9, 10))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.conv2 = conv3(outputs, outputs, False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True))) + shortcut, inplace=True)


class ResNet18(nn.Module):
    """resnet.h: 11,689,512 parameters."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        blocks = []
        for before, width in ((64, 64), (64, 128), (128, 256), (256, 512)):
            blocks += [BasicBlock(before, width, 1 if width == 64 else 2), BasicBlock(width, width, 1)]
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 3, stride=2, padding=1)
        return self.fc(self.blocks(x).mean((2, 3)))


class BertLayer(nn.Module):
    def __init__(self, size, heads, middle):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(size, size) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(size, eps=1e-12), nn.LayerNorm(size, eps=1e-12)
        self.up, self.down = nn.Linear(size, middle), nn.Linear(middle, size)

    def forward(self, x, mask):
        q, k, v = (f(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for f in (self.query, self.key, self.value))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.norm1(self.out(y.transpose(1, 2).flatten(2)) + x)
        return self.norm2(self.down(F.gelu(self.up(x))) + x)


class Bert(nn.Module):
    """text/models/bert.h without its pooler, of MiniLM's shape if nothing else is said."""

    def __init__(self, size=384, layers=6, heads=12, middle=1536, words=30522, positions=512):
        super().__init__()
        self.words, self.positions, self.types = (nn.Embedding(n, size) for n in (words, positions, 2))
        self.norm = nn.LayerNorm(size, eps=1e-12)
        self.layers = nn.ModuleList(BertLayer(size, heads, middle) for _ in range(layers))

    def forward(self, ids, mask):
        """ids [batch, tokens] i64; mask of the same shape, bool: false where there is padding."""
        x = self.words(ids) + self.positions.weight[:ids.size(1)] + self.types.weight[0]
        x = self.norm(x)
        mask = mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


class KvCache:
    """Keys and values of what was read, [layers, 2, 1, heads, capacity, head_dim]; written in place."""

    def __init__(self, layers, heads, head_dim, capacity, dtype):
        self.data = torch.zeros(layers, 2, 1, heads, capacity, head_dim, dtype=dtype)
        self.length = 0

    def append(self, layer, k, v):
        end = self.length + k.size(2)
        keys, values = self.data[layer]
        keys[:, :, self.length:end] = k
        values[:, :, self.length:end] = v
        return keys[:, :, :end], values[:, :, :end]


class Gpt2Block(nn.Module):
    def __init__(self, size, heads, index):
        super().__init__()
        self.heads, self.index = heads, index
        self.ln_1, self.ln_2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attn, self.proj = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.up, self.down = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)

    def forward(self, x, cache):
        q, k, v = (t.unflatten(2, (self.heads, -1)).transpose(1, 2)
                   for t in self.attn(self.ln_1(x)).split(x.size(2), dim=2))
        if cache is not None:
            k, v = cache.append(self.index, k, v)
        # One token sees all that came before; a text starts with an empty cache.
        y = F.scaled_dot_product_attention(q, k, v, is_causal=q.size(2) > 1)
        x = x + self.proj(y.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.ln_2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    """text/models/gpt2.h; its head has the weight of the table of words."""

    def __init__(self, words=50257, positions=1024, size=768, layers=12, heads=12):
        super().__init__()
        self.heads = heads
        self.wte, self.wpe = nn.Embedding(words, size), nn.Embedding(positions, size)
        self.layers = nn.ModuleList(Gpt2Block(size, heads, i) for i in range(layers))
        self.ln_f = nn.LayerNorm(size)

    def make_cache(self, capacity):
        size = self.wte.weight.size(1)
        return KvCache(len(self.layers), self.heads, size // self.heads, capacity, self.wte.weight.dtype)

    def forward(self, ids, cache=None, last_only=False):
        """ids [batch, tokens] i64 gives the logits; with a cache, those of a whole text or of one token after it."""
        begin = cache.length if cache is not None else 0
        x = self.wte(ids) + self.wpe.weight[begin:begin + ids.size(1)]
        for layer in self.layers:
            x = layer(x, cache)
        if cache is not None:
            cache.length += ids.size(1)
        x = self.ln_f(x)
        return F.linear(x[:, -1:] if last_only else x, self.wte.weight)
