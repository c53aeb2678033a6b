# Shared by the scripts in this directory; source it.

HEARTH_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$HEARTH_ROOT" || exit 1

# Bazel keeps its outputs under the home directory; a container may have none set.
if [ -z "${HOME:-}" ]; then
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
  [ -n "$HOME" ] && [ -w "$HOME" ] || HOME=${TMPDIR:-/tmp}
  export HOME
fi

# A user's ~/.bazelrc would change the build.
hearth_bazel() { bazel --nohome_rc "$@"; }

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}
