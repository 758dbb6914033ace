"""The lab `mnist` beside the plain tuned network that it started from: seconds to the end of training, in one run.

    python benchmarks/mnist.py                   five seeds
    python benchmarks/mnist.py --check           exit status 1 below 99.0 % in the mean, or above 0.6 of the peer's time
    python benchmarks/mnist.py --json            one line of JSON

The peer: three convolutions (16, 32, 64 filters) with batch normalisation, ReLU and pooling, one linear layer, 29,434
parameters; AdamW on one cycle, batch 256, two epochs, a loop of plain PyTorch. Ours is the lab as anybody runs it; its
time is that of `training.fit` from end to end, the set-up of Lightning's Trainer in it. Both learn from the same 55,000
images with two threads, in turns and in changing order, so that whatever else the machine does falls on both. Loading
the data and testing count for neither. The ratio is the median over seeds of ours / theirs within a round.
The data comes from UPSLOPE_MIRROR, the cache or the network.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import lightning
import torch
from torch import nn

from upslope.cards import discover
from upslope.data import mnist
from upslope.labs.vision import mnist as lab
from upslope.runs.errors import DataProblem
from upslope.runs.launcher import start

ACCURACY, RATIO, AIM = 0.99, 0.6, 0.35
EPOCHS, BATCH, LR = 2, 256, 1e-2  # the peer's


@dataclass(frozen=True)
class Timed:
    """One training: its seconds, and what the test images say."""

    seconds: float
    accuracy: float


def ours(seed: int) -> Timed:
    """The lab as anybody runs it, with a watch around its training."""
    took: list[float] = []
    fit = lab.fit

    def watched(*args, **settings):
        begun = time.perf_counter()
        fit(*args, **settings)
        took.append(time.perf_counter() - begun)

    lab.fit = watched
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = start(discover("labs")["mnist"], [f"seed={seed}", "threads=2"], root=Path(folder), quiet=True)
    finally:
        lab.fit = fit
    return Timed(took[0], float(result.metrics["test_accuracy"] or 0.0))


def network() -> nn.Module:
    def block(channels: int, filters: int, size: int) -> tuple[nn.Module, ...]:
        conv = nn.Conv2d(channels, filters, size, padding=size // 2, bias=False)
        return conv, nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)

    return nn.Sequential(*block(1, 16, 5), *block(16, 32, 3), *block(32, 64, 3), nn.Flatten(), nn.Linear(576, 10))


class Peer:
    """The tuned network, with the data ready in its own tensors."""

    def __init__(self) -> None:
        train, test = mnist.load("train"), mnist.load("test")
        mean, std = float(train["image"].mean()), float(train["image"].std())
        self.images = torch.tensor((train["image"] - mean) / std)[:, None]
        self.labels = torch.tensor(train["label"])
        self.test_images = torch.tensor((test["image"] - mean) / std)[:, None]
        self.test_labels = torch.tensor(test["label"])

    def __call__(self, seed: int) -> Timed:
        torch.manual_seed(seed)
        net = network()
        steps = len(self.images) // BATCH
        optimizer = torch.optim.AdamW(net.parameters(), lr=LR)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=LR, total_steps=EPOCHS * steps)
        begun = time.perf_counter()
        for _ in range(EPOCHS):
            order = torch.randperm(len(self.images))
            for step in range(steps):
                index = order[step * BATCH : (step + 1) * BATCH]
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(self.images[index]), self.labels[index]).backward()
                optimizer.step()
                cycle.step()
        seconds = time.perf_counter() - begun
        net.eval()
        with torch.no_grad():
            answers = torch.cat([net(images).argmax(1) for images in self.test_images.split(1000)])
        return Timed(seconds, float((answers == self.test_labels).float().mean()))


def compare(ours: Callable[[int], Timed], *, about: str, title: str, case: str, versions: dict[str, str]) -> int:
    """Both train from the same seeds in turns; the exit status. `about` is the program's docstring."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()

    torch.set_num_threads(2)
    try:
        peer = Peer()
    except DataProblem as problem:
        print(f"{title}: left out, {problem}", file=sys.stderr)
        return 3 if args.check or args.json else 0
    forms = {"ours": ours, "torch": peer}
    rounds: list[dict[str, Timed]] = []
    if not args.json:
        print(f"{title}, {sum(p.numel() for p in network().parameters()):,} parameters; two threads each")
    for seed in range(args.seeds):
        timed = {name: forms[name](seed) for name in sorted(forms, reverse=bool(seed % 2))}
        rounds.append(timed)
        if not args.json:
            cells = [f"{n} {timed[n].seconds:6.2f} s  {100 * timed[n].accuracy:.2f} %" for n in ("ours", "torch")]
            ratio = timed["ours"].seconds / timed["torch"].seconds
            print(f"seed {seed}   {'   '.join(cells)}   ratio {ratio:.2f}", flush=True)
    ratio = statistics.median(timed["ours"].seconds / timed["torch"].seconds for timed in rounds)
    means = {name: statistics.fmean(timed[name].accuracy for timed in rounds) for name in forms}
    broken = [f"ratio {ratio:.2f} > {RATIO}"] if ratio > RATIO else []
    broken += [f"mean {100 * means['ours']:.2f} % < {100 * ACCURACY:.0f} %"] if means["ours"] < ACCURACY else []
    if args.json:
        measured = [{name: asdict(timed[name]) for name in forms} for timed in rounds]
        results = [{"case": case, "threads": 2, "ratio": ratio, "bound": RATIO, "means": means, "rounds": measured}]
        print(json.dumps({"results": results, "broken": broken, "torch": torch.__version__, **versions}))
    else:
        print(f"mean     ours {100 * means['ours']:.2f} %   torch {100 * means['torch']:.2f} %", end="   ")
        print(f"ratio of the times {ratio:.2f} (bound {RATIO}, aim {AIM})")
        if broken:
            print(f"bound broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if args.check and broken else 0


def main() -> int:
    return compare(
        ours,
        about=__doc__,
        title="the lab mnist beside a plain tuned torch network",
        case="the lab mnist to the end of training, beside a tuned CNN",
        versions={"lightning": lightning.__version__},
    )


if __name__ == "__main__":
    sys.exit(main())
