"""Freshly built layers of PyTorch: python scripts/goldens/layers.py > test/fixtures/init/layers.json

One thread. Each case seeds once and builds its layers one after the other; state is stored as bits (hex of the little-endian array).
"""

import json

import torch
from torch import nn

LINEAR = [
    {"in_features": 3, "out_features": 5},
    {"in_features": 7, "out_features": 2, "bias": False},
    {"in_features": 17, "out_features": 33},
    {"in_features": 1, "out_features": 1},
]
CONV = [
    {"in_channels": 2, "out_channels": 3, "kernel_size": 3},
    {"in_channels": 4, "out_channels": 6, "kernel_size": 2, "groups": 2, "bias": False},
    {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "groups": 4, "stride": 2, "padding": 1, "dilation": 2},
    {"in_channels": 1, "out_channels": 5, "kernel_size": 1, "padding_mode": "circular"},
]
LAYERS = [
    *(("Linear", options) for options in LINEAR),
    *((f"Conv{n}d", options) for n in (1, 2, 3) for options in CONV),
    ("Conv2d", {"in_channels": 3, "out_channels": 2, "kernel_size": [3, 1]}),
]


def case(seed, *layers):
    torch.manual_seed(seed)
    built = []
    for name, options in layers:
        kwargs = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
        state = getattr(nn, name)(**kwargs).state_dict()
        bits = {key: t.contiguous().numpy().tobytes().hex() for key, t in state.items()}
        built.append({"class": name, "options": options, "state": bits})
    return {"seed": str(seed), "layers": built, "next": torch.randint(0, 2**20, (1,)).item()}


alone = [case(0, layer) for layer in LAYERS]
others = [case(seed, LAYERS[0], LAYERS[8]) for seed in (1, 42, 2**63, -5)]
together = case(7, LAYERS[0], ("BatchNorm1d", {"num_features": 5}), *LAYERS[4:7], LAYERS[12], LAYERS[1])
print(json.dumps({"torch": torch.__version__, "cases": [*alone, *others, together]}, separators=(",", ":")))
