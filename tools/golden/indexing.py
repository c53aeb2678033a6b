"""PyTorch's answers to random calls of x[...], x[...] = v, x[...] += v, view and flatten.

    python3 tools/golden/indexing.py > tests/core/indexing_golden.inc

x holds 0, 1, 2, ... in row-major order of its shape, or, if it is turned, of the reversed shape, whose dimensions are
then exchanged. Parts of an index are written i-1 (an integer), s0:3:2 (a slice), e (Ellipsis), n (None), b1 (a bool),
M2,2:1,0,0,1 (a mask) and T2,1:0,-2 (an index tensor), each with its shape before the colon.
"""
import random

import torch

random.seed(20)


def numbers(t):
    return "{" + ", ".join("%d" % v for v in t.reshape(-1).tolist()) + "}"


def sizes(s):
    return "{" + ", ".join("%d" % n for n in s) + "}"


def listed(s):
    return ",".join(str(n) for n in s)


def make(shape, turned, dtype=torch.float64):
    n = 1
    for s in shape:
        n *= s
    x = torch.arange(n, dtype=dtype)
    return x.reshape(shape[::-1]).permute(tuple(range(len(shape)))[::-1]) if turned else x.reshape(shape)


def tensor_part(n, group):
    shape = random.choice([(), (1,), (2,), (2,), (3,)] if group == 1 else [(), (2,), (2,), (3, 1), (3, 2), (1, 2)])
    t = torch.tensor([random.randrange(-n, n) for _ in range(torch.Size(shape).numel())], dtype=torch.int64)
    return t.reshape(shape), "T%s:%s" % (listed(shape), listed(t.tolist()))


def parts_for(shape):
    """Python's index, and its text."""
    index, text, d, dots = [], [], 0, False
    group = random.choice([1, 2])
    while len(index) < 5:
        kind = random.choice("iissneebMTTTTm.")
        n = shape[d] if d < len(shape) else 0
        if kind in "isMTm" and (d >= len(shape) or n == 0):
            if random.random() < 0.6:
                break
            continue
        if kind == "i":
            i = random.randrange(-n, n)
            index.append(i)
            text.append("i%d" % i)
            d += 1
        elif kind == "s":
            a, b, c = random.choice(["", -2, 0, 1]), random.choice(["", -1, 2, 5]), random.choice([1, 1, 2])
            index.append(slice(a if a != "" else None, b if b != "" else None, c))
            text.append("s%s:%s:%d" % (a, b, c))
            d += 1
        elif kind == "n":
            index.append(None)
            text.append("n")
        elif kind == "e" and not dots:
            dots = True
            skip = random.randrange(0, len(shape) - d + 1)
            if skip == 0 and random.random() < 0.5:
                continue
            index.append(Ellipsis)
            text.append("e")
            d += skip
            # The parts behind it must take exactly what is left.
            while d < len(shape):
                t, s = tensor_part(shape[d], group) if random.random() < 0.6 and shape[d] else (slice(None), "s::1")
                index.append(t)
                text.append(s)
                d += 1
            break
        elif kind == "b":
            b = random.random() < 0.7
            index.append(b)
            text.append("b%d" % b)
        elif kind == "m":
            b = random.random() < 0.7
            index.append(torch.tensor(b))
            text.append("M:%d" % b)
        elif kind == "M":
            k = random.randrange(1, min(len(shape) - d, 2) + 1)
            m = torch.rand(shape[d:d + k]) < 0.5
            index.append(m)
            text.append("M%s:%s" % (listed(m.shape), listed(int(v) for v in m.reshape(-1).tolist())))
            d += k
        elif kind == "T":
            t, s = tensor_part(n, group)
            index.append(t)
            text.append(s)
            d += 1
        elif kind == ".":
            break
    return tuple(index), " ".join(text)


def value_for(shape):
    s = list(shape)
    for d in range(len(s)):
        if random.random() < 0.2:
            s[d] = 1
    if random.random() < 0.3:
        s = s[random.randrange(0, len(s) + 1):]
    v = torch.arange(torch.Size(s).numel(), dtype=torch.float64).reshape(s) + 100
    return v


