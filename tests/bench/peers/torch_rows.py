"""The rows of tools/bench in PyTorch, each under the name that Hearth's own benchmark of it has, with _nchw, _nhwc or
_fused behind it where PyTorch can do the same in several ways; tools/bench takes the best.

All operands are written with random numbers before the clock starts: untouched memory is one shared page of zeros, and
reading it measures nothing. Training steps take the optimizers' fused variants, PyTorch's fastest.
"""
import dataclasses
import functools
import random
from typing import Callable

import torch
from torch import nn
from torch.nn import functional as F

import torch_nets as nets

BF16, F32 = torch.bfloat16, torch.float32
NCHW, NHWC = torch.contiguous_format, torch.channels_last
LAYOUTS = {"nchw": NCHW, "nhwc": NHWC}
MANY = 1 << 24


@dataclasses.dataclass(frozen=True)
class Row:
    make: Callable           # makes the operands and gives a function without arguments: an iteration
    mode: str = "inference"  # or "no_grad", "grad"
    threads: int = 0         # 0: as many as Hearth has
    flops: float = 0         # of an iteration
    bytes: float = 0         # of an iteration
    iterations: int = 0      # so many, in one run; 0: as many as the minimal time needs


ROWS = {}


def row(name, **options):
    """Decorates what makes the row's operands."""
    def add(make):
        ROWS[name] = Row(make, **options)
        return make
    return add


def add_row(name, make, *args, mode="inference", threads=0, flops=0, bytes=0, iterations=0):
    ROWS[name] = Row(functools.partial(make, *args), mode, threads, flops, bytes, iterations)


# core_bench.cc

@row("add_8")
def add_8():
    a, b = torch.randn(8), torch.randn(8)
    return lambda: a + b


@row("backward_8", mode="grad")
def backward_8():
    a, b = torch.randn(8, requires_grad=True), torch.randn(8, requires_grad=True)

    def step():
        (a * b).sum().backward()
        a.grad = b.grad = None
    return step


def matmul(n, dtype):
    a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
    return lambda: torch.matmul(a, b)


for n in (256, 1024, 2048):
    add_row(f"matmul_f32/{n}", matmul, n, F32, flops=2 * n**3)
    add_row(f"matmul_bf16/{n}", matmul, n, BF16, flops=2 * n**3)


def conv(layout):
    x = torch.randn(16, 64, 56, 56).contiguous(memory_format=layout)
    w = torch.randn(64, 64, 3, 3).contiguous(memory_format=layout)
    return lambda: F.conv2d(x, w, padding=1)


for name, layout in LAYOUTS.items():
    add_row(f"conv_{name}", conv, layout, flops=2 * 16 * 64 * 64 * 9 * 56 * 56)


@row("add_2p24", bytes=12 * MANY)
def add_2p24():
    a, b = torch.randn(MANY), torch.randn(MANY)
    return lambda: a + b


def of_one(f, *shape):
    a = torch.randn(*shape)
    return lambda: f(a)


add_row("exp_2p24", of_one, torch.exp, MANY)
add_row("gelu_2p24", of_one, F.gelu, MANY)
add_row("softmax_4096", of_one, lambda a: torch.softmax(a, 1), 4096, 4096)
add_row("transpose_4096", of_one, lambda a: a.t().contiguous(), 4096, 4096)


@row("layer_norm_4096")
def layer_norm_4096():
    a, weight, bias = torch.randn(4096, 4096), torch.randn(4096), torch.randn(4096)
    return lambda: F.layer_norm(a, (4096,), weight, bias)


def attention(dtype, causal, training):
    q, k, v, dy = (torch.randn(8, 8, 512, 64).to(dtype) for _ in range(4))
    if not training:
        return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    for t in (q, k, v):
        t.requires_grad_()

    def step():
        F.scaled_dot_product_attention(q, k, v, is_causal=causal).backward(dy)
        q.grad = k.grad = v.grad = None
    return step


add_row("attention_f32", attention, F32, False, False, mode="grad")
add_row("attention_causal_f32", attention, F32, True, False, mode="grad")
add_row("attention_step_f32", attention, F32, False, True, mode="grad")
add_row("attention_step_causal_f32", attention, F32, True, True, mode="grad")
add_row("attention_step_causal_bf16", attention, BF16, True, True, mode="grad")


