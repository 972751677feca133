"""Random numbers of PyTorch's CPU generator: python scripts/goldens/generator.py > test/fixtures/generator.json

One thread. Floats are stored as their bits (hex of the little-endian array), integers as they are.
"""

import json

import torch
from torch import nn

SEED = 42


def bits(t):
    return t.detach().contiguous().numpy().tobytes().hex()


F32, F64 = torch.float32, torch.float64

DRAWS = {
    "rand": lambda n, dtype: torch.rand(n, dtype=dtype),
    "randn": lambda n, dtype: torch.randn(n, dtype=dtype),
    "uniform_": lambda n, dtype, *args: torch.empty(n, dtype=dtype).uniform_(*args),
    "normal_": lambda n, dtype, *args: torch.empty(n, dtype=dtype).normal_(*args),
    "trunc_normal_": lambda n, dtype, *args: nn.init.trunc_normal_(torch.empty(n, dtype=dtype), *args),
    "randint": lambda n, dtype, low, high: torch.randint(low, high, (n,), dtype=dtype),
    "randperm": lambda n, dtype: torch.randperm(n, dtype=dtype),
}


def draw(fn, n, dtype=F32, *args):
    out = DRAWS[fn](n, dtype, *args)
    values = {"bits": bits(out)} if out.is_floating_point() else {"values": [str(v) for v in out.tolist()]}
    return {"fn": fn, "n": n, "dtype": str(dtype).split(".")[1], "args": [str(a) for a in args]} | values


def case(*draws, seed=SEED):
    """Draws from the freshly seeded default generator; `next` tells whether as much was taken from it."""
    torch.manual_seed(seed)
    return {"seed": str(seed), "draws": [draw(*d) for d in draws], "next": torch.randint(0, 2**20, (1,)).item()}


def floats():
    for dtype in F32, F64:
        for n in 1, 2, 5, 15, 16, 17, 31, 100:
            yield case(("rand", n, dtype))
            yield case(("randn", n, dtype))
        for low, high in (-0.3, 0.7), (-0.1234, 0.777), (1, 2), (0, 5), (100, 101), (3, 3):
            yield case(("uniform_", 300, dtype, low, high))
        for mean, std in (1, 2), (-0.25, 0.02), (0, 0):
            for n in 7, 40:
                yield case(("normal_", n, dtype, mean, std))
        for args in (0, 1, -2, 2), (0.5, 2, 0, 1), (0, 0.02, -2, 2), (0, 1, 2, 4), (-3, 1, -1, 1):
            for n in 9, 60:
                yield case(("trunc_normal_", n, dtype, *args))
    # large enough to need the state several times over
    yield case(("rand", 2000))


def integers():
    ranges = (0, 2), (0, 10), (-5, 5), (0, 256), (-(2**40), -(2**40) + 9), (0, 2**28 - 1), (0, 2**28), (0, 2**31)
    for low, high in *ranges, (-(2**35), 2**35), (-(2**63), 2**63 - 1):
        yield case(("randint", 20, torch.int64, low, high))
    for dtype in torch.int32, torch.uint8, F32, F64:
        yield case(("randint", 20, dtype, 3, 200))
    yield case(("randint", 20, torch.int32, -(2**31), 2**31 - 1))
    for n in 0, 1, 2, 10, 1000:
        yield case(("randperm", n, torch.int64))


def mixed():
    one = ("randn", 1)
    yield case(one, one, one, ("rand", 3), one, ("randn", 16), one)
    yield case(one, ("randint", 5, torch.int64, 0, 9), one, ("randperm", 7, torch.int64), ("randn", 5))
    yield case(("randn", 3, F64), one, ("rand", 1, F64), one)
    yield case(one, ("rand", 700), ("randn", 20), one)
    for seed in 0, 1, -1, 2**32, 2**32 + 1, 2**63, 2**64 - 1, -(2**63), 123456789012345:
        yield case(("rand", 4), seed=seed)


def states():
    for draws in 0, 1, 3, 624, 625, 2000:
        torch.manual_seed(-SEED)
        torch.rand(draws)
        yield {"draws": draws, "state": bits(torch.get_rng_state()), "then": bits(torch.randn(5))}
    torch.manual_seed(SEED)
    torch.randn(1)
    yield {"draws": None, "state": bits(torch.get_rng_state()), "then": bits(torch.randn(5))}


def inits():
    """Weights, each from the same seed."""
    calls = [
        ("uniform_", {}, [3, 5]),
        ("uniform_", {"a": -0.2, "b": 0.6}, [3, 5]),
        ("normal_", {"mean": 1.0, "std": 0.3}, [3, 7]),
        ("trunc_normal_", {"std": 0.02}, [5, 8]),
        ("xavier_uniform_", {"gain": 2.0}, [4, 6]),
        ("xavier_normal_", {}, [4, 3, 3, 3]),
        ("kaiming_uniform_", {"a": 5**0.5}, [6, 5]),
        ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}, [4, 3, 5]),
        ("kaiming_normal_", {"nonlinearity": "tanh"}, [3, 4]),
        ("kaiming_normal_", {"a": 0.1, "mode": "fan_out"}, [8, 4]),
        ("orthogonal_", {}, [5, 5]),
        ("orthogonal_", {"gain": 1.5}, [3, 8]),
        ("orthogonal_", {}, [9, 2, 2]),
        ("orthogonal_", {}, [40, 30]),
        ("orthogonal_", {}, [1, 4]),
        ("sparse_", {"sparsity": 0.3}, [10, 6]),
        ("sparse_", {"sparsity": 0.5, "std": 2.0}, [7, 3]),
    ]
    for dtype in torch.float32, torch.float64, torch.float16:
        for fn, options, shape in calls:
            if dtype == torch.float16 and fn in ("orthogonal_", "trunc_normal_"):
                continue
            torch.manual_seed(SEED)
            w = getattr(nn.init, fn)(torch.empty(shape, dtype=dtype), **options)
            yield {"fn": fn, "options": options, "shape": shape, "dtype": str(dtype).split(".")[1], "bits": bits(w)}


print(
    json.dumps(
        {
            "torch": torch.__version__,
            "capability": torch.backends.cpu.get_cpu_capability(),
            "seed": SEED,
            "cases": [*floats(), *integers(), *mixed()],
            "states": list(states()),
            "inits": list(inits()),
        },
        separators=(",", ":"),
    )
)
