"""hearth_dependencies(): every repository that Hearth is built from, for its own WORKSPACE and for a user's.

    local_repository(name = "hearth", path = "…")

    load("@hearth//third_party:dependencies.bzl", "hearth_dependencies")

    hearth_dependencies()

All of them stand for installed Debian packages; nothing is downloaded. A user's .bazelrc needs
`build --cxxopt=-std=c++20` and `build --dynamic_mode=off` (Debian's static libraries cannot go into shared ones).
"""

load("//third_party:repositories.bzl", "third_party_repositories")
load("//third_party/bazel:coverage_tools.bzl", "coverage_tools")
load("//third_party/bazel:debian_rules_cc.bzl", "debian_rules_cc")
load("//third_party/cuda:cuda_repository.bzl", "cuda_repository")

def _bazel_repositories():
    """What Bazel 4.2.3 would download to run a single cc_test; these definitions are what keeps a build offline."""
    debian_rules_cc(name = "rules_cc")
    native.local_repository(
        name = "rules_java",
        path = "/usr/share/bazel/rules/java",
    )
    coverage_tools(name = "remote_coverage_tools")
    native.local_repository(
        name = "bazel_skylib",
        path = "/usr/share/bazel/tools/skylib",
    )

def hearth_dependencies():
    """Declares Bazel's own repositories, the third-party libraries and CUDA (empty where there is none)."""
    _bazel_repositories()
    third_party_repositories()
    cuda_repository(name = "local_cuda")
