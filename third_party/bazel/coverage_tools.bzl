"""@remote_coverage_tools, which every test rule names: a small merger of lcov files in place of a downloaded one."""

def _coverage_tools_impl(rctx):
    rctx.symlink(rctx.attr.merger, "lcov_merger.py")
    rctx.symlink(rctx.attr.build_file, "BUILD.bazel")

coverage_tools = repository_rule(
    implementation = _coverage_tools_impl,
    attrs = {
        "build_file": attr.label(default = Label("//third_party/bazel:coverage_tools.BUILD")),
        "merger": attr.label(default = Label("//third_party/bazel:coverage/lcov_merger.py")),
    },
    local = True,
)
