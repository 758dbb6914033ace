"""Faster R-CNN: two stages. First where something may be, then what it is and where exactly.

S. Ren, K. He, R. Girshick, J. Sun, "Faster R-CNN", 2015, https://arxiv.org/abs/1506.01497, over a feature pyramid as in
T.-Y. Lin et al., 2016, https://arxiv.org/abs/1612.03144, with RoIAlign (K. He et al., 2017).

- The trunk is a ResNet; a pyramid joins its maps (`blocks/detection/feature_pyramid.py`).
- Proposals share the maps with the second stage: that is what made it fast (section 3.2).
- Each proposal is read from the map that fits its size, 7 x 7 cells; two hidden layers, then a class, background among
  them, and four corrections for each class.
- `legacy=True`: as in the first Detectron and in torchvision, whose weights want it, anchors have their middles at the
  upper left corner of what a place sees, rounded sides, and RoIAlign lies half a place off.
- `frozen=True`: batch norm does not learn. Left out: training in four steps (section 3.2), and masks, which
  `mask_rcnn.py` adds.
"""

import math
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.detection.anchors import anchor_grid, decode_boxes, encode_boxes, match_anchors
from upslope.blocks.detection.boxes import box_iou
from upslope.blocks.detection.feature_pyramid import FeaturePyramid
from upslope.blocks.detection.frozen_norm import freeze_norms
from upslope.blocks.detection.proposals import ProposalHead, propose, sampled
from upslope.blocks.detection.roi_align import roi_align
from upslope.cards import File, Input, ModelCard, Size, Weights
from upslope.models.vision.resnet import ResNet

CODES = (10.0, 10.0, 5.0, 5.0)  # what the second stage's corrections are multiplied with


class Answers(NamedTuple):
    """What the first stage says, and the maps on which the second one looks closer, fine to coarse."""

    maps: tuple[Float[Tensor, "B D _ _"], ...]
    something: Float[Tensor, "B N"]  # logits
    corrections: Float[Tensor, "B N 4"]


class Sample(NamedTuple):
    """Proposals of a picture that the second stage's losses look at, those of an object first, and which that is."""

    boxes: Float[Tensor, "P 4"]
    matches: Int[Tensor, "P"]  # -1: background


