"""torchaudio and librosa beside //tests/bench:audio_bench, turn by turn, of ten minutes of sound; of each the best counts.

    python3 tests/bench/peers/audio.py bazel-bin/tests/bench/audio_bench [rounds [threads]]

Prints the milliseconds of each, and the time of the better peer over Hearth's: of the wall clock, and of the processor time of all
threads, which tells more on a machine that is busy with other things.
"""
import json
import os
import subprocess
import sys
import time

program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
threads = int(sys.argv[3]) if len(sys.argv) > 3 else 2
# Before NumPy reads them.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = str(threads)

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.version.cuda = None  # torchaudio looks for the same version of CUDA, which is not needed here
import librosa  # noqa: E402
import torchaudio  # noqa: E402

torch.set_num_threads(threads)
rng = np.random.default_rng(1)
speech = (rng.standard_normal(600 * 16000) * 0.1).astype(np.float32)
music = (rng.standard_normal(600 * 44100) * 0.1).astype(np.float32)
frames = {"n_fft": 400, "hop_length": 160, "n_mels": 80}
mel = torchaudio.transforms.MelSpectrogram(16000, **frames)
mfcc = torchaudio.transforms.MFCC(16000, n_mfcc=13, log_mels=True, melkwargs=frames)
resample = torchaudio.transforms.Resample(44100, 16000)
slaney = {"sr": 16000, **frames}
ROWS = [
    ("log_mel_600", "log-mel, 80 bands", lambda: torch.log(mel(torch.from_numpy(speech)) + 1e-10),
     lambda: np.log(librosa.feature.melspectrogram(y=speech, **slaney) + 1e-10)),
    ("mfcc_600", "MFCC, 13", lambda: mfcc(torch.from_numpy(speech)),
     lambda: librosa.feature.mfcc(y=speech, n_mfcc=13, **slaney)),
    ("resample_600", "resampling, 44.1 to 16 kHz", lambda: resample(torch.from_numpy(music)),
     lambda: librosa.resample(music, orig_sr=44100, target_sr=16000)),
]


def ours(name):
    out = subprocess.run([program, f"--benchmark_filter=^{name}/real_time$", "--benchmark_min_time=0.2",
                          "--benchmark_format=json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                         env={**os.environ, "HEARTH_NUM_THREADS": str(threads)}).stdout
    row = json.loads(out)["benchmarks"][0]
    # Google Benchmark counts the processor time of the main thread alone: nothing to compare at more than one.
    return row["real_time"] * 1e-6, row["cpu_time"] * 1e-6


def theirs(run):
    wall, processor = time.perf_counter(), time.process_time()
    with torch.no_grad():
        run()
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - processor)


def better(a, b):
    return tuple(min(x, y) for x, y in zip(a, b))


print(f"{threads} threads, best of {rounds}; ms: wall (processor)")
print(f"{'':28}{'hearth':>18}{'torchaudio':>18}{'librosa':>18}{'ratio':>8}{'processor':>11}")
for name, what, torch_run, librosa_run in ROWS:
    torch_run(), librosa_run()
    best = [(float("inf"),) * 2] * 3
    for _ in range(rounds):
        best = [better(b, t) for b, t in zip(best, (ours(name), theirs(torch_run), theirs(librosa_run)))]
    cells = "".join(f"{f'{w:.0f} ({p:.0f})':>18}" for w, p in best)
    wall = min(best[1][0], best[2][0]) / best[0][0]
    processor = f"{min(best[1][1], best[2][1]) / best[0][1]:11.2f}" if threads == 1 else f"{'-':>11}"
    print(f"{what:28}{cells}{wall:8.2f}{processor}", flush=True)
