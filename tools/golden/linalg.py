"""PyTorch's values and gradients of linear algebra, in float64 and complex128.

    python3 tools/golden/linalg.py tests/core/linalg/golden.safetensors

Complex tensors are stored as pairs of real numbers, under a name that ends in ".c". For each case: the operands in.0, …,
the results out.0, …, the weights w.0, … that their gradients are given, and the operands' gradients grad.0, …. What the
library is free to choose (signs, phases, the order of eigenvalues) cancels out of the results. Names that end in "_c"
are of complex matrices.
"""
import sys

import torch
from safetensors.torch import save_file

L = torch.linalg
torch.manual_seed(20261128)
tensors = {}


def put(name, t):
    t = t.detach().resolve_conj().resolve_neg().contiguous()
    if t.is_complex():
        tensors[name + ".c"] = torch.view_as_real(t).contiguous().clone()
    else:
        tensors[name] = t.clone()


def case(name, f, *inputs, grad=True):
    assert not any(k.startswith(name + "/") for k in tensors), name
    leaves = [x.clone().requires_grad_(grad and (x.is_floating_point() or x.is_complex())) for x in inputs]
    out = f(*leaves)
    out = list(out) if isinstance(out, (tuple, list)) else [out]
    for k, x in enumerate(inputs):
        put(f"{name}/in.{k}", x)
    for k, y in enumerate(out):
        put(f"{name}/out.{k}", y)
    wanted = [k for k, y in enumerate(out) if y.requires_grad]
    if not wanted:
        return
    ws = [torch.randn_like(out[k]) for k in wanted]
    for k, w in zip(wanted, ws):
        put(f"{name}/w.{k}", w)
    grads = torch.autograd.grad([out[k] for k in wanted], leaves, ws, allow_unused=True)
    for i, g in enumerate(grads):
        if g is not None:
            put(f"{name}/grad.{i}", g)


def both(name, f, *shapes, grad=True):
    """Of real and of complex matrices."""
    case(name, f, *[torch.randn(*s, dtype=torch.float64) for s in shapes], grad=grad)
    case(name + "_c", f, *[torch.randn(*s, dtype=torch.complex128) for s in shapes], grad=grad)


def herm(x):
    return x + x.mH


def positive(x):
    return x @ x.mH + torch.eye(x.shape[-1], dtype=x.dtype)


S, T, W = (2, 3, 3), (2, 4, 2), (2, 2, 4)  # square, tall, wide
both("det", L.det, S)
both("det_one", L.det, (3, 3))
both("det_empty", L.det, (2, 0, 0))
both("slogdet", L.slogdet, S)
both("slogdet_empty", L.slogdet, (0, 0))
both("inv", L.inv, S)
both("solve", L.solve, S, (2, 3, 2))
both("solve_vector", L.solve, (3, 3), (3,))
both("solve_vectors", L.solve, S, (2, 3))
both("solve_one_vector", L.solve, S, (3,))
both("solve_broadcast", L.solve, (2, 1, 3, 3), (3, 3, 2))
both("solve_right", lambda a, b: L.solve(a, b, left=False), S, (2, 2, 3))
both("solve_empty", L.solve, (2, 0, 0), (2, 0, 3))
both("solve_nothing", L.solve, (3, 3), (3, 0))
for upper in (False, True):
    name = "solve_triangular_" + ("upper" if upper else "lower")
    both(name, lambda a, b, u=upper: L.solve_triangular(a, b, upper=u), S, (2, 3, 2))
    both(name + "_unit", lambda a, b, u=upper: L.solve_triangular(a, b, upper=u, unitriangular=True), S, (3, 2))
    both(name + "_right", lambda a, b, u=upper: L.solve_triangular(a, b, upper=u, left=False), (3, 3), (2, 2, 3))
both("cholesky", lambda x: L.cholesky(positive(x)), S)
both("cholesky_upper", lambda x: L.cholesky(positive(x), upper=True), S)
both("cholesky_inverse", lambda x: torch.cholesky_inverse(L.cholesky(positive(x))), (3, 3))
both("cholesky_solve", lambda b, x: torch.cholesky_solve(b, L.cholesky(positive(x))), (2, 3, 2), S)
both("cholesky_solve_upper", lambda b, x: torch.cholesky_solve(b, L.cholesky(positive(x), upper=True), True), (3, 1),
     (3, 3))
