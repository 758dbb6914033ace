"""AlexNet, VGG, GoogLeNet, Inception-v3 and EfficientNet against torchvision's, same random weights: every gradient.

In a process of its own, because torchvision is made importable there by a device that nothing else should see.
"""

import pytest
from tests.peers.running import needs_torchvision, said_by

pytest.importorskip("torch", reason="the models are made of PyTorch")

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
@needs_torchvision
@pytest.mark.parametrize(("name", "mode", "outputs"), CASES)
def test_torchvision(name, mode, outputs):
    said = said_by("torchvision.py", name, mode)
    assert len(said["outputs"]) == outputs
    if mode == "training" or "auxiliary" not in name:  # in evaluation no gradient reaches an auxiliary
        assert said["gradients"] == said["parameters"]
    assert said["scale"] > 0.3, said  # numbers that can differ
    assert said["scores"] < 1e-4, said
    assert said["off"] < 1e-3, said
