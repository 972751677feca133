"""Freshly built layers of PyTorch: python scripts/goldens/layers.py > test/fixtures/init/layers.json

One thread. Each case seeds once and builds its layers one after the other; state is stored as bits (hex of the little-endian array).
`capability` is the instruction set PyTorch ran with: its normal numbers come from a vector path whose last bits depend on it.
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
MORE = [
    *((f"ConvTranspose{n}d", options) for n in (1, 2, 3) for options in CONV[:3]),
    ("Bilinear", {"in1_features": 3, "in2_features": 4, "out_features": 2}),
    ("Bilinear", {"in1_features": 5, "in2_features": 1, "out_features": 3, "bias": False}),
    ("Embedding", {"num_embeddings": 3, "embedding_dim": 5}),
    ("Embedding", {"num_embeddings": 11, "embedding_dim": 7, "padding_idx": 2}),
    ("EmbeddingBag", {"num_embeddings": 4, "embedding_dim": 8}),
    ("EmbeddingBag", {"num_embeddings": 3, "embedding_dim": 4, "padding_idx": 0}),
    ("PReLU", {"num_parameters": 3, "init": 0.5}),
    ("LayerNorm", {"normalized_shape": [3, 2]}),
    ("RMSNorm", {"normalized_shape": [4]}),
    ("GroupNorm", {"num_groups": 2, "num_channels": 4}),
    ("InstanceNorm2d", {"num_features": 3, "affine": True, "track_running_stats": True}),
    ("AdaptiveLogSoftmaxWithLoss", {"in_features": 8, "n_classes": 20, "cutoffs": [5, 10], "div_value": 2.0}),
    ("LinearCrossEntropyLoss", {"in_features": 6, "num_classes": 4, "bias": True}),
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
more = [case(11, layer) for layer in MORE]
together = case(7, LAYERS[0], ("BatchNorm1d", {"num_features": 5}), *LAYERS[4:7], LAYERS[12], LAYERS[1])
mixed = case(12, MORE[0], MORE[9], MORE[13], MORE[10], MORE[3], MORE[-1], LAYERS[0])
print(
    json.dumps(
        {
            "torch": torch.__version__,
            "capability": torch.backends.cpu.get_cpu_capability(),
            "cases": [*alone, *others, together, *more, mixed],
        },
        separators=(",", ":"),
    )
)
