"""Families of ops: libraries of records. Who needs all of a package's families finds them here, without a list.

    hearth_op_family(name = "pool", srcs = ["pool.cc"], hdrs = ["pool.h"], deps = [...])
    ...
    hearth_op_families(name = "ops", header = "ops.h", also = [...])     # at the end of the BUILD file

    hearth_op_table_test(name = "op_table_test", ops = "//core/ops:all_ops", ...)
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load("//third_party/cuda:cuda_library.bzl", "NEEDS_CUDA")
load("//tools/build:cc.bzl", "hearth_cc_library", "hearth_cc_test", "hearth_cc_test_library")

_FAMILY = "op_family"

def hearth_op_family(name, tags = [], **kwargs):
    """A library of ops: records, and the functions that call them.

    Args:
      name: name of the library.
      tags: further tags.
      **kwargs: passed to hearth_cc_library.
    """
    hearth_cc_library(name = name, tags = tags + [_FAMILY], **kwargs)

def hearth_op_families(name, header = None, also = []):
    """All families that the BUILD file declared before this line.

    It makes two libraries: `name`, for programs that call them, and `all_` + name, for programs that look ops up by
    name (graphs): these link every record.

    Args:
      name: name of the library.
      header: a header that includes those of all families; made by the build.
      also: further libraries whose records all_* links.
    """
    families = sorted([
        rule["name"]
        for rule in native.existing_rules().values()
        if _FAMILY in rule["tags"]
    ])
    if not families:
        fail("hearth_op_families {}: no hearth_op_family stands above".format(name))
    headers = []
    if header:
        package = native.package_name()
        includes = sorted([
            label[1:]
            for family in families
            for label in native.existing_rule(family)["hdrs"]
        ])
        lines = ["// All functions of {}. Made by the build.".format(package), "#pragma once", ""]
        lines += ['#include "{}/{}"'.format(package, h) for h in includes]
        native.genrule(
            name = name + "_header",
            outs = [header],
            cmd = "printf '%s\\n' {} > $@".format(" ".join(["'{}'".format(line) for line in lines])),
        )
        headers = [header]
    hearth_cc_library(name = name, hdrs = headers, deps = [":" + f for f in families])
    linked_whole(name = "all_" + name, deps = [":" + f for f in families] + also)

def hearth_op_table_test(name, ops, deps = [], cuda = [], lacking = None, shard_count = None):
    """The op table's test over the rows of this package: every .cc and .h file in it. One of them has main(); main.cc,
    and no more than main(), if there is a second test.

    ThreadSanitizer runs the rows' tests on several threads. Where there is a CUDA backend, a second test runs the rows'
    calls on a GPU.

    Args:
      name: name of the test.
      ops: the all_* library whose records must have rows.
      deps: what the rows call.
      cuda: the library of the kernels for GPUs; none: there is no second test.
      lacking: a file with the kernels that it lacks, a line for each as the error says it.
      shard_count: as for cc_test, of the first test.
    """
    golden = native.glob(["*golden.safetensors"])
    sources = native.glob(["*.cc", "*.h"])
    deps = [ops, "//core/testing:op_table"] + deps
    if cuda:
        # Compiled once for both, and for the program that tools/gpu_check packs.
        hearth_cc_test_library(
            name = name.replace("_test", "_rows"),
            srcs = [f for f in sources if f.endswith(".cc") and f != "main.cc"],
            hdrs = [f for f in sources if f.endswith(".h")],
            visibility = ["//tests:__subpackages__"],
            deps = deps,
        )
        sources = ["main.cc"]
        deps = [":" + name.replace("_test", "_rows"), "//core/testing:op_table"]
    hearth_cc_test(
        name = name,
        srcs = sources,
        data = golden,
        gtest_main = False,
        timeout = "long",
        shard_count = shard_count,
        args = select({
            str(Label("//tools/build:thread_sanitizer")): ["--gtest_filter=*.Threads"],
            "//conditions:default": [],
        }),
        tags = ["threads"],
        deps = deps,
    )
    if not cuda:
        return
    hearth_cc_test(
        name = name.replace("_test", "_cuda_test"),
        srcs = sources,
        data = golden + ([lacking] if lacking else []),
        gtest_main = False,
        env = {
            "HEARTH_TEST_DEVICE": "cuda",
            "HEARTH_TEST_LACKING": native.package_name() + "/" + lacking if lacking else "/dev/null",
        },
        # Every kernel is called for values; gradients would take the sanitizers many minutes.
        args = select({
            str(Label("//tools/build:address_sanitizer")): ["--gtest_filter=*.Values"],
            str(Label("//tools/build:thread_sanitizer")): ["--gtest_filter=*.Values"],
            "//conditions:default": [],
        }),
        timeout = "long",
        tags = ["cuda"],
        target_compatible_with = NEEDS_CUDA,
        deps = deps + cuda,
    )

def _linked_whole_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    inputs = []
    for dep in ctx.attr.deps:
        for linker_input in dep[CcInfo].linking_context.linker_inputs.to_list():
            if linker_input.owner != dep.label:
                continue
            inputs.append(cc_common.create_linker_input(
                owner = ctx.label,
                libraries = depset([
                    cc_common.create_library_to_link(
                        actions = ctx.actions,
                        feature_configuration = features,
                        cc_toolchain = toolchain,
                        static_library = library.static_library,
                        pic_static_library = library.pic_static_library,
                        alwayslink = True,
                    )
                    for library in linker_input.libraries
                ]),
            ))
    whole = CcInfo(linking_context = cc_common.create_linking_context(
        # Before the libraries as they are: an object that is there needs none of theirs.
        linker_inputs = depset(
            inputs,
            transitive = [d[CcInfo].linking_context.linker_inputs for d in ctx.attr.deps],
            order = "topological",
        ),
    ))
    return [whole, DefaultInfo()]

linked_whole = rule(
    doc = "The deps' own libraries, with every object of them: cc_library's alwayslink, given from outside.",
    implementation = _linked_whole_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo], mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    provides = [CcInfo],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
