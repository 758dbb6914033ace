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

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from mnist import Timed, compare

from upslope.cards import discover
from upslope.runs.launcher import start


def ours(seed: int) -> Timed:
    """The lab as anybody runs it."""
    with tempfile.TemporaryDirectory() as folder:
        result = start(discover("labs")["lenet"], [f"seed={seed}"], root=Path(folder), quiet=True)
    return Timed(result.training_seconds, float(result.metrics["test_accuracy"] or 0.0))


def main() -> int:
    return compare(
        ours,
        about=__doc__,
        title="LeNet-5, 61,706 parameters, beside a tuned torch network",
        case="LeNet-5 to the end of training, beside a tuned CNN",
        versions={"numpy": np.__version__},
    )


if __name__ == "__main__":
    sys.exit(main())
