"""PyTorch in `tools/bench --peer=torch`: one process that imports PyTorch once and times the rows it is asked for.

    torch_peer.py                     speaks with tools/bench, in lines of JSON (below)
    torch_peer.py --list              names the rows
    torch_peer.py --try [REGEX]       times each row alone, to see that all work; --min-time=SECONDS

The first line that it writes is {"torch": version, "threads": n, "rows": [name...]}, or {"error": text} if it cannot
work, with "missing": true where there is no fitting PyTorch. A request {"run": name, "min_time": seconds} is answered
by {"seconds": of an iteration, "iterations": n, "flops": per second, "bytes": per second}, the last two where the row
has them, or by {"error": text}. It ends with its input.

Rows run in eager mode; torch_rows.py holds them. Timing is Google Benchmark's: a run of one iteration, then runs of
more, each with operands of its own, until one takes the minimal time; its mean counts. Hearth's number of threads is
PyTorch's: HEARTH_NUM_THREADS, otherwise the processors that the process may run on.
"""
import argparse
import contextlib
import gc
import json
import os
import re
import sys
import time

FOLDER = sys.path.pop(0)  # its tokenizers.py and others must not hide what is installed


def threads():
    text = os.environ.get("HEARTH_NUM_THREADS", "")
    if not text:
        return len(os.sched_getaffinity(0))
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise ValueError(f"HEARTH_NUM_THREADS must be a whole number from 1 to 1024, but is '{text}'")
    return int(text)


def load_rows():
    """Imports PyTorch and gives the rows by name."""
    import torch
    if int(torch.__version__.split(".")[0]) < 2:
        raise ImportError(f"PyTorch {torch.__version__} is too old; 2.0 is the least")
    sys.path.append(FOLDER)
    import torch_rows
    return torch_rows.ROWS


def guard(mode):
    import torch
    return {"inference": torch.inference_mode, "no_grad": torch.no_grad, "grad": contextlib.nullcontext}[mode]()


def seconds_of(row, iterations):
    """The wall time of so many iterations, after the operands were made."""
    with guard(row.mode):
        step = row.make()
        gc.collect()
        gc.disable()  # as Python's timeit does
        try:
            begin = time.perf_counter()
            for _ in range(iterations):
                step()
            return time.perf_counter() - begin
        finally:
            gc.enable()


def measure(row, min_time):
    import torch
    torch.manual_seed(1)
    torch.set_num_threads(row.threads or threads())
    iterations = row.iterations or 1
    took = seconds_of(row, iterations)
    while not row.iterations and took < min_time:
        factor = min_time * 1.4 / max(took, 1e-9)
        # A run that was too short says little about how many are needed.
        iterations = max(int(iterations * (factor if took > 0.1 * min_time else min(factor, 10))), iterations + 1)
        took = seconds_of(row, iterations)
    seconds = took / iterations
    answer = {"seconds": seconds, "iterations": iterations}
    if row.flops:
        answer["flops"] = row.flops / seconds
    if row.bytes:
        answer["bytes"] = row.bytes / seconds
    return answer


def answer_to(request, rows):
    try:
        asked = json.loads(request)
        if asked["run"] not in rows:
            return {"error": f"no row {asked['run']}"}
        return measure(rows[asked["run"]], float(asked["min_time"]))
    except Exception as e:  # noqa: BLE001 one row that fails must not end the others
        return {"error": f"{type(e).__name__}: {e}"}


def serve():
    # What libraries print must not get between the answers.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(message):
        out.write(json.dumps(message) + "\n")
        out.flush()

    try:
        count, rows = threads(), load_rows()
    except (ImportError, ValueError) as e:
        say({"error": str(e), "missing": isinstance(e, ImportError)})
        return 1
    import torch
    say({"torch": torch.__version__, "threads": count, "rows": list(rows)})
    for request in sys.stdin:
        say(answer_to(request, rows))
    return 0


def try_rows(pattern, min_time):
    failed = 0
    for name, row in load_rows().items():
        if not re.search(pattern, name):
            continue
        try:
            done = measure(row, min_time)
            rates = "".join(f"{done[k] / 1e9:10.2f} {unit}"
                            for k, unit in (("flops", "GFLOP/s"), ("bytes", "GB/s")) if k in done)
            print(f"{name:36} {done['seconds'] * 1e3:14.4f} ms {done['iterations']:9}{rates}", flush=True)
        except Exception as e:  # noqa: BLE001
            failed += 1
            print(f"{name:36} {type(e).__name__}: {e}", flush=True)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--try", dest="pattern", nargs="?", const="", metavar="REGEX",
                        help="time the rows whose names match (default: all)")
    parser.add_argument("--min-time", type=float, default=0.01, metavar="SECONDS",
                        help="how long --try measures each row, at least (default: 0.01)")
    options = parser.parse_args()
    if options.list:
        print("\n".join(load_rows()))
        return 0
    return serve() if options.pattern is None else try_rows(options.pattern, options.min_time)


if __name__ == "__main__":
    sys.exit(main())
