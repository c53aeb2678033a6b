"""transformers on PyTorch beside //tests/bench:text_models_bench, turn by turn; of each the best counts.

    python3 tests/bench/peers/text_models.py bazel-bin/tests/bench/text_models_bench [rounds [threads [part of a name]]]

Shapes of MiniLM and GPT-2 (124M) with weights of one value here and random ones there, eager mode with PyTorch's fused attention. Prints milliseconds,
PyTorch's time over Hearth's, and for decoding the part of the copy bandwidth at which weights are read.
"""
import json
import os
import subprocess
import sys
import time

sys.path.pop(0)  # the folder of this script, where a tokenizers.py lies
import torch
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
threads = int(sys.argv[3]) if len(sys.argv) > 3 else 2
torch.set_num_threads(threads)
torch.set_grad_enabled(False)


def ours(name):
    out = subprocess.run([program, f"--benchmark_filter=^{name}/real_time$", "--benchmark_min_time=0.5",
                          "--benchmark_format=json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                         env={**os.environ, "HEARTH_NUM_THREADS": str(threads)}).stdout
    row = json.loads(out)["benchmarks"][0]
    return row["real_time"], row.get("bytes_per_second")


def best(call, seconds=0.7):
    call()
    least, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        least = min(least, time.perf_counter() - begin)
    return least * 1000


bert = BertModel(BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536), add_pooling_layer=False).eval()
gpt2 = GPT2LMHeadModel(GPT2Config()).eval()
low = GPT2LMHeadModel(GPT2Config()).eval().to(torch.bfloat16)


def encode(batch, tokens):
    ids = torch.randint(1000, 30000, (batch, tokens))
    mask = torch.ones_like(ids)
    if batch >= 4:
        mask[:batch // 4, tokens // 2:] = 0
    return best(lambda: bert(input_ids=ids, attention_mask=mask))


def prefill(tokens):
    ids = torch.randint(0, 50000, (1, tokens))
    return best(lambda: gpt2(input_ids=ids, use_cache=True, logits_to_keep=1))


def decode(model):
    prompt, one = torch.randint(0, 50000, (1, 128)), torch.randint(0, 50000, (1, 1))
    state = {"out": None, "left": 0}

    def step():
        if state["left"] == 0:
            state["out"], state["left"] = model(input_ids=prompt, use_cache=True).past_key_values, 64
        state["left"] -= 1
        model(input_ids=one, past_key_values=state["out"], use_cache=True)

    return best(step)


def training_step():
    model = GPT2LMHeadModel(GPT2Config(vocab_size=1024, n_positions=128, n_embd=256, n_layer=4, n_head=4, resid_pdrop=0,
                                       embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ids, targets = torch.randint(0, 1024, (8, 128)), torch.randint(0, 1024, (8 * 128,))

    def step():
        loss = torch.nn.functional.cross_entropy(model(input_ids=ids, use_cache=False).logits.flatten(0, 1), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        loss.item()

    with torch.enable_grad():
        return best(step)


CASES = [("mini_lm_forward/32/128", lambda: encode(32, 128)), ("mini_lm_forward/1/16", lambda: encode(1, 16)),
         ("gpt2_prefill/512", lambda: prefill(512)), ("gpt2_decode/f32", lambda: decode(gpt2)),
         ("gpt2_decode/bf16", lambda: decode(low)), ("gpt2_step", training_step)]
wanted = sys.argv[4] if len(sys.argv) > 4 else ""
copy = max(ours("copy_bandwidth")[1] for _ in range(3))
print(f"{threads} threads, copy bandwidth {copy / 1e9:.1f} GB/s")
for name, theirs in [case for case in CASES if wanted in case[0]]:
    mine, other, rate = float("inf"), float("inf"), 0
    for _ in range(rounds):
        t, bytes_per_second = ours(name)
        mine, rate = min(mine, t), max(rate, bytes_per_second or 0)
        other = min(other, theirs())
    part = f"  weights at {rate / 1e9:.1f} GB/s, {rate / copy:.0%} of a copy" if rate else ""
    print(f"{name:24} {mine:8.2f} ms, PyTorch {other:8.2f} ms: {other / mine:.2f}x{part}", flush=True)
