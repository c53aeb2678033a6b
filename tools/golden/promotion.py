"""PyTorch's type promotion: for each pair of dtypes one digit, the place of the result in DTYPES.

    python3 tools/golden/promotion.py > tests/core/promotion_golden.inc
"""
import torch

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
          torch.float32, torch.float64, torch.complex64, torch.complex128]


def digit(dtype):
    """The dtype's place, from "0" on. Complex numbers of 16 bits, which Hearth has not, stand for complex64."""
    return chr(ord("0") + DTYPES.index(dtype if dtype in DTYPES else torch.complex64))


def met(result, a, b):
    try:
        return result(a, b)
    except NotImplementedError:  # there are no kernels for the complex numbers of 16 bits
        assert b.is_complex and a in (torch.float16, torch.bfloat16)
        return torch.complex64


def table(name, result):
    rows = ", ".join('"%s"' % "".join(digit(met(result, a, b)) for b in DTYPES) for a in DTYPES)
    print("constexpr const char* k%s[] = {%s};" % (name, rows))


def numbers(name, result):
    rows = ", ".join('"%s"' % "".join(digit(result(a, n)) for n in (True, 3, 2.5)) for a in DTYPES)
    print("constexpr const char* k%s[] = {%s};" % (name, rows))


def vector(t):
    return torch.ones(2, dtype=t)


def zero(t):
    return torch.ones((), dtype=t)


print("// Made by tools/golden/promotion.py with PyTorch %s." % torch.__version__)
print("// Rows and columns: bool, u8, i8, i16, i32, i64, f16, bf16, f32, f64, c64, c128.")
table("Vectors", lambda a, b: (vector(a) + vector(b)).dtype)
table("VectorZeroDim", lambda a, b: (vector(a) + zero(b)).dtype)
table("ZeroDims", lambda a, b: (zero(a) + zero(b)).dtype)
table("Quotients", lambda a, b: (vector(a) / vector(b)).dtype)
table("QuotientZeroDim", lambda a, b: (vector(a) / zero(b)).dtype)
table("Where", lambda a, b: torch.where(vector(torch.bool), vector(a), vector(b)).dtype)
table("Cat", lambda a, b: torch.cat([vector(a), vector(b)]).dtype)
print("// Columns: the numbers true, 3 and 2.5.")
numbers("VectorNumber", lambda a, n: (vector(a) * n).dtype)
numbers("ZeroDimNumber", lambda a, n: (zero(a) * n).dtype)
numbers("QuotientNumber", lambda a, n: (vector(a) / n).dtype)
# Hearth's cumsum and prod take no complex numbers.
print("// Result of: exp, sum, cumsum, mean (- where it is refused), prod, abs, square.")
rows = []
for t in DTYPES:
    row = ""
    for f in (torch.exp, torch.sum, lambda x: torch.cumsum(x, 0), torch.mean, torch.prod, torch.abs, torch.square):
        try:
            row += digit(f(vector(t)).dtype)
        except RuntimeError:
            row += "-"
    if t.is_complex:
        row = row[:2] + "-" + row[3] + "-" + row[5:]
    rows.append('"%s"' % row)
print("constexpr const char* kUnary[] = {%s};" % ", ".join(rows))
print("// In place, a += b: 1 where it is allowed.")
print("constexpr const char* kInPlace[] = {%s};" % ", ".join(
    '"%s"' % "".join("01"[torch.can_cast(met(lambda x, y: (vector(x) + vector(y)).dtype, a, b), a)] for b in DTYPES) for a in DTYPES))
