"""Golden files of text models: small random models of each family and variant, computed by transformers.

    python3 tools/golden/text_models.py DIRECTORY           writes cases.json, golden.safetensors and WEIGHTS.safetensors
    python3 tools/golden/text_models.py DIRECTORY --check PROGRAM
        PROGRAM (bazel-bin/tests/text/models/save_all) loads each case and saves it again; transformers then loads what it
        wrote and must compute the same

Several cases share one file of weights: heads of an encoder, kinds of rotary embeddings. Of a case `name` the golden file
has name/ids, name/mask and name/out, the latter where mask is 1; name/bf16 is the largest error that transformers itself
makes in bfloat16.
"""

import copy
import json
import os
import subprocess
import sys
import tempfile

import safetensors.torch
import torch
import transformers
from transformers import (AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSequenceClassification,
                          AutoModelForTokenClassification)

VOCABULARY = 37
LLAMA = dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, head_dim=8, max_position_embeddings=64, initializer_range=0.3, bos_token_id=1,
             eos_token_id=2, pad_token_id=0)
BERT = dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=24, initializer_range=0.3, num_labels=3)
DISTIL = dict(vocab_size=VOCABULARY, dim=16, hidden_dim=24, n_layers=2, n_heads=2, max_position_embeddings=24,
              initializer_range=0.3, num_labels=3)
GPT2 = dict(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=32, initializer_range=0.3, bos_token_id=1,
            eos_token_id=2, n_inner=24)


def rope(**parameters):
    return {"rope_parameters": {"rope_theta": 10000.0, **parameters}}


