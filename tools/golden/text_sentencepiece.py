#!/usr/bin/env python3
"""SentencePiece: expected values from its Python package.

    tools/golden/text_sentencepiece.py OUT.json MODEL...
        What its trainers of these models (unigram, bpe, word, char) learn from texts, and what the models make of others:
        tests/text/sentencepiece/golden.json. Of a file that is there, the other models stay.

    tools/golden/text_sentencepiece.py --compare DUMP DIRECTORY [COUNT]
        COUNT (10,000) strings through every .model below DIRECTORY, in the Python package and in Hearth; prints how many
        are equal, for the class SentencePiece and for the Tokenizer made of the same file, and how many ids of that one are
        those of `tokenizers` when it opens the tokenizer.json that Hearth writes. DUMP is the program
        //tests/text/sentencepiece:dump. DIRECTORY holds unpacked packages (pip download --no-deps mistral-common).

Needs sentencepiece, and what text_tokenizers.py needs. Debian's 0.1.97 has no package for Python 3.11; its bpe trainer
is that of 0.1.98 (0.1.99 breaks ties otherwise), its unigram trainer that of 0.1.99 (0.1.98 differs).
"""

import io
import json
import os
import struct
import subprocess
import sys
import zlib

import sentencepiece
from tokenizers import Tokenizer

from text_tokenizers import PROSE, strings

GROUP = 8
BASE = {"vocab_size": 800, "character_coverage": 1.0}
CONFIGS = [
    {"model_type": "unigram"},
    {"model_type": "unigram", "vocab_size": 850, "normalization_rule_name": "nfkc_cf", "byte_fallback": True, "split_digits": True,
     "character_coverage": 0.98},
    {"model_type": "unigram", "user_defined_symbols": ["<sep>", "fox", "a,\"b"], "control_symbols": ["<ctrl>"], "pad_id": 3,
     "bos_id": -1, "remove_extra_whitespaces": False},
    {"model_type": "unigram", "normalization_rule_name": "nmt_nfkc_cf", "treat_whitespace_as_suffix": True,
     "split_by_whitespace": False, "hard_vocab_limit": False, "vocab_size": 2000},
    {"model_type": "bpe", "normalization_rule_name": "identity", "byte_fallback": True, "remove_extra_whitespaces": False,
     "vocab_size": 950, "character_coverage": 0.98, "split_digits": True},
    {"model_type": "bpe", "normalization_rule_name": "nfkc", "add_dummy_prefix": False, "user_defined_symbols": ["<sep>", "▁▁"]},
    {"model_type": "bpe", "max_sentencepiece_length": 4, "split_by_unicode_script": False, "split_by_number": False},
    {"model_type": "char", "character_coverage": 0.99, "hard_vocab_limit": False},
    {"model_type": "word", "character_coverage": 0.98, "vocab_size": 350},
]


def corpus():
    # Python's package takes ends of lines away, and texts with a NUL differently in each release.
    return [t for t in PROSE * 3 + strings(300, 17) if t and not set(t) & set("\0\r\n")]


def pack(*parts):
    out = b""
    for part in parts:
        if isinstance(part, str):
            part = part.encode()
        out += struct.pack("<i", part) if isinstance(part, int) else struct.pack("<f", part) if isinstance(part, float) \
            else struct.pack("<i", len(part)) + part
    return out


def vocabulary(sp):
    """A checksum of the pieces and one of their kinds and scores."""
    ids = range(sp.get_piece_size())
    pieces = zlib.crc32(b"".join(pack(sp.id_to_piece(i)) for i in ids))
    return pieces, zlib.crc32(b"".join(pack(float(sp.get_score(i)), int(sp.is_control(i)), int(sp.is_unknown(i)), int(sp.is_byte(i)))
                                      for i in ids))


def of_text(sp, text):
    proto = sp.encode(text, out_type="immutable_proto")
    ids = [p.id for p in proto.pieces]
    out = pack(len(ids))
    for p in proto.pieces:
        out += pack(p.id, p.piece, p.begin, p.end)
    return out + pack(sp.decode(ids)), ids


def generate(path, types):
    train, texts = corpus(), strings(400, 19)
    before = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            before = {json.dumps(case["options"]): case for case in json.load(f)["cases"]}
    cases = []
    for config in CONFIGS:
        options = {**BASE, **config}
        if config["model_type"] not in types:
            cases += [before[json.dumps(options)]] if json.dumps(options) in before else []
            continue
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(train), model_writer=model, minloglevel=2, **options)
        sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        pieces, scores = vocabulary(sp)
        made = [of_text(sp, t)[0] for t in texts]
        case = {"options": options, "sentencepiece": sentencepiece.__version__, "size": sp.get_piece_size(), "pieces": pieces, "scores": scores,
                "sums": [zlib.crc32(b"".join(made[i:i + GROUP])) for i in range(0, len(made), GROUP)],
                "example": sp.encode("The quick brown fox", out_type=str)}
        if options["model_type"] == "unigram":
            case["best"] = [sp.nbest_encode(t, nbest_size=4) for t in texts[20:30]]
        cases.append(case)
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"made by": "tools/golden/text_sentencepiece.py", "group": GROUP,
                   "corpus": train, "strings": texts, "cases": cases}, out, ensure_ascii=False, separators=(",", ":"))


def models(directory):
    for root, _, files in sorted(os.walk(directory)):
        for name in sorted(files):
            if name.endswith(".model") or ".model.v" in name:
                yield os.path.join(root, name)


def compare(dump, directory, count):
    texts = strings(count, 11)
    packed = "/tmp/hearth_strings.bin"
    with open(packed, "wb") as f:
        for t in texts:
            f.write(struct.pack("<I", len(t.encode())) + t.encode())
    for path in models(directory):
        sp = sentencepiece.SentencePieceProcessor(model_file=path)
        saved = "/tmp/hearth_tokenizer.json"
        ours = subprocess.run([dump, path, packed, saved], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
        peer = Tokenizer.from_file(saved)
        peer.encode_special_tokens = True
        same, same_ids, same_peer, first = 0, 0, 0, None
        for text, line in zip(texts, ours, strict=True):
            all_of_it, ids = of_text(sp, text)
            whole, ids_alone = line.split()
            same += whole == "%08x" % zlib.crc32(all_of_it)
            equal = ids_alone == "%08x" % zlib.crc32(pack(len(ids), *ids))
            same_ids += equal
            ids = peer.encode(text).ids
            same_peer += ids_alone == "%08x" % zlib.crc32(pack(len(ids), *ids))
            if not equal and first is None:
                first = text
        print(f"{os.path.basename(path)}: SentencePiece {same} of {len(texts)} equal, Tokenizer {same_ids}, with tokenizers {same_peer}"
              + (f"; first other: {first!r}" if first is not None else ""), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 10_000)
    else:
        generate(sys.argv[1], sys.argv[2:])