class FasterRCNN(nn.Module):
    """Pictures (B, 3, H, W) to maps and proposals; `decode` and `losses` ask the second stage."""

    one_graph = False  # how many proposals the second stage looks at is found out on the way

    def __init__(
        self,
        *,
        block: Literal["basic", "bottleneck"] = "bottleneck",
        depths: tuple[int, ...] = (3, 4, 6, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512),
        stem: Literal["imagenet", "cifar"] = "imagenet",
        frozen: bool = True,
        legacy: bool = False,
        channels: int = 256,
        hidden: int = 1024,
        cells: int = 7,
        anchors: tuple[int, ...] = (32, 64, 128, 256, 512),
        ratios: tuple[float, ...] = (0.5, 1.0, 2.0),
        strides: tuple[int, ...] = (4, 8, 16, 32, 64),
        usual: int = 224,
        finest: int = 0,
        proposals: tuple[tuple[int, int], tuple[int, int]] = ((2000, 2000), (1000, 1000)),
        samples: tuple[int, int] = (256, 512),
        num_classes: int = 90,
    ) -> None:
        """`num_classes` without background. `proposals`: of a level before and of all after suppression, in training
        and in evaluation. `samples`: anchors and proposals of a picture that the losses of the two stages look at.
        `usual`: the side of a proposal that is read from the map of stride 16. `finest`: the first stage of the trunk
        whose maps the pyramid joins."""
        super().__init__()
        self.legacy, self.cells, self.num_classes = legacy, cells, num_classes
        self.anchor_sides, self.ratios, self.strides = anchors, ratios, strides
        self.proposals, self.samples, self.usual, self.finest = proposals, samples, usual, finest
        self.trunk = ResNet(block=block, depths=depths, widths=widths, stem=stem, num_classes=1)
        self.trunk.head = nn.Identity()  # type: ignore[assignment]
        if frozen:
            freeze_norms(self.trunk)
        outer = [width * (4 if block == "bottleneck" else 1) for width in widths]
        self.pyramid = FeaturePyramid(outer[finest:], channels)
        self.head = ProposalHead(channels, len(ratios))
        self.hidden = nn.Sequential(
            nn.Linear(channels * cells**2, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
        )
        self.classes = nn.Linear(hidden, num_classes + 1)
        self.corrections = nn.Linear(hidden, 4 * (num_classes + 1))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Answers:
        x = self.trunk.pool(F.relu(self.trunk.norm1(self.trunk.conv1(x))))
        maps = []
        for stage in self.trunk.stages:
            x = stage(x)
            maps.append(x)
        joined = self.pyramid(maps[self.finest :])
        return Answers(tuple(joined), *self.head(joined))

    def anchors(self, said: Answers) -> tuple[Float[Tensor, "N 4"], Int[Tensor, "N"]]:
        """The anchors of a picture, in xyxy pixels, and the map that each lies on."""
        boxes, levels = [], []
        for level, (maps, stride, side) in enumerate(zip(said.maps, self.strides, self.anchor_sides, strict=True)):
            grid = anchor_grid(maps.shape[2], maps.shape[3], stride=stride, scales=(side,), ratios=self.ratios)
            if self.legacy:
                middle = (grid[:, :2] + grid[:, 2:]) / 2 - stride / 2
                half = ((grid[:, 2:] - grid[:, :2]) / 2).round()
                grid = torch.cat([middle - half, middle + half], dim=1)
            boxes.append(grid)
            levels.append(torch.full((len(grid),), level))
        return torch.cat(boxes).to(said.corrections), torch.cat(levels).to(said.corrections.device)

    def proposed(self, said: Answers, height: int, width: int) -> list[Float[Tensor, "P 4"]]:
        """The proposals of each picture, without a gradient."""
        anchors, levels = self.anchors(said)
        before, after = self.proposals[0 if self.training else 1]
        found = []
        for logits, corrections in zip(said.something.detach(), said.corrections.detach(), strict=True):
            boxes = decode_boxes(corrections, anchors)
            sizes = {"height": height, "width": width, "before": before, "after": after}
            found.append(propose(boxes, logits, levels, **sizes))
        return found

    def second_stage(
        self, maps: tuple[Tensor, ...], boxes: list[Float[Tensor, "P 4"]]
    ) -> tuple[Float[Tensor, "R K"], Float[Tensor, "R K 4"]]:
        """Of all boxes of all pictures, one after the other: logits of the classes, and corrections for each class."""
        x = self.hidden(self.read(maps, boxes, cells=self.cells).flatten(1))
        return self.classes(x), self.corrections(x).reshape(len(x), -1, 4)

    def read(
        self, maps: tuple[Tensor, ...], boxes: list[Float[Tensor, "P 4"]], *, cells: int
    ) -> Float[Tensor, "R C cells cells"]:
        """Each box from the map that fits it: one twice as large from one twice as coarse (Lin et al., equation 1)."""
        every = torch.cat(boxes)
        pictures = torch.cat([torch.full((len(b),), n, device=every.device) for n, b in enumerate(boxes)])
        area = (every[:, 2:] - every[:, :2]).prod(dim=1)
        wanted = torch.floor(4 + torch.log2(area.sqrt() / self.usual) + 1e-6)  # stride 16 is 2^4
        first = math.log2(self.strides[0])
        level = (wanted.clamp(first, first + len(maps) - 2) - first).long()
        out = maps[0].new_zeros(len(every), maps[0].shape[1], cells, cells)
        for number, stride in enumerate(self.strides[: len(maps) - 1]):
            (here,) = (level == number).nonzero(as_tuple=True)
            own = every[here]
            if self.legacy:  # half a place off, and never smaller than a place
                size = (own[:, 2:] - own[:, :2]).clamp(min=stride)
                own = torch.cat([own[:, :2], own[:, :2] + size], dim=1) + stride / 2
            out[here] = roi_align(maps[number], own, pictures[here], size=cells, scale=1 / stride)
        return out

    def decode(self, said: Answers, height: int, width: int) -> tuple[Float[Tensor, "B N 4"], Float[Tensor, "B N K"]]:
        """Boxes, xyxy as parts of the picture's width and height, one for each proposal and class; probabilities."""
        boxes = self.proposed(said, height, width)
        logits, corrections = self.second_stage(said.maps, boxes)
        places, scores = [], []
        most = max(map(len, boxes)) * self.num_classes
        lengths = [len(own) for own in boxes]
        pairs = zip(boxes, torch.split(logits, lengths), torch.split(corrections, lengths), strict=True)
        for own, rows, moves in pairs:
            moved = decode_boxes(moves[:, 1:], own[:, None].expand(-1, self.num_classes, -1), weights=CODES)
            parts = (moved / moved.new_tensor([width, height, width, height])).clamp(0, 1)
            share = torch.diag_embed(rows.softmax(dim=1)[:, 1:])  # each box speaks for its own class
            pad = most - len(own) * self.num_classes
            places.append(F.pad(parts.reshape(-1, 4), (0, 0, 0, pad)))
            scores.append(F.pad(share.reshape(-1, self.num_classes), (0, 0, 0, pad)))
        return torch.stack(places), torch.stack(scores)

    def losses(
        self,
        said: Answers,
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        counts: Int[Tensor, "B"],
        *,
        height: int,
        width: int,
    ) -> dict[str, Tensor]:
        """The loss of a batch and its four parts, each as in the paper's equation 1; finite without objects."""
        parts, _ = self.parts(said, first_of(boxes, counts), first_of(labels, counts), height=height, width=width)
        return summed(parts)

    def parts(
        self, said: Answers, objects: list[Tensor], kinds: list[Tensor], *, height: int, width: int
    ) -> tuple[dict[str, Tensor], list[Sample]]:
        """The four parts of the loss, and the proposals of each picture that the second stage was asked about."""
        parts = self._first_losses(said, objects)
        proposals = [torch.cat(pair) for pair in zip(self.proposed(said, height, width), objects, strict=True)]
        samples = [self._sample(*pair) for pair in zip(proposals, objects, strict=True)]
        return parts | self._second_losses(said, samples, objects, kinds), samples

    def _first_losses(self, said: Answers, objects: list[Tensor]) -> dict[str, Tensor]:
        """Of sampled anchors: is there something, and where beside the anchor."""
        anchors, _ = self.anchors(said)
        surprise, away, total = said.something.sum() * 0, said.corrections.sum() * 0, 0
        for logits, corrections, own in zip(said.something, said.corrections, objects, strict=True):
            matches = match_anchors(box_iou(anchors, own))
            positive, negative = sampled(matches, most=self.samples[0], positive=0.5)
            index = torch.cat([positive, negative])
            target = (matches[index] >= 0).to(logits)
            surprise = surprise + F.binary_cross_entropy_with_logits(logits[index], target, reduction="sum")
            wanted = encode_boxes(own[matches[positive]], anchors[positive])
            away = away + F.smooth_l1_loss(corrections[positive], wanted, beta=1 / 9, reduction="sum")
            total += len(index)
        return {"something": surprise / max(total, 1), "proposal": away / max(total, 1)}

    def _sample(self, proposals: Float[Tensor, "N 4"], objects: Float[Tensor, "M 4"]) -> Sample:
        """Of a picture's proposals those at random that the second stage's losses look at; those of an object first."""
        matches = torch.full((len(proposals),), -1, device=proposals.device)
        if len(objects):
            best, which = box_iou(proposals, objects).max(dim=1)
            matches = torch.where(best >= 0.5, which, -1)
        index = torch.cat(sampled(matches, most=self.samples[1], positive=0.25))
        return Sample(proposals[index], matches[index])

    def _second_losses(
        self, said: Answers, samples: list[Sample], objects: list[Tensor], kinds: list[Tensor]
    ) -> dict[str, Tensor]:
        """Of sampled proposals: the class, and where beside the proposal."""
        targets, wanted = [], []
        for (boxes, matches), own, labels in zip(samples, objects, kinds, strict=True):
            positive = matches[matches >= 0]
            targets.append(F.pad(labels[positive] + 1, (0, len(matches) - len(positive))))
            wanted.append(encode_boxes(own[positive], boxes[: len(positive)], weights=CODES))
        logits, corrections = self.second_stage(said.maps, [sample.boxes for sample in samples])
        target, codes = torch.cat(targets), torch.cat(wanted)
        (here,) = (target > 0).nonzero(as_tuple=True)
        away = F.smooth_l1_loss(corrections[here, target[here]], codes, beta=1 / 9, reduction="sum")
        total = max(len(target), 1)
        return {"class": F.cross_entropy(logits, target, reduction="sum") / total, "box": away / total}


def first_of(rows: Tensor, counts: Int[Tensor, "B"]) -> list[Tensor]:
    """Of each picture's rows those that are real: the others fill the batch up."""
    return [each[:count] for each, count in zip(rows, counts.tolist(), strict=True)]


def summed(parts: dict[str, Tensor]) -> dict[str, Tensor]:
    """The loss, and its parts to look at."""
    loss = torch.stack(list(parts.values())).sum()
    return {"loss": loss, **{f"{name}_loss": part.detach() for name, part in parts.items()}}


def loss(outputs: Answers, x: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """Something at every second anchor, and maps of length one: for the contract checks, which know one stage."""
    target = (torch.arange(outputs.something.shape[1], device=x.device) % 2).to(outputs.something)
    surprise = F.binary_cross_entropy_with_logits(outputs.something, target.expand_as(outputs.something))
    return surprise + outputs.corrections.square().mean() + sum(maps.square().mean() for maps in outputs.maps)


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
)
SMALL = {
    "block": "basic",
    "depths": (1, 1, 1),
    "widths": (32, 64, 96),
    "frozen": False,
    "channels": 48,
    "hidden": 96,
    "cells": 5,
    "anchors": (15, 41, 80),
    "strides": (8, 16, 32),
    "usual": 84,
    "finest": 1,
    "proposals": ((50, 60), (100, 80)),
    "samples": (128, 64),
    "num_classes": 3,
}
SECOND = "the forward pass is the first stage; the second is asked by decode and losses, which have tests of their own"
CARD = ModelCard(
    name="faster-rcnn",
    title="Faster R-CNN",
    paper="Ren et al. 2015, Lin et al. 2016",
    link="https://arxiv.org/abs/1506.01497",
    domain="detection",
    builder="FasterRCNN",
    sizes={
        "toy": Size(
            arguments={**SMALL, "widths": (4, 6, 8), "channels": 6, "hidden": 8, "cells": 2},
            inputs=(Input(shape=(3, 64, 64)),),
            outputs={
                "map 1": (6, 8, 8),
                "map 2": (6, 4, 4),
                "map 3": (6, 2, 2),
                "something": (252,),
                "corrections": (252, 4),
            },
        ),
        "faster-rcnn-small": Size(
            arguments=SMALL,
            inputs=(Input(shape=(3, 192, 256)),),
            outputs={
                "map 1": (48, 24, 32),
                "map 2": (48, 12, 16),
                "map 3": (48, 6, 8),
                "something": (3024,),
                "corrections": (3024, 4),
            },
            parameters=423_427,
            counted_by="hand: 224,864 in the trunk's convolutions, 1,152 in norms, 49,344 in the pyramid, 21,519 and "
            "126,548 in the two heads",
        ),
        "faster-rcnn-r50-fpn": Size(
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
            parameters=41_755_286,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="fasterrcnn_resnet50_fpn_coco-258fb6c6.pth",
                        sha256="258fb6c6",
                        urls=("https://download.pytorch.org/models/fasterrcnn_resnet50_fpn_coco-258fb6c6.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"COCO box mAP": 0.37},
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
