#!/usr/bin/env python3
"""Generation: expected values from transformers.

    tools/golden/text_generate.py DIRECTORY

Writes into DIRECTORY (tests/text/generate/golden)
    processors.json   scores before and after the logits processors that GenerationConfig asks for
    searches.json     what generate() makes, greedily and with beams, of a model that is a formula (see Formula below)
    models.json       the same of the small random models in DIRECTORY/gpt2 and DIRECTORY/llama, which are written too

transformers 5.24.0 was used, with torch 2.15.0.
"""

import json
import logging
import os
import random
import sys

import torch
import transformers
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.generation import GenerationMixin
from transformers.modeling_outputs import CausalLMOutput

logging.getLogger("transformers").setLevel(logging.ERROR)

# ---- Processors

SMALL = 24
PROCESSORS = [
    dict(repetition_penalty=1.7),
    dict(repetition_penalty=0.4),
    dict(no_repeat_ngram_size=1),
    dict(no_repeat_ngram_size=2),
    dict(no_repeat_ngram_size=3),
    dict(no_repeat_ngram_size=40),
    dict(bad_words_ids=[[5], [7, 9], [3, 4, 6], [2]], eos_token_id=2),
    dict(bad_words_ids=[[3, 4], [4, 3], [9, 3, 4, 8]]),
    dict(sequence_bias=[[[5], 2.5], [[6], -1.25], [[3, 4, 6], 3.5], [[4, 6], -0.75], [[9, 7], 10.0]]),
    dict(min_length=12, eos_token_id=[1, 2]),
    dict(min_length=9, eos_token_id=[1, 2]),
    dict(min_new_tokens=7, eos_token_id=2),
    dict(min_new_tokens=4, eos_token_id=2),
    dict(forced_eos_token_id=[4, 6], max_length=11),
    dict(forced_eos_token_id=4, max_length=12),
    dict(forced_bos_token_id=8, ids=[3], prompt=1),
    dict(forced_bos_token_id=8, begin_suppress_tokens=[3, 8], ids=[3], prompt=1),
    dict(forced_bos_token_id=8, begin_suppress_tokens=[3, 8], ids=[3, 8], prompt=1),
    dict(begin_suppress_tokens=[3, 8], ids=[3, 8], prompt=2),
    dict(begin_suppress_tokens=[3, 8], ids=[3, 8, 5], prompt=2),
    dict(suppress_tokens=[0, 23, 11]),
    dict(exponential_decay_length_penalty=[2, 1.5], eos_token_id=[2, 5]),
    dict(exponential_decay_length_penalty=[6, 1.5], eos_token_id=[2, 5]),
    dict(exponential_decay_length_penalty=[0, 0.5], eos_token_id=[2, 5], suppress_tokens=[5]),
    dict(renormalize_logits=True),
    dict(renormalize_logits=True, suppress_tokens=[1, 2, 3]),
    dict(remove_invalid_values=True, scores="invalid"),
    dict(do_sample=True, top_k=0, temperature=0.6),
    dict(do_sample=True, top_k=0, temperature=2.5),
    dict(do_sample=True, top_k=1),
    dict(do_sample=True, top_k=5),
    dict(do_sample=True, top_k=23),
    dict(do_sample=True, top_k=100),
    dict(do_sample=True, top_k=3, scores="ties"),
    dict(do_sample=True, top_k=0, top_p=0.9),
    dict(do_sample=True, top_k=0, top_p=0.5),
    dict(do_sample=True, top_k=0, top_p=0.02),
    dict(do_sample=True, top_k=0, top_p=0.9995),
    dict(do_sample=True, top_k=0, min_p=0.1),
    dict(do_sample=True, top_k=0, min_p=0.0),
    dict(do_sample=True, top_k=0, min_p=1.0),
    dict(do_sample=True, top_k=0, typical_p=0.9),
    dict(do_sample=True, top_k=0, typical_p=0.5),
    dict(do_sample=True, top_k=0, typical_p=0.1),
    dict(do_sample=True, top_k=0, typical_p=0.8, suppress_tokens=[4, 5]),
    dict(do_sample=True, top_k=0, epsilon_cutoff=0.05),
    dict(do_sample=True, top_k=0, epsilon_cutoff=0.9),
    dict(do_sample=True, top_k=0, eta_cutoff=0.05),
    dict(do_sample=True, top_k=0, eta_cutoff=0.5),
    dict(do_sample=True, temperature=0.8, top_k=12, top_p=0.85, min_p=0.03, typical_p=0.95, epsilon_cutoff=0.01,
         eta_cutoff=0.02, renormalize_logits=True, repetition_penalty=1.2, no_repeat_ngram_size=2,
         sequence_bias=[[[5], 2.5], [[3, 4, 6], 3.5]], bad_words_ids=[[11], [4, 12]], suppress_tokens=[17],
         min_new_tokens=8, exponential_decay_length_penalty=[1, 1.1], eos_token_id=[2, 5]),
]
LARGE = 20000
LARGE_PROCESSORS = [
    dict(do_sample=True, top_k=50),
    dict(do_sample=True, top_k=5000),
    dict(do_sample=True, top_k=0, top_p=0.3),
    dict(do_sample=True, top_k=0, top_p=0.95),
    dict(do_sample=True, top_k=0, typical_p=0.2),
    dict(do_sample=True, top_k=0, typical_p=0.9),
    dict(do_sample=True, top_k=0, min_p=0.2),
    dict(do_sample=True, top_k=0, epsilon_cutoff=0.0001),
    dict(do_sample=True, top_k=0, eta_cutoff=0.0003),
    dict(do_sample=True, temperature=0.7, top_k=400, top_p=0.8, min_p=0.01),
]


