"""SSD, Faster R-CNN, Mask R-CNN, FCN and DeepLabV3 against torchvision's, same weights, in a process of its own."""

import pytest
from tests.peers.running import needs_torchvision, said_by

pytest.importorskip("torch", reason="the models are made of PyTorch")

LARGEST = 1e-6  # anchors and default boxes are worked out in float32
# Of SSD; maps and others of Faster R-CNN; masks and their loss; two heads of FCN and of DeepLabV3.
PARTS = 6 + 5 + 11 + 2 + 4


@pytest.mark.deep
@needs_torchvision
def test_torchvision():
    said = said_by("torchvision_detectors.py")
    assert len(said) == PARTS
    assert max(said.values()) <= LARGEST, said
