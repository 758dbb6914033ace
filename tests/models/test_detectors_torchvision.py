"""SSD against torchvision's with the same weights, in a process of its own: outputs, default boxes, boxes, losses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

SCRIPT = Path(__file__).parents[1] / "peers" / "torchvision_detectors.py"
PEERS = Path(sys.prefix) / "peers"  # where `make peers` installs it
# Default boxes are worked out in float32.
PARTS = {"corrections": 1e-9, "classes": 1e-9, "defaults": 1e-6, "boxes": 1e-6, "box loss": 1e-6, "class loss": 1e-6}


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
    assert set(said) == set(PARTS)
    assert all(said[name] <= bound for name, bound in PARTS.items()), said
