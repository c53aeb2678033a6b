"""PyTorch's values and gradients of complex ops and of Fourier transforms, in complex128 and float64.

    python3 tools/golden/complex.py tests/core/complex/golden.safetensors

Complex tensors are stored as pairs of real numbers, under a name that ends in ".c". For each case: the operands in.0, …,
the result out, the weights w that its gradient is given, and the operands' gradients grad.0, ….
"""
import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(20261127)
tensors = {}


def c(*shape):
    return torch.randn(*shape, dtype=torch.complex128)


def r(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def put(name, t):
    t = t.detach().resolve_conj().resolve_neg().contiguous()
    if t.is_complex():
        tensors[name + ".c"] = torch.view_as_real(t).contiguous().clone()
    else:
        tensors[name] = t.clone()


def case(name, f, *inputs):
    assert not any(k.startswith(name + "/") for k in tensors), name
    leaves = [x.clone().requires_grad_() if x.is_floating_point() or x.is_complex() else x for x in inputs]
    out = f(*leaves)
    for k, x in enumerate(inputs):
        put(f"{name}/in.{k}", x)
    put(f"{name}/out", out)
    if not out.requires_grad:
        return
    w = torch.randn_like(out)
    put(f"{name}/w", w)
    grads = torch.autograd.grad(out, [x for x in leaves if x.requires_grad], w, allow_unused=True)
    k = 0
    for i, x in enumerate(leaves):
        if x.requires_grad:
            if grads[k] is not None:
                put(f"{name}/grad.{i}", grads[k])
            k += 1


# ---- arithmetic
case("add", lambda a, b: a + b, c(3, 4), c(4))
case("add_real", lambda a, b: a + b, c(3, 4), r(3, 1))
case("add_number", lambda a: a + 2.5, c(3, 4))
case("sub", lambda a, b: a - b, c(3, 1), c(4))
case("sub_real", lambda a, b: a - b, r(3, 4), c(3, 4))
case("number_sub", lambda a: 2 - a, c(3, 4))
case("mul", lambda a, b: a * b, c(3, 4), c(4))
case("mul_real", lambda a, b: a * b, r(3, 4), c(4))
case("mul_number", lambda a: a * -3, c(5))
case("div", lambda a, b: a / b, c(3, 4), c(4))
case("div_real", lambda a, b: a / b, c(3, 4), r(3, 4).abs() + 0.5)
case("real_div", lambda a, b: a / b, r(3, 4), c(3, 4))
case("number_div", lambda a: 2 / a, c(3, 4))
case("neg", lambda a: -a, c(3, 4))
case("square", torch.square, c(3, 4))
case("exp", torch.exp, c(3, 4))
case("abs", torch.abs, torch.cat([c(7), torch.zeros(1, dtype=torch.complex128)]))
case("abs_square", lambda a: a.real**2 + a.imag**2, torch.cat([c(7), torch.zeros(1, dtype=torch.complex128)]))
case("angle", torch.angle, c(3, 4))
case("sgn", torch.sgn, torch.cat([c(7), torch.zeros(1, dtype=torch.complex128)]))
case("conj", torch.conj, c(3, 4))
case("real", torch.real, c(3, 4))
case("imag", torch.imag, c(3, 4))
case("where", lambda a, b: torch.where(a.real > 0, a, b), c(3, 4), c(4))
case("eq", lambda a, b: a == b, torch.tensor([1 + 2j, 1 + 2j, 0j]), torch.tensor([1 + 2j, 1 + 3j, -0j]))
case("ne", lambda a, b: a != b, torch.tensor([1 + 2j, 1 + 2j, 0j]), torch.tensor([1 + 2j, 2 + 2j, -0j]))
# ---- sums, products
case("sum", lambda a: a.sum(), c(3, 40))
case("sum_dim", lambda a: a.sum(1), c(3, 4, 5))
case("sum_dims", lambda a: a.sum((0, 2), keepdim=True), c(3, 4, 5))
case("mean", lambda a: a.mean(), c(3, 4))
case("mean_dim", lambda a: a.mean(0), c(3, 4))
case("matmul", lambda a, b: a @ b, c(3, 4), c(4, 5))
case("matmul_batch", lambda a, b: a @ b, c(2, 3, 4), c(4, 5))
case("matmul_batches", lambda a, b: a @ b, c(2, 1, 3, 4), c(3, 4, 2))
case("matmul_vector", lambda a, b: a @ b, c(3, 4), c(4))
case("vdot", torch.vdot, c(6), c(6))
# ---- made and taken apart
case("complex", torch.complex, r(3, 4), r(4))
case("polar", lambda a, b: torch.polar(a, b), r(3, 4).abs(), r(3, 4))
case("view_as_real", torch.view_as_real, c(3, 4))
case("view_as_complex", torch.view_as_complex, r(3, 4, 2))
# ---- moved
case("cat", lambda a, b: torch.cat([a, b], 1), c(3, 2), c(3, 4))
case("cat_real", lambda a, b: torch.cat([a, b], 0), c(3, 2), r(2, 2))
case("stack", lambda a, b: torch.stack([a, b], 1), c(3, 2), c(3, 2))
case("slice", lambda a: a[1:, ::2], c(3, 5))
case("select", lambda a: a[:, 2], c(3, 5))
case("permute", lambda a: a.permute(2, 0, 1), c(2, 3, 4))
case("reshape", lambda a: a.t().reshape(2, 6), c(3, 4))
case("expand", lambda a: a.expand(3, 4), c(4))
case("flip", lambda a: a.flip(0), c(3, 4))
case("roll", lambda a: a.roll((1, -1), (0, 1)), c(3, 4))
case("unfold", lambda a: a.unfold(0, 3, 2), c(9))
case("to_real", lambda a: a.to(torch.complex128), r(3, 4))
# ---- Fourier transforms
F = torch.fft
for norm in ("backward", "forward", "ortho"):
    for n in (6, 7):
        case(f"fft_{norm}_{n}", lambda x: F.fft(x, norm=norm), c(2, n))
        case(f"ifft_{norm}_{n}", lambda x: F.ifft(x, norm=norm), c(2, n))
        case(f"rfft_{norm}_{n}", lambda x: F.rfft(x, norm=norm), r(2, n))
        case(f"irfft_{norm}_{n}", lambda x: F.irfft(x, n, norm=norm), c(2, n // 2 + 1))
        case(f"hfft_{norm}_{n}", lambda x: F.hfft(x, n, norm=norm), c(2, n // 2 + 1))
        case(f"ihfft_{norm}_{n}", lambda x: F.ihfft(x, norm=norm), r(2, n))
    case(f"fftn_{norm}", lambda x: F.fftn(x, norm=norm), c(3, 4, 5))
    case(f"irfftn_{norm}", lambda x: F.irfftn(x, (5, 6), (2, 0), norm), c(4, 3, 5))
    case(f"hfftn_{norm}", lambda x: F.hfftn(x, (3, 7), norm=norm), c(3, 4))
    case(f"ihfftn_{norm}", lambda x: F.ihfftn(x, norm=norm), r(3, 4, 5))
for n in (1, 3, 5, 8, 11):
    case(f"fft_n{n}", lambda x: F.fft(x, n), c(2, 5))
    case(f"rfft_n{n}", lambda x: F.rfft(x, n), r(2, 5))
    case(f"irfft_n{n}", lambda x: F.irfft(x, n), c(2, 5))
    case(f"hfft_n{n}", lambda x: F.hfft(x, n), c(2, 5))
    case(f"ihfft_n{n}", lambda x: F.ihfft(x, n), r(2, 5))
for d in (0, 1, 2):
    case(f"fft_dim{d}", lambda x: F.fft(x, dim=d), c(4, 3, 5))
    case(f"rfft_dim{d}", lambda x: F.rfft(x, dim=d), r(4, 3, 5))
    case(f"irfft_dim{d}", lambda x: F.irfft(x, dim=d), c(4, 3, 5))
case("fft_of_real", F.fft, r(2, 6))
case("irfft_of_real", F.irfft, r(2, 6))
case("fft_prime", F.fft, c(2, 37))
case("rfft_prime", F.rfft, r(2, 74))
case("irfft_default", F.irfft, c(5))
case("fft2", F.fft2, c(2, 4, 5))
case("ifft2", lambda x: F.ifft2(x, (3, 7)), c(2, 4, 5))
case("rfft2", F.rfft2, r(2, 4, 5))
case("irfft2", lambda x: F.irfft2(x, dim=(0, 2)), c(2, 4, 5))
case("hfft2", F.hfft2, c(2, 4, 5))
case("ihfft2", F.ihfft2, r(2, 4, 5))
case("fftn_s", lambda x: F.fftn(x, (6, -1)), c(3, 4, 5))
case("fftn_dim", lambda x: F.fftn(x, dim=(2, 0)), c(3, 4, 5))
case("ifftn_s_dim", lambda x: F.ifftn(x, (2, 8), (0, 1)), c(3, 4, 5))
case("rfftn_order", lambda x: F.rfftn(x, dim=(2, 0)), r(4, 3, 5))
case("rfftn_s", lambda x: F.rfftn(x, (6, 3), (1, 2)), r(4, 3, 5))
case("irfftn_order", lambda x: F.irfftn(x, dim=(1, 0)), c(4, 3, 5))
case("irfftn_all", F.irfftn, c(4, 3, 5))
case("fftfreq", lambda: F.fftfreq(7, 0.5, dtype=torch.float64))
case("fftfreq_even", lambda: F.fftfreq(8, dtype=torch.float64))
case("rfftfreq", lambda: F.rfftfreq(7, 0.5, dtype=torch.float64))
case("rfftfreq_even", lambda: F.rfftfreq(8, dtype=torch.float64))
case("fftshift", F.fftshift, r(4, 5))
case("ifftshift", F.ifftshift, r(4, 5))
case("fftshift_dim", lambda x: F.fftshift(x, (1,)), c(4, 5))
case("ifftshift_dim", lambda x: F.ifftshift(x, (-1,)), c(4, 5))
# ---- windows
W = torch.signal.windows
for n in (1, 2, 7, 16):
    for periodic in (True, False):
        p = "periodic" if periodic else "symmetric"
        o = dict(dtype=torch.float64)
        case(f"hann_{n}_{p}", lambda: torch.hann_window(n, periodic, **o))
        case(f"hamming_{n}_{p}", lambda: torch.hamming_window(n, periodic, 0.6, 0.4, **o))
        case(f"blackman_{n}_{p}", lambda: torch.blackman_window(n, periodic, **o))
        case(f"bartlett_{n}_{p}", lambda: torch.bartlett_window(n, periodic, **o))
        case(f"kaiser_{n}_{p}", lambda: torch.kaiser_window(n, periodic, 8.6, **o))
        case(f"gaussian_{n}_{p}", lambda: W.gaussian(n, std=2.5, sym=not periodic, **o))
        case(f"cosine_{n}_{p}", lambda: W.cosine(n, sym=not periodic, **o))
# ---- stft
w8 = torch.hann_window(8, dtype=torch.float64) + 0.1
w6 = torch.hamming_window(6, dtype=torch.float64)


def stft(x, n, **o):
    return torch.stft(x, n, return_complex=True, **o)


case("stft", lambda x: stft(x, 8, window=w8), r(2, 30))
case("stft_1d", lambda x: stft(x, 8, window=w8, hop_length=3), r(30))
case("stft_odd", lambda x: stft(x, 7), r(30))
case("stft_win", lambda x, w: stft(x, 9, window=w, win_length=6, hop_length=4), r(2, 30), w6)
case("stft_uncentred", lambda x: stft(x, 8, window=w8, center=False, hop_length=5), r(2, 30))
case("stft_normalized", lambda x: stft(x, 8, window=w8, normalized=True), r(2, 30))
case("stft_twosided", lambda x: stft(x, 8, window=w8, onesided=False), r(2, 30))
case("stft_complex", lambda x: stft(x, 8, window=w8), c(2, 30))
for mode in ("constant", "replicate", "circular"):
    case(f"stft_{mode}", lambda x: stft(x, 8, window=w8, pad_mode=mode), r(2, 30))
case("istft", lambda x: torch.istft(x, 8, window=w8), c(2, 5, 9))
case("istft_odd", lambda x: torch.istft(x, 7, hop_length=3), c(2, 4, 9))
case("istft_length", lambda x: torch.istft(x, 8, window=w8, length=13), c(2, 5, 9))
case("istft_longer", lambda x: torch.istft(x, 8, window=w8, length=40), c(5, 9))
case("istft_uncentred", lambda x, w: torch.istft(x, 8, window=w, center=False, hop_length=3), c(2, 5, 9), w8)
case("istft_normalized", lambda x: torch.istft(x, 8, window=w8, normalized=True), c(5, 9))
case("istft_win", lambda x: torch.istft(x, 9, window=w6, win_length=6, hop_length=2), c(5, 9))
case("istft_twosided", lambda x: torch.istft(x, 8, window=w8, onesided=False), c(2, 8, 9))
case("istft_complex", lambda x: torch.istft(x, 8, window=w8, onesided=False, return_complex=True), c(2, 8, 9))

save_file(tensors, sys.argv[1], metadata={"made_by": "tools/golden/complex.py with PyTorch " + torch.__version__})
