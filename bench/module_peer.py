"""Times one module at one size in PyTorch eager: one JSON line. usage: module_peer.py NAME SIZE SECONDS THREADS"""
import json
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import nn

name, size, seconds, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.manual_seed(0)
spec = json.loads(Path(__file__).with_name("modules.json").read_text())[name][size]
module = getattr(nn, name)(**spec["options"])
below = spec.get("below")
x = torch.randint(0, below, spec["x"]) if below else torch.rand(spec["x"], requires_grad=True)
parameters = list(module.parameters())
optimizer = torch.optim.Adam(parameters, lr=1e-3) if parameters else None


def call():
    y = module(x, x, x, need_weights=False) if name == "MultiheadAttention" else module(x)
    return y[0] if isinstance(y, tuple) else y


def step():
    if optimizer:
        optimizer.zero_grad()
    if not below:
        x.grad = None
    loss = call().square().mean()
    loss.backward()
    if optimizer:
        optimizer.step()
    return loss.item()


def forward():
    with torch.no_grad():
        return call()


def median_ms(f):
    for _ in range(5):
        f()
    times, end = [], time.perf_counter() + float(seconds)
    while time.perf_counter() < end or len(times) < 5:
        t = time.perf_counter()
        f()
        times.append((time.perf_counter() - t) * 1e3)
    return statistics.median(times)


train = median_ms(step)
module.eval()
print(json.dumps({"train_ms": train, "forward_ms": median_ms(forward)}))