# name: (weights, class of the configuration, task, what the configuration has beside the defaults, lengths of the texts)
CASES = {
    "llama": ("llama", "LlamaConfig", "lm", LLAMA, None),
    "llama_linear": ("llama", "LlamaConfig", "lm", {**LLAMA, **rope(rope_type="linear", factor=2.5)}, None),
    "llama_dynamic": ("llama", "LlamaConfig", "lm",
                      {**LLAMA, "max_position_embeddings": 10, **rope(rope_type="dynamic", factor=2.0)}, (17, 9)),
    "llama_yarn": ("llama", "LlamaConfig", "lm",
                   {**LLAMA, **rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)}, None),
    "llama_yarn_options": ("llama", "LlamaConfig", "lm",
                           {**LLAMA, **rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=16,
                                            beta_fast=8.0, beta_slow=0.5, mscale=0.7, mscale_all_dim=0.3,
                                            truncate=False)}, None),
    "llama_longrope_short": ("llama", "LlamaConfig", "lm",
                             {**LLAMA, **rope(rope_type="longrope", factor=4.0, original_max_position_embeddings=16,
                                              short_factor=[1.0, 1.1, 1.5, 2.0], long_factor=[1.0, 2.0, 4.0, 9.0])}, None),
    "llama_longrope_long": ("llama", "LlamaConfig", "lm",
                            {**LLAMA, **rope(rope_type="longrope", original_max_position_embeddings=8,
                                             short_factor=[1.0, 1.1, 1.5, 2.0], long_factor=[1.0, 2.0, 4.0, 9.0])}, None),
    "llama_llama3": ("llama", "LlamaConfig", "lm",
                     {**LLAMA, "rms_norm_eps": 1e-5, "max_position_embeddings": 128,
                      "rope_parameters": {"rope_theta": 500.0, "rope_type": "llama3", "factor": 8.0,
                                          "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                          "original_max_position_embeddings": 64}}, None),
    "llama_bias": ("llama_bias", "LlamaConfig", "lm",
                   {**LLAMA, "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True,
                    "hidden_act": "gelu_pytorch_tanh"}, None),
    "mistral": ("llama", "MistralConfig", "lm", {**LLAMA, "sliding_window": 5}, None),
    "mistral_full": ("llama", "MistralConfig", "lm", {**LLAMA, "sliding_window": None}, None),
    "qwen2": ("qwen2", "Qwen2Config", "lm",
              {**{k: v for k, v in LLAMA.items() if k != "head_dim"}, "use_sliding_window": True, "sliding_window": 4,
               "max_window_layers": 1}, None),
    "qwen3": ("qwen3", "Qwen3Config", "lm", {**LLAMA, "head_dim": 6}, None),
    "gpt2": ("gpt2", "GPT2Config", "lm", GPT2, None),
    "gpt2_options": ("gpt2", "GPT2Config", "lm",
                     {**GPT2, "scale_attn_by_inverse_layer_idx": True, "activation_function": "relu",
                      "layer_norm_epsilon": 1e-3}, None),
    "gpt2_untied": ("gpt2_untied", "GPT2Config", "lm",
                    {**GPT2, "tie_word_embeddings": False, "scale_attn_weights": False, "n_inner": None}, None),
    "bert": ("bert", "BertConfig", "base", BERT, None),
    "bert_sequence": ("bert", "BertConfig", "sequence", BERT, None),
    "bert_token": ("bert", "BertConfig", "token", BERT, None),
    "bert_mlm": ("bert", "BertConfig", "mlm", {**BERT, "hidden_act": "gelu_new", "layer_norm_eps": 1e-5}, None),
    "roberta": ("roberta", "RobertaConfig", "base", BERT, None),
    "roberta_sequence": ("roberta", "RobertaConfig", "sequence", BERT, None),
    "roberta_token": ("roberta", "RobertaConfig", "token", BERT, None),
    "roberta_mlm": ("roberta", "RobertaConfig", "mlm", BERT, None),
    "distilbert": ("distilbert", "DistilBertConfig", "base", DISTIL, None),
    "distilbert_sequence": ("distilbert", "DistilBertConfig", "sequence", DISTIL, None),
    "distilbert_token": ("distilbert", "DistilBertConfig", "token", DISTIL, None),
    "distilbert_mlm": ("distilbert", "DistilBertConfig", "mlm", {**DISTIL, "activation": "relu"}, None),
}
AUTO = {"lm": AutoModelForCausalLM, "base": AutoModel, "sequence": AutoModelForSequenceClassification,
        "token": AutoModelForTokenClassification, "mlm": AutoModelForMaskedLM}


def make(config, task):
    model = AUTO[task].from_config(config, attn_implementation="eager")
    return model.eval()


def inputs(task, lengths):
    """Texts of several lengths: padded at the right for encoders, at the left for decoders."""
    generator = torch.Generator().manual_seed(5)
    longest = max(lengths)
    ids = torch.randint(3, VOCABULARY, (len(lengths), longest), generator=generator)
    mask = torch.ones_like(ids)
    for row, length in enumerate(lengths):
        hidden = slice(0, longest - length) if task == "lm" else slice(length, longest)
        mask[row, hidden] = 0
        ids[row, hidden] = 1 if task != "lm" else 0
    types = torch.zeros_like(ids)
    types[:, longest // 2:] = 1
    return ids, mask, types


def run(model, task, ids, mask, types):
    """What the model gives. Where frequencies follow from a text's length, each text alone: in a batch transformers takes
    those of the longest one for all."""
    kind = (getattr(model.config, "rope_parameters", None) or {}).get("rope_type")
    if kind in ("dynamic", "longrope") and len(ids) > 1:
        out = torch.zeros(*ids.shape, model.config.vocab_size)
        for row, kept in enumerate(mask.bool()):
            one = ids[row, kept][None]
            out[row, kept] = run(copy.deepcopy(model), task, one, torch.ones_like(one), None)[0][0].to(out.dtype)
        return out, None
    extra = {}
    if task == "lm":
        extra["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    elif model.config.model_type == "bert":
        extra["token_type_ids"] = types
    with torch.no_grad():
        out = model(input_ids=ids, attention_mask=mask, **extra)
    if task == "base":
        return out.last_hidden_state, out.get("pooler_output")
    return out.logits, None


def worst(a, b, task, mask):
    difference = (a.float() - b.float()).abs()
    return float(difference.max() if task == "sequence" else difference[mask.bool()].max())


def small(config):
    """What the files of a user have: no defaults of the library's own."""
    return {k: v for k, v in config.to_dict().items() if k not in ("transformers_version", "dtype")}


def generate(directory):
    golden, cases = {}, {}
    weights = {}
    for name, (file, kind, task, values, lengths) in CASES.items():
        config = getattr(transformers, kind)(**values)
        torch.manual_seed(11)
        model = make(config, task)
        # Tied weights are one tensor under several names; the first of them stands in the files.
        first, names = {}, {}
        for k, v in model.named_parameters(remove_duplicate=False):
            names[k] = first.setdefault(v.data_ptr(), k)
        state = {k: v.clone() for k, v in model.state_dict().items() if names[k] == k}
        with torch.no_grad():
            for k, v in state.items():
                v.copy_(torch.randn(v.shape) * 0.3 + (1.0 if "norm" in k.lower() and k.endswith("weight") else 0.0))
        # Those of a base model are named as in a model with a head.
        prefix = {"bert": "bert.", "roberta": "roberta.", "distilbert": "distilbert."}.get(config.model_type, "")
        own = {(prefix + k if task == "base" else k): v for k, v in state.items()}
        shared = weights.setdefault(file, {})
        for k, v in own.items():
            shared.setdefault(k, v)
        model.load_state_dict({k: shared[prefix + n if task == "base" else n] for k, n in names.items()})
        ids, mask, types = inputs(task, lengths or (12, 7, 10))
        out, pooled = run(model, task, ids, mask, types)
        low = make(config, task)
        low.load_state_dict(model.state_dict())
        low = low.to(torch.bfloat16)
        low_out, _ = run(low, task, ids, mask, types)
        golden[f"{name}/ids"], golden[f"{name}/mask"], golden[f"{name}/types"] = ids, mask, types
        golden[f"{name}/out"] = out.contiguous()
        golden[f"{name}/bf16"] = torch.tensor(worst(low_out, out, task, mask))
        if pooled is not None:
            golden[f"{name}/pooled"] = pooled
        json_config = small(config)
        json_config["architectures"] = [type(model).__name__]
        cases[name] = {"weights": file, "task": task, "config": json_config}
    os.makedirs(directory, exist_ok=True)
    for file, tensors in weights.items():
        kept = {k: v.contiguous() for k, v in tensors.items()}
        safetensors.torch.save_file(kept, f"{directory}/{file}.safetensors", metadata={"format": "pt"})
    safetensors.torch.save_file(golden, f"{directory}/golden.safetensors",
                                metadata={"transformers": transformers.__version__, "torch": torch.__version__})
    with open(f"{directory}/cases.json", "w") as f:
        json.dump(cases, f, indent=1, sort_keys=True)
        f.write("\n")


def check(directory, program):
    golden = safetensors.torch.load_file(f"{directory}/golden.safetensors")
    failed = 0
    with tempfile.TemporaryDirectory() as saved:
        subprocess.run([program, directory, saved], check=True)
        for name, (_, _, task, _, _) in CASES.items():
            model, info = AUTO[task].from_pretrained(f"{saved}/{name}", attn_implementation="eager",
                                                     output_loading_info=True)
            out, _ = run(model.eval(), task, golden[f"{name}/ids"], golden[f"{name}/mask"], golden[f"{name}/types"])
            error = worst(out, golden[f"{name}/out"], task, golden[f"{name}/mask"])
            wrong = {k: v for k, v in info.items() if v}
            right = error < 1e-5 and not wrong
            failed += not right
            print(f"{name:24} {error:.1e} {'' if right else 'WRONG'} {wrong or ''}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[2] == "--check":
        check(sys.argv[1], sys.argv[3])
    generate(sys.argv[1])