for kind, shape in (("square", S), ("tall", T), ("wide", W)):
    both("lu_" + kind, lambda x: L.lu(x), shape)
    both("lu_factor_" + kind, lambda x: L.lu_factor(x), shape)
    both("qr_" + kind, lambda x: L.qr(x), shape)
    both("qr_complete_" + kind, lambda x: L.qr(x, mode="complete"), shape, grad=kind != "tall")
    both("qr_r_" + kind, lambda x: L.qr(x, mode="r")[1], shape, grad=False)
    both("svd_" + kind, lambda x: [(d.U * d.S.unsqueeze(-2)**2) @ d.Vh for d in [L.svd(x, full_matrices=False)]][0], shape)
    both("svd_u_" + kind, lambda x: [(d.U * d.S.unsqueeze(-2)**2) @ d.U.mH for d in [L.svd(x, full_matrices=False)]][0], shape)
    both("svd_v_" + kind, lambda x: [(d.Vh.mH * d.S.unsqueeze(-2)) @ d.Vh for d in [L.svd(x, full_matrices=False)]][0], shape)
    both("svd_full_" + kind, lambda x: [(d.U[..., :2] * d.S[..., None, :2]) @ d.Vh[..., :2, :] for d in [L.svd(x)]][0],
         shape)
    both("svdvals_" + kind, L.svdvals, shape)
    both("pinv_" + kind, L.pinv, shape)
    both("lstsq_" + kind, lambda a, b: L.lstsq(a, b).solution, shape, (2, shape[1], 3))
both("qr_empty", L.qr, (2, 3, 0))
both("svdvals_empty", L.svdvals, (2, 0, 3))
both("lu_solve", lambda a, b: L.lu_solve(*L.lu_factor(a), b), S, (2, 3, 2))
both("lu_solve_adjoint", lambda a, b: L.lu_solve(*L.lu_factor(a), b, adjoint=True), S, (3, 2))
both("lu_solve_right", lambda a, b: L.lu_solve(*L.lu_factor(a), b, left=False), S, (2, 2, 3))
both("lu_solve_right_adjoint", lambda a, b: L.lu_solve(*L.lu_factor(a), b, left=False, adjoint=True), S, (2, 2, 3))
both("lu_unpack", lambda a: torch.lu_unpack(*L.lu_factor(a)), (4, 3))
both("eigh", lambda x: [(d[1] * torch.exp(d[0]).unsqueeze(-2)) @ d[1].mH for d in [L.eigh(herm(x))]][0], S)
both("eigh_values", lambda x: L.eigh(herm(x))[0], S)
both("eigh_upper", lambda x: [(d[1] * d[0].unsqueeze(-2) ** 2) @ d[1].mH for d in [L.eigh(x, UPLO="U")]][0], S, grad=False)
both("eigh_lower", lambda x: [(d[1] * d[0].unsqueeze(-2) ** 2) @ d[1].mH for d in [L.eigh(x)]][0], S, grad=False)
both("eigvalsh", lambda x: L.eigvalsh(herm(x)), S)
both("eigvalsh_empty", L.eigvalsh, (0, 3, 3))
both("eig", lambda x: [(d[1] * d[0].unsqueeze(-2) ** 2) @ L.inv(d[1]) for d in [L.eig(x)]][0], S)
both("eig_lengths", lambda x: [(d[1].abs() ** 2 * d[0].unsqueeze(-2)).sum(-1) for d in [L.eig(x)]][0], S)
both("eigvals", lambda x: [torch.stack([d.sum(-1), (d**2).sum(-1), (d**3).sum(-1)]) for d in [L.eigvals(x)]][0], S)
low = torch.randn(4, 2, dtype=torch.float64) @ torch.randn(2, 3, dtype=torch.float64)
case("pinv_deficient", lambda a, b: L.pinv(a @ b), torch.randn(4, 2, dtype=torch.float64),
     torch.randn(2, 3, dtype=torch.float64))
both("pinv_hermitian", lambda x: L.pinv(herm(x), hermitian=True), S)
both("pinv_rtol", lambda x: L.pinv(x, rtol=0.3), S)
both("pinv_atol", lambda x: L.pinv(x, atol=0.4), S)
both("pinv_empty", L.pinv, (2, 0, 3))
case("pinverse", torch.pinverse, torch.randn(3, 2, dtype=torch.float64))
for driver in ("gels", "gelsd", "gelss"):
    both("lstsq_" + driver, lambda a, b, d=driver: (lambda r: (r.solution, r.residuals))(L.lstsq(a, b, driver=d)),
         T, (2, 4, 3))
case("lstsq_deficient", lambda a, b: (lambda r: (r.solution, r.rank, r.singular_values))(L.lstsq(a, b, driver="gelsd")),
     low, torch.randn(4, 2, dtype=torch.float64), grad=False)
case("lstsq_deficient_y", lambda a, b: (lambda r: (r.solution, r.rank))(L.lstsq(a, b)), low,
     torch.randn(4, 2, dtype=torch.float64), grad=False)