@row("attention_decode")
def attention_decode():
    q, k, v = torch.randn(8, 8, 1, 64), torch.randn(8, 8, 1024, 64), torch.randn(8, 8, 1024, 64)
    return lambda: F.scaled_dot_product_attention(q, k, v)


# op_bench.cc

add_row("sum_2p24", of_one, torch.sum, MANY, bytes=4 * MANY)
add_row("sum_columns_4096", of_one, lambda a: a.sum(0), 4096, 4096)
add_row("amax_4096", of_one, lambda a: a.amax(1), 4096, 4096)
add_row("argmax_4096", of_one, lambda a: a.argmax(1), 4096, 4096)
add_row("logsumexp_4096", of_one, lambda a: a.logsumexp(1), 4096, 4096)
add_row("cumsum_4096", of_one, lambda a: a.cumsum(1), 4096, 4096)
add_row("tanh_2p24", of_one, torch.tanh, MANY)
add_row("sort_2p20", of_one, torch.sort, 1 << 20)
add_row("sort_1024", of_one, torch.sort, 1024, 1024)
add_row("topk_4096", of_one, lambda a: torch.topk(a, 50), 1024, 4096)


@row("add_row_4096")
def add_row_4096():
    a, b = torch.randn(4096, 4096), torch.randn(4096)
    return lambda: a + b


@row("where_2p24")
def where_2p24():
    a, b = torch.randn(MANY), torch.randn(MANY)
    mask = a > b
    return lambda: torch.where(mask, a, b)


@row("cat_4096")
def cat_4096():
    a, b = torch.randn(4096, 2048), torch.randn(4096, 2048)
    return lambda: torch.cat((a, b), 1)


@row("gather_4096")
def gather_4096():
    a, index = torch.randn(4096, 4096), torch.randint(0, 4096, (4096, 4096))
    return lambda: torch.gather(a, 1, index)


@row("index_select_rows")
def index_select_rows():
    a, index = torch.randn(4096, 1024), torch.randint(0, 4096, (16384,))
    return lambda: torch.index_select(a, 0, index)


def with_gradients(f, leaves, *dy):
    """A step that runs f() and gives the leaves their gradients."""
    for leaf in leaves:
        leaf.requires_grad_()

    def step():
        f().backward(*dy)
        for leaf in leaves:
            leaf.grad = None
    return step


@row("embedding_step", mode="grad")
def embedding_step():
    table, ids, dy = torch.randn(32000, 512), torch.randint(0, 32000, (8, 512)), torch.randn(8, 512, 512)
    return with_gradients(lambda: F.embedding(ids, table), [table], dy)


@row("cross_entropy_step", mode="grad")
def cross_entropy_step():
    x, y = torch.randn(2048, 32000), torch.randint(0, 32000, (2048,))
    return with_gradients(lambda: F.cross_entropy(x, y), [x])


def batch_norm_step(layout):
    x = torch.randn(32, 64, 56, 56).contiguous(memory_format=layout)
    dy = torch.randn(32, 64, 56, 56).contiguous(memory_format=layout)
    net = nn.BatchNorm2d(64)
    return with_gradients(lambda: net(x), [x, *net.parameters()], dy)


def conv_step(layout):
    x = torch.randn(16, 64, 56, 56).contiguous(memory_format=layout)
    dy = torch.randn(16, 64, 56, 56).contiguous(memory_format=layout)
    w = torch.randn(64, 64, 3, 3).contiguous(memory_format=layout)
    return with_gradients(lambda: F.conv2d(x, w, padding=1), [x, w], dy)


for name, layout in LAYOUTS.items():
    add_row(f"batch_norm_step_{name}", batch_norm_step, layout, mode="grad")
    add_row(f"conv_step_{name}", conv_step, layout, mode="grad", flops=3 * 2 * 16 * 64 * 64 * 9 * 56 * 56)


@row("bmm_64x128", flops=2 * 64 * 128**3)
def bmm_64x128():
    a, b = torch.randn(64, 128, 128), torch.randn(64, 128, 128)
    return lambda: torch.bmm(a, b)


@row("matvec_4096", bytes=4 * 4096 * 4096)
def matvec_4096():
    a, b = torch.randn(4096, 4096), torch.randn(4096)
    return lambda: torch.matmul(a, b)


