"""torchaudio's alignments and edit distances.

    python3 tools/golden/recognition.py > tests/audio/recognition/golden.inc
"""
import torch

torch.version.cuda = None
import torchaudio
import torchaudio.functional as F


def emit(kind, name, values):
    print("inline const std::vector<%s> kGolden%s = {%s};" % (kind, name, ", ".join(repr(v) for v in values)))


print("// Made by tools/golden/recognition.py with torchaudio %s." % torchaudio.__version__)
print("#include <cstdint>\n#include <vector>")
x = (3 * torch.sin(0.37 * torch.arange(60, dtype=torch.float64) + 1)).reshape(12, 5).log_softmax(1)
for name, targets in (("Plain", [1, 2, 2, 4]), ("Single", [3]), ("Tight", [1, 1, 2, 2, 3, 3, 4, 4]), ("Long", [1, 2, 3, 4, 1, 2])):
    path, scores = F.forced_align(x[None], torch.tensor([targets]))
    emit("int64_t", name + "Path", path[0].tolist())
    emit("double", name + "Scores", scores[0].tolist())
    spans = F.merge_tokens(path[0], scores[0])
    emit("double", name + "Spans", [float(v) for s in spans for v in (s.token, s.start, s.end, s.score)])
PAIRS = [("kitten", "sitting"), ("", "abc"), ("abc", ""), ("intention", "execution"), ("same", "same")]
emit("int64_t", "Distances", [F.edit_distance(a, b) for a, b in PAIRS])
