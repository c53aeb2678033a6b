#!/bin/bash
# How many instructions a call through run() takes, counted by Callgrind, which gives the same on a busy machine too.
# A limit is a tenth above what was measured last; who makes a call cheaper lowers it.
set -uo pipefail

program=$1
# kind: instructions of one call, with its operands' construction and its result's end
limits="
add          1110
add_number   1600
add_in_place 1000
add_recorded 2050
view         910
sum          2070
backward     15700
"

command -v valgrind > /dev/null || {
  # The words of GoogleTest, for tools/test.
  echo "[  SKIPPED ] Cost.OfACall: there is no valgrind (Debian's package valgrind)"
  exit 0
}

failed=0
[ "$("$program" | sort)" = "$(awk 'NF {print $1}' <<< "$limits" | sort)" ] || {
  echo "the program and this test have not the same kinds of calls: $("$program" | tr '\n' ' ')"
  exit 1
}
for kind in $("$program"); do
  limit=$(awk -v kind="$kind" '$1 == kind {print $2}' <<< "$limits")
  output=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=hearth_counted_calls "$program" "$kind" 2>&1)
  collected=$(sed -nE 's/.*Collected : ([0-9]+).*/\1/p' <<< "$output")
  [ -n "$collected" ] || {
    echo "valgrind has failed:"
    echo "$output"
    exit 1
  }
  each=$((collected / 2000))
  echo "$kind: $each instructions (limit ${limit:-missing})"
  ((each > 0 && each <= ${limit:-0})) || failed=1
done
exit $failed
