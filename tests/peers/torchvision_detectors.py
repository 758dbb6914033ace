"""torchvision's SSD and Faster R-CNN beside ours, with the same weights and pictures; see torchvision.py beside it.

    python -P tests/peers/torchvision_detectors.py

In float64, where what differs is a mistake. Prints one line of JSON: the largest differences, relative to the largest
number where that is above 1.
"""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from upslope.models.build import build, find
from upslope.models.checkpoints import translate

BOXES = torch.tensor([[[30.0, 40, 150, 200], [100, 90, 260, 280]], [[10, 10, 60, 50], [0, 0, 0, 0]]]).double()
LABELS, COUNTS = torch.tensor([[3, 17], [44, 0]]), torch.tensor([2, 1])


def targets() -> list[dict[str, Tensor]]:
    """The same objects as torchvision takes them, background being class 0."""
    each = zip(BOXES, LABELS, COUNTS.tolist(), strict=True)
    return [{"boxes": boxes[:count], "labels": kinds[:count] + 1} for boxes, kinds, count in each]


def ours_of(name: str, peer: nn.Module, **overrides: object) -> nn.Module:
    """Our network with the peer's weights, by the rules of the card."""
    found, size = find(name)
    ours = build(name, **overrides).double()
    rules = found.card.sizes[size].weights[0].keys
    ours.load_state_dict(translate(peer.state_dict(), rules, ours.state_dict(), name="torchvision"))
    return ours


def main() -> None:
    spec = importlib.util.spec_from_file_location("declaring", Path(__file__).with_name("torchvision.py"))
    assert spec is not None
    assert spec.loader is not None
    declaring = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(declaring)
    declaring.torchvision()
    torch.manual_seed(0)
    plainly()
    pairs = ssd() | faster_rcnn()
    print(json.dumps({name: _apart(*pair) for name, pair in pairs.items()}))


def plainly() -> None:
    """In the place of torchvision's operators, which are not there: its own Python, and suppression by definition."""
    from torchvision.ops import boxes, poolers
    from torchvision.ops.roi_align import _roi_align

    def nms(these: Tensor, scores: Tensor, threshold: float) -> Tensor:
        overlap, stay = boxes.box_iou(these, these), []
        for n in scores.argsort(descending=True, stable=True).tolist():
            if all(overlap[n, k] <= threshold for k in stay):
                stay.append(n)
        return torch.tensor(stay, dtype=torch.long)

    def roi_align(maps: Tensor, rois: Tensor, output_size: Any, spatial_scale: float, sampling_ratio: int) -> Tensor:
        return _roi_align(maps, rois, spatial_scale, *output_size, sampling_ratio, False)

    boxes.nms, poolers.roi_align = nms, roi_align


def ssd() -> dict[str, tuple[Tensor, Tensor]]:
    """SSD300: outputs, default boxes, boxes and losses, ours and theirs."""
    from torchvision.models.detection import ssd300_vgg16
    from torchvision.ops.boxes import box_iou

    peer = ssd300_vgg16(weights=None, weights_backbone=None).double()
    ours = ours_of("ssd300-vgg16", peer)
    x = torch.randn(2, 3, 300, 300, dtype=torch.float64)
    maps = list(peer.backbone(x).values())
    said, mine = peer.head(maps), ours(x)
    anchors = peer.anchor_generator(SimpleNamespace(tensors=x, image_sizes=[(300, 300)] * 2), maps)
    matched = [peer.proposal_matcher(box_iou(each["boxes"], own)) for each, own in zip(targets(), anchors, strict=True)]
    losses = peer.compute_loss(targets(), said, anchors, matched)
    own = ours.losses(mine, BOXES, LABELS, COUNTS, height=300, width=300)
    decoded = peer.box_coder.decode_single(said["bbox_regression"][0], anchors[0])
    place, _ = ours.decode(mine, 300, 300)
    return {
        "ssd corrections": (mine.corrections, said["bbox_regression"]),
        "ssd classes": (mine.classes, said["cls_logits"]),
        "ssd defaults": (ours.defaults(300, 300).double(), anchors[0]),
        "ssd boxes": (300 * place[0], decoded.clamp(0, 300)),
        "ssd box loss": (own["box_loss"], losses["bbox_regression"]),
        "ssd class loss": (own["class_loss"], losses["classification"]),
    }


