#!/bin/bash
# A program that adds two tensors: small when stripped, and in need of nothing but the compiler's own libraries.
set -euo pipefail

program=$1
limit=1000000
allowed='libstdc++.so.6 libm.so.6 libgcc_s.so.1 libgomp.so.1 libc.so.6 ld-linux-x86-64.so.2'

strip -o "$TEST_TMPDIR/stripped" "$program"
size=$(stat -c %s "$TEST_TMPDIR/stripped")
echo "stripped: $size bytes"
((size < limit)) || {
  echo "over the limit of $limit bytes; the largest symbols:"
  nm -C --size-sort -S "$program" | tail -n 20
  exit 1
}

needed=$(readelf -d "$program" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
echo "needs:" $needed
for library in $needed; do
  [[ " $allowed " == *" $library "* ]] || {
    echo "$library is not allowed; it is needed for:"
    LD_DEBUG=bindings LD_BIND_NOW=1 "$program" 2>&1 | grep -F "$library" | grep -F "binding file $program " | head -n 5
    exit 1
  }
done

[ "$("$TEST_TMPDIR/stripped")" = 8 ]

# Nothing that was not asked for: the linker drops the records and kernels of the other ops.
if nm -C "$program" | grep -E 'conv2d|lstm|embedding|safetensors'; then
  echo "the program keeps what it never calls"
  exit 1
fi
