"""What the scripts that make an op table's golden values share: operands, cases, the file.

The names in the file are described in core/testing/golden.h. Operands are multiples of 1/8 or small whole numbers, which
every dtype holds exactly; everything is computed in f64 and i64.
"""
import sys

import numpy
import torch
from safetensors.torch import save_file

torch.manual_seed(0)
rng = numpy.random.default_rng(1)
tensors = {}
KINDS = ("float", "int", "bool")


class Operand:
    """A tensor of values, made for each kind; or one that keeps its dtype."""

    def __init__(self, shape=None, fixed=None, distinct=False, low=-15, high=15, values=None):
        self.shape, self.fixed, self.distinct = shape, fixed, distinct
        self.low, self.high, self.values = low, high, values

    def make(self, kind):
        if self.fixed is not None:
            return self.fixed
        if self.values is not None:
            return torch.tensor(self.values, dtype=torch.float64)
        n = int(numpy.prod(self.shape))
        if kind == "bool":
            v = torch.from_numpy(rng.integers(0, 2, n).astype(bool))
        elif self.distinct:
            v = torch.from_numpy(rng.permutation(n))
            v = (v - n // 2) / 8 if kind == "float" else v
        elif kind == "float":
            v = torch.from_numpy(rng.integers(self.low, self.high + 1, n)) / 8
        else:
            v = torch.from_numpy(rng.integers(0, 12, n))
        return v.to({"float": torch.float64, "int": torch.int64, "bool": torch.bool}[kind]).reshape(self.shape)


def values(*shape, **more):
    return Operand(shape, **more)


def fixed(data, dtype=torch.int64):
    return Operand(fixed=data if isinstance(data, torch.Tensor) else torch.tensor(data, dtype=dtype))


def put(key, t):
    tensors[key] = t.detach().contiguous().clone()


def put_operand(key, t):
    """In the smallest dtype that holds the values."""
    small = t.to({torch.float64: torch.float16, torch.int64: torch.int8, torch.bool: torch.bool}[t.dtype])
    assert torch.equal(small.to(t.dtype).nan_to_num(nan=1e300), t.nan_to_num(nan=1e300)), key
    put(key, small)


def case(name, fn, *operands, kinds=KINDS, own=None, size=None):
    """own: {result: dtype} where a result has a dtype of its own; size: gives what Want::size is, for floats."""
    own = own or {}
    for kind in kinds:
        made = [o.make(kind) for o in operands]
        for i, (o, t) in enumerate(zip(operands, made)):
            if o.fixed is not None:
                put(f"{name}/{kind}/fixed.{i}", t)
            else:
                put_operand(f"{name}/{kind}/in.{i}", t)
        outs = fn(*made)
        outs = outs if isinstance(outs, (tuple, list)) else (outs,)
        for i, out in enumerate(outs):
            suffix = "." + own[i] if i in own else ""
            if kind == "bool" and i not in own:
                out = out != 0
            if not out.dtype.is_floating_point and out.dtype != torch.bool:
                out = out.to(torch.int64)
            put(f"{name}/{kind}/out.{i}{suffix}", out)
        if size and kind == "float":
            sizes = size(*made)
            for i, s in enumerate(sizes if isinstance(sizes, (tuple, list)) else (sizes,)):
                put(f"{name}/float/size.{i}", s.to(torch.float32))


def save(made_by):
    """Writes the cases to the file that the command line names."""
    save_file(tensors, sys.argv[1], {"made by": made_by})
