"""SSD and Faster R-CNN against torchvision's, same weights, in a process of its own: outputs, boxes, losses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

SCRIPT = Path(__file__).parents[1] / "peers" / "torchvision_detectors.py"
PEERS = Path(sys.prefix) / "peers"  # where `make peers` installs it
LARGEST = 1e-6  # anchors and default boxes are worked out in float32
PARTS = 6 + 5 + 11  # of SSD, maps and others of Faster R-CNN


@pytest.mark.deep
@pytest.mark.skipif(
    not (PEERS / "torchvision").is_dir(), reason="torchvision is the independent implementation: make peers installs it"
)
def test_torchvision():
    paths = [os.environ.get("PYTHONPATH", ""), str(PEERS)]
    done = subprocess.run(
        [sys.executable, "-P", str(SCRIPT)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert len(said) == PARTS
    assert max(said.values()) <= LARGEST, said
