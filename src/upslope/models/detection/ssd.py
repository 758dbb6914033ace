"""SSD, a single shot: default boxes on maps of several sizes, each with its classes and four corrections.

W. Liu et al., "SSD: Single Shot MultiBox Detector", 2015, https://arxiv.org/abs/1512.02325.

- The trunk is VGG without its last layers, which become convolutions, one of them dilated (section 3).
- The first map has numbers of another size than the others: it is brought to length 20, which is learned.
- Everywhere a 3x3 convolution says the classes, background among them, and another one where the object lies beside
  the default box (`blocks/detection/default_boxes.py`).
- Of the background the hardest boxes count, three for each positive one.
- `batch_norm=True` and a smaller dilation are for small networks that learn from nothing. Left out: SSD512, and the
  paper's cropping of the training pictures.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.detection.anchors import decode_boxes, encode_boxes
from upslope.blocks.detection.boxes import box_iou
from upslope.blocks.detection.default_boxes import default_boxes, hard_negatives, match_defaults
from upslope.cards import File, Input, ModelCard, Size, Weights
from upslope.models.vision.vgg import VGG

CODES = (10.0, 10.0, 5.0, 5.0)  # what the four corrections are multiplied with (the authors' variances)


class Answers(NamedTuple):
    """What all default boxes say, and the sizes of the maps that they lie on."""

    corrections: Float[Tensor, "B N 4"]
    classes: Float[Tensor, "B N K"]  # logits; the first is background


class SSD(nn.Module):
    """Pictures (B, 3, H, W) to what every default box says."""

    def __init__(
        self,
        *,
        depths: tuple[int, ...] = (2, 2, 3, 3, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512, 512),
        batch_norm: bool = False,
        hidden: int = 1024,
        dilation: int = 6,
        extras: tuple[tuple[int, int, int], ...] = ((256, 512, 2), (128, 256, 2), (128, 256, 1), (128, 256, 1)),
        ratios: tuple[tuple[float, ...], ...] = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
        scales: tuple[float, ...] = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05),
        steps: tuple[int, ...] = (8, 16, 32, 64, 100, 300),
        num_classes: int = 90,
    ) -> None:
        """`num_classes` without background. `extras`: (inner, outer, stride) of each further map; stride 1 cuts."""
        super().__init__()
        if len(ratios) != 2 + len(extras) or len(scales) != 3 + len(extras):
            raise ValueError(f"{2 + len(extras)} maps need as many rows of ratios and one scale more")
        self.ratios, self.scales, self.steps, self.num_classes = ratios, scales, steps, num_classes
        layers = list(VGG(depths=depths, widths=widths, batch_norm=batch_norm, hidden=0).features)
        pools = [n for n, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        layers[pools[-3]] = nn.MaxPool2d(2, ceil_mode=True)
        self.trunk = nn.Sequential(*layers[: pools[-2]])
        self.length = nn.Parameter(torch.full((widths[-2],), 20.0))
        around = nn.Conv2d(widths[-1], hidden, 3, padding=dilation, dilation=dilation)
        self.second = nn.Sequential(
            *layers[pools[-2] : pools[-1]],
            nn.MaxPool2d(3, stride=1, padding=1),
            *_normed(around, batch_norm),
            *_normed(nn.Conv2d(hidden, hidden, 1), batch_norm),
        )
        self.extras, channels = nn.ModuleList(), hidden
        for inner, outer, stride in extras:
            wide = nn.Conv2d(inner, outer, 3, stride=stride, padding=stride - 1)
            self.extras.append(
                nn.Sequential(*_normed(nn.Conv2d(channels, inner, 1), batch_norm), *_normed(wide, batch_norm))
            )
            channels = outer
        maps = (widths[-2], hidden, *(outer for _, outer, _ in extras))
        each = [2 + 2 * len(row) for row in ratios]
        self.corrections = nn.ModuleList(nn.Conv2d(c, 4 * a, 3, padding=1) for c, a in zip(maps, each, strict=True))
        self.classes = nn.ModuleList(
            nn.Conv2d(c, (num_classes + 1) * a, 3, padding=1) for c, a in zip(maps, each, strict=True)
        )
        for layer in [*self.extras.modules(), *self.corrections, *self.classes, around]:
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def maps(self, x: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B D h w"]]:
        """The feature maps, from the finest to the coarsest."""
        x = self.trunk(x)
        maps = [self.length[:, None, None] * F.normalize(x)]
        x = self.second(x)
        maps.append(x)
        for extra in self.extras:
            x = extra(x)
            maps.append(x)
        return maps

    def forward(self, x: Float[Tensor, "B C H W"]) -> Answers:
        maps = self.maps(x)
        corrections = [_rows(layer(each), 4) for layer, each in zip(self.corrections, maps, strict=True)]
        classes = [_rows(layer(each), self.num_classes + 1) for layer, each in zip(self.classes, maps, strict=True)]
        return Answers(torch.cat(corrections, dim=1), torch.cat(classes, dim=1))

    def defaults(self, height: int, width: int) -> Float[Tensor, "N 4"]:
        """The default boxes of a picture of this size, in xyxy pixels."""
        return default_boxes(
            self._shapes(height, width),
            height=height,
            width=width,
            scales=self.scales,
            ratios=self.ratios,
            steps=self.steps if (height, width) == (300, 300) else (),
        )

    def _shapes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Height and width of each map: halved, rounded up at the third pool from the end and down at the others."""
        shapes, size = [], (height, width)
        for part in (self.trunk, self.second, *self.extras):
            for layer in part.modules():
                if isinstance(layer, nn.MaxPool2d | nn.Conv2d):
                    size = _after(layer, size)
            shapes.append(size)
        return shapes

    def decode(self, said: Answers, height: int, width: int) -> tuple[Float[Tensor, "B N 4"], Float[Tensor, "B N K"]]:
        """Boxes, xyxy as parts of the picture's width and height, and a probability for each class."""
        defaults = self.defaults(height, width).to(said.corrections)
        boxes = decode_boxes(said.corrections, defaults, weights=CODES)
        parts = (boxes / boxes.new_tensor([width, height, width, height])).clamp(0, 1)
        return parts, said.classes.softmax(dim=-1)[..., 1:]

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
        """The loss of a batch and its two parts, for each positive box (section 2.2); finite without any."""
        defaults = self.defaults(height, width).to(said.corrections)
        target = torch.zeros(said.classes.shape[:2], dtype=torch.long, device=boxes.device)
        away = said.corrections.sum() * 0
        for picture, count in enumerate(counts.tolist()):
            objects, kinds = boxes[picture, :count], labels[picture, :count]
            matches = match_defaults(box_iou(defaults, objects))
            (here,) = (matches >= 0).nonzero(as_tuple=True)
            target[picture, here] = kinds[matches[here]] + 1
            wanted = encode_boxes(objects[matches[here]], defaults[here], weights=CODES)
            away = away + F.smooth_l1_loss(said.corrections[picture, here], wanted, reduction="sum")
        positive = target > 0
        surprise = F.cross_entropy(said.classes.transpose(1, 2), target, reduction="none")
        counted = positive | hard_negatives(surprise, positive)
        total = positive.sum().clamp(min=1)
        parts = {"box": away / total, "class": surprise[counted].sum() / total}
        return {"loss": parts["box"] + parts["class"], **{f"{k}_loss": v.detach() for k, v in parts.items()}}


