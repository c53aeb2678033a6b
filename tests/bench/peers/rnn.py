"""PyTorch's recurrent layers beside //tests/bench:rnn_bench, turn by turn; of each the best counts.

    python3 tests/bench/peers/rnn.py bazel-bin/tests/bench/rnn_bench [rounds [threads]]

Prints milliseconds and PyTorch's time over Hearth's: of the wall clock, and of the processor time of one thread each, which
tells more on a machine that is busy with other things.
"""
import json
import os
import subprocess
import sys
import time

import torch

program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
threads = int(sys.argv[3]) if len(sys.argv) > 3 else 2


def ours(name, batch, width):
    """The wall and processor time of one iteration."""
    out = subprocess.run([program, f"--benchmark_filter=^{name}/{batch}/real_time$", "--benchmark_min_time=0.2",
                          "--benchmark_format=json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                         env={**os.environ, "HEARTH_NUM_THREADS": str(width)}).stdout
    row = json.loads(out)["benchmarks"][0]
    return row["real_time"], row["cpu_time"]


def theirs(layer, x, g, step, width):
    torch.set_num_threads(width)
    leaves = [x, *layer.parameters()]
    best = [float("inf")] * 2
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        if step:
            torch.autograd.grad(layer(x)[0], leaves, g)
        else:
            with torch.no_grad():
                layer(x)
        best = [min(best[0], time.perf_counter() - wall), min(best[1], time.process_time() - processor)]
    return best[0] * 1e3, best[1] * 1e3


print(f"torch {torch.__version__}; {'':12} {threads} threads: hearth  torch ratio   processor time: hearth  torch ratio")
for name, make in [("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU), ("rnn", torch.nn.RNN)]:
    layer = make(256, 256)
    for kind in ("step", "forward"):
        for batch in (32, 1):
            x, g = torch.randn(100, batch, 256, requires_grad=True), torch.randn(100, batch, 256)
            a, b = [], []
            for _ in range(rounds):
                a.append((ours(f"{name}_{kind}", batch, threads)[0], ours(f"{name}_{kind}", batch, 1)[1]))
                b.append((theirs(layer, x, g, kind == "step", threads)[0], theirs(layer, x, g, kind == "step", 1)[1]))
            mine, peer = [min(r) for r in zip(*a)], [min(r) for r in zip(*b)]
            print(f"{name + '_' + kind + '/' + str(batch):24} {mine[0]:16.2f} {peer[0]:6.2f} {peer[0] / mine[0]:5.2f} "
                  f"{mine[1]:24.2f} {peer[1]:6.2f} {peer[1] / mine[1]:5.2f}", flush=True)