def large_scores():
    """All different, the same in C++ (tests/text/generate/processors_test.cc)."""
    return torch.tensor([[(i * 7919 % 20011) / 20011 * 12 - 6 for i in range(LARGE)]], dtype=torch.float32)


def process(model, config, ids, prompt, scores):
    config = GenerationConfig(**config)
    model._prepare_special_tokens(config)
    processors = model._get_logits_processor(config, input_ids_seq_length=prompt)
    return processors(torch.tensor([ids]), scores)[0]


def numbers(values):
    """-inf and the like are strings, which JSON has no numbers for."""
    return [float(f"{v:.8g}") if abs(v) < 3e38 else str(v) for v in values.tolist()]


def processors(directory):
    model = GPT2LMHeadModel(GPT2Config(vocab_size=SMALL, n_embd=4, n_layer=1, n_head=1, n_positions=64))
    rng = random.Random(7)
    small, large = [], []
    for case in PROCESSORS:
        config = dict(case)
        kind = config.pop("scores", "random")
        ids = config.pop("ids", [9, 3, 4, 6, 9, 7, 3, 7, 3, 4])
        prompt = config.pop("prompt", 4)
        values = [round(rng.gauss(0, 2.5), 2) for _ in range(SMALL)]
        if kind == "ties":
            values = [round(v) for v in values]
        if kind == "invalid":
            values[3:6] = [float("nan"), float("inf"), float("-inf")]
        before = torch.tensor([values], dtype=torch.float32)
        after = process(model, config, ids, prompt, before.clone())
        small.append({"config": config, "ids": ids, "prompt": prompt, "before": numbers(before[0]),
                      "after": numbers(after)})
    for config in LARGE_PROCESSORS:
        after = process(model, config, [1], 1, large_scores())
        kept = (after > -float("inf")).nonzero()[:, 0].tolist()
        large.append({"config": config, "kept": len(kept), "sum": sum(kept), "sum_of_squares": sum(k * k for k in kept)})
    write(directory, "processors.json", {"small": small, "large": large})


# ---- Searches

VOCABULARY = 13


class FormulaConfig(transformers.PretrainedConfig):
    model_type = "formula"

    def __init__(self, **more):
        self.vocab_size = VOCABULARY
        self.hidden_size = self.num_attention_heads = self.num_hidden_layers = 1
        super().__init__(**more)


class Formula(transformers.PreTrainedModel, GenerationMixin):
    """Logits that follow from all tokens before, the same in C++ (tests/text/generate/formula_model.h)."""
    config_class = FormulaConfig
    _supports_cache_class = False

    def __init__(self, config):
        super().__init__(config)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.post_init()

    def forward(self, input_ids, attention_mask=None, **_):
        rows = []
        seen_tokens = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        for ids, mask in zip(input_ids.tolist(), seen_tokens.tolist()):
            state = 0
            for token, seen in zip(ids, mask):
                if seen:
                    state = (state * 31 + token + 1) % 9973
            rows.append([((state * 7919 + v * 104729 + v * state % 1009 * 31337) % 1000003) / 1000003 * 8 - 4
                         for v in range(VOCABULARY)])
        return CausalLMOutput(logits=torch.tensor(rows, dtype=torch.float32)[:, None, :])

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **_):
        return {"input_ids": input_ids, "attention_mask": attention_mask}


PROMPTS = [[4], [1, 2, 9, 4, 4, 8], [11, 0, 7]]


def searches_of(eos):
    out = [dict(max_new_tokens=12), dict(max_new_tokens=1), dict(max_new_tokens=10, repetition_penalty=1.5),
           dict(max_new_tokens=10, no_repeat_ngram_size=2, suppress_tokens=[3]),
           dict(max_new_tokens=6, forced_eos_token_id=5)]
    if eos:
        out.append(dict(max_new_tokens=12, min_new_tokens=6))
    for beams in (2, 3, 5):
        for stopping in (False, True, "never"):
            for penalty in (1.0, 0.0, -1.0, 2.5):
                out.append(dict(max_new_tokens=9, num_beams=beams, early_stopping=stopping, length_penalty=penalty,
                                num_return_sequences=beams))
    out += [dict(max_new_tokens=1, num_beams=3, num_return_sequences=2), dict(max_new_tokens=2, num_beams=4),
            dict(max_new_tokens=8, num_beams=3, repetition_penalty=1.4),
            dict(max_new_tokens=8, num_beams=3, no_repeat_ngram_size=2, num_return_sequences=3),
            dict(max_new_tokens=8, num_beams=2, bad_words_ids=[[6], [4, 8], [1, 2]], renormalize_logits=True),
            dict(max_new_tokens=7, num_beams=3, forced_eos_token_id=5, num_return_sequences=2),
            dict(max_new_tokens=20, num_beams=4, length_penalty=3.0, early_stopping="never", num_return_sequences=4)]
    if eos:
        out += [dict(max_new_tokens=9, num_beams=3, min_new_tokens=5, num_return_sequences=3),
                dict(max_new_tokens=9, num_beams=3, exponential_decay_length_penalty=[2, 1.4])]
    return [{**c, **({"eos_token_id": eos} if eos else {})} for c in out]


