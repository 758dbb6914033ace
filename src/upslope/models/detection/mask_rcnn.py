"""Mask R-CNN: Faster R-CNN that also draws what it has found.

K. He, G. Gkioxari, P. Dollar, R. Girshick, "Mask R-CNN", 2017, https://arxiv.org/abs/1703.06870.

- Beside the class and the corrections each box has a small mask, 28 x 28, for each class (section 3).
- A pixel is asked for each class on its own, by a sigmoid: classes do not compete for pixels, the box has its class
  already.
- In training the mask of an object is brought by RoIAlign to the cells of each proposal that stands for it; in use a
  mask is drawn for the boxes that are left after suppression, which is why it costs little (section 3.1).
- Left out: key points (section 5).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.detection.roi_align import roi_align
from upslope.blocks.initialization import he_normal_
from upslope.cards import File, Input, ModelCard, Size, Weights
from upslope.image.detections import found
from upslope.models.detection.faster_rcnn import Answers, FasterRCNN, first_of, summed
from upslope.models.detection.faster_rcnn import loss as loss  # named on the card


class Drawn(NamedTuple):
    """What was found in one picture, the highest score first."""

    boxes: Float[Tensor, "N 4"]  # xyxy in pixels
    scores: Float[Tensor, "N"]
    classes: Int[Tensor, "N"]
    masks: Float[Tensor, "N m m"]  # how likely each part of the box is the thing's, in [0, 1]


class MaskRCNN(FasterRCNN):
    """As Faster R-CNN, with `drawn` for masks, `mask_loss` for what they should have been, and `segment` for both."""

    def __init__(self, *, mask_cells: int = 14, mask_depth: int = 4, channels: int = 256, **others: Any) -> None:
        """`mask_cells`: of the part of a map that is read for a mask; the mask has twice as many on a side."""
        super().__init__(channels=channels, **others)
        self.mask_cells = mask_cells
        layers: list[nn.Module] = []
        for _ in range(mask_depth):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.ConvTranspose2d(channels, channels, 2, stride=2), nn.ReLU(inplace=True)]
        layers.append(nn.Conv2d(channels, self.num_classes + 1, 1))
        self.mask = nn.Sequential(*layers)
        for layer in layers:
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                he_normal_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def drawn(self, maps: tuple[Tensor, ...], boxes: list[Float[Tensor, "P 4"]]) -> Float[Tensor, "R K m m"]:
        """A logit for each class at each place of each box' mask; the first class is background, and means nothing."""
        return self.mask(self.read(maps, boxes, cells=self.mask_cells))

    def mask_loss(
        self,
        maps: tuple[Tensor, ...],
        boxes: list[Float[Tensor, "P 4"]],
        labels: list[Int[Tensor, "P"]],
        masks: list[Bool[Tensor, "P H W"]],
    ) -> Float[Tensor, ""]:
        """Of boxes that stand for objects: the mean binary cross-entropy of the object's own class (section 3.1)."""
        logits, wanted = self.drawn(maps, boxes), []
        for own, these in zip(boxes, masks, strict=True):
            each = torch.arange(len(own), device=own.device)
            planes = these[:, None].to(logits)
            # As torchvision has it, half a pixel off where the boxes are read so.
            shift = 0.5 if self.legacy else 0.0
            wanted.append(roi_align(planes, own + shift, each, size=2 * self.mask_cells)[:, 0])
        target, kinds = torch.cat(wanted), torch.cat(labels) + 1
        if not len(target):
            return logits.sum() * 0
        chosen = logits[torch.arange(len(kinds), device=kinds.device), kinds]
        return F.binary_cross_entropy_with_logits(chosen, target)

    def losses(
        self,
        said: Answers,
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        counts: Int[Tensor, "B"],
        *,
        height: int,
        width: int,
        masks: Sequence[Bool[Tensor, "_ H W"]] = (),
    ) -> dict[str, Tensor]:
        """As Faster R-CNN's, and with the masks of each picture's objects that of their proposals' masks."""
        objects, kinds = first_of(boxes, counts), first_of(labels, counts)
        parts, samples = self.parts(said, objects, kinds, height=height, width=width)
        if masks:
            matches = [sample.matches[sample.matches >= 0] for sample in samples]
            places = [sample.boxes[: len(each)] for sample, each in zip(samples, matches, strict=True)]
            own = [kind[each] for kind, each in zip(kinds, matches, strict=True)]
            planes = [mask[each] for mask, each in zip(masks, matches, strict=True)]
            parts["mask"] = self.mask_loss(said.maps, places, own, planes)
        return summed(parts)

    def segment(self, picture: Float[Tensor, "C H W"], *, least: float, overlap: float, most: int) -> Drawn:
        """At most `most` things in a picture of any size, each with a score of at least `least`, and their masks.

        Of two boxes of a class whose IoU is more than `overlap` the likelier one stays. Below and to the right the
        picture is filled up with 0 as far as the coarsest map needs; no box lies there.
        """
        height, width = picture.shape[1:]
        step = self.strides[-1]
        said = self(F.pad(picture[None], (0, -width % step, 0, -height % step)))
        places, shares = (each[0].cpu().numpy() for each in self.decode(said, height, width))
        one = found(places * [width, height, width, height], shares, least=least, overlap=overlap, most=most)
        boxes, scores, classes = (
            torch.from_numpy(each).to(picture.device) for each in (one.boxes, one.scores, one.classes)
        )
        boxes = boxes.to(picture)
        logits = self.drawn(said.maps, [boxes])
        masks = logits[torch.arange(len(classes), device=classes.device), classes + 1].sigmoid()
        return Drawn(boxes, scores, classes, masks)


