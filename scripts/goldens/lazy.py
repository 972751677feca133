"""Lazy modules of PyTorch before and after their first input: python scripts/goldens/lazy.py > test/fixtures/init/lazy.json

One thread. Each case seeds once, builds its modules, then calls them one after the other with ones; state is stored as bits
(hex of the little-endian array). `loaded` cases take a state of their plain class first.
"""

import json
import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")
CONV = {"out_channels": 4, "kernel_size": 2}
CASES = [
    ("LazyLinear", {"out_features": 3}, [2, 5]),
    ("LazyLinear", {"out_features": 3, "bias": False}, [5]),
    *((f"LazyConv{n}d", CONV, [2, 3, 4, 5, 6][: n + 2]) for n in (1, 2, 3)),
    ("LazyConv2d", {**CONV, "kernel_size": [3, 1], "groups": 2, "stride": 2, "bias": False}, [6, 4, 4]),
    *((f"LazyConvTranspose{n}d", CONV, [2, 3, 4, 5, 6][: n + 2]) for n in (1, 2, 3)),
    ("LazyConvTranspose2d", {**CONV, "padding": 1, "groups": 2}, [6, 4, 4]),
    ("LazyBatchNorm1d", {}, [4, 3]),
    ("LazyBatchNorm1d", {"affine": False, "eps": 0.01}, [4, 3, 2]),
    ("LazyBatchNorm2d", {"track_running_stats": False, "bias": False}, [4, 3, 2, 2]),
    ("LazyBatchNorm3d", {"momentum": None}, [4, 3, 2, 2, 2]),
    ("LazyInstanceNorm1d", {}, [4, 3, 2]),
    ("LazyInstanceNorm2d", {"affine": False, "track_running_stats": False}, [4, 3, 2, 2]),
    ("LazyInstanceNorm3d", {"momentum": 0.5}, [4, 3, 2, 2, 2]),
]


def build(name, options):
    return getattr(nn, name)(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()})


def bits(module):
    return {key: t.contiguous().numpy().tobytes().hex() for key, t in module.state_dict().items()}


def case(seed, *specs):
    torch.manual_seed(seed)
    modules = [build(name, options) for name, options, _ in specs]
    found = [{"before": repr(m), "state": {k: repr(t) for k, t in m.state_dict().items()}} for m in modules]
    for module, (name, options, shape), entry in zip(modules, specs, found, strict=True):
        module(torch.ones(shape))
        entry.update({"class": name, "options": options, "shape": shape, "after": repr(module), "bits": bits(module)})
    return {"seed": seed, "modules": found, "next": torch.randint(0, 2**20, (1,)).item()}


def loaded(name, plain, options, shape):
    torch.manual_seed(0)
    module, given = build(name, options), plain
    module.load_state_dict(given.state_dict())
    between = repr(module)
    module(torch.ones(shape))
    return {"class": name, "options": options, "shape": shape, "between": between, "after": repr(module), "bits": bits(given)}


alone = [case(0, spec) for spec in CASES]
together = case(7, *(spec for spec in CASES if spec[0] in ("LazyLinear", "LazyConv2d", "LazyConvTranspose1d")))
torch.manual_seed(1)
loads = [
    loaded("LazyLinear", nn.Linear(5, 3), {"out_features": 3}, [2, 5]),
    loaded("LazyBatchNorm1d", nn.BatchNorm1d(3), {}, [4, 3]),
]
print(json.dumps({"torch": torch.__version__, "cases": [*alone, together], "loaded": loads}, separators=(",", ":")))
