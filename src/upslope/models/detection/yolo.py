"""YOLO as it is today: one look at the picture, and every place of three feature maps answers.

J. Redmon et al., "You Only Look Once", 2015, https://arxiv.org/abs/1506.02640, had a grid of 7 x 7 places, each with
two boxes. What has become of it, from the papers: no anchors (Z. Tian et al., FCOS, 2019,
https://arxiv.org/abs/1904.01355), a trunk of cross-stage blocks (C.-Y. Wang et al., CSPNet, 2019,
https://arxiv.org/abs/1911.11929), maps joined downwards and upwards again (S. Liu et al., PANet, 2018,
https://arxiv.org/abs/1803.01534), distances as distributions (X. Li et al., Generalized Focal Loss, 2020,
https://arxiv.org/abs/2006.04388) and places that answer for an object because they do it best (C. Feng et al., TOOD,
2021, https://arxiv.org/abs/2108.07755).

- The sizes n to x have the widths and depths of YOLOv8, and its number of parameters less the 16 whole numbers that it
  counts among them.
- A place says a distribution over 0 to bins - 1 strides for each of four edges, and a logit for each class.
- Suppression of what is found twice is no part of the network: `upslope.image.detections`.
- Left out: masks, key points, and mosaics of four pictures in training.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.detection.boxes import complete_iou
from upslope.blocks.detection.cross_stage import ConvNorm, CrossStage, PyramidPooling
from upslope.blocks.detection.distances import (
    boxes_at,
    distances_to,
    distribution_focal_loss,
    expected_distances,
    places,
)
from upslope.blocks.detection.task_alignment import align_tasks
from upslope.cards import Input, ModelCard, Size

STRIDES = (8, 16, 32)
WEIGHTS = {"box": 7.5, "class": 0.5, "edges": 1.5}  # what each part of the loss counts, as YOLOv8 has them
PRIOR = 0.01  # of an object at a place, before anything is learned (T.-Y. Lin et al., 2017)


class Answers(NamedTuple):
    """What the N places of all maps say, the finest map first."""

    edges: Float[Tensor, "B N 4 bins"]  # logits over the distance to the left, upper, right and lower edge
    classes: Float[Tensor, "B N K"]  # logits


def _boxes(edges: Float[Tensor, "B N 4 bins"], height: int, width: int) -> Float[Tensor, "B N 4"]:
    """In xyxy pixels."""
    middles, strides = (each.to(edges) for each in places(height, width, STRIDES))
    return boxes_at(middles, expected_distances(edges) * strides[:, None])


def losses(
    said: Answers,
    boxes: Float[Tensor, "B M 4"],
    labels: Int[Tensor, "B M"],
    counts: Int[Tensor, "B"],
    *,
    height: int,
    width: int,
) -> dict[str, Tensor]:
    """The loss of a batch and its three parts. Of the M objects of a picture (xyxy pixels) the first count is real.

    Box: 1 - complete IoU. Edges: distribution focal loss. Class: binary cross-entropy with the alignment as target.
    The first two are weighted with that target, and all are divided by its sum, so that an object counts as much as
    another however many places answer for it. A batch without objects has the loss of its classes alone.
    """
    middles, strides = (each.to(said.edges.device) for each in places(height, width, STRIDES))
    found, scores = _boxes(said.edges, height, width), said.classes.sigmoid()
    target = torch.zeros_like(scores)
    rows = []
    for picture, count in enumerate(counts.tolist()):
        objects, kinds = boxes[picture, :count], labels[picture, :count]
        aligned = align_tasks(scores[picture], found[picture], middles, objects, kinds)
        here, own = aligned.nonzero(as_tuple=True)
        weights = aligned[here, own].to(target.dtype)
        target[picture, here, kinds[own]] = weights
        rows.append((picture, here, objects[own], weights))
    total = target.sum().clamp(min=1)
    parts = {"class": F.binary_cross_entropy_with_logits(said.classes, target, reduction="sum") / total}
    said_boxes, edges, middle, stride, truth, weight = (
        torch.cat(column)
        for column in zip(
            *((found[b, n], said.edges[b, n], middles[n], strides[n], t, w) for b, n, t, w in rows), strict=True
        )
    )
    parts["box"] = ((1 - complete_iou(said_boxes, truth)) * weight).sum() / total
    away = distances_to(middle, truth) / stride[:, None]
    parts["edges"] = (distribution_focal_loss(edges, away) * weight).sum() / total
    loss = sum((WEIGHTS[name] * part for name, part in parts.items()), torch.zeros_like(total))
    return {"loss": loss, **{f"{name}_loss": part.detach() for name, part in parts.items()}}


class Head(nn.Module):
    """Of one feature map: two 3x3 convolutions and a 1x1 for the edges, and as many for the classes."""

    def __init__(self, channels: int, num_classes: int, *, bins: int, widths: tuple[int, int]) -> None:
        super().__init__()
        self.edges, self.classes = (
            nn.Sequential(ConvNorm(channels, width, 3), ConvNorm(width, width, 3), nn.Conv2d(width, outputs, 1))
            for width, outputs in zip(widths, (4 * bins, num_classes), strict=True)
        )
        for name, parameter in self.classes[-1].named_parameters():
            if name == "bias":
                nn.init.constant_(parameter, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B N E"], Float[Tensor, "B N K"]]:
        """(B, H * W, 4 * bins) and (B, H * W, num_classes)."""
        edges, classes = (maps.flatten(2).transpose(1, 2) for maps in (self.edges(x), self.classes(x)))
        return edges, classes


class YOLO(nn.Module):
    """Pictures (B, 3, H, W), sides multiples of 32, to what H W (1/64 + 1/256 + 1/1024) places say."""

    def __init__(
        self,
        *,
        widths: tuple[int, int, int, int, int],
        depths: tuple[int, int, int, int],
        neck_depth: int,
        num_classes: int = 80,
        bins: int = 16,
        in_channels: int = 3,
    ) -> None:
        """`widths`: channels at strides 2, 4, 8, 16, 32. `depths`: bottlenecks in the blocks of the last four."""
        super().__init__()
        self.bins = bins
        self.trunk = nn.ModuleList([ConvNorm(in_channels, widths[0], 3, stride=2)])
        for before, width, depth in zip(widths[:-1], widths[1:], depths, strict=True):
            down = ConvNorm(before, width, 3, stride=2)
            self.trunk.append(nn.Sequential(down, CrossStage(width, width, depth=depth, skip=True)))
        self.pyramid = PyramidPooling(widths[-1])
        fine, middle, coarse = widths[2:]
        self.down_to_middle = CrossStage(coarse + middle, middle, depth=neck_depth, skip=False)
        self.down_to_fine = CrossStage(middle + fine, fine, depth=neck_depth, skip=False)
        self.from_fine = ConvNorm(fine, fine, 3, stride=2)
        self.up_to_middle = CrossStage(fine + middle, middle, depth=neck_depth, skip=False)
        self.from_middle = ConvNorm(middle, middle, 3, stride=2)
        self.up_to_coarse = CrossStage(middle + coarse, coarse, depth=neck_depth, skip=False)
        hidden = max(16, fine // 4, 4 * bins), max(fine, min(num_classes, 100))
        self.heads = nn.ModuleList(
            Head(width, num_classes, bins=bins, widths=hidden) for width in (fine, middle, coarse)
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Answers:
        x = self.trunk[1](self.trunk[0](x))  # (B, widths[1], H/4, W/4)
        fine = self.trunk[2](x)
        middle = self.trunk[3](fine)
        coarse = self.pyramid(self.trunk[4](middle))
        # What the coarse maps have understood, to where the fine ones know the place.
        joined = self.down_to_middle(torch.cat([_twice(coarse), middle], dim=1))
        fine = self.down_to_fine(torch.cat([_twice(joined), fine], dim=1))
        # And where things are, back to the coarse ones.
        middle = self.up_to_middle(torch.cat([self.from_fine(fine), joined], dim=1))
        coarse = self.up_to_coarse(torch.cat([self.from_middle(middle), coarse], dim=1))
        said = [head(maps) for head, maps in zip(self.heads, (fine, middle, coarse), strict=True)]
        edges, classes = (torch.cat(each, dim=1) for each in zip(*said, strict=True))
        return Answers(edges.reshape(*edges.shape[:2], 4, self.bins), classes)

    def decode(self, said: Answers, height: int, width: int) -> tuple[Float[Tensor, "B N 4"], Float[Tensor, "B N K"]]:
        """Boxes, xyxy as parts of the picture's width and height, and a probability for each class."""
        boxes = _boxes(said.edges, height, width)
        return (boxes / boxes.new_tensor([width, height, width, height])).clamp(0, 1), said.classes.sigmoid()

    losses = staticmethod(losses)


