#!/usr/bin/env python3
"""Writes tests/core/io/data/numpy with NumPy, and reference.safetensors with the safetensors library.

    tools/golden/numpy_files.py                 (numpy 2.4.6, safetensors 0.8.0, ml_dtypes 0.6.0)
    tools/golden/numpy_files.py --read FILE...  prints what they read in npy, npz and safetensors files

Element i of an array is i - 2, halved for floating-point dtypes; bools alternate. Version 1.0 of the format where the
name does not say otherwise.
"""
import os
import sys

import ml_dtypes
import numpy
import safetensors.numpy
from numpy.lib import format as npy

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/core/io/data/numpy")


def array(dtype, shape=(2, 3)):
    i = numpy.arange(int(numpy.prod(shape)))
    if numpy.dtype(dtype) == bool:
        return (i % 2 == 1).reshape(shape)
    return ((i - 2) / (2 if numpy.dtype(dtype).kind in "fV" else 1)).astype(dtype).reshape(shape)


def write(name, a, version=None):
    with open(os.path.join(OUT, name + ".npy"), "wb") as f:
        npy.write_array(f, a, version=version, allow_pickle=True)


def main():
    os.makedirs(OUT, exist_ok=True)
    names = {"bool": "?", "i8": "i1", "u8": "u1", "i16": "i2", "i32": "i4", "i64": "i8", "f16": "f2", "f32": "f4",
             "f64": "f8"}
    every = {}
    for name, code in names.items():
        every[name] = array(code)
        every["fortran/" + name] = numpy.asfortranarray(array(code))
        every["big/" + name] = array(code).astype(numpy.dtype(code).newbyteorder(">"))
    every["scalar"] = numpy.array(2.5)
    every["empty"] = numpy.zeros((0, 4), "f4")
    every["rank8"] = numpy.arange(2 ** 8, dtype="i4").reshape((2,) * 8)
    numpy.savez(os.path.join(OUT, "every.npz"), **every)
    numpy.savez_compressed(os.path.join(OUT, "compressed.npz"), f32=array("f4", (40, 50)), i64=array("i8"))
    write("f32", array("f4"))
    write("f64_fortran", numpy.asfortranarray(array("f8")))
    write("i32_big", array(">i4"))
    write("i16_version2", array("i2"), (2, 0))
    write("i16_version3", array("i2"), (3, 0))
    write("vector", array("i1", (5,)))
    write("scalar", numpy.array(2.5))
    write("refused_u16", array("u2"))
    # The imaginary part is i.
    imaginary = 1j * numpy.arange(6).reshape(2, 3)
    write("c64", (array("f4") + imaginary).astype("c8"))
    write("c128_big", (array("f8") + imaginary).astype(">c16"))
    write("refused_complex", array("c32"))
    write("refused_text", numpy.array(["a", "b"]))
    write("refused_bytes", numpy.array([b"a", b"b"]))
    write("refused_date", numpy.array(["2020-01-01"], dtype="M8[D]"))
    write("refused_record", numpy.zeros(2, dtype=[("x", "f4"), ("y", "i4")]))
    write("refused_object", numpy.array([None, {}], dtype=object))
    write("refused_bf16", array(ml_dtypes.bfloat16).view("V2"))
    write("refused_rank9", numpy.zeros((1,) * 9, "f4"))
    tensors = {name: array(code) for name, code in names.items()}
    tensors["bf16"] = array(ml_dtypes.bfloat16)
    tensors["scalar"] = numpy.array(2.5)
    tensors["empty"] = numpy.zeros((0, 4), "f4")
    safetensors.numpy.save_file(tensors, os.path.join(OUT, "reference.safetensors"), metadata={"format": "np"})


def read(path):
    if path.endswith(".safetensors"):
        arrays = safetensors.numpy.load_file(path)
    else:
        arrays = numpy.load(path, allow_pickle=False)
        if not isinstance(arrays, numpy.lib.npyio.NpzFile):
            arrays = {"": arrays}
    for name in arrays:
        a = arrays[name]
        print(f"{path} {name!r}: {a.dtype} {a.shape} {a.flatten()[:6].tolist()}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        for path in sys.argv[2:]:
            read(path)
    else:
        main()
