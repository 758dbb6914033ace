"""torchvision's parts of detectors beside ours, in a process of its own; see torchvision.py beside it.

    python -P tests/peers/torchvision_boxes.py

Prints one line of JSON: the largest difference of each part, relative to its largest number where that is above 1.
"""

import importlib.util
import json
from pathlib import Path

import torch
from torch import Tensor

from upslope.blocks.detection import anchors, boxes, focal_loss, roi_align


def drawn(count: int, generator: torch.Generator) -> Tensor:
    """Boxes within a picture of 70 pixels: torchvision's Python code does not say 0 beyond a map, its C++ code does."""
    first = torch.rand(count, 2, generator=generator) * 45
    return torch.cat([first, first + torch.rand(count, 2, generator=generator) * 25 + 0.1], dim=1)


def main() -> None:
    spec = importlib.util.spec_from_file_location("declaring", Path(__file__).with_name("torchvision.py"))
    assert spec is not None
    assert spec.loader is not None
    declaring = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(declaring)
    declaring.torchvision()  # its operators are there as long as this module is
    from torchvision.models.detection import _utils as their_parts
    from torchvision.ops import boxes as their_boxes
    from torchvision.ops.focal_loss import sigmoid_focal_loss
    from torchvision.ops.roi_align import _roi_align

    generator = torch.Generator().manual_seed(0)
    a, b = drawn(40, generator), drawn(40, generator)
    codes = torch.randn(40, 4, generator=generator) * 3
    maps, pictures = torch.randn(2, 3, 9, 9, generator=generator), torch.randint(0, 2, (40,), generator=generator)
    logits, targets = torch.randn(50, generator=generator), (torch.rand(50, generator=generator) < 0.2).float()
    coder, weights = their_parts.BoxCoder((10.0, 10.0, 5.0, 5.0)), (10.0, 10.0, 5.0, 5.0)
    iou = their_boxes.box_iou(a, b[:7])
    matcher = their_parts.Matcher(0.5, 0.2, allow_low_quality_matches=True)
    rois = torch.cat([pictures[:, None].float(), a], dim=1)
    pairs = {
        "box_iou": (boxes.box_iou(a, b), their_boxes.box_iou(a, b)),
        "generalized_iou": (boxes.generalized_iou(a[:, None], b), their_boxes.generalized_box_iou(a, b)),
        "complete_iou": (boxes.complete_iou(a[:, None], b), their_boxes.complete_box_iou(a, b)),
        "match_anchors": (anchors.match_anchors(iou, high=0.5, low=0.2), matcher(iou.T)),
        "encode_boxes": (anchors.encode_boxes(a, b, weights=weights), coder.encode_single(a, b)),
        "decode_boxes": (anchors.decode_boxes(codes, b, weights=weights), coder.decode_single(codes, b)),
        "focal_loss": (
            focal_loss.sigmoid_focal_loss(logits, targets) * targets.sum(),
            sigmoid_focal_loss(logits, targets, reduction="sum"),
        ),
        "roi_align": (
            roi_align.roi_align(maps, a, pictures, size=3, scale=0.125),
            _roi_align(maps, rois, 0.125, 3, 3, 2, True),
        ),
    }
    off = {
        name: ((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1)).item()
        for name, (ours, theirs) in pairs.items()
    }
    print(json.dumps(off))


if __name__ == "__main__":
    main()
