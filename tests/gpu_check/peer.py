"""The rows of gpu_check in PyTorch: peer.py speed|training|compiled [SMALL]. Prints "row NAME VALUE UNIT"."""

import statistics
import sys
import time

import torch
import torch.nn.functional as F

small = int(sys.argv[2]) if len(sys.argv) > 2 else 1
cuda = torch.device("cuda" if torch.cuda.is_available() else "cpu")
bf16, f32 = torch.bfloat16, torch.float32
if small == 1 and cuda.type != "cuda":
    sys.exit("PyTorch sees no GPU here")


def wait():
    if cuda.type == "cuda":
        torch.cuda.synchronize()


def calls(f, n):
    wait()
    begin = time.perf_counter()
    for _ in range(n):
        f()
    wait()
    return time.perf_counter() - begin


def seconds(f):
    f()
    n = 1
    while small == 1 and n < 10000 and calls(f, n) < 0.02:
        n *= 2
    return statistics.median(calls(f, n) / n for _ in range(7 if small == 1 else 1))


def row(name, value, unit):
    print(f"row {name} {value:.6g} {unit}", flush=True)


def memory(name, b, f):
    row(name, b / seconds(f) * 1e-9, "GB/s")


def arithmetic(name, operations, f):
    row(name, operations / seconds(f) * 1e-12, "TFLOP/s")


