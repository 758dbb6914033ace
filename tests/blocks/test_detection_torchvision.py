"""Overlaps, matching, codes, focal loss and RoIAlign against torchvision's Python code, in a process of its own."""

import pytest
from tests.peers.running import needs_torchvision, said_by

pytest.importorskip("torch", reason="blocks are made of PyTorch")

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
@needs_torchvision
def test_torchvision():
    said = said_by("torchvision_boxes.py")
    assert list(said) == PARTS
    assert max(said.values()) < 1e-5, said
