"""The NumPy engine beside PyTorch eager: the same step, the same number of threads, in one run.

    python benchmarks/engine.py                  every case at one and at two threads
    python benchmarks/engine.py --check          exit status 1 if a bound is broken (one thread)
    python benchmarks/engine.py --json           one line of JSON

The two engines (and a floor: what hand-written NumPy without any engine takes) run in turns, so that whatever else the
machine does falls on all of them; a ratio is the median over rounds of ours / torch within the round. Below 1 is faster
than PyTorch. Floor: for the MLP the whole step written by hand; for convolutions their matrix products alone.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import threadpoolctl
import torch

from upslope.scratch import nn, ops, optim
from upslope.scratch.tensor import Tensor

Step = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One computation in three forms, and the largest ratio of ours to torch that is allowed at one thread."""

    name: str
    bound: float
    aim: float
    make: Callable[[], tuple[Step, Step, Step | None]]


def mlp() -> tuple[Step, Step, Step]:
    """784-128-10, batch 64: forward, cross-entropy, backward, SGD."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 784), dtype=np.float32)
    y = rng.integers(0, 10, 64)
    net = nn.Sequential(nn.Linear(784, 128, rng=rng), nn.ReLU(), nn.Linear(128, 10, rng=rng))
    sgd = optim.SGD(net.parameters(), lr=0.01)

    def ours() -> float:
        loss = ops.cross_entropy(net(Tensor(x)), y)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        return loss.item()

    their_net = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    their_sgd = torch.optim.SGD(their_net.parameters(), lr=0.01)
    their_x, their_y = torch.tensor(x), torch.tensor(y)

    def theirs() -> float:
        loss = torch.nn.functional.cross_entropy(their_net(their_x), their_y)
        their_sgd.zero_grad()
        loss.backward()
        their_sgd.step()
        return loss.item()

    w1, b1, w2, b2 = (p.data.copy() for p in net.parameters())
    rows = np.arange(64)

    def by_hand() -> float:
        h = x @ w1.T
        h += b1
        np.maximum(h, 0, out=h)
        z = h @ w2.T
        z += b2
        z -= z.max(axis=1, keepdims=True)
        e = np.exp(z)
        s = e.sum(axis=1, keepdims=True)
        loss = float((np.log(s)[:, 0] - z[rows, y]).mean())
        d = e / s
        d[rows, y] -= 1
        d /= 64
        dh = d @ w2
        dh *= h > 0
        for w, g in ((w2, d.T @ h), (b2, d.sum(0)), (w1, dh.T @ x), (b1, dh.sum(0))):
            g *= 0.01
            w -= g
        return loss

    return ours, theirs, by_hand


def lenet() -> tuple[Step, Step, None]:
    """LeNet-5 on 64 images of 28 x 28: forward, cross-entropy, backward, SGD."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 1, 28, 28), dtype=np.float32)
    y = rng.integers(0, 10, 64)

    def layers(nn: object, **kwargs: object) -> object:
        return nn.Sequential(
            *(nn.Conv2d(1, 6, 5, padding=2, **kwargs), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5, **kwargs), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(400, 120, **kwargs), nn.ReLU()),
            *(nn.Linear(120, 84, **kwargs), nn.ReLU(), nn.Linear(84, 10, **kwargs)),
        )

    net, their_net = layers(nn, rng=rng), layers(torch.nn)
    sgd, their_sgd = optim.SGD(net.parameters(), lr=0.01), torch.optim.SGD(their_net.parameters(), lr=0.01)
    their_x, their_y = torch.tensor(x), torch.tensor(y)

    def ours() -> float:
        loss = ops.cross_entropy(net(Tensor(x)), y)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        return loss.item()

    def theirs() -> float:
        loss = torch.nn.functional.cross_entropy(their_net(their_x), their_y)
        their_sgd.zero_grad()
        loss.backward()
        their_sgd.step()
        return loss.item()

    return ours, theirs, None


