"""Freshly built transformers of PyTorch: python scripts/goldens/transformer.py > test/fixtures/init/transformer.json

As layers.py: each case seeds once and builds its layers one after the other; state is stored as bits (hex of the little-endian array).
"""

import json

import torch
from torch import nn

ATTENTION = [
    {"embed_dim": 6, "num_heads": 2},
    {"embed_dim": 4, "num_heads": 4, "bias": False, "batch_first": True},
    {"embed_dim": 6, "num_heads": 3, "kdim": 5, "vdim": 7},
    {"embed_dim": 4, "num_heads": 1, "kdim": 4, "vdim": 3, "bias": False, "add_zero_attn": True},
    {"embed_dim": 24, "num_heads": 8, "dropout": 0.25},
    {"embed_dim": 18, "num_heads": 2, "add_bias_kv": True},
]
LAYER = [
    {"d_model": 6, "nhead": 2, "dim_feedforward": 10},
    {"d_model": 4, "nhead": 2, "dim_feedforward": 8, "activation": "gelu", "bias": False, "norm_first": True},
]
MODEL = [
    {"d_model": 6, "nhead": 2, "num_encoder_layers": 2, "num_decoder_layers": 1, "dim_feedforward": 10},
    {"d_model": 4, "nhead": 1, "num_encoder_layers": 1, "num_decoder_layers": 2, "dim_feedforward": 5, "bias": False},
]
LAYERS = [
    *(("MultiheadAttention", options) for options in ATTENTION),
    *((name, options) for name in ("TransformerEncoderLayer", "TransformerDecoderLayer") for options in LAYER),
    *(("Transformer", options) for options in MODEL),
]


def case(seed, *layers):
    torch.manual_seed(seed)
    built = []
    for name, options in layers:
        state = getattr(nn, name)(**options).state_dict()
        bits = {key: t.contiguous().numpy().tobytes().hex() for key, t in state.items()}
        built.append({"class": name, "options": options, "state": bits})
    return {"seed": str(seed), "layers": built, "next": torch.randint(0, 2**20, (1,)).item()}


torch.set_num_threads(1)
alone = [case(0, layer) for layer in LAYERS]
together = case(11, LAYERS[2], LAYERS[5], LAYERS[10])
print(json.dumps({"torch": torch.__version__, "cases": [*alone, together]}, separators=(",", ":")))