def _normed(conv: nn.Conv2d, batch_norm: bool) -> list[nn.Module]:
    return [conv, *([nn.BatchNorm2d(conv.out_channels)] if batch_norm else []), nn.ReLU(inplace=True)]


def _rows(maps: Float[Tensor, "B A H W"], numbers: int) -> Float[Tensor, "B N numbers"]:
    """(B, A * numbers, H, W) to (B, H * W * A, numbers): place after place, box after box."""
    size, channels, height, width = maps.shape
    return maps.permute(0, 2, 3, 1).reshape(size, height * width * (channels // numbers), numbers)


def _after(layer: nn.MaxPool2d | nn.Conv2d, size: tuple[int, int]) -> tuple[int, int]:
    """Height and width behind a layer."""

    def pair(value: int | tuple[int, ...]) -> Sequence[int]:
        return (value, value) if isinstance(value, int) else value

    kernel, stride, padding, dilation = (
        pair(getattr(layer, name)) for name in ("kernel_size", "stride", "padding", "dilation")
    )
    up = isinstance(layer, nn.MaxPool2d) and layer.ceil_mode
    height, width = (
        -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1 if up else (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )
    return height, width


def loss(outputs: Answers, x: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """Of pictures in which every second default box is of the first class, and lies where it lies: for the contract."""
    target = torch.arange(outputs.classes.shape[1], device=x.device).repeat(len(x), 1) % 2
    surprise = F.cross_entropy(outputs.classes.transpose(1, 2), target)
    return surprise + F.smooth_l1_loss(outputs.corrections, torch.ones_like(outputs.corrections))


TORCHVISION = (  # its keys, and ours
    (r"backbone\.scale_weight", "length"),
    (r"backbone\.features\.(\d+)\.(.+)", r"trunk.\1.\2"),
    (r"backbone\.extra\.0\.([0-6])\.(weight|bias)", r"second.\1.\2"),
    (r"backbone\.extra\.0\.7\.1\.(.+)", r"second.8.\1"),
    (r"backbone\.extra\.0\.7\.3\.(.+)", r"second.10.\1"),
    (r"backbone\.extra\.1\.(.+)", r"extras.0.\1"),
    (r"backbone\.extra\.2\.(.+)", r"extras.1.\1"),
    (r"backbone\.extra\.3\.(.+)", r"extras.2.\1"),
    (r"backbone\.extra\.4\.(.+)", r"extras.3.\1"),
    (r"head\.classification_head\.module_list\.(\d+)\.(.+)", r"classes.\1.\2"),
    (r"head\.regression_head\.module_list\.(\d+)\.(.+)", r"corrections.\1.\2"),
)
SMALL = {
    "depths": (1, 1, 2, 2, 1),
    "widths": (16, 32, 64, 96, 128),
    "batch_norm": True,
    "hidden": 128,
    "dilation": 1,
    "extras": ((64, 128, 2), (64, 128, 2)),
    "ratios": ((2,), (2,), (2,), (2,)),
    "scales": (0.07, 0.16, 0.3, 0.5, 0.8),
    "steps": (),
    "num_classes": 3,
}
CARD = ModelCard(
    name="ssd",
    title="SSD",
    paper="Liu et al. 2015",
    link="https://arxiv.org/abs/1512.02325",
    domain="detection",
    builder="SSD",
    sizes={
        "toy": Size(
            arguments={
                **SMALL,
                "depths": (1, 1, 1, 1, 1),
                "widths": (4, 4, 6, 6, 6),
                "hidden": 6,
                "dilation": 1,
                "extras": ((4, 6, 2), (4, 6, 2)),
            },
            inputs=(Input(shape=(3, 96, 96)),),
            outputs={"corrections": (772, 4), "classes": (772, 4)},
        ),
        "ssd-small": Size(
            arguments=SMALL,
            inputs=(Input(shape=(3, 192, 256)),),
            outputs={"corrections": (4080, 4), "classes": (4080, 4)},
            parameters=778_720,
            counted_by="hand: 636,848 in convolutions of the trunk, 138,240 in those of the heads, 2,272 in norms, "
            "1,264 biases and 96 lengths",
        ),
        "ssd300-vgg16": Size(
            arguments={},
            inputs=(Input(shape=(3, 300, 300)),),
            outputs={"corrections": (8732, 4), "classes": (8732, 91)},
            parameters=35_641_826,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="ssd300_vgg16_coco-b556d3b4.pth",
                        sha256="b556d3b4",
                        urls=("https://download.pytorch.org/models/ssd300_vgg16_coco-b556d3b4.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"COCO box mAP": 0.251},
                    note="pictures: 300 x 300, pixels in [0, 255] less the mean; 90 classes of COCO's ids; torchvision "
                    "publishes the first 8 digits of the hash",
                ),
            ),
        ),
    },
    differs_in_training=("BatchNorm2d",),
    loss="loss",
)
