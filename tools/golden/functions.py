"""Reference values of functions that are made of core's ops, from PyTorch.

    python3 tools/golden/functions.py tests/core/op_table/functions_golden.safetensors
"""
import torch

from op_table import case, fixed, save, values

# ---- axes
case("movedim_several/cycle", lambda x: x.movedim((0, 2), (-1, 0)), values(2, 3, 4))
case("movedim_several/one", lambda x: x.movedim((1,), (0,)), values(2, 3, 4))
case("squeeze_several/two", lambda x: x.squeeze((0, -1, 1)), values(1, 3, 1, 1, 2, 1))
case("rot90/one", lambda x: x.rot90(), values(2, 3))
case("rot90/two", lambda x: x.rot90(2, (0, 2)), values(2, 3, 4))
case("rot90/minus one", lambda x: x.rot90(-1, (-1, 0)), values(2, 3, 4))
case("rot90/none", lambda x: x.rot90(4), values(2, 3))
case("rot90/empty", lambda x: x.rot90(3), values(0, 3))
case("fliplr/plain", torch.fliplr, values(2, 3, 2))
case("flipud/plain", torch.flipud, values(3, 2))

# ---- diagonals
case("diag/vector", torch.diag, values(3))
case("diag/above", lambda x: torch.diag(x, 2), values(3))
case("diag/below", lambda x: torch.diag(x, -1), values(2))
case("diag/nothing", torch.diag, values(0))
case("diag/of a matrix", lambda x: torch.diag(x, 1), values(3, 4))
case("diag/outside", lambda x: torch.diag(x, 5), values(3, 4))
case("diag_embed/last", torch.diag_embed, values(2, 3))
case("diag_embed/first", lambda x: torch.diag_embed(x, 1, 0, 2), values(2, 3))
case("diag_embed/between", lambda x: torch.diag_embed(x, -2, 2, 1), values(2, 2, 3))
case("diagflat/matrix", lambda x: torch.diagflat(x, -1), values(2, 2))
case("diagflat/0-dim", torch.diagflat, values())
whole = lambda x: x.to(torch.int64) if x.dtype == torch.bool else x
TRACE = dict(kinds=("float",), size=lambda x: x.diagonal().abs().sum())
case("trace/wide", lambda x: x.trace(), values(3, 5), **TRACE)
case("trace/tall", lambda x: x.trace(), values(4, 2), **TRACE)
case("trace/nothing", lambda x: x.trace(), values(0, 2), **TRACE)
case("trace/wide", lambda x: whole(x).trace(), values(3, 5), kinds=("int", "bool"), own={0: "i64"})

# ---- grids
case("meshgrid/rows", lambda a, b, c: torch.meshgrid(a, b, c, indexing="ij"), values(2), values(), values(3))
case("meshgrid/columns", lambda a, b, c: torch.meshgrid(a, b, c, indexing="xy"), values(2), values(3), values(2))
case("meshgrid/one", lambda a: torch.meshgrid(a, indexing="xy"), values(2))
case("meshgrid/nothing", lambda a, b: torch.meshgrid(a, b, indexing="ij"), values(0), values(2))
case("cartesian_prod/three", torch.cartesian_prod, values(2), values(3), values(2))
case("cartesian_prod/one", torch.cartesian_prod, values(3))
case("cartesian_prod/nothing", torch.cartesian_prod, values(3), values(0))

# ---- stacks and parts
for name in ("hstack", "vstack", "dstack", "column_stack"):
    f = getattr(torch, name)
    case(f"{name}/vectors", lambda a, b, f=f: f([a, b]), values(3), values(3))
    case(f"{name}/0-dim", lambda a, b, f=f: f([a, b]), values(), values())
    case(f"{name}/cubes", lambda a, b, f=f: f([a, b]), values(2, 3, 2), values(2, 3, 2))
case("hstack/matrices", lambda a, b: torch.hstack([a, b]), values(2, 3), values(2, 1))
case("vstack/mixed", lambda a, b: torch.vstack([a, b]), values(3), values(2, 3))
case("dstack/mixed", lambda a, b: torch.dstack([a, b]), values(2, 3), values(2, 3, 2))
case("column_stack/mixed", lambda a, b: torch.column_stack([a, b]), values(2), values(2, 3))
for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    for label, shape in (("0-dim", ()), ("vector", (3,)), ("matrix", (2, 3))):
        case(f"{name}/{label}", getattr(torch, name), values(*shape))
case("tensor_split/sections", lambda x: x.tensor_split(3, 1), values(2, 8))
case("tensor_split/more than places", lambda x: x.tensor_split(4), values(2, 3))
case("tensor_split/places", lambda x: x.tensor_split((1, -2, 9), -1), values(2, 6))
case("tensor_split/falling places", lambda x: x.tensor_split((4, 1)), values(6))
case("hsplit/matrix", lambda x: x.hsplit(2), values(2, 4))
case("hsplit/vector", lambda x: x.hsplit((1, 2)), values(4))
case("vsplit/matrix", lambda x: x.vsplit(2), values(4, 3))
case("dsplit/cube", lambda x: x.dsplit((1,)), values(2, 2, 3))

save("tools/golden/functions.py with PyTorch " + torch.__version__)