@row("transformer_layer_step", mode="grad")
def transformer_layer_step():
    net = nn.TransformerEncoderLayer(384, 6, 1536, dropout=0, activation="gelu", batch_first=True)
    x, dy = torch.randn(8, 128, 384), torch.randn(8, 128, 384)
    return with_gradients(lambda: net(x), [x, *net.parameters()], dy)


# training_bench.cc

def training_step(net, optimizer, x, y):
    def step():
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    return step


@row("mlp_step", mode="grad")
def mlp_step():
    net = nets.mlp()
    return training_step(net, torch.optim.Adam(net.parameters(), lr=1e-3, fused=True), torch.randn(128, 784),
                         torch.randint(0, 10, (128,)))


def images_step(make_net, make_optimizer, layout, shape=(64, 1, 28, 28), classes=10):
    net = make_net().to(memory_format=layout)
    x = torch.randn(shape).contiguous(memory_format=layout)
    return training_step(net, make_optimizer(net.parameters()), x, torch.randint(0, classes, (shape[0],)))


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, fused=True)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3, fused=True)


class Images(torch.utils.data.Dataset):
    """Images of noise in memory, normalised one by one by a worker as Hearth's loader does it, but not augmented."""

    def __init__(self):
        self.pixels = torch.randint(0, 256, (55000, 1, 28, 28), dtype=torch.uint8)
        self.labels = torch.randint(0, 10, (55000,))

    def __len__(self):
        return 55000

    def __getitem__(self, i):
        return self.pixels[i].float().div_(255).sub_(0.286).div_(0.353), self.labels[i]


