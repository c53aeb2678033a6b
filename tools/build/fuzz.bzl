"""hearth_fuzz_test: one source that is a libFuzzer target and a regression test."""

load("@rules_cc//cc:defs.bzl", "cc_test")
load("//tools/build:cc.bzl", "HEARTH_COPTS", "HEARTH_LINKOPTS")

_FUZZING = str(Label("//tools/build:fuzzing"))
_REPLAY = str(Label("//tools/build:fuzz_replay.cc"))

def hearth_fuzz_test(name, srcs, corpus, deps = [], data = [], **kwargs):
    """A fuzz target: srcs define LLVMFuzzerTestOneInput.

    Under --config=fuzz it is a libFuzzer program, run by tools/fuzz from its corpus. Otherwise it is a
    test that feeds it every file of the corpus, prefixes of them, and the same few hundred damaged copies each time.

    Args:
      name: name of the target.
      srcs: the source.
      corpus: directory below the package whose files are the corpus; valid files and past crashes, each small.
      deps: what is fuzzed.
      data: further files needed at run time.
      **kwargs: passed to cc_test.
    """
    files = native.glob([corpus + "/**"])
    if not files:
        fail("hearth_fuzz_test {}: there is no file in {}".format(name, corpus))
    cc_test(
        name = name,
        size = "small",
        timeout = "moderate",
        srcs = srcs + select({
            _FUZZING: [],
            "//conditions:default": [_REPLAY],
        }),
        args = [native.package_name() + "/" + corpus],
        copts = HEARTH_COPTS,
        data = data + files,
        linkopts = HEARTH_LINKOPTS + select({
            _FUZZING: ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        tags = kwargs.pop("tags", []) + ["fuzz"],
        deps = deps,
        **kwargs
    )