def convolution(
    images: tuple[int, ...], filters: tuple[int, ...], *, first: bool, plain: bool = False
) -> tuple[Step, Step, Step]:
    """Forward and backward of one conv2d; the first layer's images need no gradient.

    Inside a network, images and gradients arrive in the layout that the layer before has left, images last in memory;
    with plain=True both arrive as PyTorch's do, images first.
    """
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(images, dtype=np.float32), rng.standard_normal(filters, dtype=np.float32)
    last = a.transpose(1, 2, 3, 0).copy().transpose(3, 0, 1, 2)
    x = Tensor(a if first or plain else last, requires_grad=not first)
    w = Tensor(b, requires_grad=True)
    g = np.zeros_like(ops.conv2d(x, w).data, order="C" if plain else "K")
    g[...] = rng.standard_normal(g.shape, dtype=np.float32)

    def ours() -> None:
        x.grad = w.grad = None
        ops.conv2d(x, w).backward(g)

    t, u = torch.tensor(a, requires_grad=not first), torch.tensor(b, requires_grad=True)
    h = torch.tensor(g).contiguous()

    def theirs() -> None:
        t.grad = u.grad = None
        torch.nn.functional.conv2d(t, u).backward(h)

    flat = b.reshape(len(b), -1)
    seen = np.zeros((flat.shape[1], g.size // len(b)), dtype=np.float32)
    back = np.zeros((len(b), seen.shape[1]), dtype=np.float32)

    def products() -> None:
        _ = flat @ seen, back @ seen.T
        if not first:
            _ = flat.T @ back

    return ours, theirs, products


CASES = (
    Case("MLP 784-128-10, batch 64, step", 0.8, 0.65, mlp),
    Case("LeNet-5 28x28, batch 64, step", 1.5, 1.2, lenet),
    Case("conv 64x1x32x32 to 6, 5x5", 1.5, 1.0, lambda: convolution((64, 1, 32, 32), (6, 1, 5, 5), first=True)),
    Case("conv 64x6x14x14 to 16, 5x5", 1.5, 1.0, lambda: convolution((64, 6, 14, 14), (16, 6, 5, 5), first=False)),
    Case("conv 128x3x34x34 to 64, 3x3", 0.6, 0.5, lambda: convolution((128, 3, 34, 34), (64, 3, 3, 3), first=False)),
    Case(
        "the same, images first",
        0.6,
        0.5,
        lambda: convolution((128, 3, 34, 34), (64, 3, 3, 3), first=False, plain=True),
    ),
)


def seconds(step: Step, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - start) / calls


def measure(case: Case, *, rounds: int, budget: float) -> dict[str, float | str | bool]:
    """Medians over rounds; in each round every form runs for about `budget` seconds, in changing order."""
    forms = dict(zip(("ours", "torch", "floor"), case.make(), strict=True))
    forms = {name: step for name, step in forms.items() if step is not None}
    for step in forms.values():
        seconds(step, 3)
    calls = {name: max(1, round(budget / seconds(step, 3))) for name, step in forms.items()}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for i in range(rounds):
        for name in sorted(forms, reverse=bool(i % 2)):
            times[name].append(seconds(forms[name], calls[name]))
    ratios = [a / b for a, b in zip(times["ours"], times["torch"], strict=True)]
    result: dict[str, float | str | bool] = {"case": case.name, "ratio": statistics.median(ratios)}
    result |= {f"{name}_ms": 1e3 * statistics.median(values) for name, values in times.items()}
    return result | {"bound": case.bound, "aim": case.aim}


def blas_pools() -> list[dict[str, str]]:
    """What NumPy multiplies matrices with: the kernels it chose for this processor matter as much as the engine."""
    return [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken at one thread")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--budget", type=float, default=0.03, help="seconds per form and round")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    args = parser.parse_args()

    results = []
    blas = [f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}".strip() for pool in blas_pools()]
    if not args.json:
        print(f"NumPy {np.__version__} with {', '.join(blas)}; PyTorch {torch.__version__}")
        print("threads, case, milliseconds, ratio = ours / torch")
    for threads in args.threads:
        torch.set_num_threads(threads)
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            for case in CASES:
                if args.only in case.name:
                    row = measure(case, rounds=args.rounds, budget=args.budget) | {"threads": threads}
                    row["bound"] = row["bound"] if threads == 1 else None
                    results.append(row)
                    if not args.json:
                        times = "".join(
                            f"{name} {row[f'{name}_ms']:7.3f}   " if f"{name}_ms" in row else " " * 16
                            for name in ("ours", "torch", "floor")
                        )
                        bounds = f"(bound {row['bound']}, aim {row['aim']})" if threads == 1 else ""
                        print(f"{threads}  {row['case']:<32}{times}ratio {row['ratio']:5.2f}  {bounds}", flush=True)
    # Ratios are good to two figures.
    broken = [row["case"] for row in results if row["bound"] and round(row["ratio"], 2) > row["bound"]]
    if args.json:
        versions = {"numpy": np.__version__, "torch": torch.__version__, "blas": blas}
        print(json.dumps({"results": results, "broken": broken, **versions}))
    elif broken:
        print(f"bound broken: {'; '.join(map(str, broken))}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
