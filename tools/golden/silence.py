"""librosa's stretches of sound between silences.

    python3 tools/golden/silence.py > tests/audio/silence_golden.inc

The signals are those of tests/audio/silence_test.cc.
"""
import librosa
import numpy as np

LEVELS = ([0, 0.001, 0.5, 0.3, 0, 0, 1e-7, 0.02, 0.4, 0], [0.2, 0, 0, 0, 0, 1e-3, 0, 0, 0, 0.9], [1e-7] * 10)


def signal(levels):
    i = np.arange(10000)
    return np.sin(0.05 * i) * np.asarray(levels)[i // 1000]


def show(name, channels, **options):
    x = np.stack([signal(LEVELS[c]) for c in channels])
    x = x[0] if len(channels) == 1 else x
    ref = options.pop("ref", None)
    keywords = dict(options, **({} if ref is None else {"ref": ref}))
    ranges = librosa.effects.split(x, **keywords)
    begin, end = librosa.effects.trim(x, **keywords)[1]
    fields = ", ".join(f".{k} = {v}" for k, v in [("top_db", options.get("top_db", 60)), ("ref", "{}" if ref is None else ref),
                                                ("frame_length", options.get("frame_length", 2048)),
                                                ("hop_length", options.get("hop_length", 512))])
    print(f'{{"{name}", {{{", ".join(map(str, channels))}}}, {{{fields}}},')
    print(f' {{{", ".join(f"{{{a}, {b}}}" for a, b in ranges)}}}, {{{begin}, {end}}}}},')


print(f"// Made by tools/golden/silence.py with librosa {librosa.__version__}.")
show("defaults", [0])
show("defaults, other signal", [1])
show("short frames", [0], frame_length=400, hop_length=160, top_db=30)
show("odd frames", [1], frame_length=333, hop_length=100, top_db=40)
show("gaps between frames", [0], frame_length=100, hop_length=700, top_db=20)
show("two channels", [0, 1], frame_length=256, hop_length=128, top_db=20)
show("three channels", [0, 1, 2], frame_length=256, hop_length=128, top_db=50)
show("reference", [0], frame_length=256, hop_length=64, top_db=10, ref=0.2)
show("nothing so loud", [0], top_db=10, ref=50.0)
show("almost nothing", [2])
