"""Hugging Face's tokenizers and tiktoken beside //tests/bench:tokenizer_bench, turn by turn; of each the best counts.

    python3 tests/bench/peers/tokenizers.py bazel-bin/tests/bench/tokenizer_bench RANKS.tiktoken TEXT... [--rounds=N]

RANKS are byte-level ranks in tiktoken's format (openai-whisper has gpt2.tiktoken and multilingual.tiktoken; pip download
--no-deps openai-whisper), with which all three work by GPT-2's pattern. Of each TEXT the first megabyte counts, a line at a
time: English prose, code and Chinese, say. Prints MB/s by the wall clock, on one thread and on two: `all` is whole encodings
with offsets, `ids` the ids alone; and Hearth's speed over each peer's, and on two threads over one.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SIZE = 1 << 20


def peer(kind, ranks, path, threads):
    """Runs in a process of its own, since the number of threads is fixed at the first call: the best of three times."""
    sys.path.pop(0)  # this file's directory: it has the name of the package
    with open(path, encoding="utf-8", newline="") as f:
        lines = f.read().split("\n")
    lines = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    if kind == "tiktoken":
        import tiktoken
        with open(ranks, encoding="ascii") as f:
            table = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in f if line.strip())}
        encoding = tiktoken.Encoding("ranks", pat_str=PATTERN, mergeable_ranks=table, special_tokens={})
        if threads == 1:
            work = lambda: [encoding.encode_ordinary(line) for line in lines]
        else:
            work = lambda: encoding.encode_ordinary_batch(lines, num_threads=threads)
    else:
        from tokenizers import Tokenizer
        tokenizer = Tokenizer.from_file(ranks)
        work = lambda: (tokenizer.encode_batch if kind == "all" else tokenizer.encode_batch_fast)(lines)
    best = float("inf")
    work()
    for _ in range(3):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    print(best)


def theirs(kind, ranks, path, threads):
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run([sys.executable, __file__, "--peer", kind, ranks, path, str(threads)], stdout=subprocess.PIPE,
                          check=True, env=environment)
    return float(done.stdout)


def ours(program, tokenizer, kind, path, threads):
    name = ("encode/" if kind == "all" else "ids/") + os.path.splitext(os.path.basename(path))[0]
    done = subprocess.run([program, f"--benchmark_filter=^{name}/real_time$", "--benchmark_min_time=0.5",
                           "--benchmark_format=json", tokenizer, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True, env={**os.environ, "HEARTH_NUM_THREADS": str(threads)})
    return json.loads(done.stdout)["benchmarks"][0]["real_time"] / 1e3


def megabyte(path, directory):
    """The first whole lines of a file, as a file of its own."""
    with open(path, encoding="utf-8", newline="") as f:
        data = f.read(SIZE).encode()[:SIZE]
    data = data[:data.rfind(b"\n") + 1]
    out = os.path.join(directory, os.path.basename(path))
    with open(out, "wb") as f:
        f.write(data)
    return out, len(data)


def main():
    rounds = 3
    arguments = []
    for argument in sys.argv[1:]:
        if argument.startswith("--rounds="):
            rounds = int(argument[len("--rounds="):])
        else:
            arguments.append(argument)
    program, ranks, *texts = arguments
    sys.path[0] = os.path.join(ROOT, "tools", "golden")
    from text_tokenizers import from_ranks
    with open(ranks, encoding="ascii") as f:
        table = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in f if line.strip())}
    with tempfile.TemporaryDirectory() as directory:
        saved = os.path.join(directory, "tokenizer.json")
        from_ranks(table, PATTERN, []).save(saved)
        print(f"{'MB/s':24} {'hearth':>8} {'tokenizers':>10} {'ratio':>6} {'tiktoken':>9} {'ratio':>6}", flush=True)
        for text in texts:
            path, size = megabyte(text, directory)
            single = {}
            for threads in (1, 2):
                for kind in ("all", "ids"):
                    times = {"hearth": [], "tokenizers": [], "tiktoken": []}
                    for _ in range(rounds):
                        times["hearth"].append(ours(program, saved, kind, path, threads))
                        times["tokenizers"].append(theirs(kind, saved, path, threads))
                        if kind == "ids":
                            times["tiktoken"].append(theirs("tiktoken", ranks, path, threads))
                    speed = {who: size / min(t) / 1e6 for who, t in times.items() if t}
                    mine = speed["hearth"]
                    row = f"{os.path.basename(text)[:12]:12} {kind:4} {threads} thr {mine:8.1f} {speed['tokenizers']:10.1f} {mine / speed['tokenizers']:6.2f}"
                    if "tiktoken" in speed:
                        row += f" {speed['tiktoken']:9.1f} {mine / speed['tiktoken']:6.2f}"
                    elif threads == 2:
                        row += " " * 17
                    if threads == 1:
                        single[kind] = mine
                    else:
                        row += f"   two over one {mine / single[kind]:.2f}"
                    print(row, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--peer":
        peer(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
    else:
        main()
