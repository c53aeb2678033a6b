#!/usr/bin/env python3
"""Writes tests/core/io/data/torch with torch.save.

    tools/golden/torch_files.py                 (torch 2.15.0)
    tools/golden/torch_files.py --read FILE...  prints what torch.load(weights_only=True) reads

Element i of a tensor is i - 2, halved for floating-point dtypes; bools alternate; imaginary parts are i.
"""
import argparse
import collections
import os
import sys
import zipfile

import torch

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/core/io/data/torch")
DTYPES = {"bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32,
          "i64": torch.int64, "f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64,
          "c64": torch.complex64, "c128": torch.complex128}


def tensor(dtype, shape=(2, 3)):
    i = torch.arange(int(torch.Size(shape).numel()))
    if dtype == torch.bool:
        return (i % 2 == 1).reshape(shape)
    if dtype == torch.uint8:
        return (i - 2).to(torch.int8).view(torch.uint8).reshape(shape)
    if dtype.is_complex:
        return torch.complex((i - 2.0) / 2, i.float()).to(dtype).reshape(shape)
    return ((i - 2) / (2 if dtype.is_floating_point else 1)).to(dtype).reshape(shape)


def state():
    out = collections.OrderedDict((name, tensor(dtype)) for name, dtype in DTYPES.items())
    whole = tensor(torch.float32, (4, 6))
    out["whole"] = whole
    out["part"] = whole[1:3, ::2]
    out["turned"] = whole.t()
    out["expanded"] = whole[0, 1].expand(2, 3)
    out["scalar"] = torch.tensor(2.5)
    out["empty"] = torch.zeros(0, 4)
    out["channels_last"] = tensor(torch.float32, (1, 2, 2, 3)).to(memory_format=torch.channels_last)
    out["parameter"] = torch.nn.Parameter(tensor(torch.float32))
    out["conjugated"] = tensor(torch.complex64).conj()
    out["negated"] = tensor(torch.complex64).conj().imag
    out["meta"] = torch.empty(2, 3, device="meta")
    return out


def checkpoint():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.125)
    net(torch.ones(4, 2)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        net[0].weight.copy_(tensor(torch.float32, (3, 2)))
    return {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "best": 0.75, "none": None,
            "yes": True, "name": "n\u00e4me", "bytes": b"ab\xff\x00", "array": bytearray(b"x\x80"), "complex": 1 + 2j,
            "set": {7}, "tuple": (1, "two"), "size": torch.Size([2, 3]), "device": torch.device("cuda:1"),
            "dtype": torch.float16, "minus": -5, "large": 2 ** 40, "least": -2 ** 63, 4: "four"}


def path(name):
    return os.path.join(OUT, name + ".pt")


def rewritten(name, source, change=lambda entry, data: data, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path(source)) as old, zipfile.ZipFile(path(name), "w", method) as new:
        for entry in old.infolist():
            info = zipfile.ZipInfo(entry.filename)
            info.compress_type = method
            new.writestr(info, change(entry.filename, old.read(entry)))


def swapped(entry, data):
    if entry.endswith("byteorder"):
        return b"big"
    if "/data/" not in entry:
        return data
    return b"".join(data[i:i + 4][::-1] for i in range(0, len(data), 4))


def main():
    os.makedirs(OUT, exist_ok=True)
    torch.save(state(), path("state"))
    torch.save(checkpoint(), path("checkpoint"))
    plain = {"i32": tensor(torch.int32), "f32": tensor(torch.float32), "c64": tensor(torch.complex64)}
    torch.save(plain, path("plain"))
    torch.save(plain, path("legacy"), _use_new_zipfile_serialization=False)
    torch.save(plain, path("protocol4"), pickle_protocol=4)
    torch.save(tensor(torch.float32), path("tensor"))
    sets = {"frozen": frozenset({7}), "nothing": b"", "bytes": b"a\xff"}
    torch.save(sets, path("sets"))
    torch.save(sets, path("sets4"), pickle_protocol=4)
    rewritten("big", "plain", swapped)
    rewritten("deflated", "plain", method=zipfile.ZIP_DEFLATED)
    torch.serialization.set_crc32_options(False)
    torch.save(plain, path("no_checksums"))
    torch.serialization.set_crc32_options(True)
    torch.save({"args": argparse.Namespace(x=1)}, path("refused_object"))
    torch.save({"w": tensor(torch.float32).to_sparse()}, path("refused_sparse"))
    torch.save({"w": torch.zeros(2, dtype=torch.uint16)}, path("refused_u16"))
    torch.save({"n": 2 ** 70}, path("refused_large"))
    torch.save({"class": collections.OrderedDict}, path("refused_class"))
    torch.save({"text": "\ud800"}, path("refused_surrogate"))
    torch.save(torch.zeros((1,) * 9), path("refused_rank9"))
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), path("refused_script"))


def read(name):
    print(name, torch.load(name, weights_only=True))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        for name in sys.argv[2:]:
            read(name)
    else:
        main()
