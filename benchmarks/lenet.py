"""MNIST from nothing to 99 %: our LeNet-5 on NumPy beside a plain tuned PyTorch network, in one run.

    python benchmarks/lenet.py                   five seeds
    python benchmarks/lenet.py --check           exit status 1 below 99.0 % in the mean, or above 0.6 of PyTorch's time
    python benchmarks/lenet.py --json            one line of JSON

The peer: three convolutions (16, 32, 64 filters) with batch normalisation, ReLU and pooling, one linear layer, 29,434
parameters; AdamW on one cycle, batch 256, two epochs. Both learn from the same 55,000 images with two threads, in turns
and in changing order, so that whatever else the machine does falls on both. Time is training alone (ours with its
validation after each epoch); the ratio is the median over seeds of ours / theirs within a round.
The data comes from UPSLOPE_MIRROR, the cache or the network.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from mnist import Peer, Timed, network

from upslope.cards import discover
from upslope.runs.execute import start
from upslope.runs.problem import DataProblem

ACCURACY, RATIO, AIM = 0.99, 0.6, 0.35


def ours(seed: int) -> Timed:
    """The lab as anybody runs it."""
    with tempfile.TemporaryDirectory() as folder:
        result = start(discover("labs")["lenet"], [f"seed={seed}"], root=Path(folder), quiet=True)
    return Timed(result.training_seconds, float(result.metrics["test_accuracy"] or 0.0))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()

    torch.set_num_threads(2)
    try:
        peer = Peer()
    except DataProblem as problem:
        print(f"LeNet-5 beside a tuned torch network: left out, {problem}", file=sys.stderr)
        return 3 if args.check or args.json else 0
    parameters = sum(p.numel() for p in network().parameters())
    forms = {"ours": ours, "torch": peer}
    rounds: list[dict[str, Timed]] = []
    if not args.json:
        print(f"LeNet-5, 61,706 parameters, beside a tuned torch network, {parameters:,} parameters; two threads each")
    for seed in range(args.seeds):
        timed = {name: forms[name](seed) for name in sorted(forms, reverse=bool(seed % 2))}
        rounds.append(timed)
        if not args.json:
            cells = [f"{n} {timed[n].seconds:6.1f} s  {100 * timed[n].accuracy:.2f} %" for n in ("ours", "torch")]
            ratio = timed["ours"].seconds / timed["torch"].seconds
            print(f"seed {seed}   {'   '.join(cells)}   ratio {ratio:.2f}", flush=True)
    ratio = statistics.median(timed["ours"].seconds / timed["torch"].seconds for timed in rounds)
    means = {name: statistics.fmean(timed[name].accuracy for timed in rounds) for name in forms}
    broken = [f"ratio {ratio:.2f} > {RATIO}"] if ratio > RATIO else []
    broken += [f"mean {100 * means['ours']:.2f} % < {100 * ACCURACY:.0f} %"] if means["ours"] < ACCURACY else []
    if args.json:
        measured = [{name: asdict(timed[name]) for name in forms} for timed in rounds]
        versions = {"numpy": np.__version__, "torch": torch.__version__}
        case = "LeNet-5 to the end of training, beside a tuned CNN"
        results = [{"case": case, "threads": 2, "ratio": ratio, "bound": RATIO, "means": means, "rounds": measured}]
        print(json.dumps({"results": results, "broken": broken, **versions}))
    else:
        print(f"mean     ours {100 * means['ours']:.2f} %   torch {100 * means['torch']:.2f} %", end="   ")
        print(f"ratio of the times {ratio:.2f} (bound {RATIO}, aim {AIM})")
        if broken:
            print(f"bound broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
