#!/usr/bin/env python3
"""Opens what Hearth has written with transformers, and compares.

    tools/peer/text_directory.py gpt DIRECTORY [PROMPT]      of //examples/text:gpt, beside //examples/text:generate
    tools/peer/text_directory.py classify DIRECTORY LINES    of //examples/text:classify; LINES is a text file

Prints what differs; the status is 1 then. Needs transformers and torch, and that the programs are built.
"""

import subprocess
import sys

import torch
from transformers import (AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, GenerationConfig)


def gpt(directory, prompt="And it came to pass"):
    tokenizer, model = AutoTokenizer.from_pretrained(directory), AutoModelForCausalLM.from_pretrained(directory)
    print("generation_config.json:", GenerationConfig.from_pretrained(directory).to_diff_dict())
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    out = model.generate(ids, do_sample=False, max_new_tokens=40)[0, ids.shape[1]:]
    theirs = tokenizer.decode(out, skip_special_tokens=True)
    ours = subprocess.run(["bazel-bin/examples/text/generate", "--greedy", "--max_new_tokens=40", directory, prompt],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
    print(f"transformers: {prompt}{theirs}\nHearth:       {prompt}{ours}", end="")
    return ours == theirs + "\n"


@torch.no_grad()
def classify(directory, path):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForSequenceClassification.from_pretrained(directory).eval()
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    out = subprocess.run(["bazel-bin/examples/text/classify", directory], input="".join(l + "\n" for l in lines),
                         stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    same = len(out) == len(lines)
    for line, ours in zip(lines, out):
        p = model(**tokenizer(line, return_tensors="pt", truncation=True)).logits.softmax(-1)[0]
        label, probability = model.config.id2label[p.argmax().item()], p.max().item()
        name, value, _ = ours.split("\t", 2)
        if name != label or abs(float(value) - probability) > 0.0011:
            print(f"transformers {label} {probability:.3f}, Hearth {name} {value}: {line}")
            same = False
    print(f"{len(lines)} lines classified")
    return same


sys.exit(0 if {"gpt": gpt, "classify": classify}[sys.argv[1]](*sys.argv[2:]) else 1)