def graded(f, *operands):
    operands = [o.clone().requires_grad_() for o in operands]
    y = f(*operands)
    (y * (torch.arange(y.numel(), dtype=y.dtype).reshape(y.shape) + 1)).sum().backward()
    return [torch.zeros_like(o) if o.grad is None else o.grad for o in operands]


def put(x, index, v):
    y = x.clone()
    y[index] = v
    return y


def indexing(count):
    seen, errors = set(), 0
    print("inline const std::vector<IndexCase> kIndexCases = {")
    while count:
        shape = [random.choice([1, 2, 3, 3, 4] if d else [1, 2, 3]) for d in range(random.randrange(0, 5))]
        if random.random() < 0.05 and shape:
            shape[-1] = 0
        if torch.Size(shape).numel() > 30:
            continue
        turned = random.random() < 0.4
        index, text = parts_for(shape)
        if not text or (tuple(shape), text) in seen:
            continue
        x = make(shape, turned)
        try:
            y = x[index]
        except IndexError:
            if errors < 12:
                errors += 1
                print('    {%s, %s, "%s", false},' % (sizes(shape), "true" if turned else "false", text))
            continue
        if y.numel() > 40 or y.dim() > 7:
            continue
        seen.add((tuple(shape), text))
        count -= 1
        v = value_for(y.shape)
        places = make(shape, False, torch.int64)[index]
        added = x.reshape(-1).index_add(0, places.reshape(-1), v.expand(y.shape).reshape(-1))
        raised = x.clone()
        raised[index] += v
        gx, = graded(lambda x: x[index], x)
        px, pv = graded(lambda x, v: put(x, index, v), x, v)
        print('    {%s, %s, "%s", true, %s, %s, %s, %s, %s, %s, %s, %s, %s},' % (
            sizes(shape), "true" if turned else "false", text, sizes(y.shape), numbers(y), sizes(v.shape),
            numbers(put(x, index, v)), numbers(added), numbers(raised), numbers(gx), numbers(px), numbers(pv)))
    print("};")


def split(n):
    """A random shape of n elements."""
    out = []
    while len(out) < 4:
        if random.random() < 0.2:
            out.append(1)
            continue
        divisors = [k for k in range(2, n + 1) if n % k == 0]
        if not divisors or random.random() < 0.2:
            break
        out.append(random.choice(divisors))
        n //= out[-1]
    if n != 1 or random.random() < 0.1:
        out.append(n)
    random.shuffle(out)
    return out


def views(count):
    print("inline const std::vector<ViewCase> kViewCases = {")
    while count:
        shape = [random.choice([1, 2, 2, 3, 4, 6]) for _ in range(random.randrange(0, 5))]
        if random.random() < 0.04 and shape:
            shape[0] = 0
        x = torch.arange(torch.Size(shape).numel()).reshape(shape)
        kind = random.randrange(4)
        if kind == 1 and x.dim():
            x = x.permute(random.sample(range(x.dim()), x.dim()))
        if kind in (2, 3) and x.dim():
            d = random.randrange(x.dim())
            if kind == 2 and x.shape[d] > 1:
                x = x.narrow(d, 0, x.shape[d] - 1) if random.random() < 0.5 else x[(slice(None),) * d + (slice(0, None, 2),)]
            elif kind == 3:
                x = x.unsqueeze(d).expand(x.shape[:d] + (random.choice([1, 2, 3]),) + x.shape[d:])
        if x.numel() > 150:
            continue
        to = split(x.numel()) if x.numel() else [0, random.randrange(0, 4)]
        try:
            y = x.view(to)
        except RuntimeError:
            y = None
        first, last = (0, 0) if x.dim() == 0 else sorted(random.choices(range(x.dim()), k=2))
        flat = x.flatten(first, last)
        shares = x.numel() == 0 or flat.data_ptr() == x.data_ptr()
        print("    {%s, %s, %s, %s, %s, %d, %d, %s, %s}," % (
            sizes(x.shape), sizes(x.stride()), sizes(to), "true" if y is not None else "false",
            sizes(y.stride() if y is not None else ()), first, last, sizes(flat.shape), "true" if shares else "false"))
        count -= 1
    print("};")


print("// Made by tools/golden/indexing.py with PyTorch %s." % torch.__version__)
torch.manual_seed(20)
indexing(150)
views(250)
