#!/bin/bash
# On a machine with a GPU: asks the program beside this script everything, and PyTorch, if it is there, how fast it is.
# Each part has a limit of its own, all of them nine minutes; the most valuable come first, and each writes to the report
# as soon as it has ended. Made for the folder that tools/gpu_check packs.
#
#   ./run.sh [DIRECTORY]     writes DIRECTORY/report.md and DIRECTORY/log.txt (./report)
#
#   PYTHON=python3           the Python that has PyTorch
#   SMALL=N                  divides the sizes of measurements: a try of the script itself
#   PARTS="smoke speed"      only these
set -u
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
out=${1:-report}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
report=$out/report.md log=$out/log.txt python=${PYTHON:-python3} small=${SMALL:-1}
: > "$report" > "$log"
readonly all=530
failed=() unfinished=()

# Where the CUDA libraries that the program needs may lie. For our program only: PyTorch finds its own.
libraries=$PWD/lib
for directory in /usr/local/cuda/lib64 /usr/local/cuda*/targets/x86_64-linux/lib \
  $("$python" -c 'import site; print(*[p + "/nvidia" for p in site.getsitepackages()])' 2> /dev/null); do
  [ -d "$directory" ] || continue
  case $directory in
    */nvidia) for d in "$directory"/*/lib; do libraries+=:$d; done ;;
    *) libraries+=:$directory ;;
  esac
done
ours=(env "LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}")

wanted() { [ -z "${PARTS:-}" ] || [[ " $PARTS " == *" $1 "* ]]; }

# part NAME SECONDS COMMAND...: a line in the report; what it printed in $out/.part and the log.
part() {
  local name=$1 limit=$2 status begin=$SECONDS what
  shift 2
  : > "$out/.part"
  wanted "$name" || return 1
  [ $((all - SECONDS)) -ge "$limit" ] || limit=$((all - SECONDS))
  if [ "$limit" -le 1 ]; then
    echo "- **$name**: no time left" >> "$report"
    unfinished+=("$name")
    return 1
  fi
  { echo; echo "=== $name: $*"; } >> "$log"
  timeout --signal=TERM --kill-after=5 "$limit" "$@" > "$out/.part" 2>&1
  status=$?
  cat "$out/.part" >> "$log"
  case $status in
    0) what=ok ;;
    124) what="ended after its limit of $limit s" && unfinished+=("$name") ;;
    *) what="failed (status $status)" && failed+=("$name") ;;
  esac
  echo "- **$name**: $what, $((SECONDS - begin)) s" >> "$report"
  sync "$report" "$log" 2> /dev/null
  return $status
}

# tests NAME SECONDS FILTER: GoogleTest's result, and failures by name.
tests() {
  wanted "$1" || return
  part "$1" "$2" "${ours[@]}" ./gpu_check --gtest_color=no --gtest_filter="$3"
  if ! grep -qE '^\[  PASSED  \] [1-9]' "$out/.part"; then
    echo "  - no test has passed" >> "$report"
    [[ " ${unfinished[*]-} ${failed[*]-} " == *" $1 "* ]] || unfinished+=("$1")
  fi
  {
    sed -nE 's/^\[  (PASSED|SKIPPED)  ?\] ([0-9]+ tests?).*/  - \2 \L\1/p' "$out/.part" | sort -u
    sed -nE 's/^\[  FAILED  \] ([A-Za-z_0-9]+[./][A-Za-z_0-9./]+).*/  - FAILED \1/p' "$out/.part" | sort -u
    # What it was at when it ended without a summary.
    grep -q '^\[==========\].* ran\.' "$out/.part" || sed -nE 's/^\[ RUN      \] (.*)/  - not ended: \1/p' "$out/.part" | tail -n 1
  } >> "$report"
}

# rows FILE: the rows that the last part printed.
rows() { grep '^row ' "$out/.part" > "$1"; }

# beside OURS PEERS: a table of both.
beside() {
  awk '
    function better(unit) { return unit ~ /\/s$/ }
    { name = $2; rest = $0; sub(/^row [^ ]+ /, "", rest) }
    !(name in known) { order[++n] = name; known[name] = 1 }
    FILENAME == ARGV[1] { mine[name] = rest; next }
    { peer[name] = rest }
    END {
      print "\n| row | Hearth | PyTorch | times |\n|---|---|---|---|"
      for (i = 1; i <= n; i++) {
        ours = order[i] in mine ? mine[order[i]] : "–"; theirs = order[i] in peer ? peer[order[i]] : "–"
        split(ours, a, " "); split(theirs, b, " ")
        times = "–"
        if (a[1] + 0 > 0 && b[1] + 0 > 0 && order[i] !~ /_loss$/) times = sprintf("%.2f", better(a[2]) ? a[1] / b[1] : b[1] / a[1])
        print "| " order[i] " | " ours " | " theirs " | " times " |"
      }
      print ""
    }' "$1" "$2" >> "$report"
}

echo "# Hearth on a GPU" >> "$report"
part versions 40 bash -c '
  date -u
  cat commit.txt
  nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv
  "$0" -c "import torch; print(\"PyTorch\", torch.__version__, torch.version.cuda, torch.cuda.is_available())" 2>&1 | tail -n 1
  ! "$@" ldd ./gpu_check | grep "not found"' "$python" "${ours[@]}"
sed 's/^/    /' "$out/.part" >> "$report"
tests smoke 60 'CudaDevice.*'
HEARTH_TEST_DEVICE=cuda HEARTH_TEST_LACKING=tests/core/op_table/lacking_cuda_kernels.txt \
  tests op_table 150 '-Cuda*:Pinned*:Nccl*:InitWithGpus*'
tests backend 90 'CudaTraining.*:CudaGraphs.*:PinnedMemory.*:CudaAttention.*:CudaRnn.*'
tests nccl 40 'Nccl.*:InitWithGpus.*'
torch=''
! "$python" -c 'import torch' 2> /dev/null || torch=1
# measured NAME SECONDS PEERS_SECONDS: our rows beside PyTorch's.
measured() {
  wanted "$1" || return
  part "$1" "$2" "${ours[@]}" ./gpu_check "$1" "$small"
  rows "$out/.ours"
  : > "$out/.part"
  [ -z "$torch" ] || part "$1_of_pytorch" "$3" "$python" peer.py "$1" "$small"
  rows "$out/.peers"
  beside "$out/.ours" "$out/.peers"
}
measured speed 60 60
measured training 50 60
if command -v compute-sanitizer > /dev/null; then
  for tool in memcheck racecheck; do
    part "$tool" 45 "${ours[@]}" compute-sanitizer --tool "$tool" --error-exitcode 9 ./gpu_check \
      --gtest_filter='CudaDevice.ThereAndBack:CudaTraining.*:CudaAttention.AgreesWithTheCpu'
    grep -E 'ERROR SUMMARY|RACECHECK SUMMARY' "$out/.part" | sed 's/^/    /' >> "$report"
  done
else
  echo "- compute-sanitizer is not here" >> "$report"
fi
if [ -n "$torch" ]; then
  part training_of_pytorch_compiled 90 "$python" peer.py compiled "$small"
  rows "$out/.peers"
  beside "$out/.ours" "$out/.peers"
fi
rm -f "$out/.part" "$out/.ours" "$out/.peers"
[ ${#failed[@]} = 0 ] || echo "Failed: ${failed[*]}" >> "$report"
[ ${#unfinished[@]} = 0 ] || echo "Without a result, or a whole one: ${unfinished[*]}" >> "$report"
cat "$report"
[ ${#failed[@]} = 0 ]