def faster_rcnn() -> dict[str, tuple[Tensor, Tensor]]:
    """Faster R-CNN: first stage, anchors, proposals, second stage and losses, of which chance decides nothing.

    For that as many anchors and proposals are looked at as there are. Sides are multiples of 64: of others torchvision
    rounds the strides of the coarsest map down to whole pixels.
    """
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.models.detection.image_list import ImageList
    from torchvision.ops.misc import FrozenBatchNorm2d

    many = {"rpn_batch_size_per_image": 10**6, "box_batch_size_per_image": 10**6, "box_positive_fraction": 1.0}
    trunk = resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d, trainable_layers=5
    )
    for name, buffer in trunk.named_buffers():
        buffer += 0.1 * torch.rand_like(buffer) if name.endswith("var") else 0.1 * torch.randn_like(buffer)
    peer = FasterRCNN(trunk, num_classes=91, **many).double()
    peer.rpn.fg_bg_sampler.positive_fraction = 1.0
    limits = ((200, 60), (200, 60))
    for name, values in (("_pre_nms_top_n", 200), ("_post_nms_top_n", 60)):
        setattr(peer.rpn, name, {"training": values, "testing": values})
    ours = ours_of("faster-rcnn-r50-fpn", peer, proposals=limits, samples=(10**6, 10**6))
    x = torch.randn(2, 3, 320, 384, dtype=torch.float64)
    maps = peer.backbone(x)
    images = ImageList(x, [(320, 384)] * 2)
    mine = ours(x)
    somethings, corrections = peer.rpn.head(list(maps.values()))
    anchors = peer.rpn.anchor_generator(images, list(maps.values()))
    grid, _ = ours.anchors(mine)
    proposals, first = peer.rpn(images, maps, targets())
    own = ours.losses(mine, BOXES, LABELS, COUNTS, height=320, width=384)
    ours_proposals = ours.proposed(mine, 320, 384)
    _, second = peer.roi_heads(maps, proposals, images.image_sizes, targets())
    read = peer.roi_heads.box_roi_pool(maps, proposals, images.image_sizes)
    hidden = peer.roi_heads.box_head(read)
    logits, moves = peer.roi_heads.box_predictor(hidden)
    own_logits, own_moves = ours.second_stage(mine.maps, proposals)
    flat = torch.cat([each.permute(0, 2, 3, 1).flatten(1) for each in somethings], dim=1)
    moved = torch.cat([each.permute(0, 2, 3, 1).reshape(2, -1, 4) for each in corrections], dim=1)
    return {
        **{f"faster map {n + 1}": pair for n, pair in enumerate(zip(mine.maps, maps.values(), strict=True))},
        "faster something": (mine.something, flat),
        "faster corrections": (mine.corrections, moved),
        "faster anchors": (grid.double(), anchors[0].double()),
        "faster proposals": (torch.cat(ours_proposals), torch.cat(proposals)),
        "faster read": (ours.read(mine.maps, proposals, cells=7), read),
        "faster classes": (own_logits, logits),
        "faster boxes": (own_moves.flatten(1), moves),
        "faster something loss": (own["something_loss"], first["loss_objectness"]),
        "faster proposal loss": (own["proposal_loss"], first["loss_rpn_box_reg"]),
        "faster class loss": (own["class_loss"], second["loss_classifier"]),
        "faster box loss": (own["box_loss"], second["loss_box_reg"]),
    }


def _apart(one: Tensor, two: Tensor) -> float:
    assert one.shape == two.shape, (one.shape, two.shape)
    one, two = one.detach(), two.detach()
    return float((one - two).abs().max() / max(1.0, float(two.abs().max())))


if __name__ == "__main__":
    main()
