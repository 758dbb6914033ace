"""Overlaps, matching, codes, focal loss and RoIAlign against torchvision's Python code, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

SCRIPT = Path(__file__).parents[1] / "peers" / "torchvision_boxes.py"
PEERS = Path(sys.prefix) / "peers"  # where `make peers` installs it
PARTS = [
    "box_iou",
    "generalized_iou",
    "complete_iou",
    "match_anchors",
    "encode_boxes",
    "decode_boxes",
    "focal_loss",
    "roi_align",
]


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
    assert list(said) == PARTS
    assert max(said.values()) < 1e-5, said