def n(size):
    return max(size // small, 8)


def random(*shape, dtype=f32):
    return torch.randn(*shape, device=cuda).to(dtype)


def integers(below, *shape):
    return torch.randint(0, below, shape, device=cuda)


def nbytes(t):
    return t.numel() * t.element_size()


def called(what, t):
    return what + ("_f32" if t == f32 else "_bf16")


def elementwise(t):
    x, y = random(n(1 << 14), n(1 << 13), dtype=t), random(n(1 << 14), n(1 << 13), dtype=t)
    b = nbytes(x)
    memory(called("copy", t), 2 * b, x.clone)
    memory(called("add", t), 3 * b, lambda: x + y)
    memory(called("gelu", t), 2 * b, lambda: F.gelu(x))
    memory(called("add_row", t), 2 * b, lambda: x + y[0])
    memory(called("transposed_copy", t), 2 * b, lambda: x.t().contiguous())
    memory(called("cast", t), 6 * x.numel(), lambda: x.to(bf16 if t == f32 else f32))


def reductions(t):
    x = random(n(1 << 14), n(1 << 13), dtype=t)
    b, width = nbytes(x), x.shape[1]
    weight, bias = random(width, dtype=t), random(width, dtype=t)
    memory(called("sum", t), b, x.sum)
    memory(called("sum_rows", t), b, lambda: x.sum(1))
    memory(called("sum_columns", t), b, lambda: x.sum(0))
    memory(called("argmax_rows", t), b, lambda: x.argmax(1))
    memory(called("cumsum_rows", t), 2 * b, lambda: x.cumsum(1))
    memory(called("softmax", t), 2 * b, lambda: F.softmax(x, 1))
    memory(called("layer_norm", t), 2 * b, lambda: F.layer_norm(x, (width,), weight, bias))
    memory(called("rms_norm", t), 2 * b, lambda: F.rms_norm(x, (width,), weight, 1e-5))
    target = integers(width, x.shape[0])
    memory(called("cross_entropy", t), b, lambda: F.cross_entropy(x, target))


def indexing():
    table, index = random(n(50304), n(768), dtype=bf16), integers(n(50304), n(1 << 14))
    b = index.numel() * table.shape[1] * 2
    memory("embedding_bf16", 2 * b, lambda: F.embedding(index, table))
    learnt, gradient = table.clone().requires_grad_(), random(index.shape[0], table.shape[1], dtype=bf16)

    def step():
        learnt.grad = None
        F.embedding(index, learnt).backward(gradient)

    memory("embedding_and_gradient_bf16", 3 * b + nbytes(table), step)
    x = random(n(1 << 24))
    memory("sort_f32", 4 * nbytes(x), lambda: x.sort(stable=True))
    rows = x.reshape(-1, n(1 << 10))
    memory("topk_rows_f32", nbytes(x), lambda: rows.topk(8))
    at = integers(rows.shape[1], *rows.shape)
    memory("gather_f32", 4 * nbytes(x), lambda: rows.gather(1, at))


def products():
    for t in (bf16, f32):
        for size in (1024, 4096, 8192):
            if t == f32 and size == 8192:
                continue
            a, b = random(n(size), n(size), dtype=t), random(n(size), n(size), dtype=t)
            arithmetic(f"{called('matmul', t)}_{size}", 2 * n(size) ** 3, lambda: a @ b)
    x, w = random(n(1 << 14), n(768), dtype=bf16), random(n(3072), n(768), dtype=bf16)
    bias = random(n(3072), dtype=bf16)
    arithmetic("linear_bias_gelu_bf16", 2 * x.numel() * w.shape[0], lambda: F.gelu(F.linear(x, w, bias)))
    one, large = random(1, n(4096), dtype=bf16), random(n(11008), n(4096), dtype=bf16)
    memory("matrix_vector_bf16", nbytes(large), lambda: F.linear(one, large))
    image = random(n(64), n(64), n(56), n(56), dtype=bf16).contiguous(memory_format=torch.channels_last)
    kernel = random(n(64), n(64), 3, 3, dtype=bf16).contiguous(memory_format=torch.channels_last)
    arithmetic("conv3x3_bf16", 18 * image.numel() * kernel.shape[0], lambda: F.conv2d(image, kernel, padding=1))


def attentions():
    q, k, v, gradient = (random(n(16), n(12), n(1024), 64, dtype=bf16) for _ in range(4))
    operations = 2 * q.numel() * q.shape[2]
    attention = F.scaled_dot_product_attention
    arithmetic("attention_causal_bf16", operations, lambda: attention(q, k, v, is_causal=True))
    for t in (q, k, v):
        t.requires_grad_()

    def step():
        q.grad = k.grad = v.grad = None
        attention(q, k, v, is_causal=True).backward(gradient)

    arithmetic("attention_causal_and_gradient_bf16", 3.5 * operations, step)
    one = random(n(16), n(32), 1, 128, dtype=bf16)
    keys, values = (random(n(16), n(32), n(4096), 128, dtype=bf16) for _ in range(2))
    memory("attention_decode_bf16", 2 * nbytes(keys), lambda: attention(one, keys, values))


def small_work():
    x, y, a = random(16), random(16), random(16, 16)
    row("launch_add", seconds(lambda: x + y) * 1e6, "us")
    row("launch_matmul", seconds(lambda: a @ a) * 1e6, "us")
    learnt = x.clone().requires_grad_()

    def step():
        learnt.grad = None
        (learnt + y).sum().backward()

    row("launch_add_and_gradient", seconds(step) * 1e6, "us")
    parameters = [random(*s) for _ in range(12) for r in (2304, 768, 3072, 3072) for s in ((n(r), n(768)), (n(r),))]
    for p in parameters:
        p.requires_grad_()
        p.grad = torch.randn_like(p)
    adamw = torch.optim.AdamW(parameters, lr=1e-4, fused=cuda.type == "cuda")
    memory("adamw", 7 * sum(nbytes(p) for p in parameters), adamw.step)


def speed():
    torch.backends.cuda.matmul.allow_tf32 = False
    for part in (elementwise, reductions):
        for t in (f32, bf16):
            part(t)
    for part in (indexing, products, attentions, small_work):
        part()


class Block(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.qkv, self.out = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.up, self.down = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (p.view(b, t, self.heads, -1).transpose(1, 2) for p in self.qkv(self.ln1(x)).split(c, 2))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(a.transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))


class Gpt2(torch.nn.Module):
    def __init__(self, vocabulary=50257, width=768, layers=12, heads=12, positions=1024):
        super().__init__()
        self.wte, self.wpe = torch.nn.Embedding(vocabulary, width), torch.nn.Embedding(positions, width)
        self.blocks = torch.nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = torch.nn.LayerNorm(width)
        torch.nn.init.normal_(self.wte.weight, std=0.02)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.wte.weight)


