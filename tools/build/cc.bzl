"""The C++ rules of this repository: cc_* with the project's options.

Load these in place of rules_cc's. They may be used from another workspace too, so every label in
here is either another repository's or made by Label().
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

_ADDRESS = str(Label("//tools/build:address_sanitizer"))
_HWY_TARGETS = str(Label("//core/kernels/cpu:targets"))
_THREAD = str(Label("//tools/build:thread_sanitizer"))

HEARTH_COPTS = [
    "-std=c++20",
    "-Wall",
    "-Wextra",
    "-Wnon-virtual-dtor",
    "-Woverloaded-virtual",
    "-Wsuggest-override",
    # An aggregate of options is filled by designated initialisers; what is not named has a default.
    "-Wno-missing-field-initializers",
    "-Wno-unused-parameter",
    "-Wno-sign-compare",
    # With --gc-sections a program keeps only the functions and data that it reaches.
    "-ffunction-sections",
    "-fdata-sections",
]

HEARTH_LINKOPTS = ["-Wl,--gc-sections"]

# Sanitized builds take .bazelrc's -O1: -O3 would cost minutes of compiling and find nothing more. Of the kernels a fuzzer
# counts no paths, which would only distract it from those through readers, and checks go that double the time to compile
# vector code: what a wrong pointer reads or writes is AddressSanitizer's to find.
_KERNEL_OPTIMISATION = select({
    _ADDRESS: [
        "-fno-sanitize=fuzzer-no-link",
        "-fno-sanitize=alignment,bool,enum,null,object-size,pointer-overflow,return",
    ],
    _THREAD: [],
    "//conditions:default": ["-O3"],
})

_KERNEL_COPTS = [
    # The same bits from every target of Highway and from nvcc: a*b+c is fused only where it is written so.
    "-ffp-contract=off",
    # Neither changes a result; both let a plain loop over sqrt or a compare become vector code.
    "-fno-math-errno",
    "-fno-trapping-math",
    # The baseline is HWY_SCALAR (vectors of one lane) with every compiler. Plain loops are compiled for SSE2; HWY_SSE2
    # came after Highway 1.0.3.
    "-DHWY_BROKEN_EMU128=1",
    # Leaves AVX-512, AVX2 and the baseline.
    "-DHWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4|HWY_AVX3_DL)",
]

# Kernels for GPUs as the emulated device runs them: it is made to find mistakes, not to be fast. Checks of arithmetic
# would treble the time to compile; the CPU's kernels, which share the functors, have them.
HEARTH_EMULATED_COPTS = ["-O1"] + select({
    _ADDRESS: ["-fno-sanitize=fuzzer-no-link,undefined"],
    "//conditions:default": [],
})

def hearth_cc_library(name, copts = [], **kwargs):
    """A cc_library with the project's options.

    Args:
      name: name of the library.
      copts: options after the project's own.
      **kwargs: passed to cc_library.
    """
    cc_library(
        name = name,
        copts = HEARTH_COPTS + copts,
        **kwargs
    )

def hearth_kernel_library(name, deps = [], copts = [], **kwargs):
    """A library of CPU kernels: -O3, no contraction of a*b+c, Highway with AVX-512, AVX2 and the baseline.

    A plain loop outside Highway's per-target namespace is compiled for SSE2 only, however wide the
    machine is: put it inside.

    Args:
      name: name of the library.
      deps: dependencies besides Highway.
      copts: options after the project's own.
      **kwargs: passed to cc_library.
    """
    cc_library(
        name = name,
        copts = HEARTH_COPTS + _KERNEL_OPTIMISATION + _KERNEL_COPTS + copts,
        deps = deps + [_HWY_TARGETS, "@highway"],
        **kwargs
    )

# A test's own sources, not what it tests: optimising them would take as long again and make no test faster by much.
_TEST_COPTS = [
    "-O0",
    "-U_FORTIFY_SOURCE",
]

def hearth_cc_test_library(name, copts = [], **kwargs):
    """Sources of tests that several programs link, with all their tests: compiled as a test's own.

    Args:
      name: name of the library.
      copts: options after the project's own.
      **kwargs: passed to cc_library.
    """
    cc_library(
        name = name,
        testonly = True,
        alwayslink = True,
        copts = HEARTH_COPTS + _TEST_COPTS + copts,
        **kwargs
    )

def hearth_cc_test(
        name,
        deps = [],
        copts = [],
        linkopts = [],
        gtest_main = True,
        size = "small",
        timeout = "moderate",
        kernel_targets = False,
        **kwargs):
    """A GoogleTest program.

    A test that starts threads of its own has tags = ["threads"], and is run under ThreadSanitizer too.

    Args:
      name: name of the test.
      deps: what is tested; GoogleTest is added.
      copts: options after the project's own.
      linkopts: linker options after the project's own.
      gtest_main: whether main() is GoogleTest's; False where the test has its own.
      size: as for cc_test.
      timeout: as for cc_test; moderate is 300 s, which leaves room for the sanitizers.
      kernel_targets: whether the test includes Highway code of its own.
      **kwargs: passed to cc_test.
    """
    gtest = "@com_google_googletest//:gtest_main" if gtest_main else "@com_google_googletest//:gtest"
    cc_test(
        name = name,
        size = size,
        timeout = timeout,
        copts = HEARTH_COPTS + (_KERNEL_COPTS if kernel_targets else _TEST_COPTS) + copts,
        linkopts = HEARTH_LINKOPTS + linkopts,
        deps = deps + [gtest],
        **kwargs
    )

def hearth_cc_binary(name, copts = [], linkopts = [], **kwargs):
    """A program.

    Args:
      name: name of the program.
      copts: options after the project's own.
      linkopts: linker options after the project's own.
      **kwargs: passed to cc_binary.
    """
    cc_binary(
        name = name,
        copts = HEARTH_COPTS + copts,
        linkopts = HEARTH_LINKOPTS + linkopts,
        **kwargs
    )