TORCHVISION = (  # its keys, and ours
    (r"backbone\.body\.conv1\.(.+)", r"trunk.conv1.\1"),
    (r"backbone\.body\.bn1\.(.+)", r"trunk.norm1.\1"),
    (r"backbone\.body\.layer1\.(\d+)\.conv(.+)", r"trunk.stages.0.\1.conv\2"),
    (r"backbone\.body\.layer2\.(\d+)\.conv(.+)", r"trunk.stages.1.\1.conv\2"),
    (r"backbone\.body\.layer3\.(\d+)\.conv(.+)", r"trunk.stages.2.\1.conv\2"),
    (r"backbone\.body\.layer4\.(\d+)\.conv(.+)", r"trunk.stages.3.\1.conv\2"),
    (r"backbone\.body\.layer1\.(\d+)\.bn(.+)", r"trunk.stages.0.\1.norm\2"),
    (r"backbone\.body\.layer2\.(\d+)\.bn(.+)", r"trunk.stages.1.\1.norm\2"),
    (r"backbone\.body\.layer3\.(\d+)\.bn(.+)", r"trunk.stages.2.\1.norm\2"),
    (r"backbone\.body\.layer4\.(\d+)\.bn(.+)", r"trunk.stages.3.\1.norm\2"),
    (r"backbone\.body\.layer1\.(\d+)\.downsample\.(.+)", r"trunk.stages.0.\1.shortcut.\2"),
    (r"backbone\.body\.layer2\.(\d+)\.downsample\.(.+)", r"trunk.stages.1.\1.shortcut.\2"),
    (r"backbone\.body\.layer3\.(\d+)\.downsample\.(.+)", r"trunk.stages.2.\1.shortcut.\2"),
    (r"backbone\.body\.layer4\.(\d+)\.downsample\.(.+)", r"trunk.stages.3.\1.shortcut.\2"),
    (r"backbone\.fpn\.inner_blocks\.(\d)\.(?:0\.)?(weight|bias)", r"pyramid.lateral.\1.\2"),
    (r"backbone\.fpn\.layer_blocks\.(\d)\.(?:0\.)?(weight|bias)", r"pyramid.smooth.\1.\2"),
    (r"rpn\.head\.conv\.(?:0\.0\.)?(weight|bias)", r"head.conv.\1"),
    (r"rpn\.head\.cls_logits\.(.+)", r"head.something.\1"),
    (r"rpn\.head\.bbox_pred\.(.+)", r"head.corrections.\1"),
    (r"roi_heads\.box_head\.fc6\.(.+)", r"hidden.0.\1"),
    (r"roi_heads\.box_head\.fc7\.(.+)", r"hidden.2.\1"),
    (r"roi_heads\.box_predictor\.cls_score\.(.+)", r"classes.\1"),
    (r"roi_heads\.box_predictor\.bbox_pred\.(.+)", r"corrections.\1"),
    (r"roi_heads\.mask_head\.0\.(?:0\.)?(weight|bias)", r"mask.0.\1"),
    (r"roi_heads\.mask_head\.1\.(?:0\.)?(weight|bias)", r"mask.2.\1"),
    (r"roi_heads\.mask_head\.2\.(?:0\.)?(weight|bias)", r"mask.4.\1"),
    (r"roi_heads\.mask_head\.3\.(?:0\.)?(weight|bias)", r"mask.6.\1"),
    (r"roi_heads\.mask_predictor\.conv5_mask\.(.+)", r"mask.8.\1"),
    (r"roi_heads\.mask_predictor\.mask_fcn_logits\.(.+)", r"mask.10.\1"),
)
SMALL = {
    "block": "basic",
    "depths": (1, 1, 1),
    "widths": (32, 64, 96),
    "frozen": False,
    "channels": 48,
    "hidden": 96,
    "cells": 5,
    "anchors": (12, 24, 48, 96),
    "strides": (4, 8, 16, 32),
    "usual": 84,
    "mask_cells": 7,
    "mask_depth": 2,
    "proposals": ((50, 80), (1000, 500)),
    "samples": (128, 64),
    "num_classes": 1,
}
SECOND = "the forward pass is the first stage; the others, which decode, losses and drawn ask, have tests of their own"
CARD = ModelCard(
    name="mask-rcnn",
    title="Mask R-CNN",
    paper="He, Gkioxari, Dollar and Girshick 2017",
    link="https://arxiv.org/abs/1703.06870",
    domain="detection",
    builder="MaskRCNN",
    sizes={
        "toy": Size(
            arguments={**SMALL, "widths": (4, 6, 8), "channels": 6, "hidden": 8, "cells": 2},
            inputs=(Input(shape=(3, 64, 64)),),
            outputs={
                "map 1": (6, 16, 16),
                "map 2": (6, 8, 8),
                "map 3": (6, 4, 4),
                "map 4": (6, 2, 2),
                "something": (1020,),
                "corrections": (1020, 4),
            },
        ),
        "mask-rcnn-small": Size(
            arguments=SMALL,
            inputs=(Input(shape=(3, 128, 128)),),
            outputs={
                "map 1": (48, 32, 32),
                "map 2": (48, 16, 16),
                "map 3": (48, 8, 8),
                "map 4": (48, 4, 4),
                "something": (4080,),
                "corrections": (4080, 4),
            },
            parameters=495_755,
            counted_by="hand: 224,864 in the trunk's convolutions, 1,152 in norms, 71,712 in the pyramid, 21,519, "
            "125,578 and 50,930 in the heads for proposals, boxes and masks",
        ),
        "mask-rcnn-r50-fpn": Size(
            arguments={"legacy": True},
            inputs=(Input(shape=(3, 800, 1088)),),
            outputs={
                "map 1": (256, 200, 272),
                "map 2": (256, 100, 136),
                "map 3": (256, 50, 68),
                "map 4": (256, 25, 34),
                "map 5": (256, 13, 17),
                "something": (217_413,),
                "corrections": (217_413, 4),
            },
            parameters=44_401_393,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
                        sha256="bf2d0c1e",
                        urls=("https://download.pytorch.org/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"COCO box mAP": 0.379, "COCO mask mAP": 0.346},
                    note="pictures: short side 800, at most 1333, ImageNet's mean and deviation; its norms were made "
                    "with eps 0; torchvision publishes the first 8 digits of the hash",
                ),
            ),
        ),
    },
    differs_in_training=("BatchNorm2d",),
    exceptions={"gradients": SECOND, "influence": SECOND},
    loss="loss",
)