def search(model, config, prompts):
    """New tokens and scores, one entry for each text. Every prompt is alone: to no_repeat_ngram_size of transformers padding
    is text."""
    return [{**text, "prompt": i} for i, p in enumerate(prompts) for text in search_batch(model, config, [p])]


def search_batch(model, config, prompts):
    longest = max(len(p) for p in prompts)
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    eos = config.get("eos_token_id")
    ends = set([eos] if isinstance(eos, int) else eos or [])
    forced = config.get("forced_eos_token_id")
    padding = next(iter(ends), 0)
    made = model.generate(ids, attention_mask=mask, generation_config=GenerationConfig(**config, pad_token_id=padding),
                          return_dict_in_generate=True, output_scores=True, use_cache=not isinstance(model, Formula))
    texts, count = [], config.get("num_return_sequences", 1)
    scores = made.sequences_scores.tolist() if config.get("num_beams", 1) > 1 else None
    for i, row in enumerate(made.sequences[:, longest:].tolist()):
        end = next((k + 1 for k, token in enumerate(row) if token in ends), None)
        if end is None:
            end = config["max_new_tokens"]
            assert len(row) == end, (row, config)
            assert forced is None or row[-1] == forced
        texts.append({"prompt": i // count, "ids": row[:end], **({"score": float(f"{scores[i]:.8g}")} if scores else {})})
    return texts


def write(directory, name, value):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
        if isinstance(value, dict):
            lines = [f"{json.dumps(k)}: [\n" + ",\n".join(json.dumps(v) for v in entries) + "\n]"
                     for k, entries in value.items()]
            f.write("{\n" + ",\n".join(lines) + "\n}\n")
        else:
            f.write("[\n" + ",\n".join(json.dumps(v) for v in value) + "\n]\n")


def searches(directory):
    model = Formula(FormulaConfig()).eval()
    out = []
    for eos in ([], 3, [3, 7, 10]):
        for config in searches_of(eos):
            out.append({"config": config, "prompts": PROMPTS, "texts": search(model, config, PROMPTS)})
    write(directory, "searches.json", out)


# ---- Models

MODELS = {
    "gpt2": (GPT2LMHeadModel, GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=48, initializer_range=0.4,
                                         bos_token_id=1, eos_token_id=2)),
    "llama": (LlamaForCausalLM, LlamaConfig(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
                                            num_attention_heads=4, num_key_value_heads=2, head_dim=8,
                                            max_position_embeddings=64, initializer_range=0.4, bos_token_id=1,
                                            eos_token_id=2, pad_token_id=0)),
}
MODEL_PROMPTS = [[1, 9, 5, 30], [1], [1, 20, 21, 22, 23, 7, 33, 12, 5]]
MODEL_SEARCHES = [
    dict(max_new_tokens=20, eos_token_id=2),
    dict(max_new_tokens=20, eos_token_id=2, repetition_penalty=1.3, no_repeat_ngram_size=3),
    dict(max_new_tokens=20, eos_token_id=2, num_beams=4, num_return_sequences=4),
    dict(max_new_tokens=15, eos_token_id=[2, 17, 30], num_beams=3, num_return_sequences=2, length_penalty=2.0,
         early_stopping="never"),
    dict(max_new_tokens=15, eos_token_id=[2, 17], num_beams=2, num_return_sequences=2, length_penalty=-1.0,
         early_stopping=True, min_new_tokens=3),
]


def models(directory):
    out = []
    for name, (kind, config) in MODELS.items():
        torch.manual_seed(11)
        model = kind(config).eval()
        model.save_pretrained(os.path.join(directory, name))
        os.remove(os.path.join(directory, name, "generation_config.json"))
        model.generation_config = GenerationConfig()
        for search_config in MODEL_SEARCHES:
            texts = search(model, search_config, MODEL_PROMPTS)
            batch = search_batch(model, search_config, MODEL_PROMPTS)
            assert [t["ids"] for t in texts] == [t["ids"] for t in batch], (name, search_config)
            out.append({"model": name, "config": search_config, "prompts": MODEL_PROMPTS, "texts": texts})
    write(directory, "models.json", out)


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    processors(sys.argv[1])
    searches(sys.argv[1])
    models(sys.argv[1])


if __name__ == "__main__":
    main()