def fashion_epoch(layout):
    net = nets.fashion().to(memory_format=layout)
    optimizer = adamw(net.parameters())
    loader = torch.utils.data.DataLoader(Images(), batch_size=64, shuffle=True, drop_last=True, num_workers=1,
                                         prefetch_factor=8, multiprocessing_context="fork")

    def epoch():
        total = 0
        for x, y in loader:
            loss = F.cross_entropy(net(x.contiguous(memory_format=layout)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total
    return epoch


for name, layout in LAYOUTS.items():
    add_row(f"cnn_step_{name}", images_step, nets.cnn, sgd, layout, mode="grad")
    add_row(f"fashion_step_{name}", images_step, nets.fashion, adamw, layout, mode="grad")
    add_row(f"resnet18_step_{name}", images_step, nets.ResNet18, sgd, layout, (8, 3, 224, 224), 1000, mode="grad")
    add_row(f"fashion_epoch_{name}", fashion_epoch, layout, mode="grad", iterations=1)


# optim_bench.cc: 160 parameters with gradients, of 256 to 65536 elements

def parameters():
    out = []
    for i in range(160):
        n = int(256 * 2**(8 * i / 159))
        out.append(torch.randn(n, requires_grad=True))
        out[-1].grad = torch.randn(n)
    return out


def optimizer_step(make):
    optimizer = make(parameters())
    return optimizer.step


add_row("adamw_step", optimizer_step, torch.optim.AdamW, mode="grad")
add_row("adamw_step_fused", optimizer_step, lambda p: torch.optim.AdamW(p, fused=True), mode="grad")
add_row("sgd_momentum_step", optimizer_step, lambda p: torch.optim.SGD(p, momentum=0.9), mode="grad")
add_row("sgd_momentum_step_fused", optimizer_step, lambda p: torch.optim.SGD(p, momentum=0.9, fused=True), mode="grad")
add_row("rmsprop_step", optimizer_step, lambda p: torch.optim.RMSprop(p, momentum=0.9), mode="grad")


@row("clip_grad_norm", mode="grad")
def clip_grad_norm():
    p = parameters()
    return lambda: torch.nn.utils.clip_grad_norm_(p, 1e9)


# rnn_bench.cc

def recurrent_forward(layer_type, batch):
    layer, x = layer_type(256, 256), torch.randn(100, batch, 256)
    return lambda: layer(x)


def recurrent_step(layer_type, batch):
    layer = layer_type(256, 256)
    x, g = torch.randn(100, batch, 256, requires_grad=True), torch.randn(100, batch, 256)
    leaves = [*layer.parameters(), x]
    return lambda: torch.autograd.grad(layer(x)[0], leaves, g)


for name, layer in (("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)):
    for batch in (1, 32, 128):
        add_row(f"{name}_forward/{batch}", recurrent_forward, layer, batch, mode="no_grad")
        add_row(f"{name}_step/{batch}", recurrent_step, layer, batch, mode="grad")


# fft_bench.cc

def transform(f, dtype, *shape):
    x = torch.randn(*shape, dtype=dtype)
    return lambda: f(x)


C64 = torch.complex64
add_row("rfft_10000x400", transform, torch.fft.rfft, F32, 10000, 400, mode="no_grad")
add_row("irfft_10000x400", transform, torch.fft.irfft, C64, 10000, 201, mode="no_grad")
add_row("rfft_1000x4096", transform, torch.fft.rfft, F32, 1000, 4096, mode="no_grad")
add_row("fft_16384x64", transform, torch.fft.fft, C64, 16384, 64, mode="no_grad")
add_row("fft_2_20", transform, torch.fft.fft, C64, 1 << 20, mode="no_grad")
add_row("rfft_1000003", transform, torch.fft.rfft, F32, 1000003, mode="no_grad")
add_row("fft2_1024", transform, torch.fft.fft2, C64, 1024, 1024, mode="no_grad")


# linalg_bench.cc: the number behind the name is that of threads

def small():
    return torch.randn(256, 32, 32)


def large():
    return torch.randn(1024, 1024)


def positive(x):
    return x @ x.mT / x.size(-1) + torch.eye(x.size(-1))


def solve(make, *rhs):
    a, b = make(), torch.randn(*rhs)
    return lambda: torch.linalg.solve(a, b)


def decomposition(f, make):
    x = make()
    return lambda: f(x)


for width in (1, 2):
    options = {"mode": "no_grad", "threads": width}
    add_row(f"solve_32/{width}", solve, small, 256, 32, 8, **options)
    add_row(f"solve_1024/{width}", solve, large, 1024, 8, **options)
    for name, f in (("cholesky", torch.linalg.cholesky), ("eigh", torch.linalg.eigh)):
        add_row(f"{name}_32/{width}", decomposition, f, lambda: positive(small()), **options)
        add_row(f"{name}_1024/{width}", decomposition, f, lambda: positive(large()), **options)
    add_row(f"svd_32/{width}", decomposition, torch.linalg.svd, small, **options)
    add_row(f"svd_1024/{width}", decomposition, torch.linalg.svd, large, **options)
    add_row(f"inv_1024/{width}", decomposition, torch.linalg.inv, large, **options)
    add_row(f"qr_1024/{width}", decomposition, torch.linalg.qr, large, **options)


# text_models_bench.cc

def with_plain_weights(make, dtype=F32):
    """Drawing the first values of 124 million weights would take longer than all that is measured."""
    with torch.device("meta"):
        net = make().to(dtype)
    net = net.to_empty(device="cpu").eval()
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(0.01)
    return net


@functools.lru_cache(maxsize=1)  # rows come one after the other; all nets together would fill the memory
def mini_lm():
    return with_plain_weights(nets.Bert)


@functools.lru_cache(maxsize=1)
def gpt2(dtype):
    return with_plain_weights(nets.Gpt2, dtype)


def mini_lm_forward(batch, tokens):
    net, ids = mini_lm(), torch.randint(1000, 30000, (batch, tokens))
    mask = torch.ones(batch, tokens, dtype=torch.bool)
    if batch >= 4:
        mask[:batch // 4, tokens // 2:] = False
    return lambda: net(ids, mask)


def gpt2_prefill(tokens):
    net, ids = gpt2(F32), torch.randint(0, 50000, (1, tokens))
    cache = net.make_cache(1024)

    def step():
        cache.length = 0
        return net(ids, cache, last_only=True)
    return step


def gpt2_decode(dtype):
    net, prompt, one = gpt2(dtype), torch.randint(0, 50000, (1, 128)), torch.randint(0, 50000, (1, 1))
    cache = net.make_cache(192)
    net(prompt, cache, last_only=True)

    def step():
        if cache.length == 192:
            cache.length = 128  # the prompt is still there
        return net(one, cache)
    return step


@row("gpt2_step", mode="grad")
def gpt2_step():
    net = nets.Gpt2(words=1024, positions=128, size=256, layers=4, heads=4)
    optimizer = adamw(net.parameters())
    ids, targets = torch.randint(0, 1024, (8, 128)), torch.randint(0, 1024, (8 * 128,))

    def step():
        loss = F.cross_entropy(net(ids).flatten(0, 1), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimizer.step()
        return loss.item()
    return step


add_row("mini_lm_forward/32/128", mini_lm_forward, 32, 128)
add_row("mini_lm_forward/1/16", mini_lm_forward, 1, 16)
add_row("gpt2_prefill/512", gpt2_prefill, 512)
add_row("gpt2_decode/f32", gpt2_decode, F32)
add_row("gpt2_decode/bf16", gpt2_decode, BF16)


# vision_bench.cc, on one thread as in a loader. Resizing is that of torchvision: F.interpolate with antialias.

def photograph(h, w):
    y, x = torch.sin(torch.arange(h) * 0.013), torch.sin(torch.arange(w) * 0.017)
    return ((y[:, None] + x) * 60 + torch.randn(3, h, w) * 6 + 128).clamp(0, 255).to(torch.uint8)[None]


def resized(x, size, mode="bilinear"):
    return F.interpolate(x, size, mode=mode, antialias=True, align_corners=False)


def resize(dtype, mode, layout):
    x = photograph(375, 500).contiguous(memory_format=layout)
    x = x if dtype == torch.uint8 else x.to(dtype) / 255
    return lambda: resized(x, (256, 341), mode)


def normaliser(mean, std):
    mean, std = (torch.tensor(t)[:, None, None] for t in (mean, std))
    return lambda x: x.float().div_(255).sub_(mean).div_(std)


def preprocess(layout):
    """resize_shorter_side(256), center_crop(224), to_float, normalize."""
    x = photograph(375, 500).contiguous(memory_format=layout)
    normalise = normaliser([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    top, left = (256 - 224) // 2, (341 - 224) // 2
    return lambda: normalise(resized(x, (256, 341))[:, :, top:top + 224, left:left + 224])


for name, layout in LAYOUTS.items():
    add_row(f"resize_u8/bilinear_{name}", resize, torch.uint8, "bilinear", layout, threads=1)
    add_row(f"resize_u8/bicubic_{name}", resize, torch.uint8, "bicubic", layout, threads=1)
    add_row(f"resize_f32_{name}", resize, F32, "bilinear", layout, threads=1)
    add_row(f"preprocess_{name}", preprocess, layout, threads=1)


@row("augment_28", threads=1)
def augment_28():
    """Random crop with two pixels of padding, random flip, to_float, normalize; resizing to 28 changes nothing."""
    x, normalise = photograph(28, 28)[0, :1], normaliser([0.286], [0.353])

    def step():
        top, left = random.randrange(5), random.randrange(5)
        y = F.pad(x, (2, 2, 2, 2))[:, top:top + 28, left:left + 28]
        return normalise(y.flip(-1) if random.random() < 0.5 else y)
    return step


# audio_bench.cc, beside torchaudio

def torchaudio():
    torch.version.cuda = None  # torchaudio wants the same version of CUDA, which is not needed here
    import torchaudio
    return torchaudio


def audio_rows():
    try:
        audio = torchaudio()
    except (ImportError, OSError, RuntimeError):
        return  # it is not there or of another version: these rows have no peer
    import torchaudio.compliance.kaldi as kaldi
    frames = {"n_fft": 400, "hop_length": 160, "n_mels": 80}
    mel = audio.transforms.MelSpectrogram(16000, **frames)
    mfcc = audio.transforms.MFCC(16000, n_mfcc=13, log_mels=True, melkwargs=frames)
    resample = audio.transforms.Resample(44100, 16000)

    def of_minutes(f, minutes, rate=16000, scale=1):
        x = torch.randn(1, minutes * 60 * rate) * scale
        f(x)  # memory that is used for the first time is another matter
        return lambda: f(x)

    for name, f in (("mel", mel), ("mfcc", mfcc), ("fbank", lambda x: kaldi.fbank(x, num_mel_bins=80))):
        add_row(f"{name}_whole", of_minutes, f, 1, mode="no_grad")
    add_row("log_mel_600", of_minutes, lambda x: torch.log(mel(x) + 1e-10), 10, 16000, 0.1, mode="no_grad")
    add_row("mfcc_600", of_minutes, mfcc, 10, 16000, 0.1, mode="no_grad")
    add_row("resample_600", of_minutes, resample, 10, 44100, 0.1, mode="no_grad")


audio_rows()