class Bottleneck(torch.nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        conv, norm = torch.nn.Conv2d, torch.nn.BatchNorm2d
        self.conv1, self.norm1 = conv(inputs, width, 1, bias=False), norm(width)
        self.conv2, self.norm2 = conv(width, width, 3, stride, 1, bias=False), norm(width)
        self.conv3, self.norm3 = conv(width, 4 * width, 1, bias=False), norm(4 * width)
        self.down = None
        if stride != 1 or inputs != 4 * width:
            self.down = torch.nn.Sequential(conv(inputs, 4 * width, 1, stride, bias=False), norm(4 * width))

    def forward(self, x):
        h = F.relu(self.norm1(self.conv1(x)))
        h = F.relu(self.norm2(self.conv2(h)))
        return F.relu(self.norm3(self.conv3(h)) + (self.down(x) if self.down else x))


class ResNet50(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(3, 64, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(64)
        blocks, inputs = [], 64
        for stage, count in enumerate((3, 4, 6, 3)):
            width = 64 << stage
            for i in range(count):
                blocks.append(Bottleneck(inputs, width, 2 if i == 0 and stage > 0 else 1))
                inputs = 4 * width
        self.blocks, self.head = torch.nn.Sequential(*blocks), torch.nn.Linear(2048, 1000)

    def forward(self, x):
        h = F.max_pool2d(F.relu(self.norm(self.conv(x))), 3, 2, 1)
        return self.head(self.blocks(h).mean((2, 3)))


def run(name, amount, unit, step):
    warm, steps = (5, 20) if small == 1 else (1, 1)
    for _ in range(warm):
        loss = step()
    wait()
    if cuda.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    losses = [loss]
    took = calls(lambda: losses.append(step()), steps)
    row(name, amount * steps / took, unit)
    if cuda.type == "cuda":
        row(name + "_peak", torch.cuda.max_memory_allocated() * 1e-9, "GB")
    row(name + "_loss", losses[-1].item(), "")


def training(compiled):
    torch.manual_seed(1)
    fused = cuda.type == "cuda"

    def wrapped(net):
        return torch.compile(net) if compiled else net

    batch, length, config = 16, 1024, {}
    if small > 1:
        batch, length, config = 2, 32, dict(vocabulary=96, width=64, layers=2, heads=2)
    net = Gpt2(**config).to(cuda)
    model = wrapped(net)
    ids = integers(config.get("vocabulary", 50257), batch, length + 1)
    adamw = torch.optim.AdamW(net.parameters(), lr=3e-4, weight_decay=0.01, fused=fused)

    def gpt2():
        with torch.autocast(cuda.type, dtype=bf16):
            loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        adamw.zero_grad()
        loss.backward()
        adamw.step()
        return loss.detach()

    run("gpt2_124m_bf16", batch * length, "tokens/s", gpt2)
    del net, model, adamw
    batch, size = (2, 32) if small > 1 else (128, 224)
    net = ResNet50().to(cuda, memory_format=torch.channels_last)
    resnet = wrapped(net)
    x = random(batch, 3, size, size).contiguous(memory_format=torch.channels_last)
    target = integers(1000, batch)
    sgd = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, fused=fused)

    def resnet50():
        with torch.autocast(cuda.type, dtype=bf16):
            loss = F.cross_entropy(resnet(x), target)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        return loss.detach()

    run("resnet50_bf16", batch, "images/s", resnet50)


if __name__ == "__main__":
    speed() if sys.argv[1] == "speed" else training(sys.argv[1] == "compiled")
