"""AlexNet, VGG, GoogLeNet, Inception-v3 and EfficientNet against torchvision's, same random weights: every gradient.

In a process of its own, because torchvision is made importable there by a device that nothing else should see.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

SCRIPT = Path(__file__).parents[1] / "peers" / "torchvision.py"
PEERS = Path(sys.prefix) / "peers"  # where `make peers` installs it
# Ours, the mode, and what the network gives in it.
CASES = [
    ("alexnet", "evaluation", 1),
    ("vgg11", "evaluation", 1),
    ("vgg11-bn", "training", 1),
    ("vgg16", "evaluation", 1),
    ("googlenet-bn", "evaluation", 1),
    ("googlenet-bn-auxiliary", "evaluation", 1),
    ("googlenet-bn-auxiliary", "training", 3),
    ("inception-v3", "evaluation", 1),
    ("inception-v3-auxiliary", "training", 2),
    ("efficientnet-b0", "evaluation", 1),
    ("efficientnet-b1", "training", 1),
    ("efficientnet-b5", "evaluation", 1),
]


@pytest.mark.deep
@pytest.mark.skipif(
    not (PEERS / "torchvision").is_dir(), reason="torchvision is the independent implementation: make peers installs it"
)
@pytest.mark.parametrize(("name", "mode", "outputs"), CASES)
def test_torchvision(name, mode, outputs):
    done = subprocess.run(
        [sys.executable, "-P", str(SCRIPT), name, mode],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(PEERS)]).strip(os.pathsep),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert len(said["outputs"]) == outputs
    if mode == "training" or "auxiliary" not in name:  # in evaluation no gradient reaches an auxiliary
        assert said["gradients"] == said["parameters"]
    assert said["scale"] > 0.3, said  # numbers that can differ
    assert said["scores"] < 1e-4, said
    assert said["off"] < 1e-3, said
