"""Times one optimizer's step in PyTorch: one JSON line. usage: optimizer_peer.py NAME SECONDS THREADS COUNTxSIZE..."""
import json
import statistics
import sys
import time

import torch

name, seconds, threads, *models = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.manual_seed(0)
options = {"momentum": 0.9} if name == "SGD" else {}


def times(step):
    taken, end = [], time.perf_counter() + float(seconds)
    # a step of Muon can take a minute
    while time.perf_counter() < end or not taken:
        t = time.perf_counter()
        step()
        taken.append((time.perf_counter() - t) * 1e3)
    return taken


def step_ms(count, size):
    parameters = [torch.nn.Parameter(torch.rand(size, size)) for _ in range(count)]
    for p in parameters:
        p.grad = torch.rand_like(p)
    optimizer = getattr(torch.optim, name)(parameters, **options)
    times(optimizer.step)
    return statistics.median(times(optimizer.step))


print(json.dumps({model: step_ms(*map(int, model.split("x"))) for model in models}))
