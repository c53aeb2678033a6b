"""How PyTorch prints tensors, but for its own name before dtypes ("torch.float64").

    python3 tools/golden/printing.py > tests/core/print_golden.inc
"""
import numpy
import torch
import torch._tensor_str as printing

DTYPES = {
    "f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16, "i8": torch.int8,
    "u8": torch.uint8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64, "boolean": torch.bool,
}

add_suffixes = printing._add_suffixes
printing._add_suffixes = lambda text, suffixes, *rest, **named: add_suffixes(
    text, [s.replace("torch.", "") for s in suffixes], *rest, **named
)


def literal(v):
    if numpy.isnan(v):
        return "kNan"
    if numpy.isinf(v):
        return "kInf" if v > 0 else "-kInf"
    return repr(float(v)).removesuffix(".0") if v else "-0." if str(v) == "-0.0" else "0"


def case(dtype, shape, values):
    """Of values written out."""
    t = torch.tensor(values, dtype=torch.float64).reshape(shape).to(DTYPES[dtype])
    emit(dtype, shape, ", ".join(literal(v) for v in values), t)


def series(dtype, shape, factor, modulus, offset, divisor):
    """Of (i * factor % modulus - offset) / divisor."""
    n = int(numpy.prod(shape))
    t = ((torch.arange(n) * factor % modulus - offset).double() / divisor).reshape(shape).to(DTYPES[dtype])
    emit(dtype, shape, "", t, "{%d, %d, %d, %d}" % (factor, modulus, offset, divisor))


def emit(dtype, shape, values, t, rule="{}"):
    text = str(t).replace("\n", "\\n").replace('"', '\\"')
    print('    {%s, {%s}, {%s}, %s, "%s"},' % (dtype, ", ".join(map(str, shape)), values, rule, text))


inf, nan = float("inf"), float("nan")
print("// Made by tools/golden/printing.py with PyTorch %s." % torch.__version__)
print("inline const std::vector<Printed> kPrinted = {")
case("f32", [], [3.0])
case("f32", [], [-0.0])
case("f32", [], [0.1])
case("f32", [], [1e-5])
case("f32", [], [123456792.0])
case("f32", [], [nan])
case("f32", [], [-inf])
case("i64", [], [-7])
case("boolean", [], [1])
case("f64", [], [1 / 3])
case("f32", [3], [1, 2, 3])
case("f32", [3], [0, -0.0, 0])
case("f32", [4], [1, nan, inf, -inf])
case("f32", [3], [nan, nan, nan])
case("f32", [4], [0.5, nan, inf, -inf])
case("f32", [2], [1, 2000])
case("f32", [2], [1, 1000])
case("f32", [2], [1, 1001])
case("f32", [3], [0, 1, 99999])
case("f32", [2], [1e8, 5e7])
case("f32", [2], [2e8, 1e8])
case("f32", [2], [0.0001, 0.05])
case("f32", [2], [0.00009, 0.05])
case("f32", [3], [1e-8, 1, 100])
case("f32", [3], [1e10, nan, -inf])
case("f32", [2], [1e38, 1e-38])
case("f32", [3], [-1.5, 22.25, 333.125])
case("f64", [2], [1e300, -1e-300])
case("f64", [3], [1.5, 2, nan])
case("f16", [3], [0.1, 1, 65504])
case("f16", [2], [6e-8, 1])
case("bf16", [3], [0.1, 1, 3e38])
case("i8", [3], [-128, 0, 127])
case("u8", [3], [0, 9, 255])
case("i16", [2], [-32768, 1])
case("i32", [2, 2], [1, -2, 300, 4])
case("i64", [2], [-1234567, 5])
case("boolean", [4], [1, 0, 0, 1])
case("boolean", [2, 2], [1, 1, 1, 1])
for dtype in DTYPES:
    case(dtype, [0], [])
    case(dtype, [0, 3], [])
case("f32", [2, 0, 4], [])
case("f32", [2, 3], [1, 2, 3, 4, 5, 6])
case("f32", [2, 1, 2], [1, 2.5, -3, 4])
case("f32", [1, 1, 1, 2], [1, 2])
case("f32", [2, 2, 1, 2], [1, 2, 3, 4, 5, 6, 7, 8])
case("i64", [1, 2, 1, 2, 1], [1, 2, 3, 4])
for n in [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 25, 26, 27, 30, 70]:
    series("f32", [n], 1, 1000, 0, 1)
    series("f32", [n], 7, 100, 50, 8)
    series("i64", [n], 37, 1000, 500, 1)
    series("f64", [n], 37, 1000, 500, 16)
    series("f16", [n], 37, 1000, 500, 16)
    series("boolean", [n], 1, 3, 0, 1)
series("u8", [40], 1, 10, 0, 1)
series("i8", [2, 40], 3, 10, 5, 1)
series("f32", [3, 20], 7, 100, 50, 8)
series("f32", [2, 2, 15], 7, 100, 50, 8)
for shape in [[1000], [1001], [5000], [1000, 1], [1001, 1], [1, 1001], [40, 30], [7, 200], [6, 200], [200, 6], [200, 7], [2, 7, 100], [20, 9, 8], [7, 7, 7, 7], [2, 1, 600], [12, 12, 12]]:
    series("f32", shape, 7919, 1000, 0, 8)
    series("i64", shape, 7919, 100000, 50000, 1)
series("f64", [2000], 7919, 1000, 500, 4)
series("boolean", [40, 40], 7, 3, 0, 1)
series("f16", [1500], 7919, 1000, 500, 1)
series("f32", [1500], 1, 2000, 0, 1)
series("bf16", [30, 60], 3, 200, 100, 1)
random = numpy.random.RandomState(3)
for i in range(60):
    dtype = ["f32", "f64", "f16", "bf16", "f32", "i32"][i % 6]
    shape = [[random.randint(1, 20)], [random.randint(1, 4), random.randint(1, 9)], [2, random.randint(1, 3), 3]][i % 3]
    n = int(numpy.prod(shape))
    scale = [1, 1, 1e-3, 1e3, 1e-6, 1e6][random.randint(6)]
    values = random.standard_normal(n) * scale * (10.0 ** random.randint(-2, 3, n) if i % 4 == 0 else 1)
    if i % 5 == 0:
        values = numpy.round(values)
    if i % 7 == 0 and dtype != "i32":
        values[random.randint(n)] = [nan, inf, -inf][random.randint(3)]
    if dtype == "i32":
        values = numpy.round(values * 100).clip(-2e9, 2e9)
    t = torch.tensor(values).to(DTYPES[dtype]).double().numpy()  # exact in the dtype
    case(dtype, shape, [float(v) for v in t])
print("};")