both("lstsq_vector", lambda a, b: L.lstsq(a, b).solution, T, (2, 4))
both("matrix_exp", L.matrix_exp, S)
for scale in (1e-3, 0.1, 0.3, 0.8, 8.0):
    both(f"matrix_exp_{scale:g}", lambda x, s=scale: L.matrix_exp(x * s), S)
both("matrix_exp_empty", L.matrix_exp, (2, 0, 0))
for ord in (1, -1, 2, -2, "fro", "nuc", float("inf"), -float("inf")):
    both(f"matrix_norm_{ord}", lambda x, o=ord: L.matrix_norm(x, o), (2, 3, 4))
    both(f"norm_{ord}", lambda x, o=ord: L.norm(x, o, dim=(0, 2), keepdim=True), (3, 2, 4))
    # PyTorch's own gradient of the others fails.
    both(f"cond_{ord}", lambda x, o=ord: L.cond(x, o), S, grad=ord in (2, -2))
for ord in (0, 0.5, 1, 2, 3, -1, float("inf"), -float("inf")):
    both(f"vector_norm_{ord}", lambda x, o=ord: L.vector_norm(x, o, dim=1), (2, 3, 4))
both("norm_default", L.norm, (2, 3, 2))
both("norm_vector", lambda x: L.norm(x, 3), (4,))
both("matrix_rank", L.matrix_rank, (2, 3, 4), grad=False)
case("matrix_rank_deficient", L.matrix_rank, low, grad=False)
case("matrix_rank_hermitian", lambda x: L.matrix_rank(x, hermitian=True), low.T @ low, grad=False)
case("matrix_rank_atol", lambda x: L.matrix_rank(x, atol=1.0), low, grad=False)
for n in (-3, -1, 0, 1, 2, 5):
    both(f"matrix_power_{n}", lambda x, k=n: L.matrix_power(x, k), S)
both("multi_dot", lambda *m: L.multi_dot(m), (3, 2), (2, 5), (5, 4), (4, 2))
both("multi_dot_vectors", lambda *m: L.multi_dot(m), (3,), (3, 5), (5,))
both("chain_matmul", lambda *m: L.multi_dot(m), (3, 2), (2, 5), (5, 4))
both("vecdot", L.vecdot, (2, 3), (2, 3))
both("vecdot_dim", lambda x, y: L.vecdot(x, y, dim=0), (3, 2), (3, 1))
both("cross", L.cross, (2, 3), (1, 3))
both("cross_dim", lambda x, y: L.cross(x, y, dim=0), (3, 2), (3, 2))
both("vander", L.vander, (2, 3), grad=False)
both("vander_n", lambda x: L.vander(x, N=5), (3,), grad=False)
both("vander_falling", lambda x: torch.vander(x), (3,), grad=False)
both("diagonal", lambda x: L.diagonal(x, offset=1), (2, 3, 4))
case("logdet", lambda x: torch.logdet(positive(x)), torch.randn(*S, dtype=torch.float64))
both("triangular_solve", lambda b, a: L.solve_triangular(a.mT, b, upper=False), (3, 2), (3, 3))
both("trapezoid", lambda y: torch.trapezoid(y, dx=0.5), (2, 4))
both("trapezoid_x", lambda y, x: torch.trapezoid(y, x, dim=0), (4, 2), (4,))
both("trapezoid_places", lambda y, x: torch.trapezoid(y, x), (2, 3, 4), (3, 4))
case("cumulative_trapezoid", lambda y: torch.cumulative_trapezoid(y, dim=1), torch.randn(2, 4, 2, dtype=torch.float64))
case("cumulative_trapezoid_x", lambda y, x: torch.cumulative_trapezoid(y, x), torch.randn(2, 4, dtype=torch.float64),
     torch.randn(2, 4, dtype=torch.float64))
# Of rank 2, and 0: the gradient is that of the cofactors.
case("det_singular", lambda a, b: L.det(a @ b), torch.randn(2, 3, 2, dtype=torch.float64),
     torch.randn(2, 2, 3, dtype=torch.float64))
both("triangular_solve_plain", lambda b, a: L.solve_triangular(a, b, upper=True), (3, 2), (3, 3))
both("triangular_solve_unit", lambda b, a: L.solve_triangular(a, b, upper=False, unitriangular=True), (3, 2), (3, 3))
both("lu_solve_broadcast", lambda a, b: L.lu_solve(*L.lu_factor(a), b), (2, 1, 3, 3), (3, 3, 2))
case("logdet_complex", torch.logdet, torch.randn(*S, dtype=torch.complex128))
both("vander_rising", lambda x: torch.vander(x, increasing=True), (3,), grad=False)
both("ger", torch.outer, (3,), (2,))

save_file(tensors, sys.argv[1])
