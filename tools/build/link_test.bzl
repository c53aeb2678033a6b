"""whole_link_test: do these libraries link by themselves?

An ordinary program takes from a library only the objects that it needs, so a call upwards, to a layer that
the library may not know, goes unnoticed until somebody needs that object. Here every object is
linked, and an undefined symbol is an error.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _whole_link_test_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    whole = []
    rest = []
    flags = []
    prefixes = ctx.attr.packages
    context = cc_common.merge_cc_infos(cc_infos = [d[CcInfo] for d in ctx.attr.deps]).linking_context
    for linker_input in context.linker_inputs.to_list():
        package = linker_input.owner.package if not linker_input.owner.workspace_name else "@"
        ours = [p for p in prefixes if package == p or package.startswith(p + "/")]
        for library in linker_input.libraries:
            archive = library.static_library or library.pic_static_library
            if not archive:
                fail("{} has no static library".format(linker_input.owner))
            if ours:
                whole.append(archive)
            else:
                rest.append(archive)
        flags += linker_input.user_link_flags

    out = ctx.actions.declare_file(ctx.label.name)
    args = ctx.actions.args()
    args.add("-o", out)
    args.add_all(ctx.files.srcs)
    args.add("-std=c++20")
    args.add("-pie")
    args.add_all(ctx.fragments.cpp.copts)
    args.add("-Wl,--whole-archive")
    args.add_all(whole)
    args.add("-Wl,--no-whole-archive")
    args.add("-Wl,--start-group")
    args.add_all(rest)
    args.add("-Wl,--end-group")
    args.add_all(flags)
    args.add_all(ctx.fragments.cpp.linkopts)
    args.add_all(["-lstdc++", "-lm"])
    ctx.actions.run(
        executable = toolchain.compiler_executable,
        arguments = [args],
        inputs = depset(ctx.files.srcs + whole + rest, transitive = [toolchain.all_files]),
        outputs = [out],
        env = {"PATH": "/usr/bin:/bin"},
        mnemonic = "WholeLink",
        progress_message = "Linking all of {}".format(ctx.label),
    )
    return [DefaultInfo(executable = out)]

whole_link_test = rule(
    doc = "Links all objects of the deps' libraries that lie in `packages`, and runs the program.",
    implementation = _whole_link_test_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".cc"], mandatory = True),
        "deps": attr.label_list(providers = [CcInfo], mandatory = True),
        "packages": attr.string_list(mandatory = True, doc = "Packages, with those below, that are linked whole."),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    test = True,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
