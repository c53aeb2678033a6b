#!/usr/bin/env python3
"""Perplexity and Kneser-Ney n-grams: expected values.

    tools/golden/text_metrics.py DIRECTORY

Writes DIRECTORY/golden.json (tests/text/metrics): n-gram models straight from the definition in Chen and Goodman (1998),
without any index, and the perplexity of tests/text/generate/golden/gpt2 in f64 by transformers, window by window.

transformers 5.24.0 was used, with torch 2.15.0.
"""

import json
import math
import os
import random
import sys

import torch
from transformers import GPT2LMHeadModel

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class KneserNey:
    def __init__(self, tokens, vocabulary, order):
        self.vocabulary, self.order = vocabulary, order
        grams = {n: [tuple(tokens[i:i + n]) for i in range(len(tokens) - n + 1)] for n in range(1, order + 2)}
        types = {n: set(g) for n, g in grams.items()}
        self.counts, self.discounts = {}, {}
        for n in range(1, order + 1):
            if n == order:
                self.counts[n] = {g: grams[n].count(g) for g in types[n]}
            else:
                self.counts[n] = {g: sum(longer[1:] == g for longer in types[n + 1]) for g in types[n]}
            n1, n2, n3, n4 = (sum(c == k for c in self.counts[n].values()) for k in (1, 2, 3, 4))
            if min(n1, n2, n3, n4) == 0:
                self.discounts[n] = [0.5, 1, 1.5]
                continue
            y = n1 / (n1 + 2 * n2)
            d = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
            self.discounts[n] = d if min(d) >= 0 else [0.5, 1, 1.5]

    def probability(self, history, token):
        history = tuple(history)[-(self.order - 1):] if self.order > 1 else ()
        lower = self.probability_below(history[1:], token) if history else 1 / self.vocabulary
        return self.of_order(history, token, lower)

    def probability_below(self, history, token):
        lower = self.probability_below(history[1:], token) if history else 1 / self.vocabulary
        return self.of_order(history, token, lower)

    def of_order(self, history, token, lower):
        n = len(history) + 1
        after = {g[-1]: c for g, c in self.counts[n].items() if g[:-1] == history and c > 0}
        if not after:
            return lower
        total, d = sum(after.values()), self.discounts[n]
        discount = lambda c: 0 if c == 0 else d[min(c, 3) - 1]
        gamma = sum(discount(c) for c in after.values()) / total
        c = after.get(token, 0)
        return (c - discount(c)) / total + gamma * lower


def ngrams():
    cases = []
    for seed, (length, vocabulary, order) in enumerate([(400, 12, 3), (700, 20, 5), (300, 6, 2), (200, 9, 1), (30, 5, 4),
                                                        (2, 3, 5)]):
        r = random.Random(seed)
        # Rare and frequent tokens, and repetitions, as texts have them; the last token is never seen.
        tokens = []
        while len(tokens) < length:
            if tokens and r.random() < 0.3:
                at = r.randrange(len(tokens))
                tokens += tokens[at:at + r.randrange(2, 7)]
            else:
                tokens.append(min(int(r.paretovariate(0.9)) - 1, vocabulary - 2))
        tokens = tokens[:length]
        model = KneserNey(tokens, vocabulary, order)
        queries = []
        for _ in range(40):
            at = r.randrange(len(tokens))
            history = tokens[max(0, at - r.randrange(order + 2)):at]
            if r.random() < 0.3:
                history = [r.randrange(vocabulary) for _ in history]
            token = r.randrange(vocabulary)
            queries.append([history, token, math.log(model.probability(history, token))])
        text = [r.randrange(vocabulary) for _ in range(10)] + tokens[:20]
        nll = -sum(math.log(model.probability(text[:i], text[i])) for i in range(1, len(text)))
        # Probabilities add up to 1.
        for history, _, _ in queries[:10]:
            assert abs(sum(model.probability(history, t) for t in range(vocabulary)) - 1) < 1e-12
        cases.append(dict(tokens=tokens, vocabulary=vocabulary, order=order, queries=queries, text=text, nll=nll,
                          discounts=[model.discounts[n] for n in range(1, order + 1)]))
    return cases


@torch.no_grad()
def windows():
    model = GPT2LMHeadModel.from_pretrained(os.path.join(ROOT, "tests/text/generate/golden/gpt2")).double().eval()
    tokens = torch.randint(0, model.config.vocab_size, (73,), generator=torch.Generator().manual_seed(1))
    cases = []
    for count, context, stride in [(73, 16, 8), (73, 16, 16), (73, 9, 1), (73, 10, 3), (16, 16, 5), (17, 16, 5),
                                   (18, 16, 5), (2, 16, 8), (5, 16, 8), (73, 1, 1)]:
        text = tokens[:count]
        nll, before, last = 0.0, 0, count - 1
        end = min(context, last)
        while True:
            start = max(end - context, 0)
            scores = model(input_ids=text[None, start:end]).logits[0].log_softmax(-1)
            for target in range(before + 1, end + 1):
                nll -= scores[target - 1 - start, text[target]].item()
            before = end
            if end == last:
                break
            end = min(end + stride, last)
        cases.append(dict(count=count, context=context, stride=stride, nll=nll))
    return dict(tokens=tokens.tolist(), cases=cases)


with open(os.path.join(sys.argv[1], "golden.json"), "w") as out:
    json.dump(dict(ngrams=ngrams(), windows=windows()), out, separators=(",", ":"))
    out.write("\n")