def _twice(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H2 W2"]:
    """Each place four times: maps of twice the height and width."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def loss(outputs: Answers, x: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """Of pictures that all hold one object of the first class, from (4, 4) to (24, 28): for the contract checks."""
    size, (height, width) = len(x), x.shape[2:]
    boxes = torch.tensor([4.0, 4.0, 24.0, 28.0], device=x.device).repeat(size, 1, 1)
    labels, counts = torch.zeros(size, 1, dtype=torch.long, device=x.device), torch.ones(size, dtype=torch.long)
    return losses(outputs, boxes, labels, counts, height=height, width=width)["loss"]


CARD = ModelCard(
    name="yolo",
    title="YOLO, anchor-free",
    paper="Redmon et al. 2015, in its eighth form",
    link="https://arxiv.org/abs/1506.02640",
    domain="detection",
    builder="YOLO",
    sizes={
        "toy": Size(
            arguments={
                "widths": (4, 8, 8, 8, 8),
                "depths": (1, 1, 1, 1),
                "neck_depth": 1,
                "num_classes": 3,
                "bins": 4,
            },
            inputs=(Input(shape=(3, 64, 64)),),
            outputs={"edges": (84, 4, 4), "classes": (84, 3)},
        ),
        "yolo-small": Size(
            arguments={
                "widths": (16, 32, 64, 96, 128),
                "depths": (1, 1, 1, 1),
                "neck_depth": 1,
                "num_classes": 3,
                "bins": 8,
            },
            inputs=(Input(shape=(3, 192, 256)),),
            outputs={"edges": (1008, 4, 8), "classes": (1008, 3)},
            parameters=1_271_993,
            counted_by="hand: 874,416 in convolutions of trunk and neck, 390,720 in those of the heads, 6,752 in norms "
            "and 105 biases",
        ),
        "yolo-n": Size(
            arguments={"widths": (16, 32, 64, 128, 256), "depths": (1, 2, 2, 1), "neck_depth": 1},
            inputs=(Input(shape=(3, 640, 640)),),
            outputs={"edges": (8400, 4, 16), "classes": (8400, 80)},
            parameters=3_157_184,
            counted_by="YOLOv8n's published 3,157,200, less 16 fixed numbers",
        ),
        "yolo-s": Size(
            arguments={"widths": (32, 64, 128, 256, 512), "depths": (1, 2, 2, 1), "neck_depth": 1},
            inputs=(Input(shape=(3, 640, 640)),),
            outputs={"edges": (8400, 4, 16), "classes": (8400, 80)},
            parameters=11_166_544,
            counted_by="YOLOv8s' published 11,166,560, less 16 fixed numbers",
        ),
        "yolo-m": Size(
            arguments={"widths": (48, 96, 192, 384, 576), "depths": (2, 4, 4, 2), "neck_depth": 2},
            inputs=(Input(shape=(3, 640, 640)),),
            outputs={"edges": (8400, 4, 16), "classes": (8400, 80)},
            parameters=25_902_624,
            counted_by="YOLOv8m's published 25,902,640, less 16 fixed numbers",
        ),
        "yolo-l": Size(
            arguments={"widths": (64, 128, 256, 512, 512), "depths": (3, 6, 6, 3), "neck_depth": 3},
            inputs=(Input(shape=(3, 640, 640)),),
            outputs={"edges": (8400, 4, 16), "classes": (8400, 80)},
            parameters=43_691_504,
            counted_by="YOLOv8l's published 43,691,520, less 16 fixed numbers",
        ),
        "yolo-x": Size(
            arguments={"widths": (80, 160, 320, 640, 640), "depths": (3, 6, 6, 3), "neck_depth": 3},
            inputs=(Input(shape=(3, 640, 640)),),
            outputs={"edges": (8400, 4, 16), "classes": (8400, 80)},
            parameters=68_229_632,
            counted_by="YOLOv8x's published 68,229,648, less 16 fixed numbers",
        ),
    },
    differs_in_training=("BatchNorm2d",),
    loss="loss",
)
