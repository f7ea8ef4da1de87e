"""The peer of train.ts: the same step in torch, float32. Arguments: the config as JSON, rows, positions, threads, steps.
Prints the best seconds a step."""
import json
import sys
import time

import torch
import torch.nn.functional as F

config = json.loads(sys.argv[1])
rows, positions, threads, steps = map(int, sys.argv[2:6])
torch.set_num_threads(threads)
torch.manual_seed(0)
d, mlp, blocks = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
heads, kv, vocabulary = config["num_attention_heads"], config["num_key_value_heads"], config["vocab_size"]
width = d // heads


def matrix(*shape):
    return torch.nn.Parameter(0.02 * torch.randn(*shape))


def scale():
    return torch.nn.Parameter(torch.ones(d))


embedding, final = matrix(vocabulary, d), scale()
layers = [
    dict(q=matrix(d, d), k=matrix(kv * width, d), v=matrix(kv * width, d), o=matrix(d, d),
         gate=matrix(mlp, d), up=matrix(mlp, d), down=matrix(d, mlp), first=scale(), second=scale())
    for _ in range(blocks)
]
parameters = [embedding, final, *(value for layer in layers for value in layer.values())]
optimiser = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
angles = torch.arange(positions)[:, None] * 10000.0 ** (-torch.arange(0, width, 2) / width)
cos, sin = (torch.cat([f(angles), f(angles)], -1) for f in (torch.cos, torch.sin))


def turned(x):
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat([-high, low], -1) * sin


def split(x, count):
    return x.view(rows, positions, count, width).transpose(1, 2)


def loss(ids, targets):
    x = embedding[ids]
    for layer in layers:
        n = F.rms_norm(x, (d,), layer["first"], 1e-5)
        q, k = turned(split(F.linear(n, layer["q"]), heads)), turned(split(F.linear(n, layer["k"]), kv))
        v = split(F.linear(n, layer["v"]), kv)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + F.linear(mixed.transpose(1, 2).reshape(rows, positions, d), layer["o"])
        n = F.rms_norm(x, (d,), layer["second"], 1e-5)
        x = x + F.linear(F.silu(F.linear(n, layer["gate"])) * F.linear(n, layer["up"]), layer["down"])
    logits = F.linear(F.rms_norm(x, (d,), final, 1e-5), embedding)
    return F.cross_entropy(logits.view(-1, vocabulary), targets.view(-1))


ids, targets = (torch.randint(0, vocabulary, (rows, positions)) for _ in range(2))
best = float("inf")
for _ in range(steps):
    start = time.perf_counter()
    optimiser.zero_grad()
    loss(ids, targets).backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    best = min(best, time.perf_counter() - start)
print(best)
