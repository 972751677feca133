"""Freshly built recurrent layers of PyTorch: python scripts/goldens/recurrent.py > test/fixtures/init/recurrent.json

One thread. Each case seeds once and builds its layers one after the other; state is stored as bits (hex of the little-endian array).
"""

import json

import torch
from torch import nn

NETWORKS = [
    {"input_size": 3, "hidden_size": 5},
    {"input_size": 17, "hidden_size": 4, "bias": False},
    {"input_size": 2, "hidden_size": 3, "num_layers": 2, "bidirectional": True},
]
CELLS = [
    {"input_size": 3, "hidden_size": 5},
    {"input_size": 1, "hidden_size": 7, "bias": False},
]
LAYERS = [
    *((name, options) for name in ("RNN", "LSTM", "GRU") for options in NETWORKS),
    ("RNN", {"input_size": 2, "hidden_size": 2, "nonlinearity": "relu"}),
    ("LSTM", {"input_size": 3, "hidden_size": 5, "num_layers": 2, "bidirectional": True, "proj_size": 2}),
    *((name, options) for name in ("RNNCell", "LSTMCell", "GRUCell") for options in CELLS),
]


def case(seed, *layers):
    torch.manual_seed(seed)
    built = []
    for name, options in layers:
        state = getattr(nn, name)(**options).state_dict()
        bits = {key: t.contiguous().numpy().tobytes().hex() for key, t in state.items()}
        built.append({"class": name, "options": options, "state": bits})
    return {"seed": str(seed), "layers": built, "next": torch.randint(0, 2**20, (1,)).item()}


alone = [case(0, layer) for layer in LAYERS]
together = case(7, *LAYERS[3:8])
print(json.dumps({"torch": torch.__version__, "cases": [*alone, together]}, separators=(",", ":")))
