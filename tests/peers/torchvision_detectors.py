"""torchvision's SSD beside ours, same weights and pictures: outputs, boxes and losses. See torchvision.py beside it.

    python -P tests/peers/torchvision_detectors.py

In float64, where what differs is a mistake. Prints one line of JSON: the largest differences, relative to the largest
number where that is above 1.
"""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor

from upslope.models.build import build, find
from upslope.models.checkpoints import translate


def main() -> None:
    spec = importlib.util.spec_from_file_location("declaring", Path(__file__).with_name("torchvision.py"))
    assert spec is not None
    assert spec.loader is not None
    declaring = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(declaring)
    declaring.torchvision()
    from torchvision.models.detection import ssd300_vgg16

    torch.manual_seed(0)
    peer = ssd300_vgg16(weights=None, weights_backbone=None).double()
    found, size = find("ssd300-vgg16")
    rules = found.card.sizes[size].weights[0].keys
    ours = build("ssd300-vgg16").double()
    ours.load_state_dict(translate(peer.state_dict(), rules, ours.state_dict(), name="torchvision"))
    x = torch.randn(2, 3, 300, 300, dtype=torch.float64)
    maps = list(peer.backbone(x).values())
    said = peer.head(maps)
    mine = ours(x)
    anchors = peer.anchor_generator(SimpleNamespace(tensors=x, image_sizes=[(300, 300)] * 2), maps)
    defaults = ours.defaults(300, 300).double()
    boxes = torch.tensor([[[30.0, 40, 150, 200], [100, 90, 260, 280]], [[10, 10, 60, 50], [0, 0, 0, 0]]]).double()
    labels, counts = torch.tensor([[3, 17], [44, 0]]), torch.tensor([2, 1])
    targets = [
        {"boxes": each[:count], "labels": kinds[:count] + 1}
        for each, kinds, count in zip(boxes, labels, counts.tolist(), strict=True)
    ]
    from torchvision.ops import boxes as their_boxes

    matched = [
        peer.proposal_matcher(their_boxes.box_iou(each["boxes"], own))
        for each, own in zip(targets, anchors, strict=True)
    ]
    losses = peer.compute_loss(targets, said, anchors, matched)
    own = ours.losses(mine, boxes, labels, counts, height=300, width=300)
    decoded = peer.box_coder.decode_single(said["bbox_regression"][0], anchors[0])
    place, _ = ours.decode(mine, 300, 300)
    pairs = {
        "corrections": (mine.corrections, said["bbox_regression"]),
        "classes": (mine.classes, said["cls_logits"]),
        "defaults": (defaults, anchors[0]),
        "boxes": (300 * place[0], decoded.clamp(0, 300)),
        "box loss": (own["box_loss"], losses["bbox_regression"]),
        "class loss": (own["class_loss"], losses["classification"]),
    }
    print(json.dumps({name: _apart(*pair) for name, pair in pairs.items()}))


def _apart(one: Tensor, two: Tensor) -> float:
    assert one.shape == two.shape, (one.shape, two.shape)
    one, two = one.detach(), two.detach()
    return float((one - two).abs().max() / max(1.0, float(two.abs().max())))


if __name__ == "__main__":
    main()
